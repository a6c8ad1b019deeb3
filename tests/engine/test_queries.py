"""What the faces read: the room of an incident, lists, duty, and how the house itself is."""

from datetime import timedelta

from msgspec.structs import replace

from tests.core.sample import BEN, CARA, P1, P4, PLAYBOOK, ROSTER, START, alert, minutes
from tests.engine.house import House, document
from tocsin.base.ids import IncidentId
from tocsin.engine.ports import DeliveryError, StoreUnavailableError
from tocsin.engine.views import Weight
from tocsin.incident import commands as c
from tocsin.incident.state import State
from tocsin.playbook.model import MessageKind

INC = IncidentId("INC-1")


async def test_the_room_holds_everything_that_its_page_shows() -> None:
    house = House()
    await house.engine.catch_up()
    await house.declare("VaultSealed", P1)
    await house.acknowledge("INC-1", "ben")
    room = await house.engine.queries.room(INC)
    assert room is not None
    assert room.incident.state is State.ACKNOWLEDGED
    assert room.severity.level == P1
    assert room.commander is not None
    assert room.commander.id == BEN
    assert room.acknowledged_by == room.commander
    assert [line.kind for line in room.lines][:2] == ["Opened", "Paged"]
    assert {line.weight for line in room.lines} >= {Weight.STATE, Weight.PAGE, Weight.DETAIL}
    verbs = {choice.verb for choice in room.choices}
    assert "mitigate" in verbs
    assert "acknowledge" not in verbs
    assert "repin" not in verbs, "it follows the current playbook already"
    assert room.playbook_is_current
    assert room.drafts[MessageKind.INITIAL].missing == ("Impact",)
    assert room.postmortem.startswith("## Post-Mortem")
    assert room.roles[0] == "On-Call Engineer"
    assert len(room.roles) == len({role.casefold() for role in room.roles})
    assert [each.at for each in room.deadlines] == sorted(each.at for each in room.deadlines)


async def test_a_room_offers_the_new_playbook_once_there_is_one() -> None:
    house = House()
    await house.engine.catch_up()
    await house.declare()
    await house.engine.reload(document(replace(PLAYBOOK, title="newer"), "cd" * 32), ROSTER)
    room = await house.engine.queries.room(INC)
    assert room is not None
    assert not room.playbook_is_current
    assert "repin" in {choice.verb for choice in room.choices}


async def test_there_is_no_room_and_no_post_mortem_of_an_incident_that_is_not_there() -> None:
    house = House()
    assert await house.engine.queries.room(INC) is None
    assert await house.engine.queries.postmortem(INC) is None
    assert await house.engine.queries.incident(INC) is None
    assert await house.engine.queries.lines(INC) == []


async def test_the_published_post_mortem_stands_over_the_draft() -> None:
    house = House()
    await house.declare()
    await house.ask("INC-1", c.Resolve(root_cause="a", fix="b"))
    drafted = await house.engine.queries.postmortem(INC)
    assert drafted is not None
    assert drafted.startswith("## Post-Mortem: INC-1")
    await house.ask("INC-1", c.PublishPostmortem(text="my own words"))
    assert await house.engine.queries.postmortem(INC) == "my own words"


async def test_lists_and_next_deadlines() -> None:
    house = House()
    await house.declare("it burns", P1)
    await house.declare("a detail", P4)
    await house.ask("INC-2", c.Dismiss(reason="nothing there"))
    listed = await house.engine.queries.incidents()
    assert [each.id for each in listed] == ["INC-2", "INC-1"]
    assert [each.id for each in await house.engine.queries.incidents([State.OPEN])] == ["INC-1"]
    assert [each.id for each in await house.engine.queries.incidents(limit=1, before=2)] == ["INC-1"]
    assert await house.engine.queries.next_deadlines(listed) == {"INC-1": START + minutes(2)}
    after = await house.engine.queries.lines(INC, after=2)
    assert after[0].seq == 3
    await house.take(alert("Down"))
    assert [each.incident for each in await house.engine.queries.alerts()] == ["INC-3"]


async def test_who_is_on_duty_for_every_role() -> None:
    duty = await House().engine.queries.duty(START + timedelta(days=7))
    by_role = {each.role: [person.id for person in each.people] for each in duty.roles}
    assert by_role["On-Call Engineer"] == ["dev"]
    assert by_role["Team Lead"] == [CARA]


async def test_troubles_of_the_delivery_are_told_once_a_reason_with_their_beginning() -> None:
    house = House()
    healthy = await house.engine.queries.health()
    assert healthy.ready
    assert healthy.troubles == ()
    house.outbox.down = DeliveryError("the disk is full", retry=True)
    await house.declare("one", P4)
    await house.deliver()
    house.clock.advance(minutes(1))
    await house.ask("INC-1", c.Escalate(to="CISO"))
    await house.deliver()
    health = await house.engine.queries.health()
    assert health.ready
    assert [trouble.what for trouble in health.troubles] == [
        "Something cannot be delivered: the disk is full"
    ]
    assert health.troubles[0].since is not None
    assert health.troubles[0].since <= START + minutes(1)


async def test_a_store_that_cannot_be_read_is_not_ready() -> None:
    house = House()
    house.fail("outbox", StoreUnavailableError("the file is gone"))
    health = await house.engine.queries.health()
    assert not health.ready
    assert health.troubles[0].what == "The database cannot be used: the file is gone"
    assert "503" in health.troubles[0].mend
