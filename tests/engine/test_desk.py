"""One command, one transaction: all of it or nothing, and nothing that another has overtaken."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.core.sample import ANNA, BEN, P1, PLAYBOOK, ROSTER, alert
from tests.engine.house import House, actor, document
from tocsin.base.ids import IncidentId
from tocsin.engine.desk import RefusedError, UnknownIncidentError
from tocsin.engine.ports import ConflictError, StoreUnavailableError, Unit
from tocsin.engine.records import OutboxStatus
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident.state import State
from tocsin.oncall.model import Roster


async def test_a_command_that_another_overtook_is_decided_anew() -> None:
    house = House()
    incident = await house.declare()
    house.fail("append", ConflictError("first"), ConflictError("second"))
    answer = await house.engine.desk.handle(incident.id, c.AddNote(text="hello"), actor("anna"))
    assert [type(entry.event) for entry in answer.entries] == [e.Noted]
    assert len(await house.entries(incident.id, e.Noted)) == 1


async def test_two_commands_at_once_both_stand_in_the_timeline() -> None:
    house = House()
    incident = await house.declare()
    await asyncio.gather(*(house.ask(incident.id, c.AddNote(text=f"note {n}")) for n in range(20)))
    entries = await house.entries(incident.id)
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert len(await house.entries(incident.id, e.Noted)) == 20
    assert await house.memory.verify() == []


async def test_a_refusal_writes_nothing_not_even_what_goes_with_it() -> None:
    house = House()
    incident = await house.declare()
    before = await house.entries(incident.id), await house.rows()

    async def also(unit: Unit) -> None:
        await unit.set_setting("also", "written")

    with pytest.raises(RefusedError) as refused:
        await house.engine.desk.handle(incident.id, c.Close(), actor("anna"), also)
    assert refused.value.code == "not-resolved"
    assert (await house.entries(incident.id), await house.rows()) == before
    async with house.memory.reading() as reader:
        assert await reader.setting("also") is None


async def test_what_goes_with_a_command_stands_and_falls_with_it() -> None:
    house = House()
    incident = await house.declare()
    tries: list[int] = []

    async def also(unit: Unit) -> None:
        tries.append(len(tries))
        await unit.set_setting("also", f"written {len(tries)}")

    house.fail("commit", ConflictError("another was first"))
    await house.engine.desk.handle(incident.id, c.AddNote(text="a"), actor("anna"), also)
    async with house.memory.reading() as reader:
        assert await reader.setting("also") == "written 2"
    house.fail("commit", StoreUnavailableError("the disk is full"))
    with pytest.raises(StoreUnavailableError):
        await house.engine.desk.handle(incident.id, c.AddNote(text="b"), actor("anna"), also)
    async with house.memory.reading() as reader:
        assert await reader.setting("also") == "written 2"
    assert len(await house.entries(incident.id, e.Noted)) == 1


async def test_whoever_asks_for_an_incident_that_is_not_there_is_told() -> None:
    with pytest.raises(UnknownIncidentError, match="There is no incident INC-9"):
        await House().ask("INC-9", c.AddNote(text="hello"))


async def test_a_merge_takes_both_incidents_or_none() -> None:
    house = House()
    await house.take(alert("UiGlitch"))
    one = await house.incident("INC-1")
    other = await house.declare("another", P1)
    house.fail("append", None, StoreUnavailableError("full"))
    with pytest.raises(StoreUnavailableError):
        await house.ask(one.id, c.Merge(into=other.id))
    assert (await house.incident(one.id)).state is State.OPEN
    heard: list[str] = []
    async with house.engine.hub.subscribe(other.id) as changes:
        await house.ask(one.id, c.Merge(into=other.id))
        if await changes.wait(timedelta(seconds=1)):
            heard.append(other.id)
    assert heard == [other.id], "whoever follows the other one hears of it"
    merged, into = await house.incident(one.id), await house.incident(other.id)
    assert merged.state is State.MERGED
    assert merged.merged_into == other.id
    assert [each.name for each in into.alerts] == ["UiGlitch"]
    assert not [row for row in await house.rows(OutboxStatus.PENDING) if row.effect.incident == one.id]


async def test_a_merge_into_what_has_ended_or_is_not_there_changes_nothing() -> None:
    house = House()
    one, other = await house.declare("one"), await house.declare("other")
    await house.ask(other.id, c.Dismiss(reason="nothing there"))
    with pytest.raises(RefusedError):
        await house.ask(one.id, c.Merge(into=other.id))
    with pytest.raises(UnknownIncidentError):
        await house.ask(one.id, c.Merge(into=IncidentId("INC-9")))
    assert (await house.incident(one.id)).state is State.OPEN


async def test_an_incident_keeps_its_playbook_until_it_is_pinned_to_another() -> None:
    house = House()
    await house.engine.catch_up()
    incident = await house.declare("it burns", P1)
    slow = tuple(replace(each, respond_within=timedelta(hours=9)) for each in PLAYBOOK.severities)
    other = document(replace(PLAYBOOK, severities=slow), "cd" * 32)
    await house.engine.reload(other, ROSTER)
    assert (await house.incident(incident.id)).playbook == "ab" * 32
    house.clock.advance(timedelta(minutes=16))
    await house.engine.clockwork.pass_time()
    assert len(await house.entries(incident.id, e.ResponseOverdue)) == 1
    pinned = await house.ask(incident.id, c.Repin(playbook=other.hash))
    assert pinned.playbook == other.hash
    newer = await house.declare("another", P1)
    assert newer.playbook == other.hash


async def test_a_version_that_nobody_knows_is_refused() -> None:
    house = House()
    incident = await house.declare()
    with pytest.raises(RefusedError) as refused:
        await house.ask(incident.id, c.Repin(playbook="ee" * 32))
    assert refused.value.code == "unknown-playbook"
    assert "eeee" in refused.value.message


async def test_an_empty_post_mortem_is_the_one_that_the_events_give() -> None:
    house = House()
    incident = await house.declare()
    await house.ask(incident.id, c.Resolve(root_cause="a worn seal", fix="a new one"))
    published = await house.ask(incident.id, c.PublishPostmortem())
    assert published.postmortem_text.startswith("## Post-Mortem: INC-1 VaultSealed")
    assert published.postmortem_at is not None


async def test_one_bad_incident_does_not_keep_the_others_from_being_reviewed() -> None:
    house = House()
    one, other = await house.declare("one", P1), await house.declare("other", P1)
    house.clock.advance(timedelta(minutes=16))
    house.fail("lock", RuntimeError("it cannot be read"), RuntimeError("nor alone"))
    await house.engine.desk.review()
    overdue = [len(await house.entries(each.id, e.ResponseOverdue)) for each in (one, other)]
    assert sorted(overdue) == [0, 1]


async def test_a_roster_that_is_changed_takes_effect_at_once() -> None:
    house = House(roster=Roster(people=ROSTER.people, fallback=ROSTER.fallback))
    incident = await house.declare()
    assert incident.pages == ()
    assert (await house.entries(incident.id, e.NobodyReachable)) != []
    await house.engine.reload(house.engine.library.current, ROSTER)
    house.clock.advance(timedelta(minutes=5))
    await house.engine.clockwork.pass_time()
    assert [page.person for page in (await house.incident(incident.id)).pages][:1] == [ANNA]
    assert BEN not in [page.person for page in (await house.incident(incident.id)).pages][:1]
