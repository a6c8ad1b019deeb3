"""Deliveries that come twice or too late, on each kind of store."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest

from tests.core.sample import PLAYBOOK, ROSTER, START
from tests.engine.house import WINDOW, document
from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.engine.deliveries import DELIVERY_KEPT_FOR, LAST_WORD_KEPT_FOR, KnownDelivery, LastWord
from tocsin.engine.engine import Engine, assemble
from tocsin.engine.ports import Store
from tocsin.engine.sources import Parsed
from tocsin.incident.rules import Clocks
from tocsin.testing.fakes import ManualClock, RecordingChannel, SequenceRandomness


def engine_over(store: Store, clock: ManualClock) -> Engine:
    return assemble(
        store=store,
        clock=clock,
        randomness=SequenceRandomness(),
        document=document(PLAYBOOK),
        roster=ROSTER,
        clocks=Clocks(),
        channels={"outbox": RecordingChannel("outbox"), "email": RecordingChannel("email")},
        public_url="https://tocsin.example/",
        bundle_window=WINDOW,
    )


@asynccontextmanager
async def _loop(running: Coroutine[Any, Any, None]) -> AsyncGenerator[None, None]:
    """The intake at work, stopped at the end."""
    task = asyncio.create_task(running)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def parsed(delivery: str = "", sequence: str = "", *, ended: bool = False) -> Parsed:
    labels = {"alertname": "A"}
    alert = Alert(
        fingerprint=fingerprint(labels),
        status=AlertStatus.RESOLVED if ended else AlertStatus.FIRING,
        labels=labels,
        annotations={},
        starts_at=START,
        received_at=START,
        source="test",
        ends_at=START if ended else None,
    )
    return Parsed(alerts=(alert,), delivery=delivery, sequence=sequence)


async def test_a_delivery_is_known_after_a_restart_and_forgotten_after_a_day(store: Store) -> None:
    clock = ManualClock(START)
    long_id = '["https://example.org/ü", "' + "x" * 5_000 + '"]'
    for first in (True, False):
        engine = engine_over(store, clock)
        async with _loop(engine.intake.run()):
            for delivery in ("d-1", long_id):
                outcome = await engine.deliveries.take("test", parsed(delivery))
                assert len(outcome.taken) == (1 if first else 0)
                assert (outcome.note is None) is first
            other = await engine.deliveries.take("other", parsed("d-1"))
            assert len(other.taken) == (1 if first else 0), "another source has its own identifiers"
    clock.set(START + DELIVERY_KEPT_FOR + timedelta(minutes=1))
    engine = engine_over(store, clock)
    async with _loop(engine.intake.run()):
        assert (await engine.deliveries.take("test", parsed("d-1"))).taken
    async with store.reading() as reader:
        assert [each.id for each in await reader.all_kept(KnownDelivery)] == ["d-1"]


async def test_the_order_of_a_sender_outlives_a_restart(store: Store) -> None:
    clock = ManualClock(START)
    for sequence, ended, kept in (("2", False, 1), ("1", True, 0), ("2", True, 1), ("1", False, 0)):
        engine = engine_over(store, clock)
        async with _loop(engine.intake.run()):
            outcome = await engine.deliveries.take("test", parsed("", sequence, ended=ended))
            assert len(outcome.taken) == kept
            assert (outcome.note.code if outcome.note else "") == ("" if kept else "overtaken")
    clock.set(START + LAST_WORD_KEPT_FOR + timedelta(minutes=1))
    engine = engine_over(store, clock)
    async with _loop(engine.intake.run()):
        await engine.deliveries.take("test", parsed("d-9"))
    async with store.reading() as reader:
        assert await reader.all_kept(LastWord) == []


@pytest.mark.parametrize("given", [parsed(), Parsed(alerts=())])
async def test_what_has_no_identifier_is_kept_each_time(store: Store, given: Parsed) -> None:
    engine = engine_over(store, ManualClock(START))
    async with _loop(engine.intake.run()):
        for _ in range(2):
            assert len((await engine.deliveries.take("test", given)).taken) == len(given.alerts)
    async with store.reading() as reader:
        assert await reader.all_kept(KnownDelivery) == []
