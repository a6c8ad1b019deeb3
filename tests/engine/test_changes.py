"""Changes are kept for a month, and no more than a thousand of them."""

from datetime import timedelta

from tests.http.house import Counted, HandClock
from tocsin.adapters.store.memory import MemoryStore
from tocsin.engine.changes import CHANGES_MAX, KEPT_FOR, Change, Changes
from tocsin.incident.evolve import fold


async def test_the_old_are_forgotten() -> None:
    clock = HandClock()
    changes = Changes(MemoryStore(fold), clock, Counted())
    await changes.keep(Change(summary="first", source="ci", at=clock.now()))
    clock.move(KEPT_FOR - timedelta(seconds=1))
    await changes.keep(Change(summary="second", source="ci", at=clock.now()))
    assert [each.summary for each in await changes.list()] == ["second", "first"]
    clock.move(timedelta(seconds=2))
    await changes.keep(Change(summary="third", source="ci", at=clock.now()))
    assert [each.summary for each in await changes.list()] == ["third", "second"]
    assert [each.summary for each in await changes.list(1)] == ["third"]


async def test_the_oldest_give_way() -> None:
    clock = HandClock()
    changes = Changes(MemoryStore(fold), clock, Counted())
    for number in range(CHANGES_MAX + 5):
        await changes.keep(Change(summary=str(number), source="", at=clock.now()))
        clock.move(timedelta(seconds=1))
    kept = await changes.list()
    assert len(kept) == CHANGES_MAX
    assert (kept[0].summary, kept[-1].summary) == (str(CHANGES_MAX + 4), "5")
