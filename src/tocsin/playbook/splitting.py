"""A code block cut into steps: titles from comments, scripts unchanged."""

import re
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from tocsin.playbook import shell
from tocsin.playbook.sql import statements

SHELLS = frozenset(["bash", "sh", "shell", "zsh", "console", "shell-session", "terminal", "shellsession"])
CONSOLES = frozenset(["console", "shell-session", "terminal", "shellsession"])
POWERSHELLS = frozenset(["powershell", "pwsh", "ps1", "posh"])
SQLS = frozenset(["sql", "psql", "pgsql", "postgresql", "mysql", "plsql", "tsql"])

_HASH = re.compile(r"^#+\s*")
_DASHES = re.compile(r"^(?:--+|#+)\s*")
_NUMBER = re.compile(r"^(?:step\s+)?(?P<number>\d{1,3})\s*[.):]\s+", re.IGNORECASE)
_PROMPT = re.compile(r"^(?:\[[^\]]*\]|[\w.@:~/-]{0,60})?\$ (?P<command>.*)$")
_CONTINUED = re.compile(r"^> (?P<command>.*)$")


class Step(msgspec.Struct, frozen=True):
    """A step of a block. `row` counts from 0 in the block and is that of the first line of the script;
    `annotation` is the text behind `#@`, "" without one, with its own row."""

    title: str
    is_numbered: bool
    script: str
    row: int
    annotation: str = ""
    annotation_row: int = 0


class _Title(msgspec.Struct, frozen=True):
    row: int
    text: str


def split_block(content: str, language: str) -> tuple[Step, ...]:
    """The steps of a code block in this language; a block without a comment as title is one step with
    no title. Lines of a script are never changed, joined or left out, save the prompts and the output
    of a console session."""
    lines = content.split("\n")
    if language in CONSOLES:
        lines = _commands_of_session(lines)
    if language in SQLS:
        titles = _sql_titles("\n".join(lines))
    elif language in POWERSHELLS:
        titles = _plain_titles(lines)
    else:
        titles = _shell_titles("\n".join(lines))
    return _cut(lines, titles, _DASHES if language in SQLS else _HASH)


def _commands_of_session(lines: Sequence[str]) -> list[str]:
    """A session with prompts as its commands only, each at its own row; output becomes empty rows."""
    if not any(_PROMPT.match(line) for line in lines):
        return list(lines)
    kept: list[str] = []
    goes_on = False
    for line in lines:
        found = _PROMPT.match(line) or (_CONTINUED.match(line) if goes_on else None)
        if found:
            kept.append(found["command"])
        else:
            kept.append(line if line.startswith("# ") or goes_on else "")
        goes_on = kept[-1].endswith("\\")
    return kept


def _shell_titles(text: str) -> list[_Title]:
    found: list[_Title] = []
    last_row = -2
    for piece in shell.pieces(text):
        if piece.is_comment and piece.alone and _may_be_title(piece.text):
            starts_paragraph = piece.first > last_row + 1 or last_row < 0
            if starts_paragraph or _NUMBER.match(_HASH.sub("", piece.text)):
                found.append(_Title(piece.first, piece.text))
        last_row = max(last_row, piece.last)
    return found


def _may_be_title(text: str) -> bool:
    return not text.startswith(("#!", "#@", "# shellcheck")) and bool(re.search(r"\w", text))


def _plain_titles(lines: Sequence[str]) -> list[_Title]:
    """Comments at the start of a paragraph, outside here-strings and block comments."""
    found: list[_Title] = []
    closing = ""
    for row, line in enumerate(lines):
        stripped = line.strip()
        if closing:
            closing = "" if closing in stripped else closing
        elif stripped.endswith(('@"', "@'")):
            closing = stripped[-1] + "@"
        elif stripped.startswith("<#") and "#>" not in stripped:
            closing = "#>"
        elif stripped.startswith("#") and _may_be_title(stripped):
            starts_paragraph = row == 0 or not lines[row - 1].strip()
            if starts_paragraph or _NUMBER.match(_HASH.sub("", stripped)):
                found.append(_Title(row, stripped))
    return found


def _sql_titles(text: str) -> list[_Title]:
    """Comments that stand between statements."""
    read = statements(text)
    if read is None:
        return _sql_titles_by_lines(text)
    found: list[_Title] = []
    at = position = 0
    spans = sorted((each.start, each.end) for each in read)
    for row, line in enumerate(text.split("\n")):
        while position < len(spans) and spans[position][1] <= at:
            position += 1
        is_inside = position < len(spans) and spans[position][0] < at
        if line.lstrip().startswith("--") and not is_inside and re.search(r"\w", line):
            above = text.rfind("\n", 0, max(at - 1, 0))
            before = text[above + 1 : max(at - 1, 0)].strip() if at else ""
            is_annotation = line.lstrip().startswith(("--@", "-- @"))
            if not is_annotation and not before.startswith("--"):
                found.append(_Title(row, line.strip()))
        at += len(line) + 1
    return found


def _sql_titles_by_lines(text: str) -> list[_Title]:
    lines = text.split("\n")
    return [
        _Title(row, line.strip())
        for row, line in enumerate(lines)
        if line.startswith("--") and (row == 0 or not lines[row - 1].strip())
    ]


def _cut(lines: Sequence[str], titles: Sequence[_Title], mark: re.Pattern[str]) -> tuple[Step, ...]:
    """Cut at the titles; a piece without code goes with the next one, at the end with the one before."""
    starts = [0, *(title.row for title in titles), len(lines)]
    spans: list[tuple[int, int, _Title | None]] = []
    kept_from: int | None = None
    for title, (first, last) in zip([None, *titles], pairwise(starts), strict=True):
        begin = first if kept_from is None else kept_from
        if _has_code(lines[first:last], mark):
            spans.append((begin, last, title))
            kept_from = None
        elif any(line.strip() for line in lines[first:last]):
            kept_from = begin
    if kept_from is not None and spans:
        begin, _, title = spans[-1]
        spans[-1] = (begin, len(lines), title)
    return tuple(_step(lines, begin, last, title, mark) for begin, last, title in spans)


def _has_code(lines: Sequence[str], mark: re.Pattern[str]) -> bool:
    return any(line.strip() and not mark.match(line.strip()) for line in lines)


def _step(lines: Sequence[str], first: int, last: int, title: _Title | None, mark: re.Pattern[str]) -> Step:
    rows = [row for row in range(first, last) if title is None or row != title.row]
    annotation, annotation_row = "", 0
    if title is not None and title.row + 1 < last:
        found = re.match(r"\s*(?:#|--)\s?@\s*(?P<words>.*)$", lines[title.row + 1])
        if found:
            annotation, annotation_row = found["words"], title.row + 1
            rows.remove(annotation_row)
    while rows and not lines[rows[0]].strip():
        rows.pop(0)
    while rows and not lines[rows[-1]].strip():
        rows.pop()
    words = mark.sub("", title.text) if title else ""
    number = _NUMBER.match(words)
    return Step(
        title=(words[number.end() :] if number else words).strip().rstrip(":"),
        is_numbered=bool(number),
        script="\n".join(lines[row] for row in rows),
        row=rows[0] if rows else first,
        annotation=annotation,
        annotation_row=annotation_row,
    )
