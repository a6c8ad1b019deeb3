"""The intake: alerts in, many requests in one transaction, and an answer after the commit.

A request that is answered is kept. When a batch cannot be kept together, each request is tried by
itself, so that one bad request never takes others with it.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec
import stamina
import structlog

from tocsin.alerts.model import Alert
from tocsin.base import limits
from tocsin.base.ids import IncidentId
from tocsin.engine.desk import Desk
from tocsin.engine.noise import Noise
from tocsin.engine.placing import Placing, Taken
from tocsin.engine.ports import Clock, ConflictError, StoreUnavailableError, Unit
from tocsin.engine.records import Repeats
from tocsin.engine.remembered import Remembered
from tocsin.engine.steady import to_its_end
from tocsin.engine.watched import WatchedStore
from tocsin.incident import commands as c
from tocsin.incident.events import SYSTEM

__all__ = ["Intake", "IntakeFullError", "Taken"]

log = structlog.get_logger(__name__)

CHUNK_ALERTS = 500
"""A large request is kept in pieces of this size, so that acknowledgements and the alerts of others get
their turn in between. Sending it again after a failure in the middle keeps nothing twice."""

BATCH_ALERTS = 400
"""About so many alerts are kept in one transaction: while one is written, the next are read."""

WRITE_AFTER_SECONDS = 1.0
"""What is only counted in memory is written after this long, where no other alert takes it along."""

QUEUE_REQUESTS_MAX = 2_000
"""More requests than this in waiting are asked to come again later."""


class IntakeFullError(Exception):
    """More is coming in than can be kept; the sender should try again in a few seconds."""


WAITED_IN_VAIN = timedelta(seconds=1)
"""A store that fails after this long was waited for, and the same wait is before the next request."""


class _Request(msgspec.Struct):
    alerts: tuple[Alert, ...]
    answer: asyncio.Future[list[Taken]]


class Intake:
    """Group commit of alerts. `run` must be running for `take` to be answered."""

    def __init__(self, store: WatchedStore, clock: Clock, noise: Noise, desk: Desk) -> None:
        self._store = store
        self._clock = clock
        self._noise = noise
        self._desk = desk
        self._queue: asyncio.Queue[_Request] = asyncio.Queue(QUEUE_REQUESTS_MAX)
        self._remembered = Remembered(store)
        self._written_at = time.monotonic()
        desk.watch(self._remembered.note)

    async def take(self, alerts: Sequence[Alert]) -> list[Taken]:
        """Keep alerts and say what became of each, once that is committed.

        Raises:
            IntakeFullError: too much is waiting.
            StoreUnavailableError: they could not be kept.
        """
        taken: list[Taken] = []
        for start in range(0, len(alerts), CHUNK_ALERTS):
            taken += await self._take_chunk(tuple(alerts[start : start + CHUNK_ALERTS]))
        return taken

    async def _take_chunk(self, alerts: tuple[Alert, ...]) -> list[Taken]:
        self._remembered.about_to_end(alerts)
        request = _Request(alerts, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(request)
        except asyncio.QueueFull:
            raise IntakeFullError(
                "More alerts are coming in than can be kept; try again in 5 seconds."
            ) from None
        return await request.answer

    def repeated(self, fingerprint: str, expires_at: datetime | None) -> IncidentId | None:
        """Count an alert that is known to fire, and that says nothing new, without looking further; the
        count is written with the next alerts, at the latest after a second or at an ordered stop. Returns
        its incident; None where it is not known so, and has to be taken."""
        return self._remembered.repeated(fingerprint, self._clock.now(), expires_at)

    def repeats_of(self, fingerprint: str) -> Repeats | None:
        """What was counted of an alert and is not written yet."""
        return self._remembered.repeats.get(fingerprint)

    async def run(self) -> None:
        """Serve requests until cancelled; then those in waiting are served before it ends."""
        try:
            while True:
                if batch := await self._batch():
                    gone = await to_its_end(self._serve(batch))
                    if gone:
                        self._refuse_waiting(gone)
                else:
                    await to_its_end(self._write_counts())
        finally:
            while not self._queue.empty():
                await self._serve(self._more([self._queue.get_nowait()]))
            await self._write_counts()

    def _refuse_waiting(self, gone: StoreUnavailableError) -> None:
        """The store was waited for in vain; whoever has waited for that long as well need not wait again."""
        waiting: list[_Request] = []
        while not self._queue.empty():
            waiting.append(self._queue.get_nowait())
        _refuse(waiting, gone)

    async def _batch(self) -> list[_Request]:
        """The next requests; none where something that is only counted has to be written first."""
        try:
            first = self._queue.get_nowait()
        except asyncio.QueueEmpty:
            # What is only counted wakes nobody, so that it is looked for from time to time.
            wait = WRITE_AFTER_SECONDS
            if self._remembered.repeats or self._remembered.untold:
                wait = max(0.0, self._written_at + WRITE_AFTER_SECONDS - time.monotonic())
            try:
                first = await asyncio.wait_for(self._queue.get(), wait)
            except TimeoutError:
                return []
        return self._more([first])

    def _more(self, batch: list[_Request]) -> list[_Request]:
        with suppress(asyncio.QueueEmpty):
            alerts = len(batch[0].alerts)
            while len(batch) < limits.intake_batch_requests_max and alerts < BATCH_ALERTS:
                batch.append(self._queue.get_nowait())
                alerts += len(batch[-1].alerts)
        return batch

    async def _write_counts(self) -> None:
        if not self._remembered.repeats and not self._remembered.untold:
            return
        self._written_at = time.monotonic()
        try:
            await self._keep([])
        except (StoreUnavailableError, ConflictError) as error:
            log.error("repetitions of alerts are counted later", reason=str(error))
        except Exception:
            # Whatever it is: an intake that stands still until somebody notices would be worse.
            log.exception("repetitions of alerts are counted later")

    async def _serve(self, batch: list[_Request]) -> StoreUnavailableError | None:
        """Keep a batch, or answer each request why not. Returns the error where the store itself could not
        be had, so that the requests after it need not wait for the same."""
        began = self._clock.now()
        try:
            answers = await self._keep([request.alerts for request in batch])
        except Exception as error:
            gone = None
            if isinstance(error, StoreUnavailableError) and self._clock.now() - began >= WAITED_IN_VAIN:
                gone = error
            if len(batch) == 1 or gone:
                _refuse(batch, error)
                return gone
            for place, request in enumerate(batch):
                gone = await self._serve([request])
                if gone:
                    _refuse(batch[place + 1 :], gone)
                    return gone
            return None
        for request, answer in zip(batch, answers, strict=True):
            if not request.answer.done():
                request.answer.set_result(answer)
        return None

    async def _keep(self, requests: list[tuple[Alert, ...]]) -> list[list[Taken]]:
        async for attempt in stamina.retry_context(
            on=ConflictError,
            attempts=limits.command_conflict_retries_max,
            wait_initial=0.005,
            wait_max=0.2,
            timeout=10.0,
        ):
            with attempt:
                return await self._keep_once(requests)
        raise AssertionError("the last attempt returns or raises")

    async def _keep_once(self, requests: list[tuple[Alert, ...]]) -> list[list[Taken]]:
        repeats = self._remembered.take_repeats()
        try:
            async with self._store.transaction() as unit:
                placing, answers = await self._place(unit, requests, repeats)
        except BaseException:
            self._remembered.give_back(repeats)
            raise
        self._written_at = time.monotonic()
        self._remembered.keep(placing.records.values(), placing.crowds)
        self._remembered.tell_later(placing.untold, placing.told)
        self._desk.announce(list(placing.changed))
        return answers

    async def _place(
        self, unit: Unit, requests: list[tuple[Alert, ...]], repeats: Mapping[str, Repeats]
    ) -> tuple[Placing, list[list[Taken]]]:
        # The holders first: where others write to the store, they come with the right to decide alone.
        holders = await self._remembered.holders(unit)
        await self._noise.refresh(unit)
        await unit.repeat_alerts(repeats)
        placing = Placing(unit, self._noise, self._desk, self._remembered, holders, self._clock.now())
        await placing.look_up([alert.fingerprint for alerts in requests for alert in alerts])
        answers = [[await placing.place(alert) for alert in alerts] for alerts in requests]
        await placing.write()
        return placing, answers

    async def catch_up(self) -> None:
        """Count the alerts of every active incident anew: of some it may not have been told before the
        process ended."""
        async with self._store.transaction() as unit:
            holders = [each.id for each in await unit.holders() if each.resolved_at is None]
            tallies = await unit.alert_tallies(holders)
            found = await unit.lock_all([each for each in holders if each in tallies])
            wrong = {
                each.id: (c.AttachAlerts(new=(), tally=tallies[each.id]), SYSTEM)
                for each in found.values()
                if tallies[each.id] != c.Tally(each.alert_count, each.firing_count)
            }
            answers = await self._desk.handle_all(unit, wrong) if wrong else []
        self._desk.announce([answer.incident.id for answer in answers])


def _refuse(requests: Sequence[_Request], error: Exception) -> None:
    if not isinstance(error, StoreUnavailableError | ConflictError):
        log.error("alerts could not be taken in", requests=len(requests), exc_info=error)
    told = error
    if not isinstance(error, StoreUnavailableError):
        told = StoreUnavailableError("The alerts could not be kept; the server's log says why.")
    for request in requests:
        if not request.answer.done():
            request.answer.set_exception(told)
