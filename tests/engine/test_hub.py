"""Wake-ups: for whoever follows, once for many changes, and none for what somebody else follows."""

import asyncio
from datetime import timedelta

import pytest

from tocsin.base.ids import IncidentId
from tocsin.engine import hub as hub_module
from tocsin.engine.hub import Hub, HubFullError

ONE, TWO = IncidentId("INC-1"), IncidentId("INC-2")
AT_ONCE, SOON = timedelta(seconds=0.001), timedelta(seconds=5)


async def test_whoever_follows_an_incident_hears_of_it_alone() -> None:
    hub = Hub()
    async with hub.subscribe(ONE) as one, hub.subscribe(None) as every:
        hub.publish(TWO)
        assert await every.wait(SOON)
        assert not await one.wait(AT_ONCE)
        hub.publish(ONE)
        assert await one.wait(SOON)
        assert await every.wait(SOON)
        assert not await every.wait(AT_ONCE)


async def test_many_changes_are_one_wake_up_and_none_is_missed_between_two_waits() -> None:
    hub = Hub()
    async with hub.subscribe(ONE) as changes:
        for _ in range(1000):
            hub.publish(ONE)
        assert await changes.wait(SOON)
        assert not await changes.wait(AT_ONCE)
        hub.publish(ONE)
        assert await changes.wait(SOON)


async def test_too_many_followers_are_refused_and_leaving_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "SUBSCRIPTIONS_MAX", 1)
    hub = Hub()
    async with hub.subscribe(ONE):
        with pytest.raises(HubFullError, match="try again"):
            async with hub.subscribe(TWO):
                pass
    async with hub.subscribe(TWO):
        assert hub.followers == 1
    assert hub.followers == 0


async def test_closing_ends_every_stream_those_to_come_too() -> None:
    hub = Hub()
    async with hub.subscribe(ONE) as changes:
        following = asyncio.create_task(_follow(changes))
        await asyncio.sleep(0)
        hub.publish(ONE)
        await asyncio.sleep(0)
        hub.close()
        assert await following == 1
        assert not await changes.wait(SOON)
        assert changes.closed
    async with hub.subscribe(ONE) as late:
        assert not await late.wait(SOON)


async def _follow(changes: hub_module.Changes) -> int:
    return len([None async for _ in changes])


def test_a_waker_is_set_by_any_incident_as_long_as_it_is_held() -> None:
    hub = Hub()
    with hub.waker() as wake:
        hub.publish(TWO)
        assert wake.is_set()
        wake.clear()
    hub.publish(ONE)
    assert not wake.is_set()
