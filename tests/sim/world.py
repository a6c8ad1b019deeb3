"""A world in which one seed decides everything: what is asked, what fails, when the process dies, what
the clock does. The parts under test are the real core and the real engine over a real store."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from tests.core.sample import PLAYBOOK, ROSTER, alert
from tests.sim.auditor import Auditor
from tocsin.alerts.matchers import Matcher, Operator, parse_matchers
from tocsin.alerts.model import Alert, AlertStatus
from tocsin.alerts.recurrence import parse_words
from tocsin.alerts.rules import InhibitRule, NoiseRules, StormRule, Window
from tocsin.base.ids import LevelId, PersonId
from tocsin.engine.desk import RefusedError, UnknownIncidentError
from tocsin.engine.engine import Engine, assemble
from tocsin.engine.library import Document
from tocsin.engine.ports import DeliveryError, Outgoing, Store, StoreUnavailableError
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident.rules import Clocks
from tocsin.incident.state import Incident
from tocsin.oncall.model import Roster
from tocsin.playbook.model import MessageKind, Options

ALERTS = ("VaultSealed", "WorkerFailing", "UiGlitch", "SecurityBreach", "HighErrorRate", "InfoOnly")
START = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)
"""The evening before summer time begins in most of Europe."""


NOISY = replace(
    PLAYBOOK,
    options=Options(
        noise=NoiseRules(
            maintenance=(
                Window(
                    name="night work",
                    matchers=parse_matchers('alertname="HighErrorRate"'),
                    start=parse_words("every day 01:30 for 2h")[0],
                    lasts=timedelta(hours=2),
                    zone="Europe/Paris",
                    text="every day 01:30 for 2h",
                ),
            ),
            inhibit=(
                InhibitRule(
                    source=parse_matchers('alertname="VaultSealed"'),
                    target=parse_matchers('alertname="WorkerFailing"'),
                    equal=("service",),
                ),
            ),
            depends_on={"web": ("api",), "api": ("db",)},
            group_window=timedelta(hours=2),
            auto_resolve={LevelId("P3"): timedelta(minutes=15), LevelId("P4"): timedelta(minutes=5)},
            storm=StormRule(incidents=2, within=timedelta(minutes=10)),
        )
    ),
)
"""The same playbook with every rule about noise, each of which has its turn in a short life."""


class Crash(BaseException):
    """The process dies here. It is no Exception, so that nothing in the program can catch it."""


class WorldClock:
    """Time as the world's seed moves it; it may be set back."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    async def wait(self, until: datetime | None, wake: asyncio.Event) -> None:
        await asyncio.Event().wait()


class WorldRandomness:
    """Chance out of the world's seed."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def secret(self) -> str:
        return f"{self.rng.getrandbits(256):064x}"

    def jitter(self) -> float:
        return self.rng.random()


class WorldChannel:
    """A channel that fails as the world wants it to, and tells the auditor of every delivery."""

    def __init__(self, kind: str, world: "World") -> None:
        self.kind = kind
        self.world = world

    def check(self, address: str) -> str | None:
        return None

    async def send(self, outgoing: Outgoing) -> str:
        self.world.step(f"send {self.kind}")
        await asyncio.sleep(0)
        mood = self.world.mood.get(self.kind, "fine")
        if mood == "down":
            raise DeliveryError("the mail server is down", retry=True)
        if mood == "refusing":
            raise DeliveryError("the address is refused", retry=False)
        self.world.auditor.delivered(outgoing.key, self.world.lives)
        self.world.step(f"sent {self.kind}")
        return "ok"

    async def close(self) -> None:
        return None


class World:
    """Everything of one run. `open_store` gives a store on the same data each time it is called."""

    def __init__(self, seed: int, open_store: Callable[[Callable[[str], None]], Awaitable[Store]]) -> None:
        self.rng = random.Random(seed)
        self.open_store = open_store
        self.clock = WorldClock()
        self.auditor = Auditor(lambda: self.playbook)
        self.mood: dict[str, str] = {}
        self.lives = 0
        self.fuse: int | None = None
        self.dead = False
        self.roster = ROSTER
        self.playbook = NOISY if seed % 3 else PLAYBOOK
        self.engine: Engine | None = None
        self.log: list[str] = []
        self.faults = True

    def step(self, what: str) -> None:
        """Called between any two operations of the store, and around every delivery."""
        if self.dead:
            raise Crash(what)
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse <= 0:
                self.dead = True
                self.log.append(f"{self.clock.at} dies at {what}")
                raise Crash(what)

    async def boot(self) -> Engine:
        """Start the process (again) on the same data."""
        self.dead, self.fuse = False, None
        self.lives += 1
        document = Document(name="sim.md", content=b"sim", hash="ab" * 32, playbook=self.playbook)
        self.engine = assemble(
            store=await self.open_store(self.step),
            clock=self.clock,
            randomness=WorldRandomness(self.rng),
            document=document,
            roster=self.roster,
            clocks=Clocks(),
            channels={kind: WorldChannel(kind, self) for kind in ("outbox", "email")},
            public_url="http://localhost",
            bundle_window=timedelta(seconds=10),
        )
        await self.engine.catch_up()
        return self.engine

    async def run(self, turns: int) -> None:
        """The safety phase: anything may happen, nothing may be wrong; then the world heals."""
        await self.boot()
        for _ in range(turns):
            await self.turn()
        await self.heal()
        assert self.engine is not None
        await self.engine.store.close()

    async def turn(self) -> None:
        engine = self.engine
        assert engine is not None
        if self.faults and self.rng.random() < 0.15:
            self.fuse = self.rng.randint(1, 60)
        try:
            for action in self.rng.sample([self.act, self.tick, self.deliver, self.look], 4):
                await action()
        except Crash:
            await self.bury(asyncio.all_tasks() - {asyncio.current_task()})
            await engine.store.close()
            engine = await self.boot()
        self.fuse = None
        await self.auditor.audit(engine, self.clock.at)
        self.move_clock()

    async def bury(self, others: set[Any]) -> None:
        """Let what still ran beside it die: at its next step, or at once where it waits for an answer that
        nobody gives any more. The store's own tasks are never torn from a connection."""
        for task in others:
            if task.get_coro().__qualname__ in ("Delivery._carry", "Intake.take", "Replacing.look"):
                task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def move_clock(self) -> None:
        draw = self.rng.random()
        if self.faults and draw < 0.03:
            self.clock.at -= timedelta(minutes=self.rng.randint(1, 90))
        elif draw < 0.1:
            self.clock.at += timedelta(hours=self.rng.randint(1, 30))
        else:
            self.clock.at += timedelta(seconds=self.rng.randint(0, 400))

    async def tick(self) -> None:
        assert self.engine is not None
        await self.engine.clockwork.pass_time()

    async def look(self) -> None:
        """Ask again about what was kept back, and now and then make or end a silence."""
        engine = self.engine
        assert engine is not None
        with suppress(StoreUnavailableError):
            draw = self.rng.random()
            actor = e.Actor(e.ActorKind.PERSON, "anna", "Anna")
            if self.faults and draw < 0.08:
                matcher = Matcher("service", Operator.EQUAL, self.rng.choice(["api", "web", "db"]))
                ends_at = self.clock.at + timedelta(minutes=self.rng.randint(1, 200))
                await engine.silencing.create([matcher], None, ends_at, "a test", actor)
            elif draw < 0.12:
                for silence in await engine.silencing.list():
                    await engine.silencing.expire(silence.id, actor)
        await self.beside_intake([asyncio.create_task(engine.replacing.look())])

    async def deliver(self) -> None:
        assert self.engine is not None
        if self.faults and self.rng.random() < 0.1:
            kind = self.rng.choice(["outbox", "email"])
            self.mood[kind] = self.rng.choice(["fine", "fine", "down", "refusing"])
        await self.beside_intake([asyncio.create_task(self.engine.delivery.deliver_due())])

    async def beside_intake(self, tasks: list[asyncio.Task[Any]]) -> None:
        """Run tasks while the intake runs. Where a task or the intake dies, the process does."""
        assert self.engine is not None
        intake = asyncio.create_task(self.engine.intake.run())
        try:
            waiting: set[asyncio.Task[Any]] = {*tasks, intake}
            while not intake.done() and not all(task.done() for task in tasks):
                await asyncio.wait(
                    waiting - {task for task in waiting if task.done()}, return_when="FIRST_COMPLETED"
                )
        finally:
            for task in (intake, *tasks):
                task.cancel()
            await asyncio.gather(intake, *tasks, return_exceptions=True)
        if self.dead:
            raise Crash("beside the intake")
        for task in tasks:
            task.result()

    async def act(self) -> None:
        """One thing that the outside asks."""
        draw = self.rng.random()
        if draw < 0.45:
            await self.send_alerts()
        elif draw < 0.48 and self.faults:
            await self.change_roster()
        else:
            await self.ask_command()

    async def send_alerts(self) -> None:
        assert self.engine is not None
        batches = [self.some_alerts() for _ in range(self.rng.randint(1, 4))]
        requests = [asyncio.create_task(self.engine.intake.take(batch)) for batch in batches]
        try:
            await self.beside_intake(requests)
        finally:
            for batch, request in zip(batches, requests, strict=True):
                if request.done() and not request.cancelled() and request.exception() is None:
                    self.auditor.answered(batch, request.result())

    def some_alerts(self) -> tuple[Alert, ...]:
        found: list[Alert] = []
        for _ in range(self.rng.randint(1, 3)):
            name = self.rng.choice(ALERTS)
            labels = {"service": self.rng.choice(["api", "web", "db"])}
            if name == "InfoOnly":
                labels["severity"] = "info"
            made = alert(name, self.clock.at, firing=self.rng.random() < 0.7, **labels)
            found.append(made)
            assert made.status in AlertStatus
        return tuple(found)

    async def change_roster(self) -> None:
        assert self.engine is not None
        gone = self.rng.choice([*ROSTER.people, None])
        people = tuple(person for person in ROSTER.people if person is not gone)
        roles = tuple(role for role in ROSTER.roles if self.rng.random() > 0.1)
        self.roster = Roster(people=people, roles=roles, audiences=ROSTER.audiences, fallback=ROSTER.fallback)
        await self.engine.reload(self.engine.library.current, self.roster)

    async def ask_command(self) -> None:
        assert self.engine is not None
        async with self.engine.store.reading() as reader:
            incidents = await reader.incidents(limit=50)
        who = self.rng.choice(ROSTER.people)
        actor = e.Actor(e.ActorKind.PERSON, who.id, who.name)
        try:
            if not incidents or self.rng.random() < 0.08:
                await self.engine.desk.open(c.Declare(title=self.rng.choice(ALERTS)), actor)
            else:
                chosen = self.rng.choice(incidents)
                await self.engine.desk.handle(chosen.id, self.some_command(chosen, who.id, incidents), actor)
        except (RefusedError, UnknownIncidentError, StoreUnavailableError):
            return

    def some_command(self, incident: Incident, who: PersonId, others: list[Incident]) -> c.Command:
        rng = self.rng
        choices: list[Callable[[], c.Command]] = [
            lambda: c.Acknowledge(person=who),
            lambda: c.Acknowledge(person=who),
            lambda: c.TakeCommand(person=who),
            lambda: c.OfferCommand(to=rng.choice(ROSTER.people).id),
            lambda: c.AddNote(text="a note"),
            lambda: c.AnswerTriage(
                rule=rng.choice(PLAYBOOK.triage).id, answer=rng.choice(["yes", "no", "unknown"])
            ),
            lambda: c.SetSeverity(level=LevelId(f"P{rng.randint(1, 4)}"), reason="as I see it"),
            lambda: c.AddCategory(category=rng.choice(["security", "data breach"])),
            lambda: c.Escalate(to=rng.choice(["CISO", "Team Lead", "ben"])),
            lambda: c.SendMessage(kind=rng.choice(list(MessageKind)), text="we are on it"),
            lambda: c.Mitigate(),
            lambda: c.Resolve(root_cause="a cause", fix="a fix"),
            lambda: c.Reopen(reason="not over"),
            lambda: c.PublishPostmortem(text="what happened"),
            lambda: c.Close(reason="done"),
            lambda: c.Dismiss(reason="nothing there"),
            lambda: c.Merge(into=rng.choice(others).id),
        ]
        return rng.choice(choices)()

    async def heal(self) -> None:
        """The liveness phase: nothing fails any more, and everything that is due gets done."""
        engine = self.engine
        assert engine is not None
        self.faults, self.mood, self.fuse = False, {}, None
        for _ in range(40):
            await self.tick()
            await self.deliver()
            await self.look()
            self.clock.at += timedelta(seconds=30)
        # Noon: no maintenance window is open, and nothing is silenced any more.
        self.clock.at = (self.clock.at + timedelta(days=1)).replace(hour=12)
        for silence in await engine.silencing.list():
            await engine.silencing.expire(silence.id, e.SYSTEM)
        for _ in range(3):
            await self.look()
            await self.tick()
            await self.deliver()
            self.clock.at += timedelta(minutes=2)
        await self.tick()
        await self.deliver()
        await self.auditor.audit(engine, self.clock.at)
        await self.auditor.audit_healed(engine, self.clock.at)
