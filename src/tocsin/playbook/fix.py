"""Repairs of a document that are certain: its encoding, and in commands no-break spaces between words and
placeholders at the end of a line, which no shell could read as they stand."""

import difflib
import re
from collections.abc import Iterator

import msgspec

from tocsin.playbook.blocks import Fence
from tocsin.playbook.document import parse_document
from tocsin.playbook.outline import places
from tocsin.playbook.splitting import SHELLS
from tocsin.playbook.syntax import read_quoted
from tocsin.playbook.text import repaired

_BOM = b"\xef\xbb\xbf"
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_NO_BREAK = re.compile("[\u00a0\u2007\u202f]")
_LAST = re.compile(r"(?<=[^\S\n])<[A-Za-z][A-Za-z0-9 _.-]{0,60}>(?=[^\S\n]*$)", re.MULTILINE)


class Fix(msgspec.Struct, frozen=True):
    """A document before and after. `changed` are the lines (from 1) that differ; no line is ever added,
    removed or moved, and every byte of the others is as it was."""

    before: bytes
    after: bytes
    changed: tuple[int, ...]

    def diff(self, name: str) -> str:
        """What would change, as a unified diff; "" where nothing would."""
        before, after = (each.decode("utf-8-sig", "replace") for each in (self.before, self.after))
        lines = difflib.unified_diff(
            _kept(before), _kept(after), fromfile=name, tofile=f"{name} (repaired)", n=1, lineterm=""
        )
        return "\n".join(lines)


def fixed(source: bytes) -> Fix:
    """The repairs of a document of UTF-8 bytes. Total: a file in another encoding is left alone, since what
    its bytes mean is a guess."""
    mark = _BOM if source.startswith(_BOM) else b""
    try:
        text = source[len(mark) :].decode("utf-8")
    except UnicodeDecodeError:
        return Fix(source, source, ())
    parts = [_parted(line) for line in _LINE.findall(text)]
    lines = [words for words, _ in parts]
    mended = _with_commands_mended(repaired(lines))
    changed = tuple(at for at, (old, new) in enumerate(zip(lines, mended, strict=True), 1) if old != new)
    after = "".join(words + end for words, (_, end) in zip(mended, parts, strict=True))
    return Fix(source, mark + after.encode(), changed)


def _parted(line: str) -> tuple[str, str]:
    """A line's words and its line end."""
    words = line.rstrip("\r\n")
    return words, line[len(words) :]


def _kept(text: str) -> list[str]:
    return [_parted(line)[0] for line in _LINE.findall(text)]


def _with_commands_mended(lines: list[str]) -> list[str]:
    """The lines with plain spaces where a no-break space stands between the words of a shell command, and
    quotes around a placeholder that ends one: a `>` with nothing after it is an error in every shell, so that
    it cannot have been meant. What stands in quotes, in here-documents and in comments is text, and stays."""
    mended = list(lines)
    if not any(_NO_BREAK.search(line) or _LAST.search(line) for line in lines):
        return mended
    for place in places(parse_document("\n".join(lines))):
        if isinstance(place.block, Fence) and place.block.language in SHELLS:
            _mend_block(place.block, mended)
    return mended


def _mend_block(block: Fence, mended: list[str]) -> None:
    content = block.content.split("\n")
    replaced = list(content)
    for row, column in _bare(block.content, _NO_BREAK):
        replaced[row] = f"{replaced[row][:column]} {replaced[row][column + 1 :]}"
    for row, column in _bare(block.content, _LAST):
        word = _LAST.search(replaced[row], column)
        if word is not None and word.start() == column:
            replaced[row] = f'{replaced[row][:column]}"{word[0]}"{replaced[row][word.end() :]}'
    for row, (old, new) in enumerate(zip(content, replaced, strict=True)):
        at = block.line - 1 + row
        # A block in a list is indented in the file, and not in its content.
        if old != new and at < len(mended) and mended[at].endswith(old):
            mended[at] = mended[at].removesuffix(old) + new


def _bare(script: str, wanted: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Row and column of each place of a script where something wanted stands outside quotes."""
    quoted = read_quoted(script)
    row = start = counted = at = 0
    for found in wanted.finditer(script):
        row += script.count("\n", counted, found.start())
        at += len(script[counted : found.start()].encode("utf-8", "replace"))
        counted = found.start()
        start = script.rfind("\n", start, found.start()) + 1 or start
        if not quoted.holds(at):
            yield row, found.start() - start
