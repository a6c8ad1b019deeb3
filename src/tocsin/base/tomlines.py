"""Where each key of a TOML document stands: the standard reader gives values, but no lines."""

import re
from collections.abc import Sequence
from contextlib import suppress

Path = tuple[str | int, ...]
"""Keys, and places in arrays from 0, from the root down."""

_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRINGS = (
    re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)
_SCALAR = re.compile(r"[^\s,\]}#]+(?:[ ][0-9]{2}:[0-9][^\s,\]}#]*)?")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


class TomlLines:
    """The lines (from 1) of the keys and array elements of a document."""

    def __init__(self, lines: dict[Path, int]) -> None:
        self._lines = lines

    def line(self, path: Sequence[str | int]) -> int:
        """The line of a path, or of the nearest thing around it that has one; 0 for the whole file."""
        whole = tuple(path)
        for length in range(len(whole), 0, -1):
            if found := self._lines.get(whole[:length]):
                return found
        return 0


def toml_lines(text: str) -> TomlLines:
    """Find the lines of a document that the standard reader has accepted.

    Of any other text it finds what it can, and never raises.
    """
    scanner = _Scanner(text)
    with suppress(_LostError, RecursionError):
        scanner.document()
    return TomlLines(scanner.lines)


def dotted(path: Sequence[str | int]) -> str:
    """A path as people write it: `people.alice.methods[1].kind`; odd keys are quoted."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        else:
            name = part if _BARE_KEY.fullmatch(part) else f'"{part}"'
            shown += f".{name}" if shown else name
    return shown


class _LostError(Exception):
    """The text is not what the grammar lets expect."""


class _Scanner:
    """Walks over the text once. It keeps places and drops values."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self._arrays: dict[Path, int] = {}
        self._counted_to = 0
        self._line = 1

    def document(self) -> None:
        table: Path = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self._peek("["):
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _header(self) -> Path:
        line = self._line_here()
        repeated = self._peek("[[")
        self.at += 2 if repeated else 1
        path = self._resolve(self._keys(), open_last=not repeated)
        self._expect("]]" if repeated else "]")
        if repeated:
            place = self._arrays.get(path, -1) + 1
            self._arrays[path] = place
            self.lines.setdefault(path, line)
            path = (*path, place)
        self._mark(path, line)
        return path

    def _resolve(self, keys: tuple[str, ...], open_last: bool) -> Path:
        """The path of a header's keys: one that names an array of tables means its last element."""
        path: Path = ()
        for count, part in enumerate(keys, 1):
            path = (*path, part)
            if path in self._arrays and (open_last or count < len(keys)):
                path = (*path, self._arrays[path])
        return path

    def _pair(self, table: Path) -> None:
        line = self._line_here()
        path = (*table, *self._keys())
        self._mark(path, line)
        self._expect("=")
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: Path) -> None:
        if self._peek("["):
            self._array(path)
        elif self._peek("{"):
            self._inline_table(path)
        elif self._peek('"') or self._peek("'"):
            self._string()
        else:
            self._skip(_SCALAR, least=1)

    def _array(self, path: Path) -> None:
        self._expect("[")
        place = 0
        self._skip(_BLANK)
        while not self._peek("]"):
            self._mark((*path, place), self._line_here())
            self._value((*path, place))
            place += 1
            self._comma("]")
        self._expect("]")

    def _inline_table(self, path: Path) -> None:
        self._expect("{")
        self._skip(_BLANK)
        while not self._peek("}"):
            self._pair(path)
            self._comma("}")
        self._expect("}")

    def _comma(self, closing: str) -> None:
        self._skip(_BLANK)
        if not self._peek(closing):
            self._expect(",")
            self._skip(_BLANK)

    def _keys(self) -> tuple[str, ...]:
        keys: list[str] = []
        while True:
            self._skip(_SPACE)
            if self._peek('"'):
                keys.append(_ESCAPE.sub(_unescape, self._string()))
            elif self._peek("'"):
                keys.append(self._string())
            else:
                keys.append(self._skip(_BARE_KEY, least=1))
            self._skip(_SPACE)
            if not self._peek("."):
                return tuple(keys)
            self.at += 1

    def _string(self) -> str:
        for pattern in _STRINGS:
            if found := pattern.match(self.text, self.at):
                self.at = found.end()
                return found[0][1:-1]
        raise _LostError

    def _mark(self, path: Path, line: int) -> None:
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], line)

    def _line_here(self) -> int:
        self._line += self.text.count("\n", self._counted_to, self.at)
        self._counted_to = self.at
        return self._line

    def _peek(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def _expect(self, text: str) -> None:
        if not self._peek(text):
            raise _LostError
        self.at += len(text)

    def _skip(self, pattern: re.Pattern[str], least: int = 0) -> str:
        found = pattern.match(self.text, self.at)
        if not found or len(found[0]) < least:
            raise _LostError
        self.at = found.end()
        return found[0]


def _unescape(found: re.Match[str]) -> str:
    if code := found[1] or found[2]:
        return chr(int(code, 16)) if int(code, 16) < 0x110000 else ""
    return _ESCAPED.get(found[3], found[3])
