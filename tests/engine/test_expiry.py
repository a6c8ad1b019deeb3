"""Alerts that end by themselves unless they are repeated, also around restarts and jumps of the clock."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.core.sample import alert, minutes
from tests.engine.house import House
from tocsin.alerts.model import Alert
from tocsin.engine import expiry as expiry_module
from tocsin.engine.expiry import HEARD_AGAIN_WITHIN, Expiry
from tocsin.engine.ports import StoreUnavailableError
from tocsin.engine.records import AlertRecord
from tocsin.incident import events as e


def lasting(house: House, lasts: timedelta = timedelta(minutes=5), **labels: str) -> Alert:
    now = house.clock.now()
    return replace(alert("Down", now, **labels), expires_at=now + lasts)


async def record(house: House, of: Alert) -> AlertRecord:
    async with house.memory.reading() as reader:
        found = await reader.alert(of.fingerprint)
    assert found is not None
    return found


async def pass_time(house: House, expiry: Expiry, span: timedelta) -> None:
    """As in life: it is looked again and again."""
    end = house.clock.now() + span
    while house.clock.now() < end:
        house.clock.advance(min(timedelta(seconds=20), end - house.clock.now()))
        await expiry.look()


async def test_an_alert_that_is_not_repeated_ends() -> None:
    house = House()
    expiry = house.engine.expiry
    async with house.taking():
        await expiry.look()
        down, other = lasting(house), lasting(house, minutes(30), pod="other")
        await house.engine.intake.take([down, other, alert("Down", house.clock.now(), pod="for ever")])
        assert await expiry.look() <= house.clock.now() + minutes(1)
        await pass_time(house, expiry, minutes(4.9))
        assert (await record(house, down)).firing
        await pass_time(house, expiry, minutes(0.2))
    ended = await record(house, down)
    assert not ended.firing
    assert ended.alert.ends_at == down.expires_at
    assert ended.alert.annotations == down.annotations
    assert (await record(house, other)).firing
    incident = await house.incident("INC-1")
    assert (incident.alert_count, incident.firing_count) == (3, 2)
    (cleared,) = await house.entries("INC-1", e.AlertCleared)
    assert isinstance(cleared.event, e.AlertCleared)
    assert cleared.event.ended_at == down.expires_at
    assert await house.memory.verify() == []


@pytest.mark.parametrize("counted_only", [True, False])
async def test_one_that_is_repeated_goes_on(counted_only: bool) -> None:
    house = House()
    expiry = house.engine.expiry
    async with house.taking():
        await expiry.look()
        down = lasting(house)
        await house.engine.intake.take([down])
        for _ in range(4):
            await pass_time(house, expiry, minutes(4))
            again = replace(down, received_at=house.clock.now(), expires_at=house.clock.now() + minutes(5))
            if counted_only:
                assert house.engine.intake.repeated(down.fingerprint, again.expires_at) == "INC-1"
            else:
                await house.engine.intake.take([again])
        assert (await record(house, down)).firing
        await pass_time(house, expiry, minutes(5.5))
    assert not (await record(house, down)).firing
    assert (await record(house, down)).times == 6


async def test_after_a_restart_senders_are_heard_before_anything_ends() -> None:
    house = House()
    down, gone = lasting(house), lasting(house, pod="gone")
    await house.take(down, gone)
    house.clock.advance(minutes(60))
    expiry = Expiry(house.engine.store, house.clock, house.engine.intake)
    async with house.taking():
        await expiry.look()
        await house.engine.intake.take([lasting(house)])
        await pass_time(house, expiry, HEARD_AGAIN_WITHIN - timedelta(seconds=1))
        assert (await record(house, gone)).firing
        await pass_time(house, expiry, timedelta(seconds=2))
    assert not (await record(house, gone)).firing
    assert (await record(house, down)).firing


@pytest.mark.parametrize("jump", [minutes(600), -minutes(3)])
async def test_a_jump_of_the_clock_ends_nothing_that_is_repeated(jump: timedelta) -> None:
    house = House()
    expiry = house.engine.expiry
    async with house.taking():
        await expiry.look()
        await house.engine.intake.take([lasting(house), lasting(house, pod="gone")])
        await pass_time(house, expiry, minutes(3))
        house.clock.advance(jump)
        await expiry.look()
        assert house.engine.intake.repeated(lasting(house).fingerprint, house.clock.now() + minutes(60))
        await pass_time(house, expiry, minutes(12))
    assert (await record(house, lasting(house))).firing
    assert not (await record(house, lasting(house, pod="gone"))).firing


async def test_an_alert_that_is_repeated_while_it_is_being_ended_goes_on() -> None:
    house = House()
    down = lasting(house)
    await house.take(down)
    (found,) = [await record(house, down)]
    late = house.clock.now() + minutes(6)
    again = replace(down, received_at=late, expires_at=late + minutes(5))
    ended = expiry_module._ended(found, late)
    taken = await house.take(again, ended)
    assert "repeated" in taken[1].because
    assert (await record(house, down)).firing
    assert await house.entries("INC-1", e.AlertCleared) == []


async def test_a_store_that_is_away_is_asked_later() -> None:
    house = House()
    expiry = house.engine.expiry
    async with house.taking():
        await expiry.look()
        await house.engine.intake.take([lasting(house, lasts=minutes(1))])
        await pass_time(house, expiry, minutes(1.5))
        house.clock.advance(minutes(0.6))
        house.fail("begin", StoreUnavailableError("The disk is full."))
        assert await expiry.look() > house.clock.now()
        house.clock.advance(minutes(0.1))
        assert await expiry.look() == house.clock.now()
    assert not (await record(house, lasting(house))).firing


async def test_many_end_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry_module, "AT_ONCE", 10)
    house = House()
    expiry = house.engine.expiry
    async with house.taking():
        await expiry.look()
        await house.engine.intake.take([lasting(house, pod=str(number)) for number in range(35)])
        await pass_time(house, expiry, minutes(4.9))
        await pass_time(house, expiry, minutes(1.5))
    assert (await house.incident("INC-1")).firing_count == 0
    assert (await house.incident("INC-1")).alert_count == 35
