"""The intake: alerts in, many requests in one transaction, and an answer after the commit.

A request that is answered is kept. When a batch cannot be kept together, each request is tried by
itself, so that one bad request never takes others with it.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import msgspec
import stamina
import structlog
from msgspec.structs import replace

from tocsin.alerts import grouping
from tocsin.alerts.model import Alert, AlertStatus
from tocsin.base import limits
from tocsin.base.ids import IncidentId, incident_number
from tocsin.engine.desk import Answer, Desk, RefusedError
from tocsin.engine.library import Library
from tocsin.engine.ports import Clock, ConflictError, Store, StoreUnavailableError, Unit
from tocsin.engine.records import AlertRecord
from tocsin.engine.steady import to_its_end
from tocsin.incident import commands as c
from tocsin.incident.events import Actor, ActorKind
from tocsin.incident.state import Incident

log = structlog.get_logger(__name__)

CHUNK_ALERTS = 50
"""A large request is kept in pieces of this size, so that acknowledgements and the alerts of others get
their turn in between. Sending it again after a failure in the middle keeps nothing twice."""

BATCH_ALERTS = 200
"""About so many alerts are kept in one transaction."""

QUEUE_REQUESTS_MAX = 2_000
"""More requests than this in waiting are asked to come again later."""


class IntakeFullError(Exception):
    """More is coming in than can be kept; the sender should try again in a few seconds."""


WAITED_IN_VAIN = timedelta(seconds=1)
"""A store that fails after this long was waited for, and the same wait is before the next request."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one alert. `incident` is None where `because` says why there is none."""

    fingerprint: str
    incident: IncidentId | None
    because: str


class _Request(msgspec.Struct):
    alerts: tuple[Alert, ...]
    answer: asyncio.Future[list[Taken]]


class Holders:
    """The incidents to which alerts may belong, found by alert and by group; kept up to date within one
    transaction, so that a storm of alerts does not read them all again for each."""

    def __init__(self, newest_first: Sequence[grouping.Holder]) -> None:
        self._holders: dict[IncidentId, grouping.Holder] = {}
        self._by_fingerprint: dict[str, list[IncidentId]] = {}
        self._by_group: dict[str, list[IncidentId]] = {}
        for holder in reversed(newest_first):
            self._add(holder)

    def candidates(self, fingerprint: str, group_key: str) -> list[grouping.Holder]:
        """Those that hold the alert or are of its group, newest first."""
        found = {*self._by_fingerprint.get(fingerprint, ()), *self._by_group.get(group_key, ())}
        return [self._holders[incident] for incident in sorted(found, key=incident_number, reverse=True)]

    def put(self, incident: Incident) -> None:
        """Take note of what an incident has become."""
        self._add(
            grouping.Holder(
                id=incident.id,
                group_key=incident.group_key,
                fingerprints=frozenset(alert.fingerprint for alert in incident.alerts),
                resolved_at=incident.resolved_at,
            )
        )

    def _add(self, holder: grouping.Holder) -> None:
        before = self._holders.get(holder.id)
        self._holders[holder.id] = holder
        for fingerprint in holder.fingerprints - (before.fingerprints if before else frozenset()):
            self._by_fingerprint.setdefault(fingerprint, []).append(holder.id)
        if before is None:
            self._by_group.setdefault(holder.group_key, []).append(holder.id)


class Intake:
    """Group commit of alerts. `run` must be running for `take` to be answered."""

    def __init__(self, store: Store, clock: Clock, library: Library, desk: Desk) -> None:
        self._store = store
        self._clock = clock
        self._library = library
        self._desk = desk
        self._queue: asyncio.Queue[_Request] = asyncio.Queue(QUEUE_REQUESTS_MAX)

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
        request = _Request(alerts, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(request)
        except asyncio.QueueFull:
            raise IntakeFullError(
                "More alerts are coming in than can be kept; try again in 5 seconds."
            ) from None
        return await request.answer

    async def run(self) -> None:
        """Serve requests until cancelled; then those in waiting are served before it ends."""
        try:
            while True:
                await to_its_end(self._serve(await self._batch()))
        finally:
            while not self._queue.empty():
                await self._serve(await self._batch())

    async def _batch(self) -> list[_Request]:
        batch = [await self._queue.get()]
        with suppress(asyncio.QueueEmpty):
            alerts = len(batch[0].alerts)
            while len(batch) < limits.intake_batch_requests_max and alerts < BATCH_ALERTS:
                batch.append(self._queue.get_nowait())
                alerts += len(batch[-1].alerts)
        return batch

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
                changed: dict[IncidentId, None] = {}
                async with self._store.transaction() as unit:
                    known = Holders(await unit.holders())
                    answers = [
                        [await self._place(unit, alert, known, changed) for alert in alerts]
                        for alerts in requests
                    ]
                self._desk.announce(list(changed))
                return answers
        raise AssertionError("the last attempt returns or raises")

    async def _place(
        self, unit: Unit, alert: Alert, known: Holders, changed: dict[IncidentId, None]
    ) -> Taken:
        shelf = self._library.current
        book = shelf.for_alert(alert)
        group_by, apart = book.playbook.options.group_by, shelf.group_of(book)
        key = grouping.group_key(alert, group_by, apart)
        placement = grouping.place(alert, group_by, known.candidates(alert.fingerprint, key), apart)
        actor = Actor(ActorKind.SOURCE, alert.source, alert.source)
        because = placement.because.value
        answer: Answer | None = None
        match placement:
            case grouping.Opens():
                opening = c.OpenByAlert(alert=alert, group_key=placement.group_key, because=because)
                answer = await self._desk.open_in(unit, opening, actor)
            case grouping.Attaches():
                attached = c.AttachAlert(alert=alert, because=because)
                try:
                    answer = await self._desk.handle_in(unit, placement.incident, attached, actor)
                except RefusedError as error:
                    # It ended between the look and the lock; the next look finds another place.
                    raise ConflictError(error.message) from error
            case grouping.Clears():
                cleared = c.ClearAlert(alert=alert)
                answer = await self._desk.handle_in(unit, placement.incident, cleared, actor)
            case grouping.Recorded():
                pass
        if answer is not None and answer.entries:
            known.put(answer.incident)
            changed[answer.incident.id] = None
        incident = answer.incident.id if answer else None
        await self._record(unit, alert, incident, because)
        return Taken(fingerprint=alert.fingerprint, incident=incident, because=because)

    async def _record(self, unit: Unit, alert: Alert, incident: IncidentId | None, because: str) -> None:
        known = await unit.alert(alert.fingerprint)
        latest = alert
        if known is not None and alert.status is AlertStatus.RESOLVED and not alert.annotations:
            latest = replace(alert, annotations=known.alert.annotations)
        await unit.save_alert(
            AlertRecord(
                alert=latest,
                incident=incident,
                because=because,
                first_seen_at=known.first_seen_at if known else alert.received_at,
                last_seen_at=alert.received_at,
                times=known.times + 1 if known else 1,
            )
        )


def _refuse(requests: Sequence[_Request], error: Exception) -> None:
    if not isinstance(error, StoreUnavailableError | ConflictError):
        log.error("alerts could not be taken in", requests=len(requests), exc_info=error)
    told = error
    if not isinstance(error, StoreUnavailableError):
        told = StoreUnavailableError("The alerts could not be kept; the server's log says why.")
    for request in requests:
        if not request.answer.done():
            request.answer.set_exception(told)
