"""Requests of senders that come twice, or too late: recognised, and answered without keeping them again.

A delivery is noted after its alerts are kept, so that a crash in between leads to keeping them once more,
and never to losing them.
"""

import asyncio
import hashlib
from datetime import datetime, timedelta

import msgspec
import structlog

from tocsin.base.problems import Problem, Weight
from tocsin.engine.intake import Intake, Taken
from tocsin.engine.ports import Clock, ConflictError, Store, StoreUnavailableError
from tocsin.engine.sources import Parsed

log = structlog.get_logger(__name__)

DELIVERY_KEPT_FOR = timedelta(days=1)
LAST_WORD_KEPT_FOR = timedelta(days=90)
FORGOTTEN_EVERY = timedelta(minutes=10)
TURNS = 64
"""How many alerts with an order may be kept at the same time; those of one turn wait for each other."""


class KnownDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was kept: the kind of its source, the sender's identifier of it, how many alerts were
    kept, and when (UTC)."""

    kind: str
    id: str
    kept: int
    at: datetime


class LastWord(msgspec.Struct, frozen=True, kw_only=True):
    """The place in its sender's order of the last request that was kept about an alert."""

    fingerprint: str
    sequence: str
    at: datetime


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request. `note` says why nothing was kept of one that came twice or too late."""

    taken: list[Taken]
    note: Problem | None = None


class Deliveries:
    """Keeps the alerts of requests, each delivery once."""

    def __init__(self, store: Store, clock: Clock, intake: Intake) -> None:
        self._store = store
        self._clock = clock
        self._intake = intake
        self._turns = tuple(asyncio.Lock() for _ in range(TURNS))
        self._forget_at: datetime | None = None

    async def take(self, kind: str, parsed: Parsed) -> Outcome:
        """Keep the alerts of a request of this kind of source, unless it was kept before or overtaken.

        Raises:
            IntakeFullError: too much is waiting.
            StoreUnavailableError: they could not be kept.
        """
        if not parsed.alerts or not (parsed.delivery or parsed.sequence):
            return Outcome(taken=await self._intake.take(parsed.alerts))
        if not parsed.sequence:
            return await self._take(kind, parsed)
        # Of two requests at the same time the later in order must not be kept first.
        async with self._turns[hash(parsed.alerts[0].fingerprint) % TURNS]:
            return await self._take(kind, parsed)

    async def _take(self, kind: str, parsed: Parsed) -> Outcome:
        if note := await self._known(kind, parsed):
            return Outcome(taken=[], note=note)
        taken = await self._intake.take(parsed.alerts)
        try:
            await self._note(kind, parsed, len(taken))
        except (StoreUnavailableError, ConflictError) as error:
            log.warning("a delivery could not be noted; sent again, it is kept again", reason=str(error))
        return Outcome(taken=taken)

    async def _known(self, kind: str, parsed: Parsed) -> Problem | None:
        async with self._store.reading() as reader:
            if parsed.delivery:
                known = await reader.kept(KnownDelivery, delivery_key(kind, parsed.delivery))
                if known is not None and self._clock.now() - known.at < DELIVERY_KEPT_FOR:
                    message = f"This delivery was kept before, at {known.at:%Y-%m-%d %H:%M:%S} UTC."
                    return _note("seen-before", message)
            if not parsed.sequence:
                return None
            for alert in parsed.alerts:
                last = await reader.kept(LastWord, alert.fingerprint)
                if last is None or last.sequence <= parsed.sequence:
                    return None
        return _note("overtaken", "A later request about the same was kept before.")

    async def _note(self, kind: str, parsed: Parsed, kept: int) -> None:
        now = self._clock.now()
        async with self._store.transaction() as unit:
            if parsed.delivery:
                known = KnownDelivery(kind=kind, id=parsed.delivery[:512], kept=kept, at=now)
                await unit.keep(delivery_key(kind, parsed.delivery), known, now)
            for alert in parsed.alerts if parsed.sequence else ():
                last = await unit.kept(LastWord, alert.fingerprint)
                if last is None or last.sequence <= parsed.sequence:
                    word = LastWord(fingerprint=alert.fingerprint, sequence=parsed.sequence, at=now)
                    await unit.keep(alert.fingerprint, word, now)
            if self._forget_at is None or now >= self._forget_at:
                await unit.forget_before(KnownDelivery, now - DELIVERY_KEPT_FOR)
                await unit.forget_before(LastWord, now - LAST_WORD_KEPT_FOR)
                self._forget_at = now + FORGOTTEN_EVERY


def delivery_key(kind: str, delivery: str) -> str:
    """The key of a delivery's record; identifiers of senders may be long or hold anything."""
    return f"{kind}/{hashlib.sha256(delivery.encode(errors='replace')).hexdigest()}"


def _note(code: str, message: str) -> Problem:
    return Problem(code=code, message=message, mend="Nothing needs to be done.", severity=Weight.INFO)
