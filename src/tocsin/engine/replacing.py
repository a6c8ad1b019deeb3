"""Alerts that were only recorded, asked about again when the reason for it has ended.

A sender that tells of an alert once must be heard as well when a silence ends over it: nothing that was
accepted is lost. The same loop lets the end of a flapping alert count when it has kept quiet for long enough.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from tocsin.alerts.inhibition import InhibitSource
from tocsin.alerts.model import Alert, AlertStatus
from tocsin.alerts.placing import BookRules, Silences
from tocsin.alerts.silences import Silence
from tocsin.base import limits
from tocsin.engine.intake import Intake, IntakeFullError
from tocsin.engine.library import Library
from tocsin.engine.noise import Noise, books_of, mute_reason
from tocsin.engine.noise_state import KEPT_MAX, HeldAlert, MutedAlert
from tocsin.engine.ports import Clock, ConflictError, Reader, Store, StoreUnavailableError
from tocsin.engine.records import AlertRecord
from tocsin.engine.shelf import Shelf
from tocsin.engine.steady import to_its_end

log = structlog.get_logger(__name__)

LOOK_AGAIN = timedelta(seconds=5)
LOOK_AT_ALL_AGAIN = timedelta(minutes=1)
"""All that is kept back is looked at so often, and in between only when a reason began or ended."""

TOGETHER = 200
"""So many alerts are asked about in one request."""


class Replacing:
    """Watches what is kept back."""

    def __init__(self, store: Store, clock: Clock, library: Library, noise: Noise, intake: Intake) -> None:
        self._store = store
        self._clock = clock
        self._library = library
        self._noise = noise
        self._intake = intake
        self._shelf: Shelf | None = None
        self._books: dict[str, BookRules] = {}
        self._looked: tuple[object, datetime] | None = None

    async def run(self) -> None:
        """Watch until cancelled."""
        never = asyncio.Event()
        while True:
            await to_its_end(self.look())
            await self._clock.wait(self._clock.now() + LOOK_AGAIN, never)

    async def look(self) -> None:
        """Ask again about every alert whose reason has ended. What cannot be done now is done later."""
        try:
            async with self._store.reading() as reader:
                found, gone = await self._due(reader, self._clock.now())
            if gone:
                await self._forget(gone)
            for at in range(0, len(found), TOGETHER):
                await self._ask_again(found[at : at + TOGETHER])
        except (StoreUnavailableError, ConflictError, IntakeFullError) as error:
            self._looked = None
            log.warning("what is kept back is looked at later", reason=str(error))
        except Exception:
            # Whatever it is: alerts that stay kept back until somebody notices would be worse.
            self._looked = None
            log.exception("what is kept back cannot be looked at")

    async def _forget(self, gone: Sequence[tuple[type[MutedAlert | HeldAlert], str]]) -> None:
        """Forget what is kept of alerts for no reason any more, if that is still so."""
        async with self._store.transaction() as unit:
            for shape, fingerprint in gone:
                record = await unit.alert(fingerprint)
                needed = _is_kept_back if shape is MutedAlert else _is_held
                if record is None or not needed(record):
                    await unit.forget(shape, fingerprint)

    async def _ask_again(self, alerts: Sequence[Alert]) -> None:
        self._noise.again(alerts)
        try:
            await self._intake.take(alerts)
        finally:
            self._noise.again(())

    async def _due(
        self, reader: Reader, now: datetime
    ) -> tuple[list[Alert], list[tuple[type[MutedAlert | HeldAlert], str]]]:
        """The alerts to ask about again, and what is kept of others for no reason any more."""
        alerts: list[Alert] = []
        gone: list[tuple[type[MutedAlert | HeldAlert], str]] = []
        for held in await reader.all_kept(HeldAlert, KEPT_MAX):
            record = await reader.alert(held.fingerprint)
            if record is None or not _is_held(record):
                gone.append((HeldAlert, held.fingerprint))
            elif held.until <= now:
                alerts.append(record.alert)
        for muted in await self._muted(reader, now):
            record = await reader.alert(muted.fingerprint)
            if record is not None and _is_kept_back(record):
                # One whose time has come is ended by the clock, and repeated by its sender if it is not over.
                if record.alert.expires_at is None or record.alert.expires_at > now:
                    alerts.append(record.alert)
            else:
                gone.append((MutedAlert, muted.fingerprint))
        return alerts, gone

    async def _muted(self, reader: Reader, now: datetime) -> list[MutedAlert]:
        """The muted alerts whose reason has ended, or has been followed by another."""
        newest = await reader.all_kept(MutedAlert, 1)
        if not newest:
            return []
        reason, state = await self._reasons(reader, now)
        looked = (state, newest[0])
        before = self._looked
        if before and before[0] == looked and timedelta(0) <= now - before[1] < LOOK_AT_ALL_AGAIN:
            return []
        every = await reader.all_kept(MutedAlert, KEPT_MAX)
        ended = [each for each in every if reason(each.labels) != each.because]
        # Those that are asked about now may not get through; so long the next look is a whole one as well.
        self._looked = None if ended else (looked, now)
        return ended

    async def _reasons(
        self, reader: Reader, now: datetime
    ) -> tuple[Callable[[dict[str, str]], str], tuple[object, ...]]:
        """Tells why an alert is muted now, with the state of everything that can be a reason."""
        shelf = self._library.current
        if shelf is not self._shelf:
            self._shelf, self._books = shelf, books_of(shelf)
        silences = Silences(await reader.all_kept(Silence, limits.silences_max), now)
        sources = await reader.all_kept(InhibitSource, KEPT_MAX)
        for book in self._books.values():
            book.inhibitor.clear()
            for source in sources:
                book.inhibitor.put(source)
        windows = tuple(book.windows.open_at(now) for book in self._books.values())
        books = self._books
        state = (shelf, silences.active, tuple(each.fingerprint for each in sources), windows)
        return lambda labels: mute_reason(books, shelf, silences, labels, now), state


def _is_kept_back(record: AlertRecord) -> bool:
    return record.incident is None and record.alert.status is AlertStatus.FIRING


def _is_held(record: AlertRecord) -> bool:
    return record.incident is not None and record.alert.status is AlertStatus.RESOLVED
