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

from tocsin.alerts import flapping, grouping
from tocsin.alerts.holders import Holders
from tocsin.alerts.model import Alert, AlertStatus
from tocsin.base import limits
from tocsin.base.ids import IncidentId
from tocsin.engine.desk import Answer, Desk, RefusedError
from tocsin.engine.noise import Noise
from tocsin.engine.ports import Clock, ConflictError, Store, StoreUnavailableError, Unit
from tocsin.engine.records import AlertRecord
from tocsin.engine.steady import to_its_end
from tocsin.incident import commands as c
from tocsin.incident.events import Actor, ActorKind
from tocsin.incident.holding import holder_of

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


class Intake:
    """Group commit of alerts. `run` must be running for `take` to be answered."""

    def __init__(self, store: Store, clock: Clock, noise: Noise, desk: Desk) -> None:
        self._store = store
        self._clock = clock
        self._noise = noise
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
                    await self._noise.refresh(unit)
                    known = Holders(await unit.holders())
                    opened: list[IncidentId] = []
                    answers = [
                        [await self._place(unit, alert, known, changed, opened) for alert in alerts]
                        for alerts in requests
                    ]
                    settled = await self._noise.settle(unit, opened, known, self._clock.now())
                    changed.update(dict.fromkeys(settled))
                self._desk.announce(list(changed))
                return answers
        raise AssertionError("the last attempt returns or raises")

    async def _place(
        self,
        unit: Unit,
        alert: Alert,
        known: Holders,
        changed: dict[IncidentId, None],
        opened: list[IncidentId],
    ) -> Taken:
        seen = await unit.alert(alert.fingerprint)
        if seen is not None and self._noise.is_outdated(alert, seen):
            return Taken(fingerprint=alert.fingerprint, incident=seen.incident, because=seen.because)
        placement = self._noise.place(alert, seen, known, self._clock.now())
        actor = Actor(ActorKind.SOURCE, alert.source, alert.source)
        because = placement.because
        answer: Answer | None = None
        match placement:
            case grouping.Opens():
                opening = c.OpenByAlert(alert=alert, group_key=placement.group_key, because=because)
                answer = await self._desk.open_in(unit, opening, actor)
                opened.append(answer.incident.id)
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
            known.put(holder_of(answer.incident))
            changed[answer.incident.id] = None
        incident = answer.incident.id if answer else None
        await record_alert(unit, alert, seen, incident, because)
        return Taken(fingerprint=alert.fingerprint, incident=incident, because=because)


async def record_alert(
    unit: Unit, alert: Alert, seen: AlertRecord | None, incident: IncidentId | None, because: str
) -> None:
    """Keep what is known of an alert after it was placed."""
    latest = alert
    if seen is not None and alert.status is AlertStatus.RESOLVED and not alert.annotations:
        latest = replace(alert, annotations=seen.alert.annotations)
    await unit.save_alert(
        AlertRecord(
            alert=latest,
            incident=incident,
            because=because,
            first_seen_at=seen.first_seen_at if seen else alert.received_at,
            last_seen_at=alert.received_at,
            times=seen.times + 1 if seen else 1,
            changes=flapping.changed(seen.changes, seen.alert.status, alert) if seen else (),
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
