"""Why: everything that was decided about an alert, in order, also over merges and silences."""

from datetime import timedelta

import pytest_asyncio

from tests.http.house import ME, OTHER, House, ListSource, open_house
from tocsin.alerts.matchers import parse_matchers
from tocsin.engine.alertbook import AlertBook
from tocsin.engine.sources import Arrival
from tocsin.engine.why import About, Why
from tocsin.incident import commands as c
from tocsin.incident.events import Actor, ActorKind

TOMAS = Actor(ActorKind.PERSON, ME, "Tomás Ferreira")


@pytest_asyncio.fixture
async def house():
    async with open_house() as (running, _):
        yield running


async def why(house: House, name: str) -> Why:
    (record,) = await house.engine.alerts.resolve(name)
    told = await house.engine.explainer.why(record.alert.fingerprint)
    assert told is not None
    return told


def texts(told: Why, about: About) -> list[str]:
    return [line.text for line in told.lines if line.about is about]


async def send(house: House, body: bytes) -> None:
    arrival = Arrival(body=body, received_at=house.clock.now())
    await house.engine.intake.take((await ListSource().parse(arrival)).alerts)


async def test_an_alert_that_was_never_seen(house: House) -> None:
    assert await house.engine.explainer.why("nothing") is None


async def test_the_whole_life(house: House) -> None:
    await house.alert("CheckoutDown", service="shop")
    house.clock.move(timedelta(minutes=1))
    await house.alert("CheckoutDown", service="shop")
    await house.engine.desk.handle("INC-1", c.Acknowledge(person=OTHER), TOMAS)  # type: ignore[arg-type]
    await house.engine.desk.handle(
        "INC-1",  # type: ignore[arg-type]
        c.SetSeverity(level="P2", reason="Only some"),  # type: ignore[arg-type]
        TOMAS,
    )
    told = await why(house, "CheckoutDown")
    assert "2 times in all" in texts(told, About.ARRIVAL)[0]
    assert "it is the only one" in texts(told, About.ROUTE)[0]
    assert texts(told, About.DECISION) == ["It fires, in INC-1: it is the first alert of its group."]
    severity = texts(told, About.SEVERITY)
    assert severity[0] == (
        "INC-1: Opened as P1 by alert CheckoutDown: Checkout answers with errors. "
        "Level by the alert's own severity: critical."
    )
    assert "from P1 to P2" in severity[1]
    assert any("Paging " in text for text in texts(told, About.PAGE))
    assert any("acknowledged" in text for text in texts(told, About.ANSWER))
    assert told.lines[0].about is About.ARRIVAL
    assert told.lines[1].about is About.ROUTE
    assert [line.at for line in told.lines] == sorted(line.at for line in told.lines)


async def test_what_others_do_in_the_incident_is_left_out(house: House) -> None:
    await house.alert("CheckoutDown", service="shop", instance="a")
    await house.alert("CheckoutDown", service="shop", instance="b")
    await house.engine.desk.handle("INC-1", c.AddNote(text="looking"), TOMAS)  # type: ignore[arg-type]
    found = await house.engine.alerts.resolve("instance=b")
    told = await house.engine.explainer.why(found[0].alert.fingerprint)
    assert told is not None
    joined = [line.text for line in told.lines if "joined" in line.text]
    assert joined == ["INC-1: Alert CheckoutDown joined: this incident holds alerts of the same group."]
    assert not [line for line in told.lines if "looking" in line.text]


async def test_a_merge_is_followed(house: House) -> None:
    await house.alert("SearchSlow", service="search", severity="low")
    await house.alert("ClusterDown", service="cluster")
    merge = c.Merge(into="INC-2")  # type: ignore[arg-type]
    await house.engine.desk.handle("INC-1", merge, TOMAS)  # type: ignore[arg-type]
    told = await why(house, "SearchSlow")
    assert "INC-1: Merged into INC-2." in texts(told, About.INCIDENT)
    assert [text for text in texts(told, About.PAGE) if text.startswith("INC-2: Paging")]


async def test_one_without_an_incident_and_with_a_silence(house: House) -> None:
    await send(house, b'[{"labels": {"alertname": "Deployed", "severity": "info"}}]')
    matchers = parse_matchers('alertname="Deployed"').all
    until = house.clock.now() + timedelta(hours=2)
    await house.engine.silencing.create(matchers, None, until, "We deploy", TOMAS)
    told = await why(house, "Deployed")
    (decision,) = texts(told, About.DECISION)
    assert decision == (
        "It fires, without an incident: its severity label says that it is for information only."
    )
    silenced, state = texts(told, About.NOW)
    assert silenced == "A silence by Tomás Ferreira matches it, for another 2 h: We deploy"
    assert state.startswith("It fires, without an incident")
    house.clock.move(timedelta(hours=3))
    assert len(texts(await why(house, "Deployed"), About.NOW)) == 1


async def test_one_that_has_ended(house: House) -> None:
    await house.alert("CheckoutDown")
    house.clock.move(timedelta(minutes=5))
    await send(
        house, b'[{"labels": {"alertname": "CheckoutDown", "severity": "critical"}, "status": "resolved"}]'
    )
    house.clock.move(timedelta(minutes=2))
    told = await why(house, "CheckoutDown")
    assert "INC-1: Alert CheckoutDown has ended; none is firing any more." in texts(told, About.INCIDENT)
    assert texts(told, About.NOW) == ["It has ended, 2 min ago."]


async def test_which_alerts_are_meant(house: House) -> None:
    await house.alert("CheckoutDown", service="shop", instance="a")
    await house.alert("CheckoutDown", service="shop", instance="b")
    await house.alert("SearchSlow", service="search", summary="Checkout of search results")
    book = house.engine.alerts
    first = (await book.resolve("instance=a"))[0].alert.fingerprint

    async def meant(text: str) -> list[str]:
        return sorted(each.alert.labels.get("instance", "search") for each in await book.resolve(text))

    assert await meant(first) == ["a"]
    assert await meant(first[:6].upper()) == ["a"]
    assert await meant("checkoutdown") == ["a", "b"]
    assert await meant("shop instance=b") == ["b"]
    assert await meant("checkout") == ["a", "b", "search"], "words stand anywhere"
    assert await meant("search results") == ["search"]
    for nothing in ("", "  ", "kitchen", first[:3] + "zzz"):
        assert await meant(nothing) == []
    assert len(await AlertBook(house.engine.store).resolve("checkout", limit=2)) == 2
