"""How fast the intake, the core, the delivery and the drill are, as ratios within one run."""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from tests.bench.yardstick import Stopwatch, Table, middle
from tests.core.sample import ALICE, INC, PLAYBOOK, ROSTER, START, Life, alert, minutes
from tests.engine.house import document
from tocsin.adapters.clock import SystemClock, SystemRandomness
from tocsin.adapters.store.sql import connect
from tocsin.alerts.model import Alert
from tocsin.base.ids import IncidentId
from tocsin.drill.run import run_drill
from tocsin.drill.scenario import Scenario
from tocsin.drill.standin import rehearse_with_stand_ins
from tocsin.engine.engine import Engine, assemble
from tocsin.engine.ports import Outgoing, Unit
from tocsin.engine.records import OutboxStatus
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident.decide import handle
from tocsin.incident.evolve import fold
from tocsin.incident.outgoing import EffectKind, Letter, Send
from tocsin.incident.rules import Clocks, Rules
from tocsin.incident.settle import next_due_at
from tocsin.playbook.read import read_playbook
from tocsin.testing.postgres import PostgresMissingError, private_postgres

SENDERS = (1, 16, 64)
SECONDS_EACH = 2.0
GROUPS = 20
ROWS = 600


class Sink:
    """A channel that costs nothing."""

    kind = "outbox"

    def __init__(self) -> None:
        self.sent = 0

    def check(self, address: str) -> str | None:
        return None

    async def send(self, outgoing: Outgoing) -> str:
        self.sent += 1
        return "ok"

    async def close(self) -> None:
        return None


@contextmanager
def databases(folder: Path) -> Generator[dict[str, str], None, None]:
    """A file of SQLite, and a PostgreSQL that writes to disk for certain where there is one."""
    found = {"SQLite": f"sqlite:///{folder / 'bench.db'}"}
    try:
        with private_postgres(durable=True) as server:
            yield found | {"PostgreSQL": server.url(server.create())}
    except PostgresMissingError as error:
        print(f"\nno PostgreSQL here: {error}")
        yield found


@asynccontextmanager
async def engine_on(url: str, sink: Sink) -> AsyncGenerator[Engine, None]:
    store = await connect(url, fold)
    engine = assemble(
        store=store,
        clock=SystemClock(),
        randomness=SystemRandomness(),
        document=document(),
        roster=ROSTER,
        clocks=Clocks(),
        channels={"outbox": sink, "email": sink},
        public_url="https://tocsin.example",
        bundle_window=timedelta(seconds=10),
    )
    await engine.catch_up()
    yield engine
    await store.close()


def alerts_of(engine: Engine, start: int) -> Generator[Alert, None, None]:
    for number in itertools.count(start):
        labels = {"service": f"s{number % GROUPS}", "pod": str(number)}
        yield alert("Down", engine.clock.now(), **labels)


async def intake_rate(engine: Engine, senders: int) -> float:
    """Alerts a second, each in a request of its own, from so many senders that wait for their answers."""
    fresh = alerts_of(engine, time.monotonic_ns())
    kept = 0
    until = time.perf_counter() + SECONDS_EACH

    async def sender() -> None:
        nonlocal kept
        while time.perf_counter() < until:
            await engine.intake.take([next(fresh)])
            kept += 1

    loop = asyncio.create_task(engine.intake.run())
    with Stopwatch() as watch:
        await asyncio.gather(*(sender() for _ in range(senders)))
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    return kept / watch.seconds


async def close_all(engine: Engine) -> None:
    """End every incident, so that each measurement begins alike."""
    for incident in await engine.queries.incidents(limit=1000):
        if incident.active:
            await engine.desk.handle(incident.id, c.Dismiss(reason="measured"), ALICE)


def test_intake(tmp_path: Path) -> None:
    async def measure(name: str, url: str) -> None:
        table = Table(f"Intake on {name}: one alert a request, {GROUPS} incidents", "alerts/s")
        async with engine_on(url, Sink()) as engine:
            for senders in SENDERS:
                rate = await intake_rate(engine, senders)
                table.add(f"{senders} sender{'s' if senders > 1 else ''}", rate)
                await close_all(engine)
        table.show()

    with databases(tmp_path) as found:
        for name, url in found.items():
            asyncio.run(measure(name, url))


def test_a_storm_in_one_incident(tmp_path: Path) -> None:
    async def measure() -> None:
        table = Table("Intake on SQLite: one request, all of one group", "alerts/s")
        async with engine_on(f"sqlite:///{tmp_path / 'storm.db'}", Sink()) as engine:
            loop = asyncio.create_task(engine.intake.run())
            for count in (10, 100, 1000):
                now = engine.clock.now()
                storm = [alert("Down", now, pod=f"{count}-{n}") for n in range(count)]
                with Stopwatch() as watch:
                    await engine.intake.take(storm)
                table.add(f"{count} alerts", count / watch.seconds, f"in {watch.seconds:.2f} s")
                await close_all(engine)
            loop.cancel()
            await asyncio.gather(loop, return_exceptions=True)
        table.show()

    asyncio.run(measure())


def test_delivery(tmp_path: Path) -> None:
    async def measure(name: str, url: str, table: Table) -> None:
        sink = Sink()
        async with engine_on(url, sink) as engine:
            await engine.desk.open(c.Declare(title="it burns"), ALICE)
            async with engine.store.transaction() as unit:
                await fill(unit, engine)
            with Stopwatch() as watch:
                while await engine.delivery.deliver_due() <= engine.clock.now():
                    pass
            async with engine.store.reading() as reader:
                assert not await reader.outbox(OutboxStatus.PENDING)
            table.add(name, sink.sent / watch.seconds, "claimed, sent, recorded")

    async def fill(unit: Unit, engine: Engine) -> None:
        letter = Letter(subject="a subject", lines=("a line",))
        now = engine.clock.now()
        await unit.enqueue(
            [
                Send(
                    key=f"k{n}",
                    kind=EffectKind.NOTICE,
                    incident=IncidentId("INC-1"),
                    channel="outbox",
                    address="x",
                    letter=letter,
                    due_at=now,
                )
                for n in range(ROWS)
            ]
        )

    table = Table(f"Delivery of {ROWS} rows over a channel that costs nothing", "rows/s")
    with databases(tmp_path) as found:
        for name, url in found.items():
            asyncio.run(measure(name, url, table))
    table.show()


def a_life(entries: int) -> Life:
    """An incident that nobody but its notes has changed."""
    life = Life().opened("VaultSealed")
    life.do(c.Acknowledge(person=ROSTER.people[1].id))
    while len(life.entries) < entries:
        life.do(c.AddNote(text="a note"))
    return life


def a_crowd(alerts: int) -> Life:
    """An incident of so many alerts."""
    life = Life().opened("VaultSealed")
    life.do(c.Acknowledge(person=ROSTER.people[1].id))
    for number in range(alerts):
        life.do(c.AttachAlert(alert=alert("VaultSealed", pod=str(number)), because="same group"))
    return life


def cost(life: Life, command: c.Command) -> float:
    """Microseconds of one decision with its next deadline, the middle of many."""
    figures: list[float] = []
    for _ in range(60):
        with Stopwatch() as watch:
            decided = handle(life.inc, command, e.CLOCK, life.rules, life.now, INC)
            next_due_at(life.inc, life.rules)
        assert decided
        figures.append(watch.seconds * 1_000_000)
    return middle(figures)


def test_deciding() -> None:
    table = Table("Deciding, with the next deadline", "us")
    for count in (10, 100, 1000):
        table.add(f"a note after {count} entries", cost(a_life(count), c.AddNote(text="a note")))
    for count in (10, 100, 1000):
        more = c.AttachAlert(alert=alert("VaultSealed", pod="new"), because="same group")
        table.add(f"another alert after {count} alerts", cost(a_crowd(count), more))
    open_life = Life().opened("VaultSealed").at(600)
    table.add(
        "a tick after 10 hours unanswered", cost(open_life, c.Tick()), f"{len(open_life.entries)} entries"
    )
    table.show()


def test_folding() -> None:
    table = Table("Folding a timeline", "us an entry")
    for count in (10, 100, 1000):
        life = a_life(count)
        with Stopwatch() as watch:
            fold(life.entries)
        table.add(f"{len(life.entries)} entries", watch.seconds * 1_000_000 / len(life.entries))
    table.show()


@pytest.mark.parametrize("answered", [False, True])
def test_drill(answered: bool) -> None:
    hours = timedelta(hours=6)
    ack, end = (minutes(12), minutes(180)) if answered else (None, None)
    scenario = Scenario(alert="VaultSealed", at=START, until=hours, ack_after=ack, resolve_after=end)
    content = files("tocsin").joinpath("examples/playbook.md").read_bytes()
    example = Rules(playbook=read_playbook(content, "playbook.md"), playbook_hash="", roster=ROSTER)
    by_hand = Rules(playbook=PLAYBOOK, playbook_hash="", roster=ROSTER)
    told = "answered after 12 minutes" if answered else "nobody answers"
    table = Table(f"A drill of 6 hours, {told}", "times as fast as life")
    for name, report, watch in (
        ("sample of the tests", *timed(lambda: run_drill(scenario, by_hand))),
        ("bundled example", *timed(lambda: rehearse_with_stand_ins(scenario, example))),
    ):
        figure = hours.total_seconds() / watch.seconds
        table.add(name, figure, f"{watch.seconds * 1000:.0f} ms for {len(report.lines)} lines")
    table.show()


def timed(work):  # type: ignore[no-untyped-def]
    """A result with the time that it took."""
    with Stopwatch() as watch:
        found = work()
    return found, watch
