"""Probes at work: each is looked at in its own time, a bounded number at once, and what fails is told."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import structlog
from msgspec.structs import replace

from tocsin.alerts import probes as rules
from tocsin.alerts.probes import Found, FromPlaybook, HttpCheck, Looked, Probe
from tocsin.base import limits
from tocsin.base.ids import slug
from tocsin.engine.intake import Intake, IntakeFullError
from tocsin.engine.library import Library
from tocsin.engine.outside import Prober
from tocsin.engine.ports import Clock, ConflictError, Randomness, Store, StoreUnavailableError
from tocsin.engine.steady import to_its_end
from tocsin.playbook.health import health_checks

log = structlog.get_logger(__name__)

REVIEW_EVERY = timedelta(seconds=30)
"""How often the playbook is asked for its health checks, where that is allowed."""

JITTER_SHARE = 0.1
"""Looks come earlier or later by up to this share, so that they do not all fall together."""

FIRST_WITHIN = timedelta(seconds=30)
"""The first looks after a start are spread over this time."""

_PASSING = (StoreUnavailableError, ConflictError, IntakeFullError)


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A probe as it is shown."""

    probe: Probe
    looked: Looked


class Probes:
    """Every probe of the settings, and those of the playbook where that is allowed."""

    def __init__(
        self, store: Store, clock: Clock, randomness: Randomness, intake: Intake, library: Library
    ) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness
        self._intake = intake
        self._library = library
        self._prober: Prober | None = None
        self._set: tuple[Probe, ...] = ()
        self._from_playbook = FromPlaybook()
        self._looked: dict[str, Looked] = {}
        self._at_once = asyncio.Semaphore(limits.probes_at_once_max)

    def follow(
        self, probes: Sequence[Probe], prober: Prober, from_playbook: FromPlaybook | None = None
    ) -> None:
        """Look at these; before the start."""
        self._set = tuple(probes)
        self._prober = prober
        self._from_playbook = from_playbook or FromPlaybook()

    def wanted(self) -> tuple[Probe, ...]:
        """All there are now, those of the settings first."""
        if not self._from_playbook.allowed:
            return self._set
        taken = {each.check.url for each in self._set if isinstance(each.check, HttpCheck)}
        urls = health_checks(self._library.rules().playbook, self._from_playbook.base_url)
        names = {each.name for each in self._set}
        found: list[Probe] = []
        for url in urls[: limits.probes_max - len(self._set)]:
            name = f"playbook-{slug(url.partition('://')[2])}"[:80]
            if url not in taken and name not in names:
                found.append(Probe(name=name, check=HttpCheck(url=url), target=url.partition("?")[0]))
        return (*self._set, *found)

    async def list(self) -> list[Shown]:
        """Every probe with what is known of it, those in trouble first, then by name.

        Raises:
            StoreUnavailableError: what is kept cannot be read.
        """
        async with self._store.reading() as reader:
            kept = {each.name: each for each in await reader.all_kept(Looked, limits.probes_max * 2)}
        found = [
            Shown(
                probe=each,
                looked=self._looked.get(each.name) or kept.get(each.name) or Looked(name=each.name),
            )
            for each in self.wanted()
        ]
        return sorted(found, key=lambda each: (not each.looked.alerting, each.probe.name))

    def latest(self) -> dict[str, Looked]:
        """What is known of those that were looked at since the start, by name."""
        return dict(self._looked)

    async def run(self) -> None:
        """Look until cancelled. A probe whose own loop fails ends this one too, so that it is noticed."""
        running: dict[str, tuple[Probe, asyncio.Task[None]]] = {}
        try:
            while True:
                await self._drop_unknown()
                wanted = {each.name: each for each in self.wanted()}
                for name in [each for each, (probe, _) in running.items() if wanted.get(each) != probe]:
                    running.pop(name)[1].cancel()
                for name in wanted.keys() - running.keys():
                    running[name] = (wanted[name], asyncio.create_task(self._follow(wanted[name])))
                await self._clock_or_end([task for _, task in running.values()])
        finally:
            for _, task in running.values():
                task.cancel()
            await asyncio.gather(*(task for _, task in running.values()), return_exceptions=True)

    async def _clock_or_end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        review = asyncio.create_task(self._clock.wait(self._clock.now() + REVIEW_EVERY, asyncio.Event()))
        try:
            done, _ = await asyncio.wait((review, *tasks), return_when=asyncio.FIRST_COMPLETED)
        finally:
            review.cancel()
        for task in done - {review}:
            # None of these loops ends by itself: it has failed, and this raises why.
            task.result()

    async def _follow(self, probe: Probe) -> None:
        await self._pause(min(probe.every, FIRST_WITHIN) * self._randomness.jitter())
        while True:
            await self.look(probe)
            await self._pause(probe.every * (1 + JITTER_SHARE * (2 * self._randomness.jitter() - 1)))

    async def _pause(self, span: timedelta) -> None:
        await self._clock.wait(self._clock.now() + span, asyncio.Event())

    async def look(self, probe: Probe) -> Looked:
        """Look at one now, keep what was found, and raise or clear its alert."""
        async with self._at_once:
            found = await self._found(probe)
        return await to_its_end(self._settle(probe, found))

    async def _found(self, probe: Probe) -> Found:
        assert self._prober is not None, "probes are followed with a prober"
        began = self._clock.now()
        try:
            async with asyncio.timeout(probe.timeout.total_seconds()):
                reason = await self._prober.look(probe)
        except TimeoutError:
            reason = f"no answer within {probe.timeout.total_seconds():g} s"
        except Exception:
            # A fault of ours in one look must not end all others; it counts as a failure of the probe.
            log.exception("a probe could not look", probe=probe.name)
            reason = "the look itself failed; the server's log says why"
        now = self._clock.now()
        return Found(at=now, reason=reason, took=max(now - began, timedelta(0)))

    async def _settle(self, probe: Probe, found: Found) -> Looked:
        looked = self._looked.get(probe.name)
        try:
            if looked is None:
                async with self._store.reading() as reader:
                    looked = await reader.kept(Looked, probe.name)
            looked = rules.after(probe, looked or Looked(name=probe.name), found)
            self._looked[probe.name] = looked
            wanted = rules.wants_alert(probe, looked)
            if wanted != looked.alerting:
                await self._intake.take([rules.alert_of(probe, looked, self._clock.now())])
                log.info("a probe changed", probe=probe.name, failing=wanted)
                looked = replace(looked, alerting=wanted)
                self._looked[probe.name] = looked
            async with self._store.transaction() as unit:
                await unit.keep(probe.name, looked, found.at)
        except _PASSING as error:
            log.error("what a probe found waits", probe=probe.name, reason=str(error))
        return looked or Looked(name=probe.name)

    async def _drop_unknown(self) -> None:
        """Forget the probes that there are no more, and clear their alerts."""
        wanted, now = {each.name for each in self.wanted()}, self._clock.now()
        try:
            async with self._store.reading() as reader:
                kept = await reader.all_kept(Looked, limits.probes_max * 2)
            for each in kept:
                if each.name in wanted:
                    continue
                if each.alerting:
                    await self._intake.take([rules.gone(each.name, now)])
                async with self._store.transaction() as unit:
                    await unit.forget(Looked, each.name)
                self._looked.pop(each.name, None)
        except _PASSING as error:
            log.error("probes that are gone are cleared later", reason=str(error))
