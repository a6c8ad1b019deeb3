"""Alerts in: many requests in one transaction, an answer only after it, and no request harms another."""

import asyncio
from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from tests.core.sample import PLAYBOOK, START, alert, minutes
from tests.engine.house import House, document, until
from tocsin.alerts.grouping import Because, Placement
from tocsin.alerts.model import Alert
from tocsin.alerts.rules import NoiseRules
from tocsin.base import limits
from tocsin.base.ids import IncidentId
from tocsin.engine import intake as intake_module
from tocsin.engine.intake import IntakeFullError
from tocsin.engine.noise import Noise
from tocsin.engine.ports import ConflictError, StoreUnavailableError, Unit
from tocsin.engine.records import AlertRecord
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.playbook.model import Options


async def record(house: House, fingerprint: str) -> AlertRecord | None:
    async with house.memory.reading() as reader:
        return await reader.alert(fingerprint)


async def test_many_requests_are_one_transaction() -> None:
    calm = replace(PLAYBOOK, options=Options(noise=NoiseRules(storm=None)))
    house = House(current=document(calm))
    requests = [
        asyncio.create_task(house.engine.intake.take([alert("Down", service=str(n))])) for n in range(100)
    ]
    await asyncio.sleep(0)
    async with house.taking():
        taken = await asyncio.gather(*requests)
    assert house.steps["commit"] == 1
    assert house.steps["holders"] == 1
    assert [each[0].incident for each in taken] == [f"INC-{n}" for n in range(1, 101)]
    assert await house.memory.verify() == []


async def test_no_batch_is_larger_than_the_limit() -> None:
    house = House()
    count = limits.intake_batch_requests_max + 1
    requests = [
        asyncio.create_task(house.engine.intake.take([alert("Down", pod=str(n))])) for n in range(count)
    ]
    await asyncio.sleep(0)
    async with house.taking():
        await asyncio.gather(*requests)
    assert house.steps["save_alerts"] == 2
    assert (await house.incident("INC-1")).alert_count == count


async def test_an_answer_comes_after_the_commit_and_not_before() -> None:
    house = House()
    request = asyncio.create_task(house.engine.intake.take([alert()]))
    seen: list[tuple[str, bool]] = []

    def note(step: str) -> None:
        seen.append((step, request.done()))

    house.on_step = note
    async with house.taking():
        await request
    assert ("committed", False) in seen
    assert not any(done for _, done in seen)


async def test_nothing_is_asked_of_the_store_for_an_empty_request() -> None:
    house = House()
    assert await house.engine.intake.take([]) == []
    assert not house.steps


async def test_one_poisonous_request_does_not_take_others_along(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    poison = replace(alert("Poison"), source="poison")

    real = Noise.place

    def break_on_poison(noise: Noise, what: Alert, *rest: object) -> Placement:
        if what is poison:
            raise RuntimeError("this alert breaks the program")
        return real(noise, what, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Noise, "place", break_on_poison)
    requests = [
        asyncio.create_task(house.engine.intake.take([each])) for each in (alert("One"), poison, alert("Two"))
    ]
    await asyncio.sleep(0)
    async with house.taking():
        done = await asyncio.gather(*requests, return_exceptions=True)
    assert isinstance(done[1], StoreUnavailableError)
    assert "the server's log says why" in str(done[1])
    assert [each[0].incident for each in (done[0], done[2]) if isinstance(each, list)] == ["INC-1", "INC-2"]
    assert await record(house, poison.fingerprint) is None
    assert await house.memory.verify() == []


async def test_a_conflict_is_tried_again_and_leaves_no_trace() -> None:
    house = House()
    house.fail("commit", ConflictError("another node"), ConflictError("another node"))
    taken = await house.take(alert())
    assert taken[0].incident == "INC-1"
    found = await record(house, taken[0].fingerprint)
    assert found is not None
    assert found.times == 1


async def test_an_incident_that_ends_meanwhile_costs_no_alert() -> None:
    house = House()
    await house.take(alert("Down", pod="1"))
    real = house.engine.desk.handle_all
    raced: list[bool] = []

    async def race(unit: Unit, asked: Mapping[IncidentId, tuple[c.AttachAlerts, e.Actor]]) -> object:
        if not raced:
            raced.append(True)
            await house.engine.desk.handle_in(unit, IncidentId("INC-1"), c.Dismiss(reason="no"), e.SYSTEM)
        return await real(unit, asked)

    house.engine.desk.handle_all = race  # type: ignore[method-assign,assignment]
    taken = await house.take(alert("Down", pod="2"))
    assert taken[0].incident == "INC-1"


async def test_a_full_queue_asks_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "QUEUE_REQUESTS_MAX", 3)
    house = House()
    waiting = [asyncio.create_task(house.engine.intake.take([alert(f"A{n}")])) for n in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(IntakeFullError, match="5 seconds"):
        await house.engine.intake.take([alert("TooMuch")])
    async with house.taking():
        assert len(await asyncio.gather(*waiting)) == 3


async def test_a_store_that_is_away_is_told_to_every_sender() -> None:
    house = House()
    requests = [asyncio.create_task(house.engine.intake.take([alert(f"A{n}")])) for n in range(3)]
    await asyncio.sleep(0)
    house.fail("begin", *(StoreUnavailableError("The disk is full.") for _ in range(10)))
    async with house.taking():
        done = await asyncio.gather(*requests, return_exceptions=True)
    assert [str(each) for each in done] == ["The disk is full."] * 3
    health = await house.engine.queries.health()
    assert not health.ready
    assert "The disk is full" in health.troubles[0].what


async def test_a_stop_answers_those_in_waiting_first() -> None:
    house = House()
    loop = asyncio.create_task(house.engine.intake.run())
    requests = [asyncio.create_task(house.engine.intake.take([alert(f"A{n}")])) for n in range(5)]
    await until(lambda: house.steps["begin"] == 1)
    more = asyncio.create_task(house.engine.intake.take([alert("Late")]))
    await asyncio.sleep(0)
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    taken = await asyncio.gather(*requests, more)
    assert {each[0].incident for each in taken} == {f"INC-{n}" for n in range(1, 7)}


async def test_a_sender_that_hangs_up_does_not_lose_its_alert() -> None:
    house = House()
    request = asyncio.create_task(house.engine.intake.take([alert()]))
    await asyncio.sleep(0)
    request.cancel()
    async with house.taking():
        await until(lambda: house.steps["committed"] == 1)
    assert (await house.incident("INC-1")).alerts


async def test_what_becomes_of_an_alert_is_kept_with_the_reason() -> None:
    house = House()
    quiet, ended = alert("Quiet", severity="info"), alert("Never", firing=False)
    taken = await house.take(alert("Down"), alert("Down"), quiet, ended)
    assert [(each.incident, each.because) for each in taken] == [
        ("INC-1", Because.FIRST_OF_GROUP),
        ("INC-1", Because.SAME_ALERT),
        (None, Because.INFORMATIONAL),
        (None, Because.NOTHING_TO_CLEAR),
    ]
    found = await record(house, alert("Down").fingerprint)
    assert found is not None
    assert (found.times, found.incident) == (2, "INC-1")
    joined = await house.entries("INC-1", e.AlertAttached)
    assert joined == [], "an alert that is known to fire is told once"


async def test_an_alert_that_ends_keeps_its_words_and_its_record() -> None:
    house = House()
    await house.take(alert("Down"))
    gone = replace(alert("Down", START + minutes(3), firing=False), annotations={})
    taken = await house.take(gone)
    assert taken[0].because == Because.CLEARED
    found = await record(house, gone.fingerprint)
    assert found is not None
    assert found.alert.annotations == {"summary": "Down happened"}
    assert found.alert.ends_at is not None
    assert (await house.incident("INC-1")).firing == ()


async def test_one_batch_opens_one_incident_for_a_group_and_reopens_what_came_back() -> None:
    house = House()
    await house.take(alert("Down", pod="1"))
    await house.ask("INC-1", c.Resolve(root_cause="a", fix="b"))
    house.clock.advance(minutes(5))
    now = house.clock.now()
    taken = await house.take(
        alert("Down", now, pod="1"), alert("Down", now, pod="2"), alert("Down", now, pod="3")
    )
    assert [each.because for each in taken] == [Because.CAME_BACK, Because.SAME_GROUP, Because.SAME_GROUP]
    assert {each.incident for each in taken} == {"INC-1"}


async def crowd(house: House) -> None:
    """An incident of so many alerts that further ones of the same name are only counted."""
    many = [alert("Down", service="api", pod=str(n)) for n in range(limits.incident_alerts_whole + 5)]
    async with house.taking():
        await house.engine.intake.take(many)


@pytest.mark.parametrize("ends", [c.Dismiss(reason="a false alarm"), c.Merge(into=IncidentId("INC-2"))])
async def test_a_crowd_that_ends_holds_up_nobody(ends: c.Command) -> None:
    house = House()
    await crowd(house)
    await house.declare("another")
    async with house.taking():
        more = [alert("Down", service="api", pod=f"more {n}") for n in range(5)]
        await house.engine.intake.take(more)
        await house.ask("INC-1", ends)
        (taken,) = await house.engine.intake.take([alert("Other", service="web")])
    assert taken.incident == "INC-3"


async def test_a_fault_while_counts_are_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "WRITE_AFTER_SECONDS", 0.0)
    house = House()
    async with house.taking() as loop:
        await house.engine.intake.take([alert("Down")])
        house.engine.intake._remembered.untold = {IncidentId("INC-1"): ["x"]}
        house.fail("alert_tallies", RuntimeError("a bug"))
        await until(lambda: not house.failures["alert_tallies"] or loop.done())
        assert not loop.done()
        house.failures.clear()
        house.engine.intake._remembered.untold = {}
        (taken,) = await house.engine.intake.take([alert("Other")])
    assert taken.incident == "INC-2"


async def test_a_false_alarm_that_was_dismissed_pages_nobody_by_going_on() -> None:
    house = House()
    fires = alert("Down", service="api")
    async with house.taking():
        await house.engine.intake.take([fires])
        await house.ask("INC-1", c.Dismiss(reason="a test"))
        for _ in range(3):
            (taken,) = await house.engine.intake.take([fires])
            assert (taken.incident, taken.because) == (None, Because.FALSE_ALARM.value)
        ends = alert("Down", firing=False, service="api")
        await house.engine.intake.take([ends])
        (again,) = await house.engine.intake.take([fires])
    assert again.incident == "INC-2", "it has ended meanwhile, so that this is another time"
