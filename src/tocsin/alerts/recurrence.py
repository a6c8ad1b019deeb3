"""Days and times that come again: a part of the recurrence rules of RFC 5545, and plain words for them.

A rule is asked about one day at a time, so that no rule, however odd, takes long.
"""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

import msgspec

from tocsin.base.times import parse_duration, zone

SINCE = date(2024, 1, 1)
"""The day, a Monday, from which a rule with an interval counts where it names none."""


class Every(StrEnum):
    """How often a rule comes round, in the words of RFC 5545."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


class Weekday(msgspec.Struct, frozen=True):
    """A day of the week, 0 for Monday; `which` is its place in the month or year, -1 the last, 0 any."""

    day: int
    which: int = 0


class Recurrence(msgspec.Struct, frozen=True, kw_only=True):
    """When something begins, in the local time of whoever reads it."""

    every: Every
    times: tuple[time, ...]
    interval: int = 1
    weekdays: tuple[Weekday, ...] = ()
    monthdays: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    since: date = SINCE
    until: date | None = None

    def falls_on(self, day: date) -> bool:
        """Whether it begins on this day (RFC 5545, section 3.3.10: what each part limits or expands)."""
        if day < self.since or (self.until is not None and day > self.until) or not self._in_turn(day):
            return False
        match self.every:
            case Every.DAILY:
                return self._in_month(day) and self._is_weekday(day) and self._is_monthday(day)
            case Every.WEEKLY:
                weekdays = {each.day for each in self.weekdays} or {self.since.weekday()}
                return self._in_month(day) and day.weekday() in weekdays
            case Every.MONTHLY | Every.YEARLY:
                return self._in_month(day) and self._on_the_day(day)

    def _in_turn(self, day: date) -> bool:
        match self.every:
            case Every.DAILY:
                apart = (day - self.since).days
            case Every.WEEKLY:
                apart = (_monday(day) - _monday(self.since)).days // 7
            case Every.MONTHLY:
                apart = (day.year - self.since.year) * 12 + day.month - self.since.month
            case Every.YEARLY:
                apart = day.year - self.since.year
        return apart % self.interval == 0

    def _on_the_day(self, day: date) -> bool:
        if self.weekdays or self.monthdays:
            return self._is_weekday(day) and self._is_monthday(day)
        if self.every is Every.YEARLY and not self.months and day.month != self.since.month:
            return False
        return day.day == self.since.day

    def _in_month(self, day: date) -> bool:
        return not self.months or day.month in self.months

    def _is_monthday(self, day: date) -> bool:
        last = monthrange(day.year, day.month)[1]
        return not self.monthdays or day.day in self.monthdays or day.day - last - 1 in self.monthdays

    def _is_weekday(self, day: date) -> bool:
        return not self.weekdays or any(self._is(each, day) for each in self.weekdays)

    def _is(self, weekday: Weekday, day: date) -> bool:
        if weekday.day != day.weekday():
            return False
        if not weekday.which:
            return True
        within_year = self.every is Every.YEARLY and not self.months
        first = day.replace(month=1, day=1) if within_year else day.replace(day=1)
        last = day.replace(month=12, day=31) if within_year else _last_of_month(day)
        return weekday.which in ((day - first).days // 7 + 1, -((last - day).days // 7 + 1))


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _last_of_month(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def starts_on(rule: Recurrence, day: date, zone_name: str) -> list[datetime]:
    """When it begins on a local day, in UTC. A time that a change of the clocks leaves out is read by the
    clock before the change, and of one that comes twice the first is meant (RFC 5545, section 3.3.5)."""
    if not rule.falls_on(day):
        return []
    local = zone(zone_name)
    return [datetime.combine(day, each, local).astimezone(UTC) for each in rule.times]


_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT = {name[:2].upper(): number for number, name in enumerate(_DAYS)}
_WHICH = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}
_PART = re.compile(r"([A-Z]+)=([A-Z0-9,+-]+)")
_BYDAY = re.compile(r"([+-]?[1-9][0-9]?)?(MO|TU|WE|TH|FR|SA|SU)")
_KNOWN = ("FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYHOUR", "BYMINUTE", "UNTIL", "WKST")


def parse_rule(text: str, since: date = SINCE) -> Recurrence:
    """Read a rule of RFC 5545, such as `FREQ=MONTHLY;BYDAY=1SA;BYHOUR=22`, with or without `RRULE:`.

    Raises:
        ValueError: it is none, or has a part that is not understood; the message says which.
    """
    parts: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").strip(";").split(";"):
        found = _PART.fullmatch(part.strip())
        if not found or found[1] not in _KNOWN or found[1] in parts:
            raise ValueError(f"{part.strip()[:40]!r} is no part of a rule; it may have {', '.join(_KNOWN)}")
        parts[found[1]] = found[2]
    if parts.get("FREQ") not in list(Every):
        raise ValueError(f"FREQ must be one of {', '.join(Every)}")
    if "BYHOUR" not in parts:
        raise ValueError("the rule needs a time: add BYHOUR, and BYMINUTE where it is not the full hour")
    if parts.get("WKST", "MO") != "MO":
        raise ValueError("the week begins on Monday: leave WKST out")
    every = Every(parts["FREQ"])
    hours = _numbers(parts, "BYHOUR", 0, 23)
    minutes = _numbers(parts, "BYMINUTE", 0, 59) or (0,)
    weekdays = _weekdays(parts.get("BYDAY", ""))
    if any(each.which for each in weekdays) and every in (Every.DAILY, Every.WEEKLY):
        raise ValueError(f"BYDAY={parts['BYDAY'][:40]}: a number goes with FREQ=MONTHLY or FREQ=YEARLY")
    if every is Every.WEEKLY and "BYMONTHDAY" in parts:
        raise ValueError("BYMONTHDAY does not go with FREQ=WEEKLY")
    return Recurrence(
        every=every,
        times=tuple(sorted(time(hour, minute) for hour in set(hours) for minute in set(minutes))),
        interval=(_numbers(parts, "INTERVAL", 1, 1000) or (1,))[0],
        weekdays=weekdays,
        monthdays=_numbers(parts, "BYMONTHDAY", -31, 31),
        months=_numbers(parts, "BYMONTH", 1, 12),
        since=since,
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
    )


def _numbers(parts: dict[str, str], name: str, least: int, most: int) -> tuple[int, ...]:
    texts = parts[name].split(",") if name in parts else []
    if not all(re.fullmatch(r"[+-]?[0-9]{1,4}", each) for each in texts):
        raise ValueError(f"{name} takes numbers")
    found = tuple(int(each) for each in texts)
    if not all(least <= each <= most and (each or least >= 0) for each in found):
        raise ValueError(f"{name} takes numbers from {least} to {most}")
    return found


def _weekdays(text: str) -> tuple[Weekday, ...]:
    found: list[Weekday] = []
    for each in text.split(",") if text else ():
        read = _BYDAY.fullmatch(each)
        if not read:
            raise ValueError(f"{each[:40]!r} is no day; write MO, or 1SA for the first Saturday")
        found.append(Weekday(_SHORT[read[2]], int(read[1] or 0)))
    return tuple(found)


def _until(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise ValueError(f"UNTIL takes the last day, as 20261231, not {text[:40]!r}") from None


_DAY = "(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:days?)?"
_WORDS = re.compile(
    rf"every (?P<days>day|weekday|weekend|{_DAY}(?:(?:,| and|, and) {_DAY})*"
    rf"|(?P<which>{'|'.join(_WHICH)}) (?P<of>{_DAY}) of the month"
    r"|month on the (?P<nth>last day|[0-9]{1,2}(?:st|nd|rd|th)))"
    r",? (?:at )?(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2}),? for (?P<lasts>.+)",
    re.IGNORECASE,
)
WORDS_MEND = "write it as `every sunday 02:00 for 2h`, or as a rule of RFC 5545"


def parse_words(text: str, since: date = SINCE) -> tuple[Recurrence, timedelta]:
    """Read `every sunday 02:00 for 2h` and the like: when it begins, and how long it lasts.

    Raises:
        ValueError: the text is no such sentence; the message shows one.
    """
    found = _WORDS.fullmatch(" ".join(text.split()))
    if not found:
        raise ValueError(f"{text.strip()[:60]!r} is not understood; {WORDS_MEND}")
    lasts = parse_duration(found["lasts"][:40])
    if lasts is None:
        raise ValueError(f"{found['lasts'][:40]!r} is no duration; write 2h or 30m")
    hour, minute = int(found["hour"]), int(found["minute"])
    if hour > 23 or minute > 59:
        raise ValueError(f"{found['hour']}:{found['minute']} is no time of a day")
    return _said(found, (time(hour, minute),), since), lasts


def _said(found: re.Match[str], times: tuple[time, ...], since: date) -> Recurrence:
    if found["which"]:
        day = Weekday(_number(found["of"]), _WHICH[found["which"].lower()])
        return Recurrence(every=Every.MONTHLY, times=times, weekdays=(day,), since=since)
    if nth := found["nth"]:
        day_number = -1 if nth.lower() == "last day" else int(re.sub(r"\D", "", nth))
        if not (day_number == -1 or 1 <= day_number <= 31):
            raise ValueError(f"no month has a {nth}")
        return Recurrence(every=Every.MONTHLY, times=times, monthdays=(day_number,), since=since)
    days = found["days"].lower()
    groups = {"day": range(7), "weekday": range(5), "weekend": range(5, 7)}
    numbers = groups.get(days) or sorted({_number(each) for each in re.split(r",? and |, ?", days)})
    return Recurrence(
        every=Every.WEEKLY, times=times, weekdays=tuple(Weekday(each) for each in numbers), since=since
    )


def _number(day: str) -> int:
    return next(number for number, name in enumerate(_DAYS) if name[:3] == day.lower()[:3])
