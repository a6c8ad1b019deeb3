"""Very many alerts: an incident is told of a batch at once, keeps a bounded number whole, and counts all."""

import asyncio
import hashlib

import pytest
from msgspec.structs import replace

from tests.core.sample import alert, minutes
from tests.engine.house import House
from tocsin.adapters.store.memory import MemoryStore
from tocsin.alerts.model import Alert
from tocsin.base import limits
from tocsin.base.ids import IncidentId
from tocsin.engine.ports import StoreUnavailableError
from tocsin.engine.records import AlertRecord
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident.evolve import fold

INC = IncidentId("INC-1")


def many(count: int, name: str = "Down", start: int = 0, **labels: str) -> list[Alert]:
    return [alert(name, pod=str(number), **labels) for number in range(start, start + count)]


def ended(alerts: list[Alert]) -> list[Alert]:
    return [alert(each.name, firing=False, **_labels(each)) for each in alerts]


def _labels(of: Alert) -> dict[str, str]:
    return {name: value for name, value in of.labels.items() if name != "alertname"}


async def record(house: House, of: Alert) -> AlertRecord:
    async with house.memory.reading() as reader:
        found = await reader.alert(of.fingerprint)
    assert found is not None
    return found


async def test_a_batch_joins_in_one_event() -> None:
    house = House()
    storm = many(300)
    await house.take(*storm)
    opened, joined = [each for each in await house.entries("INC-1") if _is_about_alerts(each)]
    assert isinstance(opened.event, e.Opened)
    event = joined.event
    assert isinstance(event, e.AlertsAttached)
    assert (event.count, event.alerts, event.firing) == (299, 300, 300)
    assert len(event.sample) == limits.event_alerts_whole
    prints = sorted(each.fingerprint for each in storm[1:])
    assert event.digest == hashlib.sha256("".join(f"{each}\n" for each in prints).encode()).hexdigest()
    incident = await house.incident("INC-1")
    assert (incident.alert_count, incident.firing_count) == (300, 300)
    assert len(incident.alerts) == limits.incident_alerts_whole
    assert {(await record(house, each)).incident for each in storm} == {"INC-1"}
    assert await house.memory.verify() == []


def _is_about_alerts(entry: e.Entry) -> bool:
    kinds = e.Opened | e.AlertAttached | e.AlertsAttached | e.AlertCleared | e.AlertsCleared
    return isinstance(entry.event, kinds)


async def test_a_state_does_not_grow_with_its_alerts() -> None:
    house = House()
    sizes: list[int] = []
    for start in range(0, 3_000, 1_000):
        await house.take(*many(1_000, start=start))
        async with house.memory.reading() as reader:
            assert (await reader.alert_tallies([INC]))[INC] == c.Tally(start + 1_000, start + 1_000)
        sizes.append(len((await house.incident("INC-1")).alerts))
    assert sizes == [limits.incident_alerts_whole] * 3
    assert (await house.incident("INC-1")).alert_count == 3_000
    assert len(await house.entries("INC-1", e.AlertsAttached)) <= 6


async def test_alerts_of_other_names_are_kept_whole_for_longer() -> None:
    house = House()
    group = {"service": "api"}
    await house.take(*many(200, **group))
    await house.take(*(alert(f"Down{number}", **group) for number in range(150)))
    for incident in ("INC-1", "INC-2"):
        assert len((await house.incident(incident)).alerts) <= limits.incident_alert_names_max


async def test_few_are_told_one_by_one() -> None:
    house = House()
    await house.take(*many(4))
    joined = await house.entries("INC-1", e.AlertAttached)
    assert len(joined) == 3
    assert (await house.incident("INC-1")).alerts_in_all is None, "all of them are kept whole"


async def test_ends_are_counted_exactly() -> None:
    house = House()
    storm = many(300)
    await house.take(*storm)
    await house.take(*ended(storm[:250]))
    incident = await house.incident("INC-1")
    assert (incident.alert_count, incident.firing_count) == (300, 50)
    (cleared,) = await house.entries("INC-1", e.AlertsCleared)
    assert isinstance(cleared.event, e.AlertsCleared)
    assert (cleared.event.count, cleared.event.still_firing) == (250, 50)
    assert incident.firing == ()
    await house.take(*ended(storm))
    incident = await house.incident("INC-1")
    assert (incident.alert_count, incident.firing_count) == (300, 0)
    await house.take(*ended(storm))
    assert (await house.incident("INC-1")).seq == incident.seq, "what has ended cannot end again"
    await house.take(*storm[290:])
    assert (await house.incident("INC-1")).firing_count == 10
    assert await house.memory.verify() == []


async def test_one_alert_may_come_and_go_within_a_batch() -> None:
    house = House()
    storm = many(30)
    await house.take(*storm)
    (gone,) = ended(storm[:1])
    new = alert("Down", pod="new")
    (new_gone,) = ended([new])
    await house.take(gone, storm[0], gone, new, new_gone, storm[0])
    told = [each.event for each in await house.entries("INC-1") if _is_about_alerts(each)][2:]
    of_one = [each for each in told if _is_of(each, storm[0])]
    kinds = [e.AlertCleared, e.AlertAttached]
    assert [type(each) for each in of_one] == kinds * 2
    assert [type(each) for each in told if _is_of(each, new)] == kinds[::-1]
    incident = await house.incident("INC-1")
    assert (incident.alert_count, incident.firing_count) == (31, 30)
    found = await record(house, storm[0])
    assert found.firing
    assert (found.times, len(found.changes)) == (5, 4)
    async with house.memory.reading() as reader:
        steps = await reader.alert_steps(storm[0].fingerprint)
    assert [step.status.value for step in reversed(steps)] == [
        "firing",
        "resolved",
        "firing",
        "resolved",
        "firing",
    ]
    assert await house.memory.verify() == []


def _is_of(event: e.AnyEvent, of: Alert) -> bool:
    if isinstance(event, e.AlertAttached):
        return event.alert.fingerprint == of.fingerprint
    return isinstance(event, e.AlertCleared) and event.fingerprint == of.fingerprint


async def test_in_a_crowd_only_news_are_told_at_once() -> None:
    house = House()
    async with house.taking():
        take = house.engine.intake.take
        await take(many(40))
        before = (await house.incident("INC-1")).seq
        await take(many(40, start=40))
        assert (await house.incident("INC-1")).seq == before
        assert (await record(house, alert("Down", pod="77"))).incident == "INC-1"
        house.clock.advance(minutes(1))
        await take(many(1, start=80))
        incident = await house.incident("INC-1")
        assert incident.alert_count == 81
        worse = alert("Down", pod="worse", severity="critical")
        await take([*many(40, start=100), worse])
        raised = await house.incident("INC-1")
        assert raised.level == "P1"
        assert raised.alert_count == 122
        await take(many(10, start=200))
    incident = await house.incident("INC-1")
    assert (incident.alert_count, incident.firing_count) == (132, 132)
    assert await house.memory.verify() == []


async def test_what_was_not_told_before_a_crash_is_counted_at_the_next_start() -> None:
    house = House()
    async with house.taking():
        await house.engine.intake.take(many(40))
        await house.engine.intake.take(many(40, start=40))
        tables = house.memory._tables
    again = House()
    again.memory._tables = tables
    assert (await again.incident("INC-1")).alert_count == 40
    await again.engine.catch_up()
    incident = await again.incident("INC-1")
    assert (incident.alert_count, incident.firing_count) == (80, 80)
    await again.engine.catch_up()
    assert (await again.incident("INC-1")).seq == incident.seq
    assert await again.memory.verify() == []


async def test_a_repetition_is_counted_in_memory_and_written_later() -> None:
    house = House()
    down = alert("Down")
    async with house.taking():
        intake = house.engine.intake
        assert intake.repeated(down.fingerprint, None) is None, "it is not known yet"
        await intake.take([down])
        commits = house.steps["commit"]
        house.clock.advance(minutes(1))
        for _ in range(5):
            assert intake.repeated(down.fingerprint, None) == "INC-1"
        assert house.steps["commit"] == commits
        assert (await record(house, down)).times == 1
        await intake.take([alert("Other")])
        found = await record(house, down)
        assert (found.times, found.last_seen_at) == (6, house.clock.now())
        house.fail("commit", StoreUnavailableError("full"))
        assert intake.repeated(down.fingerprint, None) == "INC-1"
        with pytest.raises(StoreUnavailableError):
            await intake.take([alert("Third")])
        assert intake.repeated(down.fingerprint, None) is None, "what is remembered may be wrong"
        await intake.take([down])
        assert intake.repeated(down.fingerprint, None) == "INC-1"
    assert (await record(house, down)).times == 9, "none is lost by a failure or a stop"


async def test_what_has_ended_or_is_resolved_is_looked_at_again() -> None:
    house = House()
    down, other = alert("Down"), alert("Other")
    async with house.taking():
        intake = house.engine.intake
        await intake.take([down, other])
        await intake.take(ended([down]))
        assert intake.repeated(down.fingerprint, None) is None
        await house.ask("INC-2", c.Resolve(root_cause="a", fix="b"))
        assert intake.repeated(other.fingerprint, None) is None
        await intake.take([other])
        assert (await house.incident("INC-2")).active
        assert intake.repeated(other.fingerprint, None) == "INC-2"
        await house.ask("INC-2", c.Dismiss(reason="no"))
        assert intake.repeated(other.fingerprint, None) is None


async def test_merged_alerts_belong_to_the_other_incident() -> None:
    house = House()
    one, two = many(30, "Down"), many(40, "Other")
    await house.take(*one, *two)
    await house.take(*ended(one[:3]))
    await house.ask("INC-1", c.Merge(into=IncidentId("INC-2")))
    into = await house.incident("INC-2")
    assert (into.alert_count, into.firing_count) == (70, 67)
    found = await record(house, one[5])
    assert found.incident == "INC-2"
    assert "INC-1 was merged" in found.because
    async with house.taking():
        assert house.engine.intake.repeated(one[5].fingerprint, None) is None
        taken = await house.engine.intake.take([one[5], *ended(one[6:8])])
        assert {each.incident for each in taken} == {"INC-2"}
        assert house.engine.intake.repeated(one[5].fingerprint, None) == "INC-2"
    into = await house.incident("INC-2")
    assert (into.alert_count, into.firing_count) == (70, 65)
    assert await house.memory.verify() == []


async def test_a_large_request_lets_others_through() -> None:
    house = House()
    large = asyncio.create_task(house.engine.intake.take(many(3_000)))
    await asyncio.sleep(0)
    small = asyncio.create_task(house.engine.intake.take([alert("Small")]))
    async with house.taking():
        await small
        assert not large.done()
        assert len(await large) == 3_000


async def test_alerts_of_several_senders_are_told_under_their_names() -> None:
    house = House()
    await house.take(alert("Down", pod="first"))
    await house.take(
        *(replace(each, source=source) for source in ("one", "two") for each in many(2, where=source))
    )
    joined = await house.entries("INC-1", e.AlertAttached)
    assert [each.actor.id for each in joined] == ["one", "one", "two", "two"]
    assert {type(house.memory)} == {MemoryStore}
    assert fold(await house.entries("INC-1")) == await house.incident("INC-1")
