"""Reading a TOML file so that everything wrong with it is told at once, each with its line and its mend."""

import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Iterator
from typing import TypeVar, cast

from tocsin.base.problems import Problem, ProblemsError
from tocsin.base.tomlines import Path, TomlLines, dotted, toml_lines

T = TypeVar("T")

LISTED_MAX = 12
"""How many known words a mend lists."""

_PLACE = re.compile(r"\s*\(at (?:line (?P<line>\d+), column \d+|end of document)\)")


class Report:
    """The problems of one file, in the order in which they were found."""

    def __init__(self, file: str, lines: TomlLines) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._lines = lines

    def add(self, path: Path, code: str, message: str, mend: str) -> None:
        """Tell of a problem at a path of the document."""
        line = self._lines.line(path)
        self.problems.append(
            Problem(code=code, message=message, mend=mend, file=self.file, line=line, field=dotted(path))
        )

    def refuse_if_any(self) -> None:
        """Raise all of them, in the order of their lines.

        Raises:
            ProblemsError: there is at least one.
        """
        if self.problems:
            raise ProblemsError(sorted(self.problems, key=lambda problem: problem.line))


class Table:
    """One table of a document. Each getter gives a value of the right type, or None where there is none,
    and tells of a value that is of another type."""

    def __init__(self, report: Report, path: Path, values: dict[str, object]) -> None:
        self.report = report
        self.path = path
        self.values = values

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def refuse(self, key: str | int | None, code: str, message: str, mend: str) -> None:
        """Tell of a problem with a key of this table, or with the table itself (None)."""
        self.report.add(self.path if key is None else (*self.path, key), code, message, mend)

    def only(self, *known: str) -> None:
        """Tell of every key that is not one of these."""
        for key in self.values:
            if key not in known:
                mend = did_you_mean(key, known)
                self.refuse(key, "unknown-key", f"There is no key {key!r} here.", mend)

    def text(self, key: str) -> str | None:
        """Text of one line, without the space around it; not empty."""
        value = self._of_type(key, str, "text in quotes")
        if value is None:
            return None
        value = value.strip()
        if not value:
            mend = "Write something between the quotes, or leave it out."
            self.refuse(key, "empty", f"{key!r} is empty.", mend)
            return None
        if not value.isprintable():
            self.refuse(
                key,
                "bad-text",
                f"{key!r} holds a line break or another character that cannot be shown.",
                "Write it on one line.",
            )
            return None
        return value

    def whole(self, key: str, least: int, most: int) -> int | None:
        """A whole number within bounds."""
        value = self._of_type(key, int, "a whole number")
        if value is not None and not least <= value <= most:
            self.refuse(key, "out-of-range", f"{key!r} is {value}.", f"Choose from {least} to {most}.")
            return None
        return value

    def flag(self, key: str) -> bool | None:
        """True or false."""
        return self._of_type(key, bool, "true or false")

    def parsed(self, key: str, code: str, parse: Callable[[object], T], mend: str) -> T | None:
        """Whatever `parse` makes of the value; a ValueError of it is told with its own words."""
        if key not in self.values:
            return None
        try:
            return parse(self.values[key])
        except (ValueError, OverflowError) as error:
            self.refuse(key, code, sentence(str(error)), mend)
            return None

    def table(self, key: str) -> "Table | None":
        """A table within."""
        value = cast("dict[str, object] | None", self._of_type(key, dict, "a table"))
        return None if value is None else Table(self.report, (*self.path, key), value)

    def tables(self, key: str) -> "list[Table] | None":
        """A list of tables."""
        value = self._list(key, "a list of tables")
        found: list[Table] = []
        for place, each in enumerate(value or ()):
            path = (*self.path, key, place)
            if isinstance(each, dict):
                found.append(Table(self.report, path, cast("dict[str, object]", each)))
            else:
                self._wrong(path, f"Element {place + 1} of {key!r}", each, "a table in braces")
        return None if value is None else found

    def texts(self, key: str) -> list[tuple[int, str]] | None:
        """A list of texts, each with its place from 0; wrong ones are told of and left out."""
        value = self._list(key, "a list of texts")
        found: list[tuple[int, str]] = []
        for place, each in enumerate(value or ()):
            if isinstance(each, str):
                found.append((place, each))
            else:
                path = (*self.path, key, place)
                self._wrong(path, f"Element {place + 1} of {key!r}", each, "text in quotes")
        return None if value is None else found

    def each_table(self) -> "Iterator[tuple[str, Table]]":
        """Every key with the table that it must hold."""
        for key in self.values:
            if (table := self.table(key)) is not None:
                yield key, table

    def _list(self, key: str, what: str) -> list[object] | None:
        return cast("list[object] | None", self._of_type(key, list, what))

    def _of_type(self, key: str, wanted: type[T], what: str) -> T | None:
        if key not in self.values:
            return None
        value = self.values[key]
        # In Python true is a whole number; in TOML it is not.
        if isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool)):
            return value
        self._wrong((*self.path, key), repr(key), value, what)
        return None

    def _wrong(self, path: Path, name: str, value: object, what: str) -> None:
        self.report.add(path, "wrong-type", f"{name} is {type_name(value)}.", f"Write {what}.")


def read_toml(text: str, file: str) -> Table:
    """Read a document into its root table, whose `report` collects what is wrong from here on.

    Raises:
        ProblemsError: the text is no TOML.
    """
    try:
        values = tomllib.loads(text)
    except RecursionError as error:
        raise ProblemsError(
            [_no_toml(file, 0, "Lists or tables are nested too deeply.", "Nest them less.")]
        ) from error
    except ValueError as error:
        found = _PLACE.search(str(error))
        line = int(found["line"]) if found and found["line"] else text.count("\n") + 1 if found else 0
        message = sentence(_PLACE.sub("", str(error)))
        mend = "Mend the line; texts and dates in text stand in quotes, each key stands once."
        raise ProblemsError([_no_toml(file, line, message, mend)]) from error
    return Table(Report(file, toml_lines(text)), (), values)


def did_you_mean(word: str, known: Collection[str]) -> str:
    """The mend for an unknown word: the known one that it resembles, or all of them."""
    listed = ", ".join(list(known)[:LISTED_MAX]) + (", …" if len(known) > LISTED_MAX else "")
    near = difflib.get_close_matches(word, known, n=1) or difflib.get_close_matches(
        word.casefold(), [each.casefold() for each in known], n=1
    )
    if near:
        return f"Did you mean {next(each for each in known if each.casefold() == near[0].casefold())!r}?"
    return f"Known are: {listed}." if listed else "None is known."


def type_name(value: object) -> str:
    """What a value is, in words for people."""
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case dict():
            return "a table"
        case list():
            return "a list"
        case None:
            return "nothing"
        case _:
            return "a date or a time"


def _no_toml(file: str, line: int, message: str, mend: str) -> Problem:
    return Problem(code="not-toml", message=message, mend=mend, file=file, line=line)


def sentence(text: str) -> str:
    """The text with a capital at its start and a stop at its end."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."
