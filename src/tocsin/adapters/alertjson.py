"""What the sources that speak JSON share: decoding it, and taking values out with their place in mind."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import cast
from urllib.parse import urlsplit

import msgspec

from tocsin.alerts.model import Alert
from tocsin.base import limits
from tocsin.base.problems import Problem, Weight
from tocsin.base.times import parse_instant
from tocsin.engine.sources import Parsed, SourceError

NO_TIME = datetime(1, 1, 1, tzinfo=UTC)
"""How Go writes that there is no time."""

URL_CHARS_MAX = 4_096
KEY_CHARS_SHOWN = 80
PROBLEMS_MAX = 100
"""How many problems of one request are told one by one."""

_HALF = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
"""One half of a pair by which JSON writes a character beyond the first 65,536."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_YEARS = (1970, 2999)


class RefusedAlert(Exception):  # noqa: N818 - it never leaves this module and the sources
    """One alert cannot be kept. The rest of the batch is."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def decode(body: bytes) -> object:
    """The JSON value of a body.

    Raises:
        SourceError: it is none.
    """
    try:
        return _decoded(body.removeprefix(b"\xef\xbb\xbf"))
    except RecursionError:
        message, mend = "The body is nested too deeply.", "Send alerts that are flat."
    except UnicodeDecodeError as error:
        message, mend = f"The body is not UTF-8: {error.reason}.", "Send JSON in UTF-8."
    except msgspec.DecodeError as error:
        message = f"The body is no JSON: {str(error).removeprefix('JSON is malformed: ')}."
        mend = "Send a JSON document in UTF-8, with the header Content-Type: application/json."
    raise SourceError([problem("not-json", "", message, mend)])


def _decoded(body: bytes) -> object:
    try:
        return cast(object, msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Half of a cut emoji or a byte of another encoding must not cost the alerts around it.
        mended = _HALF.sub(r"\\ufffd", body.decode("utf-8", "replace"))
        if mended.encode() == body:
            raise
        return cast(object, msgspec.json.decode(mended))


def problem(code: str, field: str, message: str, mend: str, weight: Weight = Weight.ERROR) -> Problem:
    """A problem of a request."""
    return Problem(code=code, field=field, message=message, mend=mend, severity=weight)


def refuse(code: str, field: str, message: str, mend: str) -> RefusedAlert:
    """The error for an alert that cannot be kept."""
    return RefusedAlert(problem(code, field, message, mend))


def wrong_type(field: str, value: object, wanted: str) -> Problem:
    """The problem with a value of the wrong type."""
    return problem("wrong-type", field, f"{field} is {json_type(value)}.", f"Send {wanted}.")


def json_type(value: object) -> str:
    """What a value is, in words for people."""
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case dict():
            return "an object"
        case list():
            return "a list"
        case _:
            return "null"


class Fields:
    """One JSON object and its place. Getters refuse the alert over a value of the wrong type or size;
    what is not worth losing an alert over goes into `notes`."""

    def __init__(self, values: Mapping[str, object], place: str, notes: list[Problem]) -> None:
        self.values = values
        self.place = place
        self.notes = notes

    def at(self, key: str) -> str:
        """The path of a key, such as `alerts[3].labels`."""
        shown = "".join(each if each.isprintable() else "?" for each in key[:KEY_CHARS_SHOWN])
        name = key if _NAME.fullmatch(key) and key == shown else f'"{shown}"'
        return f"{self.place}.{name}" if self.place else name

    def text(self, key: str, chars_max: int) -> str:
        """Text without the space around it; empty where there is none."""
        value = self.values.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise RefusedAlert(wrong_type(self.at(key), value, "text"))
        return sized(value.strip(), self.at(key), chars_max)

    def prose(self, key: str, chars_max: int) -> str:
        """Text for people, cut with a note where it is too long: a page must not be lost over its length."""
        value = self.values.get(key)
        if isinstance(value, str):
            return self.shortened(value.strip(), key, chars_max)
        return self.text(key, chars_max)

    def shortened(self, text: str, key: str, chars_max: int) -> str:
        """The text as far as it can be kept, with a note where something of it was left out."""
        if len(text) <= chars_max and "\0" not in text:
            return text
        message = f"{self.at(key)} is too long or holds NUL characters; it is kept without the rest."
        mend = f"Send at most {chars_max} characters, and no NUL."
        self.notes.append(problem("shortened", self.at(key), message, mend, Weight.WARNING))
        return text.replace("\0", "\ufffd")[:chars_max]

    def texts(
        self,
        key: str,
        count_max: int,
        chars_max: int,
        read: Callable[[object], str | None],
        *,
        prose: bool = False,
    ) -> dict[str, str]:
        """An object of texts; `read` gives the text of a value, or None where it is of the wrong type.
        Values that are `prose` are cut where they are too long, others refuse the alert."""
        value = self.values.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise RefusedAlert(wrong_type(self.at(key), value, "an object of texts"))
        given = cast("dict[str, object]", value)
        if len(given) > count_max:
            message = f"{self.at(key)} has {len(given)} entries."
            raise refuse("too-many", self.at(key), message, f"Send at most {count_max}.")
        inner = Fields(given, self.at(key), self.notes)
        found: dict[str, str] = {}
        for name, each in given.items():
            sized(name, inner.at(name), limits.label_name_chars_max)
            text = read(each)
            if text is None:
                raise RefusedAlert(wrong_type(inner.at(name), each, "text"))
            found[name] = (
                inner.shortened(text, name, chars_max) if prose else sized(text, inner.at(name), chars_max)
            )
        return found

    def instant(self, key: str) -> datetime | None:
        """A time in UTC; None where there is none, or Go's zero."""
        text = self.text(key, 64)
        if not text:
            return None
        mend = "Send a time such as 2026-03-02T09:00:00Z."
        try:
            at = parse_instant(text)
        except (ValueError, OverflowError) as error:
            why = "has no time zone" if "time zone" in str(error) else "is no time"
            raise refuse("bad-time", self.at(key), f"{self.at(key)} {why}: {text[:64]!r}.", mend) from None
        if at == NO_TIME:
            return None
        if not _YEARS[0] <= at.year <= _YEARS[1]:
            message = f"{self.at(key)} is not from {_YEARS[0]} to {_YEARS[1]}: {text[:64]!r}."
            raise refuse("bad-time", self.at(key), message, mend)
        return at

    def url(self, key: str) -> str:
        """A web address. One that is none is left out with a note, since a browser might run it."""
        text = self.text(key, URL_CHARS_MAX)
        if not text or is_web_address(text):
            return text
        message = f"{self.at(key)} is no http:// or https:// address, and is left out."
        self.notes.append(
            problem("bad-url", self.at(key), message, "Send a web address, or none.", Weight.WARNING)
        )
        return ""


def is_web_address(text: str) -> bool:
    """Whether a text is an address that a browser opens over HTTP."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and text.isprintable()
    except ValueError:
        return False


def sized(text: str, field: str, chars_max: int) -> str:
    """The text, where it is not too long and can be stored."""
    if len(text) > chars_max:
        message = f"{field} has {len(text)} characters."
        raise refuse("too-long", field, message, f"Send at most {chars_max}.")
    if "\0" in text:
        raise refuse("bad-text", field, f"{field} holds a NUL character.", "Leave it out.")
    return text


def read_batch(values: list[object], place: str, read: Callable[[Fields], Alert]) -> Parsed:
    """Read each element of a list by itself, so that a bad one does not spoil the others.

    Raises:
        SourceError: there are elements, and none can be kept.
    """
    alerts: list[Alert] = []
    problems: list[Problem] = []
    if len(values) > limits.alerts_per_request_max:
        message = f"The request has {len(values)} alerts; those after the limit are not kept."
        mend = f"Send at most {limits.alerts_per_request_max} at once."
        problems.append(problem("too-many", place, message, mend))
    for number, value in enumerate(values[: limits.alerts_per_request_max]):
        where = f"{place}[{number}]"
        if not isinstance(value, dict):
            problems.append(wrong_type(where, value, "an object"))
            continue
        try:
            alerts.append(read(Fields(cast("dict[str, object]", value), where, problems)))
        except RefusedAlert as error:
            problems.append(error.problem)
    if values and not alerts:
        raise SourceError(few(problems))
    return Parsed(alerts=tuple(alerts), problems=few(problems))


def few(problems: list[Problem]) -> tuple[Problem, ...]:
    """The first of them, and how many more there are."""
    more = len(problems) - PROBLEMS_MAX
    if more <= 0:
        return tuple(problems)
    rest = problem("more", "", f"There are {more} more problems.", "Mend these first.")
    return (*problems[:PROBLEMS_MAX], rest)
