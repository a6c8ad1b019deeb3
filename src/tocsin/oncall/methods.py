"""The contact methods of a roster file, and the values that stand in it."""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import TypeVar

from tocsin.base.times import parse_duration, zone
from tocsin.base.tomlread import Table, sentence
from tocsin.oncall.model import ContactMethod

CheckAddress = Callable[[str, str], str | None]
"""Takes a channel's kind and an address; says in one sentence what is wrong with either, or None."""

AnyDate = TypeVar("AnyDate", date, datetime)

EMAIL = "email"
AFTER_MAX = timedelta(hours=24)
METHODS_MAX = 20

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?\s*[A-Za-z]+[\s,]*)+|P[0-9A-Z.]+")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")


def read_methods(table: Table, email: str, check_address: CheckAddress | None) -> tuple[ContactMethod, ...]:
    """The list under `methods`, in its order. `email` stands in where a method of that kind has no
    address. A method without an id gets its kind and its place among those of that kind: `email-1`."""
    rows = table.tables("methods") or []
    if len(rows) > METHODS_MAX:
        message = f"There are {len(rows)} contact methods."
        table.refuse("methods", "too-many", message, f"Keep at most {METHODS_MAX}.")
    methods: list[ContactMethod] = []
    counts: dict[str, int] = {}
    places: dict[str, int] = {}
    for row in rows:
        row.only("kind", "address", "after", "id")
        kind = _kind(row)
        counts[kind or ""] = counts.get(kind or "", 0) + 1
        method_id = row.text("id") or f"{kind}-{counts[kind or '']}"
        if not _NAME.fullmatch(method_id):
            row.refuse(
                "id", "bad-id", f"{method_id!r} is no identifier.", "Use up to 64 letters, digits, - and _."
            )
        if method_id in places:
            message = f"Contact method {places[method_id] + 1} has the id {method_id!r} too."
            row.refuse("id" if "id" in row else None, "duplicate-id", message, "Give each method its own id.")
        places[method_id] = len(methods)
        after = row.parsed("after", "bad-duration", read_after, 'Write a duration such as "5m".')
        address = _address(row, kind, email, check_address)
        if kind and address:
            methods.append(
                ContactMethod(id=method_id, kind=kind, address=address, after=after or timedelta(0))
            )
    return tuple(methods)


def _kind(row: Table) -> str | None:
    kind = row.text("kind")
    if kind is None and "kind" not in row:
        mend = 'Say which channel it uses, such as kind = "email".'
        row.refuse(None, "missing-key", "The contact method has no kind.", mend)
    return kind


def _address(row: Table, kind: str | None, email: str, check_address: CheckAddress | None) -> str | None:
    address = row.text("address")
    if address is None and "address" not in row:
        address = email if kind == EMAIL else ""
        if not address:
            mend = f'Say where it leads, such as address = "{"alice@example.org" if kind == EMAIL else "…"}".'
            row.refuse(None, "missing-key", "The contact method has no address.", mend)
            return None
    if kind and address and check_address and (wrong := check_address(kind, address)):
        mend = "Mend the address, or use a kind of channel that is set up."
        row.refuse("address" if "address" in row else None, "bad-address", sentence(wrong), mend)
        return None
    return address


def read_after(value: object) -> timedelta:
    """A delay in words, from zero to a day.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str) or not _DURATION.fullmatch(value.strip()):
        raise ValueError(f"{_shown(value)} is no duration")
    span = parse_duration(value)
    if span is None:
        raise ValueError(f"{_shown(value)} is no duration")
    if span > AFTER_MAX:
        raise ValueError(f"{_shown(value)} is longer than a day")
    return span


def read_zone(value: object) -> str:
    """The name of a time zone.

    Raises:
        ValueError: there is none of this name.
    """
    if not isinstance(value, str):
        raise ValueError(f"{_shown(value)} is no name of a time zone")
    try:
        zone(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is no time zone") from error
    return value


def read_date(value: object) -> date:
    """A date of the calendar, as TOML's own or as text.

    Raises:
        ValueError: it is none, or of another age.
    """
    if isinstance(value, str):
        value = _from_iso(date, value, "date")
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError(f"{_shown(value)} is no date")
    return _of_this_age(value)


def read_clock(value: object) -> time:
    """A time of day to the second, as TOML's own or as text.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, str) and (found := _CLOCK.fullmatch(value.strip())):
        return time(int(found[1]), int(found[2]), int(found[3] or 0))
    if isinstance(value, time) and value.tzinfo is None:
        return value.replace(microsecond=0)
    raise ValueError(f"{_shown(value)} is no time of day")


def read_moment(value: object) -> datetime:
    """A date with a time, as TOML's own or as text; without a zone where none was written.

    Raises:
        ValueError: it is none, or of another age.
    """
    if isinstance(value, str):
        value = _from_iso(datetime, value, "date with a time")
    if not isinstance(value, datetime):
        raise ValueError(f"{_shown(value)} is no date with a time")
    return _of_this_age(value)


def _from_iso(kind: type[AnyDate], text: str, what: str) -> AnyDate:
    try:
        return kind.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(f"{text!r} is no {what}") from error


def _of_this_age(value: AnyDate) -> AnyDate:
    if not 1970 <= value.year <= 2999:
        raise ValueError(f"{_shown(value)} is not from 1970 to 2999")
    return value


def _shown(value: object) -> str:
    if isinstance(value, date | time):
        return value.isoformat()
    return repr(value) if isinstance(value, str | int | float) else "This"
