"""The contract of the `Store` port as tests: alerts and their history in bulk (see `contracts`)."""

from msgspec.structs import replace

from tocsin.alerts.model import Alert, AlertStatus
from tocsin.base.ids import IncidentId
from tocsin.engine.ports import ConflictError, Store
from tocsin.engine.records import AlertRecord, AlertStep, Repeats
from tocsin.incident.commands import Tally
from tocsin.testing.store_samples import (
    INC_1,
    INC_2,
    T0,
    after,
    alert,
    entries,
    extend,
    noted,
    open_one,
    record,
)


def ended(of: Alert) -> Alert:
    """The end of an alert."""
    return replace(of, status=AlertStatus.RESOLVED, ends_at=after(5))


def expiring(fingerprint: str, minutes: float) -> AlertRecord:
    """A firing alert that ends by itself so many minutes after `T0`."""
    return record(replace(alert(fingerprint), expires_at=after(minutes)), INC_1)


def step(
    fingerprint: str, minutes: float, incident: IncidentId | None = INC_1, because: str = "why"
) -> AlertStep:
    """A line of the history of an alert, so many minutes after `T0`."""
    return AlertStep(
        fingerprint=fingerprint,
        at=after(minutes),
        status=AlertStatus.FIRING,
        incident=incident,
        because=because,
    )


class HeardContract:
    """Alerts, their history, and writing many things at once."""

    async def test_an_alert_is_kept_once(self, store: Store) -> None:
        async with store.transaction() as unit:
            await unit.save_alerts([record(alert("a" * 16), None)])
            await unit.save_alerts([record(alert("b" * 16, text="\x00"), INC_2, minutes=2)])
            await unit.save_alerts([record(alert("a" * 16), INC_1, minutes=1, times=2)])
            await unit.save_alerts([record(alert("n\x00l"), INC_1)])
        async with store.reading() as reader:
            assert await reader.count_alerts() == 3
            assert await reader.alert("a" * 16) == record(alert("a" * 16), INC_1, minutes=1, times=2)
            assert await reader.alert("n\x00l") == record(alert("n\x00l"), INC_1)
            assert await reader.alert("none") is None
            found = await reader.alerts()
            assert [each.alert.fingerprint[0] for each in found] == ["b", "a", "n"]
            assert await reader.alerts(limit=1) == found[:1]
            assert await reader.alerts(incident=INC_2) == [
                record(alert("b" * 16, text="\x00"), INC_2, minutes=2)
            ]

    async def test_many_alerts_are_kept_and_found_at_once(self, store: Store) -> None:
        many = [record(alert(f"{number:016x}", pod=str(number)), INC_1) for number in range(2_500)]
        async with store.transaction() as unit:
            await unit.save_alerts(many)
            await unit.save_alerts([])
            wanted = [each.alert.fingerprint for each in many[100:2_100]]
            found = await unit.alert_records([*wanted, "unknown", "n\x00l", wanted[0]])
            assert sorted(found, key=lambda each: each.alert.fingerprint) == many[100:2_100]
            assert await unit.alert_records([]) == []
            assert await unit.count_alerts() == 2_500

    async def test_a_record_keeps_the_times_of_its_changes(self, store: Store) -> None:
        changed = replace(record(ended(alert()), None), changes=(after(0), after(1.5), after(5)))
        held = replace(record(ended(alert("b" * 16)), INC_1), held=True)
        async with store.transaction() as unit:
            await unit.save_alerts([changed, held])
        async with store.reading() as reader:
            assert await reader.alert("a" * 16) == changed
            assert await reader.alert("b" * 16) == held
            assert await reader.alert_tallies([INC_1]) == {INC_1: Tally(1, 1)}

    async def test_repetitions_are_counted(self, store: Store) -> None:
        gone = record(ended(alert("b" * 16)), INC_1)
        async with store.transaction() as unit:
            await unit.save_alerts([expiring("a" * 16, 5), gone])
            again = Repeats(times=3, last_seen_at=after(4), expires_at=after(9))
            await unit.repeat_alerts({"a" * 16: again, "b" * 16: again, "unknown": again})
            await unit.repeat_alerts({})
        async with store.reading() as reader:
            found = await reader.alert("a" * 16)
            assert found is not None
            assert (found.times, found.last_seen_at, found.alert.expires_at) == (4, after(4), after(9))
            assert found.first_seen_at == T0
            assert await reader.alert("b" * 16) == gone
            assert await reader.count_alerts() == 2

    async def test_expired_alerts_come_with_the_longest_overdue_first(self, store: Store) -> None:
        async with store.reading() as reader:
            assert await reader.next_expiry_at() is None
        over = replace(expiring("d" * 16, 1), alert=replace(ended(alert("d" * 16)), expires_at=after(1)))
        async with store.transaction() as unit:
            await unit.save_alerts(
                [expiring("a" * 16, 7), expiring("b" * 16, 5), expiring("c" * 16, 9), over]
            )
            await unit.save_alerts([record(alert("e" * 16), INC_1)])
        async with store.reading() as reader:
            assert await reader.next_expiry_at() == after(5)
            assert await reader.expired_alerts(after(4.9), 10) == []
            due = await reader.expired_alerts(after(7), 10)
            assert due == [expiring("b" * 16, 5), expiring("a" * 16, 7)]
            assert await reader.expired_alerts(after(60), 1) == due[:1]

    async def test_a_history_is_only_added_to(self, store: Store) -> None:
        async with store.transaction() as unit:
            await unit.add_alert_steps([step("a" * 16, 1), step("b" * 16, 1), step("n\x00l", 2)])
        async with store.transaction() as unit:
            await unit.add_alert_steps([step("a" * 16, 0, None, "ended")])
            await unit.add_alert_steps([])
        async with store.reading() as reader:
            history = await reader.alert_steps("a" * 16)
            assert history == [step("a" * 16, 0, None, "ended"), step("a" * 16, 1)]
            assert await reader.alert_steps("a" * 16, limit=1) == history[:1]
            assert await reader.alert_steps("n\x00l") == [step("n\x00l", 2)]
            assert await reader.alert_steps("unknown") == []

    async def test_alerts_are_counted_by_incident_and_move_from_one_to_another(self, store: Store) -> None:
        async with store.transaction() as unit:
            records = [record(alert(each * 16), INC_1) for each in "abc"]
            await unit.save_alerts([*records, record(ended(alert("d" * 16)), INC_1)])
            await unit.save_alerts([record(alert("e" * 16), INC_2), record(alert("f" * 16), None)])
            assert await unit.alert_tallies([INC_1, INC_2, IncidentId("INC-3")]) == {
                INC_1: Tally(4, 3),
                INC_2: Tally(1, 1),
            }
            assert await unit.move_alerts(INC_1, INC_2, after(9), "merged") == 4
            assert await unit.move_alerts(INC_1, INC_2, after(9), "merged") == 0
            assert await unit.alert_tallies([]) == {}
        async with store.reading() as reader:
            assert await reader.alert_tallies([INC_1, INC_2]) == {INC_2: Tally(5, 4)}
            moved = await reader.alert("a" * 16)
            assert moved is not None
            assert (moved.incident, moved.because) == (INC_2, "merged")
            assert await reader.alert_steps("a" * 16) == [step("a" * 16, 9, INC_2, "merged")]
            assert await reader.alert_steps("e" * 16) == []
            (gone,) = await reader.alert_steps("d" * 16)
            assert gone.status is AlertStatus.RESOLVED

    async def test_many_incidents_are_locked_and_appended_to_at_once(self, store: Store) -> None:
        one, two = await open_one(store), await open_one(store)
        async with store.transaction() as unit:
            assert await unit.lock_all([INC_2, INC_1, IncidentId("INC-9")]) == {INC_1: one, INC_2: two}
            assert await unit.lock_all([]) == {}
            new = {each.id: entries(each.id, [noted(), noted("more")], seq=2) for each in (one, two)}
            states = [replace(each, seq=3, updated_at=new[each.id][-1].at) for each in (one, two)]
            await unit.append_all([(new[each.id], each, after(each.seq)) for each in states])
            await unit.append_all([])
        async with store.reading() as reader:
            assert await reader.incidents() == [states[1], states[0]]
            assert len(await reader.timeline(INC_2)) == 3
            assert await reader.due(after(3), 10) == [INC_1, INC_2]
        assert await store.verify() == []

    async def test_of_many_appended_at_once_one_that_does_not_follow_undoes_all(self, store: Store) -> None:
        one, two = await open_one(store), await open_one(store)
        late = replace(two, seq=3)
        try:
            async with store.transaction() as unit:
                await extend(unit, INC_1, noted())
                await unit.append_all([([], one, None), (entries(INC_2, [noted()], seq=3), late, None)])
        except ConflictError:
            pass
        else:
            raise AssertionError("it was taken")
        async with store.reading() as reader:
            assert await reader.incidents() == [two, one]
        assert await store.verify() == []
