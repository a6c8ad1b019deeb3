"""Time as data: aware UTC instants, durations in the words of a playbook, and how to show both."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LONGEST = timedelta(days=36_500)
"""No playbook means more than a hundred years; what says so is read as that."""

_UNITS: tuple[tuple[str, timedelta], ...] = (
    (r"s|secs?|seconds?", timedelta(seconds=1)),
    (r"m|mins?|minutes?", timedelta(minutes=1)),
    (r"h|hrs?|hours?", timedelta(hours=1)),
    (r"(?:business |working )?d(?:ays?)?", timedelta(days=1)),
    (r"w|weeks?", timedelta(weeks=1)),
)
_DURATION = re.compile(
    r"(?P<number>\d+(?:[.,]\d+)?)\s*-?\s*(?P<unit>"
    + "|".join(f"(?:{pattern})" for pattern, _ in _UNITS)
    + r")(?![\w])",
    re.IGNORECASE,
)
_IMMEDIATE = re.compile(r"\bimmediate(?:ly)?\b|\bat once\b|\binstant(?:ly)?\b|\bnow\b", re.IGNORECASE)
_NEXT_DAY = re.compile(r"\bnext (?:business |working )?day\b", re.IGNORECASE)
_ISO = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


def require_utc(at: datetime) -> datetime:
    """Return `at` in UTC. A naive datetime is a fault of the program, so it is an assertion."""
    assert at.tzinfo is not None, "a time without a zone reached the core"
    return at.astimezone(UTC)


def parse_instant(text: str) -> datetime:
    """Read an RFC 3339 time with its offset into UTC.

    Raises:
        ValueError: the text is no such time, carries no offset, or is of no year that UTC has.
    """
    at = datetime.fromisoformat(text.strip())
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; add Z or an offset such as +01:00")
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is before the first or after the last year") from error


@lru_cache(maxsize=1_024)
def format_instant(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds, so that the text sorts as the time does."""
    return require_utc(at).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def parse_duration(text: str) -> timedelta | None:
    """Read a duration in a playbook's words (dialect, section 2); None where there is none.

    `< 15 minutes`, `within 1 hour`, `15m`, `4 hours`, `48h`, `1h 30m`, `2 business days`,
    `next business day` (one day), `immediate` (zero), and ISO 8601 `PT15M`.
    """
    iso = _ISO.fullmatch(text.strip())
    if iso and any(iso.groups()):
        weeks, days, hours, minutes, seconds = (float(part or 0) for part in iso.groups())
        given = weeks * 604_800 + days * 86_400 + hours * 3_600 + minutes * 60 + seconds
        return timedelta(seconds=min(given, LONGEST.total_seconds()))
    found = list(_DURATION.finditer(text))
    if found:
        total = _amount(found[0])
        for before, after in pairwise(found):
            if text[before.end() : after.start()].strip(" ,").casefold() not in ("", "and"):
                break
            total = min(total + _amount(after), LONGEST)
        return total
    if _NEXT_DAY.search(text):
        return timedelta(days=1)
    if _IMMEDIATE.search(text):
        return timedelta(0)
    return None


def _amount(found: re.Match[str]) -> timedelta:
    number = float(found["number"].replace(",", "."))
    for pattern, unit in _UNITS:
        if re.fullmatch(pattern, found["unit"], re.IGNORECASE):
            return min(number, LONGEST / unit) * unit
    raise AssertionError(f"unit {found['unit']!r} is in the pattern but not in the table")


def iso_duration(span: timedelta) -> str:
    """ISO 8601 as people say it: `PT15M`, `PT24H`, `PT72H`, beyond three days `P7D`; zero is `PT0S`."""
    assert span >= timedelta(0), "durations in the playbook are not negative"
    days = span.days if span > timedelta(hours=72) else 0
    seconds = int((span - timedelta(days=days)).total_seconds())
    hours, minutes, rest = seconds // 3600, seconds % 3600 // 60, seconds % 60
    clock = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M"), (rest, "S")) if count)
    text = "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "")
    return text if len(text) > 1 else "PT0S"


def humane(span: timedelta) -> str:
    """A duration in words with at most two units, rounded down: `3 h 5 min`, `45 s`, `4 d 2 h`. Whole
    hours up to three days stay hours, as playbooks say them: `48 h`."""
    sign = "-" if span < timedelta(0) else ""
    seconds = int(abs(span).total_seconds())
    if seconds and seconds % 3600 == 0 and seconds <= 72 * 3600:
        return f"{sign}{seconds // 3600} h"
    parts = (
        (seconds // 86400, "d"),
        (seconds % 86400 // 3600, "h"),
        (seconds % 3600 // 60, "min"),
        (seconds % 60, "s"),
    )
    first = next((index for index, (count, _) in enumerate(parts) if count), 3)
    return sign + " ".join(
        f"{count} {unit}" for count, unit in parts[first : first + 2] if count or first == 3
    )


def zone(name: str) -> ZoneInfo:
    """The IANA time zone of this name.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; use an IANA name such as Europe/Paris") from error


def in_zone(at: datetime, name: str) -> str:
    """The instant as its reader says it: `Fri 25 Dec 2026, 03:00 CET`."""
    return require_utc(at).astimezone(zone(name)).strftime("%a %d %b %Y, %H:%M %Z")
