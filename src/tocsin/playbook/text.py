"""Bytes to text: UTF-8, repaired where it was damaged on its way, with findings that say so."""

import re
from collections.abc import Sequence

import ftfy
import msgspec

from tocsin.base.problems import Problem
from tocsin.playbook.codes import problem

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


class Text(msgspec.Struct, frozen=True):
    """The text of a document with `\\n` as its line ends, and what was wrong with its encoding."""

    text: str
    problems: tuple[Problem, ...]


def read_text(source: bytes) -> Text:
    """Decode a document. Total: what is no UTF-8 is read as its marks say or as Windows-1252."""
    text, problems = _decode(source)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    mended = repaired(lines)
    changed = [at for at, (before, after) in enumerate(zip(lines, mended, strict=True), 1) if before != after]
    if changed:
        count = len(changed)
        on = f"{count} lines" if count > 1 else "1 line"
        said = f"the text was UTF-8 read as Windows-1252 and encoded again; {on} were repaired for reading"
        problems.append(problem("PB001", changed[0], said.replace("1 line were", "1 line was")))
    return Text("\n".join(mended), tuple(problems))


def repaired(lines: Sequence[str]) -> list[str]:
    """The lines as they were before they were decoded as Windows-1252, where they were; as many as before."""
    mended = [_repair(line) for line in lines]
    if mended == list(lines):
        return mended
    # Once some lines are known to be damaged, a short one is no accident either.
    return [_undone(line) for line in mended]


def _decode(source: bytes) -> tuple[str, list[Problem]]:
    for mark, codec in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if source.startswith(mark):
            return source.decode(codec, "replace"), [problem("PB006", 1, "the file is UTF-16, not UTF-8")]
    try:
        return source.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        said = f"the file is not UTF-8 (byte {error.start}), and was read as Windows-1252"
        return source.decode("cp1252", "replace"), [problem("PB006", line, said)]


def _repair(line: str) -> str:
    """One line, so that good and damaged lines may stand in one document and no line is ever moved."""
    if not _NOT_ASCII.search(line):
        return line
    return ftfy.fix_encoding(line).replace("\n", " ").replace("\r", " ")


def _undone(line: str) -> str:
    """The line before the second encoding, where all of it looks like the outcome of one."""
    if not _NOT_ASCII.search(line):
        return line
    try:
        return line.encode("sloppy-windows-1252").decode("utf-8").replace("\n", " ").replace("\r", " ")
    except UnicodeError:
        return line
