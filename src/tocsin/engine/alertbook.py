"""Looking for alerts: by state, words and incident, page by page, and by what a silence would match."""

from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import Literal, get_args

import msgspec

from tocsin.alerts.matchers import Matcher
from tocsin.alerts.model import AlertStatus
from tocsin.base.ids import IncidentId
from tocsin.base.times import parse_instant, require_utc
from tocsin.engine.ports import Reader, Store
from tocsin.engine.records import AlertRecord

Shown = Literal["all", "firing", "ended", "apart"]
"""Which alerts: all, those that fire, those that have ended, or those that fire without an incident."""

SHOWN: tuple[Shown, ...] = get_args(Shown)
READ_AT_ONCE = 500
READ_MAX = 20_000
"""So many alerts are read for one answer. Where that was not all, the answer says from where to go on."""
NAMES_SHOWN = 5
CURSOR_CHARS_MAX = 600


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Some alerts, the last seen first. `after` asks for those behind them; "" where there are no more."""

    records: tuple[AlertRecord, ...]
    after: str = ""


class Matching(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts that fire now some matchers match, with the names of a few. `whole` is False where
    there were too many to look at all of them."""

    count: int
    names: tuple[str, ...]
    whole: bool


class AlertBook:
    """The alerts that were taken in, for people to look through."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def record(self, fingerprint: str) -> AlertRecord | None:
        """One alert."""
        async with self._store.reading() as reader:
            return await reader.alert(fingerprint)

    async def search(
        self,
        shown: Shown = "all",
        text: str = "",
        incident: IncidentId | None = None,
        limit: int = 50,
        after: str = "",
    ) -> Found:
        """Alerts that fit, the last seen first.

        Raises:
            ValueError: `after` is no place that an answer gave.
        """
        words = text.casefold().split()

        def fits(record: AlertRecord) -> bool:
            return _is_shown(record, shown) and all(word in _text_of(record) for word in words)

        return await self._look(fits, incident, limit, _read_cursor(after))

    async def resolve(self, text: str, limit: int = 20) -> list[AlertRecord]:
        """The alerts that a person may mean: the one of this fingerprint; else those whose fingerprint begins
        so; else those of this name; else those in whose labels and words it stands."""
        wanted = text.strip().casefold()
        if exact := await self.record(text.strip()):
            return [exact]
        ways: tuple[Callable[[AlertRecord], bool], ...] = (
            lambda record: len(wanted) >= 4 and record.alert.fingerprint.casefold().startswith(wanted),
            lambda record: record.alert.name.casefold() == wanted,
            lambda record: all(word in _text_of(record) for word in wanted.split()),
        )
        if not wanted:
            return []
        found = [list[AlertRecord]() for _ in ways]
        async with self._store.reading() as reader:
            async for record in _walk(reader, None, None):
                place = next((place for place, fits in enumerate(ways) if fits(record)), None)
                if place is not None:
                    found[place].append(record)
        return next((each for each in found if each), found[0])[:limit]

    async def matching(self, matchers: tuple[Matcher, ...]) -> Matching:
        """What matchers match of the alerts that fire now. Without a matcher, nothing."""
        count, names, read = 0, dict[str, None](), 0
        async with self._store.reading() as reader:
            async for record in _walk(reader, None, None):
                read += 1
                if record.alert.status is not AlertStatus.FIRING or not matchers:
                    continue
                if all(matcher.matches(record.alert.labels) for matcher in matchers):
                    count += 1
                    names[record.alert.name] = None
        return Matching(count=count, names=tuple(names)[:NAMES_SHOWN], whole=read < READ_MAX)

    async def _look(
        self,
        fits: Callable[[AlertRecord], bool],
        incident: IncidentId | None,
        limit: int,
        after: tuple[datetime, str] | None,
    ) -> Found:
        found: list[AlertRecord] = []
        last, read = after, 0
        async with self._store.reading() as reader:
            async for record in _walk(reader, incident, after):
                if len(found) == limit:
                    return Found(records=tuple(found), after=_cursor(last))
                last, read = (record.last_seen_at, record.alert.fingerprint), read + 1
                if fits(record):
                    found.append(record)
        return Found(records=tuple(found), after=_cursor(last) if read >= READ_MAX else "")


async def _walk(
    reader: Reader, incident: IncidentId | None, after: tuple[datetime, str] | None
) -> AsyncGenerator[AlertRecord, None]:
    for _ in range(READ_MAX // READ_AT_ONCE):
        records = await reader.alerts(READ_AT_ONCE, incident, after)
        for record in records:
            yield record
        if len(records) < READ_AT_ONCE:
            return
        after = (records[-1].last_seen_at, records[-1].alert.fingerprint)


def _is_shown(record: AlertRecord, shown: Shown) -> bool:
    firing = record.alert.status is AlertStatus.FIRING
    match shown:
        case "firing":
            return firing
        case "ended":
            return not firing
        case "apart":
            return firing and record.incident is None
        case _:
            return True


def _text_of(record: AlertRecord) -> str:
    alert = record.alert
    labels = (f"{name}={value}" for name, value in alert.labels.items())
    return "\n".join((*labels, alert.fingerprint, alert.summary, alert.source, record.because)).casefold()


def shown_of(text: str) -> Shown | None:
    """The choice of this name; None where there is none."""
    return text if text in SHOWN else None


def _cursor(last: tuple[datetime, str] | None) -> str:
    return f"{require_utc(last[0]).isoformat()}~{last[1]}" if last else ""


def _read_cursor(text: str) -> tuple[datetime, str] | None:
    if not text:
        return None
    at, mark, fingerprint = text.partition("~")
    if not mark or len(text) > CURSOR_CHARS_MAX:
        raise ValueError("this is no place that an answer gave")
    # A plus sign that was not escaped in a query arrives as a space.
    return parse_instant(at.replace(" ", "+")), fingerprint
