"""Time passes: never early, for every incident, whatever becomes of another, and without end."""

import asyncio
from datetime import timedelta

import pytest

from tests.core.sample import ANNA, P1, START, minutes
from tests.engine.house import House, until
from tocsin.engine.clockwork import LOOK_AGAIN
from tocsin.engine.ports import StoreUnavailableError
from tocsin.incident import commands as c
from tocsin.incident import events as e

SECOND = timedelta(seconds=1)


async def test_a_deadline_is_served_when_it_has_come_and_not_before() -> None:
    house = House()
    await house.declare("it burns", P1)
    house.clock.set(START + minutes(15) - timedelta(microseconds=1))
    await house.engine.clockwork.pass_time()
    assert await house.entries("INC-1", e.ResponseOverdue) == []
    house.clock.set(START + minutes(15))
    await house.engine.clockwork.pass_time()
    overdue = await house.entries("INC-1", e.ResponseOverdue)
    assert [entry.at for entry in overdue] == [START + minutes(15)]
    await house.engine.clockwork.pass_time()
    assert len(await house.entries("INC-1", e.ResponseOverdue)) == 1


async def test_it_says_when_to_look_again() -> None:
    house = House()
    assert await house.engine.clockwork.pass_time() == START + LOOK_AGAIN
    await house.declare("it burns", P1)
    house.clock.set(START + minutes(2) - SECOND)
    assert await house.engine.clockwork.pass_time() == START + minutes(2)
    house.clock.set(START + minutes(2))
    assert await house.engine.clockwork.pass_time() == START + minutes(2) + LOOK_AGAIN


async def test_more_incidents_than_one_look_takes_are_all_served() -> None:
    house = House()
    for number in range(130):
        await house.declare(f"fire {number}", P1)
    house.clock.advance(minutes(15))
    looks = 0
    while await house.engine.clockwork.pass_time() <= house.clock.now():
        looks += 1
    assert looks == 1
    for number in range(1, 131):
        assert len(await house.entries(f"INC-{number}", e.ResponseOverdue)) == 1


async def test_one_incident_that_fails_does_not_stop_the_others() -> None:
    house = House()
    for _ in range(3):
        await house.declare("it burns", P1)
    house.clock.advance(minutes(15))
    house.fail("lock", RuntimeError("it cannot be read"))
    assert await house.engine.clockwork.pass_time() == house.clock.now() + LOOK_AGAIN
    served = [len(await house.entries(f"INC-{n}", e.ResponseOverdue)) for n in (1, 2, 3)]
    assert served == [0, 1, 1]
    await house.engine.clockwork.pass_time()
    assert len(await house.entries("INC-1", e.ResponseOverdue)) == 1


@pytest.mark.parametrize("step", ["due", "next_due_at", "begin", "lock", "commit"])
@pytest.mark.parametrize("error", [StoreUnavailableError("locked"), RuntimeError("a bug")])
@pytest.mark.parametrize("let_through", [0, 1])
async def test_the_clocks_go_on_after_any_failure_of_the_store(
    step: str, error: Exception, let_through: int
) -> None:
    house = House()
    await house.declare("it burns", P1)
    house.clock.advance(minutes(15))
    house.fail(step, *[None] * let_through, error)
    loop = asyncio.create_task(house.engine.clockwork.run())
    await until(lambda: house.clock.next_wait is not None)
    house.clock.advance(LOOK_AGAIN)
    await until(lambda: house.clock.next_wait is not None and house.clock.next_wait > house.clock.now())
    assert not loop.done()
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    assert len(await house.entries("INC-1", e.ResponseOverdue)) == 1


async def test_it_wakes_for_an_incident_that_is_opened_meanwhile() -> None:
    house = House()
    loop = asyncio.create_task(house.engine.clockwork.run())
    await until(lambda: house.clock.next_wait == START + LOOK_AGAIN)
    house.clock.set(START + timedelta(seconds=4))
    incident = await house.declare("it burns", P1)
    first = START + timedelta(seconds=4)
    await until(lambda: house.clock.next_wait == first + LOOK_AGAIN)
    house.clock.set(first + minutes(2))
    await until(lambda: house.clock.next_wait == first + minutes(2) + LOOK_AGAIN)
    steps = await house.entries(incident.id, e.PageStepped)
    assert first + minutes(2) in [entry.at for entry in steps]
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def test_after_an_outage_everything_that_was_missed_is_done_once() -> None:
    house = House()
    incident = await house.declare("VaultSealed", P1)
    house.clock.advance(timedelta(hours=40))
    await house.engine.catch_up()
    await house.engine.clockwork.pass_time()
    assert len(await house.entries(incident.id, e.ResponseOverdue)) == 1
    assert len(await house.entries(incident.id, e.Escalated)) == 1, "the next hop counts from here"
    pages = (await house.incident(incident.id)).open_pages
    assert all(len([step for step in page.steps if step.at == house.clock.now()]) <= 1 for page in pages)


async def test_a_clock_that_was_set_back_fires_nothing_early() -> None:
    house = House()
    incident = await house.declare("it burns", P1)
    house.clock.advance(minutes(6))
    await house.engine.clockwork.pass_time()
    before = await house.entries(incident.id)
    house.clock.set(START - timedelta(hours=3))
    await house.engine.clockwork.pass_time()
    assert await house.entries(incident.id) == before
    await house.ask(incident.id, c.Acknowledge(person=ANNA))
    times = [entry.at for entry in await house.entries(incident.id)]
    assert times == sorted(times)
