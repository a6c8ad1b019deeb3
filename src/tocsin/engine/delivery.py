"""The delivery: carries what is in the outbox, at least once, under a stable key.

A claim is committed before the attempt, so that a crash leaves a trace; its lease lets another
attempt begin after the crash, with the same key. What a channel answered becomes an event of the
incident in the same transaction that ends the claim.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.base import limits
from tocsin.engine.desk import Also, Desk, RefusedError, UnknownIncidentError
from tocsin.engine.hub import Hub
from tocsin.engine.intake import Intake, IntakeFullError
from tocsin.engine.links import Links
from tocsin.engine.ports import (
    Channel,
    Clock,
    ConflictError,
    DeliveryError,
    Outgoing,
    Randomness,
    Store,
    StoreUnavailableError,
    Unit,
)
from tocsin.engine.records import OutboxRow, OutboxStatus
from tocsin.engine.steady import to_its_end
from tocsin.incident.commands import RecordDelivery
from tocsin.incident.effects import OWN_SOURCE
from tocsin.incident.events import DELIVERY
from tocsin.incident.evolve import FAILING_AFTER_ATTEMPTS
from tocsin.incident.outgoing import EffectKind, Letter, RaiseAlert, Send

log = structlog.get_logger(__name__)

LOOK_AGAIN = timedelta(seconds=5)
PATIENCE = timedelta(seconds=1)
"""So long the loop waits for what it began. What takes longer goes on beside it: a channel that hangs must
not hold up the pages over the others."""

UNDER_WAY_MAX = 256
"""With so many deliveries under way, no further ones are begun."""

BACK_OFF_FIRST = timedelta(seconds=5)
BACK_OFF_MOST = timedelta(minutes=5)
TOLD_ATTEMPTS = (1, FAILING_AFTER_ATTEMPTS)
"""The failures that stand in the timeline: the first, and the one from which it counts as failing."""


class Delivery:
    """Claims rows of the outbox and hands them to the channels."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        randomness: Randomness,
        desk: Desk,
        intake: Intake,
        hub: Hub,
        channels: Mapping[str, Channel],
        links: Links,
        bundle_window: timedelta,
    ) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness
        self._desk = desk
        self._intake = intake
        self._hub = hub
        self._channels = channels
        self._links = links
        self._bundle_window = bundle_window
        self._held: dict[str, datetime] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._unrecorded: dict[str, tuple[OutboxRow, OutboxStatus, str]] = {}

    async def run(self) -> None:
        """Deliver until cancelled; then what is under way comes to its end."""
        try:
            with self._hub.waker() as wake:
                while True:
                    wake.clear()
                    await self._clock.wait(await to_its_end(self.deliver_due()), wake)
        finally:
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def deliver_due(self) -> datetime:
        """Deliver what can be claimed now, and say when to look again (UTC)."""
        now = self._clock.now()
        again = now + LOOK_AGAIN
        # A hold that ends later than any hold may was begun before the clock was set back.
        latest = now + self._bundle_window
        self._held = {bundle: until for bundle, until in self._held.items() if now < until <= latest}
        try:
            await self._record_outcomes()
            async with self._store.transaction() as unit:
                room = min(limits.outbox_batch_rows_max, UNDER_WAY_MAX - len(self._under_way))
                rows = await unit.claim(now, now + limits.outbox_lease, room, self._held) if room > 0 else []
            self._hold(rows, now)
            await self._begin(rows)
            if rows:
                return now
            async with self._store.reading() as reader:
                next_at = await reader.next_outbox_at(self._held)
        except (StoreUnavailableError, ConflictError) as error:
            log.error("the outbox cannot be read or written", reason=str(error))
            return again
        except Exception:
            # Whatever it is: an outbox that stands still until somebody notices would be worse.
            log.exception("the outbox cannot be read or written")
            return again
        return min([again, *([next_at] if next_at else []), *self._held.values()])

    async def _begin(self, rows: Sequence[OutboxRow]) -> None:
        """Carry rows, and wait for them for a moment.

        Raises:
            StoreUnavailableError: the result of one of them could not be recorded.
        """
        begun = [asyncio.create_task(self._carry(bundle)) for bundle in bundles(rows)]
        if not begun:
            return
        self._under_way.update(begun)
        for task in begun:
            task.add_done_callback(self._ended)
        done, _ = await asyncio.wait(begun, timeout=PATIENCE.total_seconds())
        for failed in [task.exception() for task in done]:
            if failed is not None:
                raise failed

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the result of a delivery could not be recorded", reason=str(error))

    def _hold(self, rows: Sequence[OutboxRow], now: datetime) -> None:
        """Let further pages to the same person over the same method gather for a moment."""
        for row in rows:
            if isinstance(row.effect, Send) and row.effect.bundle:
                self._held[row.effect.bundle] = now + self._bundle_window

    async def _carry(self, bundle: Sequence[OutboxRow]) -> None:
        try:
            if isinstance(bundle[0].effect, RaiseAlert):
                await self._raise_alert(bundle[0], bundle[0].effect)
            else:
                await self._send(bundle)
        except StoreUnavailableError:
            raise
        except Exception:
            # The claim's lease brings the rows back; other rows go on meanwhile.
            log.exception("a delivery broke", key=bundle[0].key)

    async def _send(self, rows: Sequence[OutboxRow]) -> None:
        first = rows[0].effect
        assert isinstance(first, Send)
        channel = self._channels.get(first.channel)
        try:
            if channel is None:
                mend = "set it up in the settings, or change the roster"
                raise DeliveryError(f"there is no channel {first.channel!r}", retry=False, mend=mend)
            said = await _attempt(channel, await self._outgoing(rows))
        except DeliveryError as error:
            await self._failed(rows, error)
        else:
            await self._finish_all([(row, OutboxStatus.DELIVERED, said) for row in rows])

    async def _outgoing(self, rows: Sequence[OutboxRow]) -> Outgoing:
        first = rows[0].effect
        assert isinstance(first, Send)
        link = await self._links.for_send(first)
        letter = first.letter
        if len(rows) > 1:
            letter = await self._bundled(rows)
        return Outgoing(
            key=key_of(rows),
            address=first.address,
            letter=letter,
            incident=first.incident,
            # A reporter is not told which incident theirs became.
            thread=first.to if first.kind is EffectKind.RECEIPT else first.incident,
            urgent=first.urgent,
            link=link if first.kind is not EffectKind.MESSAGE else None,
        )

    async def _bundled(self, rows: Sequence[OutboxRow]) -> Letter:
        lines: list[str] = []
        for row in rows:
            assert isinstance(row.effect, Send)
            link = await self._links.for_send(row.effect)
            lines += [row.effect.letter.subject, *row.effect.letter.lines, f"Acknowledge: {link}", ""]
        first = rows[0].effect
        assert isinstance(first, Send)
        return Letter(subject=f"{first.letter.subject} (and {len(rows) - 1} more)", lines=tuple(lines[:-1]))

    async def _failed(self, rows: Sequence[OutboxRow], error: DeliveryError) -> None:
        detail = f"{error.reason}; {error.mend}" if error.mend else error.reason
        # One draw for all of a bundle, so that it comes back together, and then under the same key.
        jitter = self._randomness.jitter()
        for row in rows:
            if error.retry and row.attempts < limits.delivery_attempts_max:
                log.warning("a delivery failed and is tried again", key=row.key, reason=error.reason)
                await self._retry(row, detail, jitter)
            else:
                log.error("a delivery failed for good", key=row.key, reason=error.reason)
                await self._finish(row, OutboxStatus.FAILED, detail)

    async def _retry(self, row: OutboxRow, detail: str, jitter: float) -> None:
        at = self._clock.now()
        retry_at = at + back_off(row.attempts, jitter)

        async def postpone(unit: Unit) -> None:
            await unit.finish(row.key, OutboxStatus.PENDING, at, error=detail, retry_at=retry_at)

        if row.attempts not in TOLD_ATTEMPTS:
            async with self._store.transaction() as unit:
                await postpone(unit)
            return
        await self._record(row, delivered=False, detail=detail, final=False, also=postpone)

    async def _finish_all(self, outcomes: Sequence[tuple[OutboxRow, OutboxStatus, str]]) -> None:
        """Record what was delivered. What the store does not take now is kept in mind and recorded before
        anything else is claimed: whoever was reached must not be reached again for our own trouble."""
        self._unrecorded |= {row.key: (row, status, detail) for row, status, detail in outcomes}
        for row, status, detail in outcomes:
            try:
                await self._finish(row, status, detail)
            except StoreUnavailableError:
                raise
            except Exception:
                # As after a crash: the claim's lease brings the row back, and others go on meanwhile.
                log.exception("the result of a delivery cannot be recorded", key=row.key)
            self._unrecorded.pop(row.key, None)

    async def _record_outcomes(self) -> None:
        if self._unrecorded:
            await self._finish_all(list(self._unrecorded.values()))

    async def _finish(self, row: OutboxRow, status: OutboxStatus, detail: str) -> None:
        at = self._clock.now()
        error = detail if status is OutboxStatus.FAILED else ""

        async def end(unit: Unit) -> None:
            await unit.finish(row.key, status, at, error=error)

        await self._record(
            row, delivered=status is OutboxStatus.DELIVERED, detail=detail, final=True, also=end
        )

    async def _record(self, row: OutboxRow, *, delivered: bool, detail: str, final: bool, also: Also) -> None:
        effect = row.effect
        assert isinstance(effect, Send)
        command = RecordDelivery(
            key=row.key,
            channel=effect.channel,
            to=effect.to,
            delivered=delivered,
            detail=detail[: limits.reason_chars_max],
            final=final,
            attempts=row.attempts,
        )
        try:
            await self._desk.handle(effect.incident, command, DELIVERY, also)
        except (RefusedError, UnknownIncidentError) as error:
            log.error("the result of a delivery has no incident to stand in", key=row.key, reason=str(error))
            async with self._store.transaction() as unit:
                await also(unit)

    async def _raise_alert(self, row: OutboxRow, effect: RaiseAlert) -> None:
        now = self._clock.now()
        alert = Alert(
            fingerprint=fingerprint(effect.labels),
            status=AlertStatus.FIRING,
            labels=effect.labels,
            annotations=effect.annotations,
            starts_at=effect.due_at,
            received_at=now,
            source=OWN_SOURCE,
        )
        try:
            await self._intake.take([alert])
        except IntakeFullError as error:
            retry_at = now + BACK_OFF_FIRST
            async with self._store.transaction() as unit:
                await unit.finish(row.key, OutboxStatus.PENDING, now, error=str(error), retry_at=retry_at)
            return
        async with self._store.transaction() as unit:
            await unit.finish(row.key, OutboxStatus.DELIVERED, now)


async def _attempt(channel: Channel, outgoing: Outgoing) -> str:
    """Hand something to a channel. Whatever goes wrong there is a delivery that failed, also a fault of
    the channel itself, of which no more than its kind is told, since it may hold anything.

    Raises:
        DeliveryError: it did not go out.
    """
    try:
        async with asyncio.timeout(limits.delivery_timeout.total_seconds()):
            return await channel.send(outgoing)
    except DeliveryError:
        raise
    except TimeoutError:
        seconds = int(limits.delivery_timeout.total_seconds())
        raise DeliveryError(f"no answer within {seconds} seconds", retry=True) from None
    except Exception as error:
        log.exception("a channel broke", channel=channel.kind, key=outgoing.key)
        reason = f"the channel {channel.kind!r} broke ({type(error).__name__})"
        raise DeliveryError(reason, retry=True, mend="the server's log says where") from error


def key_of(rows: Sequence[OutboxRow]) -> str:
    """The key of a delivery: the row's own, or for a bundle one that only the same bundle has. Whoever
    receives it drops what comes again, and must not drop what has joined the bundle since."""
    if len(rows) == 1:
        return rows[0].key
    every = hashlib.sha256("\n".join(row.key for row in rows).encode()).hexdigest()
    return f"{rows[0].key}+{every[:16]}"


def back_off(attempts: int, jitter: float) -> timedelta:
    """How long to wait after this many attempts: doubling from 5 s up to 5 min, up to a quarter off by
    `jitter` (0 to 1), so that many failures at once do not come back at once."""
    grown = min(BACK_OFF_FIRST * (2 ** min(attempts - 1, 10)), BACK_OFF_MOST)
    return grown * (1 - jitter / 4)


def bundles(rows: Sequence[OutboxRow]) -> list[list[OutboxRow]]:
    """Rows that go out as one, in the order of the first of each."""
    found: dict[str, list[OutboxRow]] = {}
    for row in rows:
        bundle = row.effect.bundle if isinstance(row.effect, Send) else ""
        found.setdefault(bundle or row.key, []).append(row)
    return list(found.values())
