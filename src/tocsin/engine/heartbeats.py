"""Heartbeats at work: pings are taken in and kept, and silence becomes an alert.

A ping counts from the moment it comes, even while the store is away; only its answer waits for the store.
Times in which nothing could be heard (the server was down, the machine slept, its clock was set) are
noticed by the trace that the listening leaves, and excuse what they hid.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hmac import compare_digest

import msgspec
import structlog
from msgspec.structs import replace

from tocsin.alerts import heartbeats as rules
from tocsin.alerts.heartbeats import Beat, Gap, Heartbeat, Said, Standing
from tocsin.base import limits
from tocsin.base.redact import redacted_text
from tocsin.engine.intake import Intake, IntakeFullError
from tocsin.engine.ports import Clock, ConflictError, Reader, Store, StoreUnavailableError
from tocsin.engine.steady import to_its_end

log = structlog.get_logger(__name__)

LOOK = timedelta(seconds=10)
"""How often all are looked at, and how late an alert may be."""

GAP_LEAST = timedelta(seconds=60)
"""So much longer than planned between two looks is a time in which nobody listened."""

GAPS_KEPT = 20
TRACE_EVERY = timedelta(seconds=30)
SAME_PING = timedelta(seconds=1)
"""A repetition this soon is not written again."""

READ_CHARS_MAX = 65_536
"""Of an output so much is searched for secrets; less of it is kept."""

_PASSING = (StoreUnavailableError, ConflictError, IntakeFullError)


class Hearing(msgspec.Struct, frozen=True, kw_only=True):
    """The trace of the listening: until when pings could be received for certain, and the last gaps."""

    at: datetime
    gaps: tuple[Gap, ...] = ()

    def after(self, gap: Gap) -> "Hearing":
        """The same after one more gap."""
        return Hearing(at=gap.until, gaps=(*self.gaps, gap)[-GAPS_KEPT:])


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """A heartbeat as it is shown."""

    heartbeat: Heartbeat
    beat: Beat
    standing: Standing


class Heartbeats:
    """Every heartbeat of the settings. Nothing is watched before `follow`, no silence noticed before
    `run`."""

    def __init__(self, store: Store, clock: Clock, intake: Intake) -> None:
        self._store = store
        self._clock = clock
        self._intake = intake
        self._known: dict[str, Heartbeat] = {}
        self._beats: dict[str, Beat] = {}
        self._unkept: set[str] = set()
        self._lock = asyncio.Lock()
        self._hearing: Hearing | None = None
        self._trace_at: datetime | None = None

    def follow(self, heartbeats: Sequence[Heartbeat]) -> None:
        """Watch these; before the start."""
        self._known = {each.name: each for each in heartbeats}

    def is_key(self, name: str, key: str) -> bool:
        """Whether this is the secret in the address of a heartbeat that has one."""
        known = self._known.get(name)
        own = known.key if known else ""
        return bool(own) and compare_digest(own.encode(), key.encode(errors="replace"))

    async def ping(self, name: str, by: str, said: Said = Said.ALIVE, output: str = "") -> bool:
        """Take a ping in, from `by` (an address or a name, for people); False where there is no such
        heartbeat. `output` is bounded, and what looks like a secret in it is taken out.

        Raises:
            StoreUnavailableError: it was heard, but could not be kept.
        """
        heartbeat = self._known.get(name)
        if heartbeat is None:
            return False
        async with self._lock:
            await self._refresh(name)
            now = self._clock.now()
            before = self._beats[name]
            beat = rules.heard(before, said, now, by[:200], _bounded(output))
            self._beats[name] = beat
            if not _is_repetition(before, beat):
                await self._keep(beat)
            try:
                await self._settle(heartbeat, again=said is Said.FAIL)
            except _PASSING as error:
                # The ping is kept; the loop tells of it as soon as that can be taken in.
                log.warning("the alert of a heartbeat waits", heartbeat=name, reason=str(error))
        return True

    async def list(self) -> list[Watched]:
        """Every heartbeat as it stands now, those in trouble first, then by name.

        Raises:
            StoreUnavailableError: what is kept cannot be read.
        """
        async with self._lock:
            await self._load()
            now = self._clock.now()
            found = [
                Watched(heartbeat=each, beat=self._beats[each.name], standing=self._stands(each, now))
                for each in self._known.values()
            ]
        return sorted(found, key=lambda each: (not each.standing.is_down, each.heartbeat.name))

    def count(self, now: datetime) -> dict[rules.BeatState, int]:
        """How many are in each state, as far as they were looked at."""
        counted = dict.fromkeys(rules.BeatState, 0)
        for each in self._known.values():
            if each.name in self._beats:
                counted[self._stands(each, now).state] += 1
        return counted

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await self._clock.wait(await to_its_end(self.look()), asyncio.Event())

    async def look(self) -> datetime:
        """Raise and clear what is to be, and say when to look again (UTC).

        A store that is away, or a full intake, is logged and left for the next look.
        """
        async with self._lock:
            now = self._clock.now()
            try:
                await self._load()
                # Time has passed while that was read, and this must not look like a clock set back.
                now = self._clock.now()
                await self._listened(now)
                for heartbeat in self._known.values():
                    await self._settle(heartbeat)
            except _PASSING as error:
                log.error("the heartbeats cannot be looked after", reason=str(error))
            due = [
                self._stands(each, now).deadline for each in self._known.values() if each.name in self._beats
            ]
        return min([now + LOOK, *(each for each in due if each > now)])

    def _stands(self, heartbeat: Heartbeat, now: datetime) -> Standing:
        gaps = self._hearing.gaps if self._hearing else ()
        return rules.standing(heartbeat, self._beats[heartbeat.name], gaps, now)

    async def _load(self) -> None:
        """Read what is kept, at the first time and whenever the loop looks: another server may have heard."""
        now = self._clock.now()
        async with self._store.reading() as reader:
            kept = await reader.all_kept(Beat, limits.heartbeats_max)
            if self._hearing is None:
                self._hearing = await self._resume(reader, now)
        for beat in kept:
            own = self._beats.get(beat.name)
            if own is None or own.changed_at < beat.changed_at <= now:
                self._beats[beat.name] = rules.set_back(beat, now)
        for name in self._known:
            if name not in self._beats:
                beat = Beat(name=name, since=now, changed_at=now)
                self._beats[name] = beat
                self._unkept.add(name)

    async def _refresh(self, name: str) -> None:
        """Read what is kept of one. Once it is known, a store that is away keeps no ping from counting."""
        if name not in self._beats:
            await self._load()
            return
        with suppress(StoreUnavailableError):
            async with self._store.reading() as reader:
                kept = await reader.kept(Beat, name)
            if kept is not None and self._beats[name].changed_at < kept.changed_at <= self._clock.now():
                self._beats[name] = kept

    async def _resume(self, reader: Reader, now: datetime) -> Hearing:
        """After a start: nothing was heard since the trace that the last run left."""
        last = await reader.kept(Hearing, "")
        if last is None:
            return Hearing(at=now)
        known = tuple(gap for gap in last.gaps if gap.until <= now)
        return Hearing(at=now, gaps=known).after(Gap(min(last.at, now), now))

    async def _listened(self, now: datetime) -> None:
        """Leave a trace, notice a gap, and keep what could not be kept before."""
        assert self._hearing is not None, "what is kept was loaded"
        last = self._hearing.at
        if now < last:
            self._beats = {name: rules.set_back(beat, now) for name, beat in self._beats.items()}
            self._unkept |= set(self._known)
            self._trace_at = None
        if now - last > LOOK + GAP_LEAST:
            log.warning("nothing was heard for a while", since=last.isoformat(), until=now.isoformat())
            self._hearing = self._hearing.after(Gap(last, now))
        else:
            known = tuple(gap for gap in self._hearing.gaps if gap.until <= now)
            self._hearing = Hearing(at=now, gaps=known)
        for name in sorted(self._unkept & set(self._known)):
            await self._keep(self._beats[name])
        await self._drop_unknown(now)
        if self._known and (self._trace_at is None or now - self._trace_at >= TRACE_EVERY):
            async with self._store.transaction() as unit:
                await unit.keep("", self._hearing, now)
            self._trace_at = now

    async def _drop_unknown(self, now: datetime) -> None:
        """Forget what the settings do not name any more, and clear its alert."""
        for name in [each for each in self._beats if each not in self._known]:
            if self._beats[name].alerting:
                await self._intake.take([rules.gone(name, now)])
            async with self._store.transaction() as unit:
                await unit.forget(Beat, name)
            del self._beats[name]

    async def _settle(self, heartbeat: Heartbeat, again: bool = False) -> None:
        """Raise or clear the alert, where it does not say what is the case. The alert is kept before it is
        noted that it was: whatever stops in between, it is told twice rather than never."""
        now = self._clock.now()
        beat, stands = self._beats[heartbeat.name], self._stands(heartbeat, now)
        if stands.is_down == beat.alerting and not (stands.is_down and again):
            return
        await self._intake.take([rules.alert_of(heartbeat, beat, stands, now)])
        log.info("a heartbeat changed", heartbeat=heartbeat.name, state=stands.state.value)
        if beat.alerting != stands.is_down:
            settled = replace(beat, alerting=stands.is_down, changed_at=now)
            self._beats[heartbeat.name] = settled
            await self._keep(settled)

    async def _keep(self, beat: Beat) -> None:
        self._unkept.add(beat.name)
        async with self._store.transaction() as unit:
            await unit.keep(beat.name, beat, beat.changed_at)
        self._unkept.discard(beat.name)


def _bounded(output: str) -> str:
    """The end of an output, where what went wrong usually stands, without what looks like a secret."""
    end = output[-READ_CHARS_MAX:]
    text = "".join(each if each.isprintable() or each in "\n\t" else "?" for each in end).strip()
    return redacted_text(text)[-limits.heartbeat_output_chars_max :]


def _is_repetition(before: Beat, beat: Beat) -> bool:
    if before.heard_at is None or beat.heard_at is None or before.began_at or beat.began_at:
        return False
    same = before.failed == beat.failed and before.output == beat.output
    return same and beat.heard_at - before.heard_at < SAME_PING and not before.alerting
