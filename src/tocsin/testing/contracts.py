"""The contract of the `Store` port as tests, for every store there is: ours and those of others.

Make a subclass of `StoreContract` in a module of tests, with an async fixture `store` that gives an
empty store for each test. Needs pytest with pytest-asyncio in its `auto` mode.
"""

import asyncio
import hashlib

import msgspec
import pytest

from tocsin.engine.ports import ConflictError, Store
from tocsin.incident.events import Noted
from tocsin.incident.evolve import fold
from tocsin.incident.state import Incident, State
from tocsin.testing.contracts_outbox import OutboxContract, RecordsContract
from tocsin.testing.store_samples import (
    ALICE,
    CLOSED,
    INC_1,
    INC_2,
    RESOLVED,
    T0,
    after,
    alert,
    attached,
    entries,
    extend,
    noted,
    open_one,
    opened,
    record,
    send,
)

_RETRIES = 20


class _BoomError(Exception):
    """What goes wrong on purpose."""


async def _append_note(store: Store, text: str) -> None:
    for _ in range(_RETRIES):
        try:
            async with store.transaction() as unit:
                await extend(unit, INC_1, noted(text))
            return
        except ConflictError:
            continue
    raise AssertionError("no end of conflicts")


class EventLogContract:
    """Events, read models and transactions."""

    async def test_what_was_appended_is_read_back(self, store: Store) -> None:
        incident = await open_one(store, noted("ä ☎ \x00 \u2028"), attached("b" * 16), next_due_at=after(9))
        assert incident.id == INC_1
        async with store.reading() as reader:
            assert await reader.incident(INC_1) == incident
            links = await reader.timeline(INC_1)
            assert await reader.incident(INC_2) is None
            assert await reader.timeline(INC_2) == []
        assert fold(link.entry for link in links) == incident
        assert [link.entry.seq for link in links] == [1, 2, 3]

    async def test_the_chain_is_sha256_over_the_previous_hash_and_the_canonical_entry(
        self, store: Store
    ) -> None:
        await open_one(store, noted(), noted())
        async with store.reading() as reader:
            links = await reader.timeline(INC_1)
        previous = "0" * 64
        for link in links:
            assert link.previous == previous
            canonical = msgspec.json.encode(link.entry, order="sorted")
            assert link.hash == hashlib.sha256(previous.encode() + canonical).hexdigest()
            previous = link.hash

    async def test_a_timeline_is_read_from_a_place_on(self, store: Store) -> None:
        await open_one(store, *(noted(str(number)) for number in range(9)))
        async with store.reading() as reader:
            assert [link.entry.seq for link in await reader.timeline(INC_1, after=7)] == [8, 9, 10]
            assert [link.entry.seq for link in await reader.timeline(INC_1, after=2, limit=2)] == [3, 4]
            assert await reader.timeline(INC_1, after=10) == []

    async def test_many_entries_in_one_transaction_and_one_by_one(self, store: Store) -> None:
        await open_one(store, *(noted(str(number)) for number in range(99)))
        for number in range(100):
            await _append_note(store, str(number))
        async with store.reading() as reader:
            links = await reader.timeline(INC_1)
        assert [link.entry.seq for link in links] == list(range(1, 201))
        assert await store.verify() == []

    async def test_an_append_that_does_not_follow_is_a_conflict(self, store: Store) -> None:
        incident = await open_one(store, noted())
        for seq in (1, 2, 4):
            late = entries(INC_1, [noted("late")], seq=seq)
            state = msgspec.structs.replace(incident, seq=seq)
            with pytest.raises(ConflictError):
                async with store.transaction() as unit:
                    await unit.append(late, state, None)
        async with store.reading() as reader:
            assert await reader.incident(INC_1) == incident
            assert len(await reader.timeline(INC_1)) == 2

    async def test_an_incident_cannot_begin_in_the_middle(self, store: Store) -> None:
        state = msgspec.structs.replace(fold(entries(INC_1, [opened()])), seq=2)
        with pytest.raises(ConflictError):
            async with store.transaction() as unit:
                await unit.append(entries(INC_1, [noted()], seq=2), state, None)

    async def test_without_entries_only_the_next_deadline_changes(self, store: Store) -> None:
        incident = await open_one(store, next_due_at=after(5))
        async with store.transaction() as unit:
            await unit.append([], incident, after(3))
        async with store.reading() as reader:
            assert await reader.next_due_at() == after(3)
            assert len(await reader.timeline(INC_1)) == 1
        assert await store.verify() == []

    async def test_a_unit_reads_what_it_wrote(self, store: Store) -> None:
        async with store.transaction() as unit:
            number = await unit.new_incident_id()
            incident = await extend(unit, number, opened(), next_due_at=after(1))
            await unit.save_alert(record(alert(), number))
            assert await unit.incident(number) == incident
            assert len(await unit.timeline(number)) == 1
            assert await unit.due(after(1), 10) == [number]
            assert await unit.alert("a" * 16) == record(alert(), number)
            more = await extend(unit, number, noted())
            assert await unit.lock(number) == more

    async def test_an_exception_undoes_everything(self, store: Store) -> None:
        incident = await open_one(store)

        async def write_and_fail() -> None:
            async with store.transaction() as unit:
                await extend(unit, INC_1, noted())
                await extend(unit, await unit.new_incident_id(), opened())
                await unit.save_alert(record(alert(), INC_2))
                await unit.enqueue([send("k")])
                await unit.set_setting("s", "v")
                await unit.record_audit(T0, ALICE, "test", {})
                raise _BoomError

        with pytest.raises(_BoomError):
            await write_and_fail()
        async with store.reading() as reader:
            assert await reader.incidents() == [incident]
            assert len(await reader.timeline(INC_1)) == 1
            assert await reader.count_alerts() == 0
            assert await reader.outbox() == []
            assert await reader.setting("s") is None
            assert await reader.audit() == []
        assert await store.verify() == []

    async def test_a_cancelled_task_undoes_everything_and_blocks_nobody(self, store: Store) -> None:
        await open_one(store)
        inside = asyncio.Event()

        async def write_and_hang() -> None:
            async with store.transaction() as unit:
                await extend(unit, INC_1, noted("never"))
                inside.set()
                await asyncio.sleep(3600)

        task = asyncio.create_task(write_and_hang())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(_append_note(store, "after"), 10)
        async with store.reading() as reader:
            events = [link.entry.event for link in await reader.timeline(INC_1)]
        assert events[1:] == [Noted(text="after")]

    async def test_a_task_may_be_cancelled_at_any_moment(self, store: Store) -> None:
        await open_one(store)
        for turns in range(0, 60, 3):
            task = asyncio.create_task(_append_note(store, f"turn {turns}"))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.wait_for(_append_note(store, "after"), 10)
        async with store.reading() as reader:
            links = await reader.timeline(INC_1)
        assert sum(link.entry.event == Noted(text="after") for link in links) == 20
        assert await store.verify() == []

    async def test_reading_sees_nothing_that_is_not_committed(self, store: Store) -> None:
        await open_one(store)
        async with store.transaction() as unit:
            await extend(unit, INC_1, noted())
            await unit.enqueue([send("k")])
            async with store.reading() as reader:
                assert len(await reader.timeline(INC_1)) == 1
                assert await reader.outbox() == []
        async with store.reading() as reader:
            assert len(await reader.timeline(INC_1)) == 2
            assert len(await reader.outbox()) == 1

    async def test_a_view_stays_as_it_was(self, store: Store) -> None:
        before = await open_one(store)
        async with store.reading() as reader:
            assert await reader.incident(INC_1) == before
            await _append_note(store, "meanwhile")
            assert await reader.incident(INC_1) == before
            assert len(await reader.timeline(INC_1)) == 1

    async def test_writers_of_one_incident_lose_nothing(self, store: Store) -> None:
        await open_one(store)
        await asyncio.gather(*(_append_note(store, str(number)) for number in range(10)))
        async with store.reading() as reader:
            links = await reader.timeline(INC_1)
        texts = {link.entry.event.text for link in links if isinstance(link.entry.event, Noted)}
        assert texts == {str(number) for number in range(10)}
        assert await store.verify() == []

    async def test_of_two_who_decided_on_the_same_state_one_wins(self, store: Store) -> None:
        incident = await open_one(store)
        new = entries(INC_1, [noted()], seq=2)
        state = msgspec.structs.replace(incident, seq=2, updated_at=new[0].at)

        async def write() -> bool:
            try:
                async with store.transaction() as unit:
                    await unit.append(new, state, None)
            except ConflictError:
                return False
            return True

        assert sorted(await asyncio.gather(write(), write(), write())) == [False, False, True]
        assert await store.verify() == []

    async def test_incidents_are_numbered_in_the_order_of_opening(self, store: Store) -> None:
        opened_together = await asyncio.gather(*(open_one(store) for _ in range(8)))
        assert sorted(each.id for each in opened_together) == [f"INC-{number}" for number in range(1, 9)]
        async with store.transaction() as unit:
            assert await unit.new_incident_id() == "INC-9"
            assert await unit.new_incident_id() == "INC-10"
        assert await store.verify() == []


class ReadModelContract:
    """What is found, and in which order."""

    async def test_incidents_are_listed_newest_first(self, store: Store) -> None:
        for events in ((), (RESOLVED,), (RESOLVED, CLOSED), ()):
            await open_one(store, *events)

        def ids(found: list[Incident]) -> list[str]:
            return [each.id for each in found]

        async with store.reading() as reader:
            assert ids(await reader.incidents()) == ["INC-4", "INC-3", "INC-2", "INC-1"]
            assert ids(await reader.incidents(limit=2, before=4)) == ["INC-3", "INC-2"]
            assert ids(await reader.incidents([State.OPEN, State.RESOLVED])) == ["INC-4", "INC-2", "INC-1"]
            assert await reader.count_incidents() == {State.OPEN: 2, State.RESOLVED: 1, State.CLOSED: 1}

    async def test_holders_are_what_is_not_over_with_all_their_alerts(self, store: Store) -> None:
        await open_one(store, attached("b" * 16), first=opened(alert("c" * 16), group_key="team=db"))
        await open_one(store, RESOLVED, CLOSED)
        resolved = await open_one(store, RESOLVED)
        async with store.reading() as reader:
            newest, oldest = await reader.holders()
        assert (newest.id, newest.fingerprints, newest.resolved_at) == (resolved.id, frozenset(), after(2))
        assert (oldest.id, oldest.group_key) == (INC_1, "team=db")
        assert (oldest.fingerprints, oldest.resolved_at) == (frozenset({"b" * 16, "c" * 16}), None)
        async with store.transaction() as unit:
            assert await unit.holders() == [newest, oldest]

    async def test_due_incidents_come_with_the_longest_overdue_first(self, store: Store) -> None:
        async with store.reading() as reader:
            assert await reader.next_due_at() is None
        for minutes in (30, 10, None, 20, 10):
            await open_one(store, next_due_at=None if minutes is None else after(minutes))
        async with store.reading() as reader:
            assert await reader.next_due_at() == after(10)
            assert await reader.due(after(9.999), 10) == []
            assert await reader.due(after(20), 10) == ["INC-2", "INC-5", "INC-4"]
            assert await reader.due(after(60), 2) == ["INC-2", "INC-5"]

    async def test_an_alert_is_kept_once(self, store: Store) -> None:
        async with store.transaction() as unit:
            await unit.save_alert(record(alert("a" * 16), None))
            await unit.save_alert(record(alert("b" * 16, text="\x00"), INC_2, minutes=2))
            await unit.save_alert(record(alert("a" * 16), INC_1, minutes=1, times=2))
            await unit.save_alert(record(alert("n\x00l"), INC_1))
        async with store.reading() as reader:
            assert await reader.count_alerts() == 3
            assert await reader.alert("a" * 16) == record(alert("a" * 16), INC_1, minutes=1, times=2)
            assert await reader.alert("n\x00l") == record(alert("n\x00l"), INC_1)
            assert await reader.alert("none") is None
            found = await reader.alerts()
            assert [each.alert.fingerprint[0] for each in found] == ["b", "a", "n"]
            assert await reader.alerts(limit=1) == found[:1]
            for place, each in enumerate(found, start=1):
                after_it = (each.last_seen_at, each.alert.fingerprint)
                assert await reader.alerts(after=after_it) == found[place:]
                assert (await reader.alert_steps(each.alert.fingerprint))[-1].because == each.because
            assert await reader.alert_steps("none") == []
            assert await reader.alerts(incident=INC_2) == [
                record(alert("b" * 16, text="\x00"), INC_2, minutes=2)
            ]


class StoreContract(EventLogContract, ReadModelContract, OutboxContract, RecordsContract):
    """All that a store promises."""
