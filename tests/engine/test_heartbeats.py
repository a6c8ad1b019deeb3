"""Heartbeats at work: pings kept, silence told once, and no alarm for what could not be heard."""

from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest
import pytest_asyncio

from tests.engine.house import House
from tocsin.alerts.heartbeats import Beat, BeatState, Heartbeat, Said
from tocsin.alerts.model import AlertStatus
from tocsin.base import limits
from tocsin.engine.heartbeats import LOOK, Hearing, Heartbeats
from tocsin.engine.ports import StoreUnavailableError
from tocsin.engine.records import AlertRecord

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
QUEUE = Heartbeat(name="queue", every=10 * MINUTE, grace=5 * MINUTE, key="0123456789abcdef")


@pytest_asyncio.fixture
async def house() -> AsyncGenerator[House, None]:
    house = House()
    house.engine.heartbeats.follow([QUEUE])
    async with house.taking():
        yield house


async def pass_time(house: House, span: timedelta, beats: Heartbeats | None = None) -> None:
    """Let time pass as the loop does, look by look."""
    until = house.clock.now() + span
    while house.clock.now() < until:
        house.clock.set(min(until, house.clock.now() + LOOK))
        await (beats or house.engine.heartbeats).look()


def restarted(house: House, *heartbeats: Heartbeat) -> Heartbeats:
    """What a new process over the same store has."""
    beats = Heartbeats(house.engine.store, house.clock, house.engine.intake)
    beats.follow(heartbeats or [QUEUE])
    return beats


async def alerts(house: House) -> list[AlertRecord]:
    return await house.engine.queries.alerts()


async def state(house: House, beats: Heartbeats | None = None) -> BeatState:
    (found,) = await (beats or house.engine.heartbeats).list()
    return found.standing.state


async def test_silence_opens_an_incident_and_a_ping_clears_it(house: House) -> None:
    assert await house.engine.heartbeats.ping("queue", "192.0.2.7")
    await pass_time(house, 15 * MINUTE - LOOK)
    assert await alerts(house) == []
    assert await state(house) is BeatState.LATE
    await pass_time(house, LOOK)
    (record,) = await alerts(house)
    assert record.incident == "INC-1"
    assert record.alert.summary.startswith("queue was not heard since")
    await pass_time(house, HOUR)
    assert (await alerts(house))[0].times == 1, "it is told once"
    await house.engine.heartbeats.ping("queue", "192.0.2.7")
    (record,) = await alerts(house)
    assert record.alert.status is AlertStatus.RESOLVED
    assert (await house.incident("INC-1")).firing == ()
    await pass_time(house, 15 * MINUTE)
    assert (await alerts(house))[0].alert.status is AlertStatus.FIRING


async def test_one_that_is_not_set_up(house: House) -> None:
    assert not await house.engine.heartbeats.ping("nobody", "x")
    assert await alerts(house) == []
    assert not house.engine.heartbeats.is_key("nobody", "")
    assert not house.engine.heartbeats.is_key("queue", "")
    assert not house.engine.heartbeats.is_key("queue", "0123456789abcdeF")
    assert house.engine.heartbeats.is_key("queue", "0123456789abcdef")


async def test_a_failure_is_told_at_once_with_its_output(house: House) -> None:
    long = "x" * 9_000 + "\ntoken=abcdefgh1234 and the end"
    await house.engine.heartbeats.ping("queue", "x", Said.FAIL, long)
    (record,) = await alerts(house)
    output = record.alert.annotations["output"]
    assert output.endswith("and the end")
    assert "abcdefgh1234" not in output
    assert len(output) == limits.heartbeat_output_chars_max
    await house.engine.heartbeats.ping("queue", "x", Said.FAIL, "another")
    assert (await alerts(house))[0].alert.annotations["output"] == "another"
    await house.engine.heartbeats.ping("queue", "x")
    assert (await alerts(house))[0].alert.status is AlertStatus.RESOLVED


async def test_what_is_known_outlives_a_restart(house: House) -> None:
    await house.engine.heartbeats.ping("queue", "x")
    await pass_time(house, 16 * MINUTE)
    again = restarted(house)
    house.clock.advance(MINUTE)
    await again.look()
    assert await state(house, again) is BeatState.MISSED
    assert (await alerts(house))[0].times == 1, "the alert was told before the restart"
    await again.ping("queue", "x")
    assert (await alerts(house))[0].alert.status is AlertStatus.RESOLVED


async def test_an_outage_raises_no_false_alarm(house: House) -> None:
    await house.engine.heartbeats.ping("queue", "x")
    await pass_time(house, 2 * MINUTE)
    house.clock.advance(3 * HOUR)
    again = restarted(house)
    await again.look()
    assert await alerts(house) == []
    await pass_time(house, 14 * MINUTE, again)
    assert await alerts(house) == []
    await again.ping("queue", "x")
    await pass_time(house, 14 * MINUTE, again)
    assert await alerts(house) == []


async def test_time_passes_while_the_store_is_read(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a real clock, no two looks at it are the same; that is no clock set back."""
    await house.engine.heartbeats.ping("queue", "x")
    await pass_time(house, 2 * MINUTE)
    house.clock.advance(3 * HOUR)
    again = restarted(house)

    monkeypatch.setattr(house.clock, "now", lambda: house.clock.advance(timedelta(milliseconds=3)))
    await again.look()
    assert await alerts(house) == []
    await again.look()
    assert await alerts(house) == []


async def test_one_restart_after_another_raises_no_false_alarm(house: House) -> None:
    await house.engine.heartbeats.ping("queue", "x")
    await pass_time(house, 2 * MINUTE)
    for _ in range(4):
        house.clock.advance(HOUR)
        again = restarted(house)
        await again.look()
        await pass_time(house, 4 * MINUTE, again)
    assert await alerts(house) == []
    await pass_time(house, 11 * MINUTE, again)
    assert len(await alerts(house)) == 1


async def test_nor_does_it_hide_a_true_one(house: House) -> None:
    await house.engine.heartbeats.ping("queue", "x")
    await pass_time(house, 2 * MINUTE)
    house.clock.advance(3 * HOUR)
    again = restarted(house)
    await again.look()
    await pass_time(house, 15 * MINUTE, again)
    (record,) = await alerts(house)
    assert "did not listen from" in record.alert.summary


async def test_a_silence_from_before_the_outage_is_told_at_the_start(house: House) -> None:
    await house.engine.heartbeats.ping("queue", "x")
    await pass_time(house, 14 * MINUTE)
    house.fail("alert", *[StoreUnavailableError("away")] * 3)
    await pass_time(house, 90 * timedelta(seconds=1))
    again = restarted(house)
    house.clock.advance(HOUR)
    await again.look()
    assert [each.alert.status for each in await alerts(house)] == [AlertStatus.FIRING]


async def test_a_clock_that_jumps_ahead_raises_no_false_alarm(house: House) -> None:
    await house.engine.heartbeats.ping("queue", "x")
    await pass_time(house, MINUTE)
    house.clock.advance(5 * HOUR)
    await house.engine.heartbeats.look()
    assert await alerts(house) == []
    await house.engine.heartbeats.ping("queue", "x")
    await pass_time(house, 14 * MINUTE)
    assert await alerts(house) == []
    await pass_time(house, MINUTE)
    assert len(await alerts(house)) == 1


async def test_a_clock_that_is_set_back_delays_no_true_one(house: House) -> None:
    await house.engine.heartbeats.ping("queue", "x")
    await pass_time(house, MINUTE)
    house.clock.set(house.clock.now() - 5 * HOUR)
    await house.engine.heartbeats.look()
    await pass_time(house, 14 * MINUTE)
    assert await alerts(house) == []
    await pass_time(house, MINUTE)
    assert len(await alerts(house)) == 1


async def test_a_ping_counts_while_the_store_is_away(house: House) -> None:
    await house.engine.heartbeats.ping("queue", "x")
    await pass_time(house, 9 * MINUTE)
    house.fail("keep", StoreUnavailableError("The disk is full."))
    with pytest.raises(StoreUnavailableError):
        await house.engine.heartbeats.ping("queue", "x")
    await pass_time(house, 14 * MINUTE)
    assert await alerts(house) == []
    async with house.memory.reading() as reader:
        kept = await reader.kept(Beat, "queue")
    assert kept is not None
    assert kept.heard_at == house.clock.now() - 14 * MINUTE, "it is kept as soon as that can be"


async def test_another_server_hears_for_this_one(house: House) -> None:
    await house.engine.heartbeats.ping("queue", "x")
    other = restarted(house)
    await other.look()
    for _ in range(6):
        await pass_time(house, 5 * MINUTE)
        await other.ping("queue", "y")
        await other.look()
    assert await alerts(house) == []


async def test_one_that_is_taken_out_of_the_settings_is_cleared(house: House) -> None:
    await pass_time(house, 16 * MINUTE)
    assert len(await alerts(house)) == 1
    other = Heartbeat(name="other", every=HOUR)
    again = restarted(house, other)
    await again.look()
    (record,) = await alerts(house)
    assert record.alert.status is AlertStatus.RESOLVED
    async with house.memory.reading() as reader:
        assert [each.name for each in await reader.all_kept(Beat)] == ["other"]


async def test_a_store_that_is_away_does_not_end_the_loop(house: House) -> None:
    house.fail("keep", *[StoreUnavailableError("away")] * 3)
    await pass_time(house, 16 * MINUTE)
    assert len(await alerts(house)) == 1
    async with house.memory.reading() as reader:
        assert await reader.kept(Hearing, "") is not None


async def test_many_pings_in_a_moment_are_written_once(house: House) -> None:
    await house.engine.heartbeats.ping("queue", "x")
    before = house.steps["keep"]
    for _ in range(50):
        await house.engine.heartbeats.ping("queue", "x")
    assert house.steps["keep"] == before
