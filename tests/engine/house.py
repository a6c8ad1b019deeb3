"""The real engine over the store in memory, with a clock, channels and failures that a test decides."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from tests.core.sample import PLAYBOOK, ROSTER, START
from tocsin.adapters.store.memory import MemoryStore
from tocsin.alerts.model import Alert
from tocsin.base.ids import IncidentId, PersonId
from tocsin.engine.engine import Engine, assemble
from tocsin.engine.intake import Taken
from tocsin.engine.library import Document
from tocsin.engine.records import OutboxRow, OutboxStatus
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident.evolve import fold
from tocsin.incident.rules import Clocks
from tocsin.incident.state import Incident
from tocsin.oncall.model import Roster
from tocsin.playbook.model import Playbook
from tocsin.testing.fakes import ManualClock, RecordingChannel, SequenceRandomness

WINDOW = timedelta(seconds=10)


def document(playbook: Playbook = PLAYBOOK, hash: str = "ab" * 32, name: str = "sample.md") -> Document:
    return Document(name=name, content=f"the bytes of {hash}".encode(), hash=hash, playbook=playbook)


def actor(person: str) -> e.Actor:
    return e.Actor(e.ActorKind.PERSON, person, person.title())


class House:
    """An engine with its parts in reach. `fail` says which step of the store raises what, and how often."""

    def __init__(self, roster: Roster = ROSTER, current: Document | None = None) -> None:
        self.clock = ManualClock(START)
        self.steps: Counter[str] = Counter()
        self.failures: dict[str, list[Exception | None]] = {}
        self.on_step: Callable[[str], None] = lambda step: None
        self.outbox = RecordingChannel("outbox")
        self.email = RecordingChannel("email")
        self.memory = MemoryStore(fold, on_step=self._step)
        self.engine: Engine = assemble(
            store=self.memory,
            clock=self.clock,
            randomness=SequenceRandomness(),
            document=current or document(),
            roster=roster,
            clocks=Clocks(),
            channels={"outbox": self.outbox, "email": self.email},
            public_url="https://tocsin.example/",
            bundle_window=WINDOW,
        )

    def _step(self, step: str) -> None:
        self.steps[step] += 1
        self.on_step(step)
        waiting = self.failures.get(step)
        failure = waiting.pop(0) if waiting else None
        if failure is not None:
            raise failure

    def fail(self, step: str, *failures: Exception | None) -> None:
        """Raise these, one a time, when the store comes to this step; None lets one through."""
        self.failures[step] = list(failures)

    async def declare(self, title: str = "VaultSealed", level: str | None = None) -> Incident:
        command = c.Declare(title=title, level=level)  # type: ignore[arg-type]
        return (await self.engine.desk.open(command, actor("anna"))).incident

    async def ask(self, incident: str, command: c.Command, person: str = "anna") -> Incident:
        answer = await self.engine.desk.handle(IncidentId(incident), command, actor(person))
        return answer.incident

    async def acknowledge(self, incident: str, person: str = "anna") -> Incident:
        return await self.ask(incident, c.Acknowledge(person=PersonId(person)), person)

    async def take(self, *alerts: Alert) -> list[Taken]:
        """Let the intake run for one request."""
        async with self.taking():
            return await self.engine.intake.take(alerts)

    @asynccontextmanager
    async def taking(self) -> AsyncGenerator[asyncio.Task[None], None]:
        """The intake's loop, stopped in good order afterwards."""
        loop = asyncio.create_task(self.engine.intake.run())
        try:
            yield loop
        finally:
            loop.cancel()
            await asyncio.gather(loop, return_exceptions=True)

    async def deliver(self, after: timedelta = timedelta(0)) -> None:
        """Let time pass, and deliver until nothing can be claimed any more."""
        self.clock.advance(after)
        async with self.taking():
            for _ in range(50):
                if await self.engine.delivery.deliver_due() > self.clock.now():
                    return
        raise AssertionError("the delivery comes to no rest")

    async def incident(self, incident: str) -> Incident:
        async with self.memory.reading() as reader:
            found = await reader.incident(IncidentId(incident))
        assert found is not None
        return found

    async def rows(self, status: OutboxStatus | None = None) -> list[OutboxRow]:
        """The outbox, oldest first."""
        async with self.memory.reading() as reader:
            return list(reversed(await reader.outbox(status, limit=10_000)))

    async def entries(self, incident: str, *kinds: type[e.Event]) -> list[e.Entry]:
        async with self.memory.reading() as reader:
            chained = await reader.timeline(IncidentId(incident))
        return [each.entry for each in chained if not kinds or isinstance(each.entry.event, kinds)]


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop turn until something holds, which it must soon."""
    for _ in range(2000):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")
