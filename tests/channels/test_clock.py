"""Clocks and chance, the real and the manual."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.channels.sample import PAGE
from tocsin.adapters import clock as module
from tocsin.adapters.clock import SystemClock, SystemRandomness
from tocsin.engine.ports import DeliveryError
from tocsin.testing.fakes import ManualClock, RecordingChannel, SequenceRandomness

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class SetClock(SystemClock):
    """A machine whose clock somebody sets."""

    def __init__(self) -> None:
        self.offset = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.offset


async def test_a_wait_is_never_early() -> None:
    clock = SystemClock()
    until = clock.now() + timedelta(milliseconds=30)
    await clock.wait(until, asyncio.Event())
    assert clock.now() >= until
    assert clock.now().tzinfo is UTC


async def test_a_wait_ends_at_once_when_it_is_over_or_woken() -> None:
    clock = SystemClock()
    woken = asyncio.Event()
    woken.set()
    async with asyncio.timeout(5):
        await clock.wait(clock.now() - SECOND, asyncio.Event())
        await clock.wait(clock.now() + timedelta(days=1), woken)
        await clock.wait(None, woken)


async def test_a_wait_is_woken() -> None:
    clock = SystemClock()
    for until in (None, clock.now() + timedelta(days=1)):
        wake = asyncio.Event()
        waiting = asyncio.create_task(clock.wait(until, wake))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        wake.set()
        async with asyncio.timeout(5):
            await waiting


async def test_a_clock_that_is_set_forward_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN", timedelta(milliseconds=10))
    clock = SetClock()
    waiting = asyncio.create_task(clock.wait(clock.now() + timedelta(days=1), asyncio.Event()))
    await asyncio.sleep(0.03)
    assert not waiting.done()
    clock.offset = timedelta(days=2)
    async with asyncio.timeout(5):
        await waiting


async def test_a_clock_that_is_set_back_makes_the_wait_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN", timedelta(milliseconds=10))
    clock = SetClock()
    waiting = asyncio.create_task(clock.wait(clock.now() + timedelta(milliseconds=30), asyncio.Event()))
    await asyncio.sleep(0)
    clock.offset = timedelta(days=-1)
    await asyncio.sleep(0.06)
    assert not waiting.done()
    waiting.cancel()


def test_secrets_differ_and_are_long() -> None:
    chance = SystemRandomness()
    secrets = {chance.secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(len(secret) >= 43 for secret in secrets)
    assert all(0 <= chance.jitter() < 1 for _ in range(100))


async def test_the_manual_clock_moves_only_by_hand() -> None:
    clock = ManualClock(START)
    wake = asyncio.Event()
    waits = [
        asyncio.create_task(clock.wait(until, wake)) for until in (START + SECOND, START + 2 * SECOND, None)
    ]
    await asyncio.sleep(0)
    assert clock.next_wait == START + SECOND
    assert clock.advance(SECOND) == START + SECOND
    await asyncio.sleep(0.01)
    assert [each.done() for each in waits] == [True, False, False]
    assert clock.next_wait == START + 2 * SECOND
    clock.set(START - SECOND)
    assert clock.now() == START - SECOND
    wake.set()
    await asyncio.gather(*waits)
    assert clock.next_wait is None
    await clock.wait(START - SECOND, asyncio.Event())


def test_chance_out_of_a_seed_repeats() -> None:
    one, same, other = SequenceRandomness(1), SequenceRandomness(1), SequenceRandomness(2)
    drawn = [one.secret() for _ in range(3)]
    assert drawn == [same.secret() for _ in range(3)]
    assert len({*drawn, other.secret()}) == 4
    assert one.jitter() == same.jitter()
    assert 0 <= other.jitter() < 1


async def test_the_recording_channel_follows_its_script() -> None:
    refused = DeliveryError("no", retry=False)
    channel = RecordingChannel("email", [refused, None])
    with pytest.raises(DeliveryError):
        await channel.send(PAGE)
    assert await channel.send(PAGE) == "kept"
    channel.down = refused
    with pytest.raises(DeliveryError):
        await channel.send(PAGE)
    channel.down = None
    await channel.send(PAGE)
    await channel.close()
    assert (len(channel.attempts), len(channel.sent), channel.closed) == (4, 2, True)
    assert (channel.check("x"), bool(channel.check(" "))) == (None, True)
