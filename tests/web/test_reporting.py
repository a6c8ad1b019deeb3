"""The form for reports: who may send it, what becomes of it, the receipt, and the mail at the end."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.http.house import HOSTILE, ME, PASSWORD, House, open_house
from tests.web.forms import Browser, read
from tocsin.config.report_form import ReportForm
from tocsin.engine.told import HOW_BAD
from tocsin.faces.web import reporting
from tocsin.incident import commands as c
from tocsin.incident.events import SYSTEM, Actor, ActorKind

KEY = "an-address-to-be-kept-0815"
TOMAS = Actor(ActorKind.PERSON, ME, "Tomás Ferreira")


@pytest_asyncio.fixture
async def opened(request: pytest.FixtureRequest) -> AsyncGenerator[tuple[House, Browser], None]:
    """A house whose form is open, as the parameter says, and a stranger in front of it."""
    settings: dict[str, Any] = getattr(request, "param", {})
    async with open_house(report_form=ReportForm(**settings)) as (house, client):
        yield house, Browser(client)


async def alerts_of(house: House) -> list[Any]:
    return await house.engine.queries.alerts()


async def test_the_form_is_off_until_it_is_opened(house: House, stranger: Browser) -> None:
    asked = await stranger.open("/report")
    assert asked.url.path == "/sign-in"
    assert (await stranger.open("/report/guessed")).status_code == 404
    token = read(asked).forms[0]["fields"]["form_token"]
    for path in ("/report", "/report/guessed"):
        await stranger.client.post(path, data={"form_token": token, "what": "x"})
    assert await alerts_of(house) == []


async def test_a_visitors_report_becomes_an_alert(opened: tuple[House, Browser]) -> None:
    house, stranger = opened
    page = await stranger.open("/report")
    assert page.status_code == 200
    got = await stranger.send(
        page,
        "/report",
        what="Nobody can pay\nThe card form stays empty",
        where="At the till",
        since="this morning",
        how_bad="everything",
        contact="ana@example.org",
    )
    assert got.url.path.startswith("/report/status/R-")
    (record,) = await alerts_of(house)
    assert record.incident == "INC-1"
    assert record.alert.source == "report"
    assert record.alert.labels.keys() == {"alertname", "source", "report"}
    assert record.alert.summary == "Nobody can pay"
    assert "The card form stays empty" in record.alert.annotations["description"]
    assert "That would be a P1" in record.alert.annotations["reporter_says"]
    assert "ana@example.org" not in str(record.alert)
    assert record.alert.labels["report"] in got.text
    assert "The team has been told" in got.text
    assert "INC-1" not in got.text


async def test_a_visitor_cannot_set_the_level(opened: tuple[House, Browser]) -> None:
    """Neither the choice nor fields that the form does not have decide anything; the words alone do."""
    house, stranger = opened
    page = await stranger.open("/report")
    words = "The logo looks odd"
    await stranger.send(page, "/report", what=words, how_bad="little")
    quiet = await house.engine.queries.incident("INC-1")  # type: ignore[arg-type]
    assert quiet is not None
    await house.engine.desk.handle(quiet.id, c.Dismiss(reason="test"), TOMAS)
    await stranger.send(
        page, "/report", what=words, how_bad="everything", severity="critical", level="P1", service="shop"
    )
    loud = await house.engine.queries.incident("INC-2")  # type: ignore[arg-type]
    assert loud is not None
    assert (loud.level, loud.evidence.rule) == (quiet.level, quiet.evidence.rule)
    assert loud.level != "P1"
    assert "severity" not in loud.alerts[0].labels
    assert "service" not in loud.alerts[0].labels


async def test_a_second_report_joins_and_pages_nobody_again(opened: tuple[House, Browser]) -> None:
    house, stranger = opened
    page = await stranger.open("/report")
    await stranger.send(page, "/report", what="Search is broken")
    await house.settle()
    before = len(house.sink.sent)
    assert before
    await stranger.send(page, "/report", what="Search is broken for me too")
    await house.settle()
    assert {each.incident for each in await alerts_of(house)} == {"INC-1"}
    assert len(house.sink.sent) == before


@pytest.mark.parametrize("opened", [{"places": ("shop", "search")}], indirect=True)
async def test_a_place_is_chosen_from_those_that_are_offered(opened: tuple[House, Browser]) -> None:
    house, stranger = opened
    page = await stranger.open("/report")
    refused = await stranger.send(page, "/report", what="x", place="kitchen")
    assert refused.status_code == 422
    await stranger.send(page, "/report", what="x", place="search")
    (record,) = await alerts_of(house)
    assert record.alert.labels["service"] == "search"
    await house.engine.access.create_account("tomas", PASSWORD, "admin", ME, SYSTEM)
    await stranger.sign_in("tomas", PASSWORD)
    room = await stranger.send(await stranger.open("/report"), "/report", what="Down", place="shop")
    assert "With: shop" in read(room).text


@pytest.mark.parametrize("opened", [{"key": KEY}], indirect=True)
async def test_a_form_with_a_key_is_at_its_secret_address_only(opened: tuple[House, Browser]) -> None:
    house, stranger = opened
    assert (await stranger.open("/report")).url.path == "/sign-in"
    assert (await stranger.open(f"/report/{KEY}x")).status_code == 404
    page = await stranger.open(f"/report/{KEY}")
    refused = await stranger.client.post("/report/other", data=read(page).forms[0]["fields"] | {"what": "x"})
    assert refused.status_code == 404
    got = await stranger.send(page, f"/report/{KEY}", what="Search is slow")
    assert "It was received" in got.text or "The team has been told" in got.text
    assert len(await alerts_of(house)) == 1


@pytest.mark.parametrize("opened", [{"per_address": 2, "within": timedelta(minutes=10)}], indirect=True)
async def test_too_many_reports(opened: tuple[House, Browser]) -> None:
    house, stranger = opened
    page = await stranger.open("/report")
    for number in range(2):
        await stranger.send(page, "/report", what=f"report {number}")
        house.clock.move(timedelta(minutes=1))
    refused = await stranger.send(page, "/report", what="the third of them")
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == str(8 * 60)
    assert "the third of them" in refused.text, "what was written is not lost"
    assert len(await alerts_of(house)) == 2
    house.clock.move(timedelta(minutes=8))
    assert (await stranger.send(page, "/report", what="the third of them")).status_code == 200
    assert len(await alerts_of(house)) == 3


async def test_a_program_that_fills_in_everything(opened: tuple[House, Browser]) -> None:
    house, stranger = opened
    page = await stranger.open("/report")
    caught = await stranger.send(page, "/report", what="Buy this", website="https://spam.example")
    assert caught.status_code == 422
    assert await alerts_of(house) == []
    assert read(caught).forms[0]["fields"]["website"] == ""
    assert "Buy this" in caught.text


async def test_bounds(opened: tuple[House, Browser]) -> None:
    house, stranger = opened
    page = await stranger.open("/report")
    bad: list[dict[str, str]] = [
        {"what": "  "},
        {"what": "x" * 4_001},
        {"what": "x", "where": "x" * 301},
        {"what": "x", "contact": "x" * 301},
        {"what": "x", "how_bad": "terribly"},
    ]
    for fields in bad:
        refused = await stranger.send(page, "/report", **fields)
        assert refused.status_code == 422, fields
        assert 'class="said refused"' in refused.text
    assert (await stranger.send(page, "/report", what="x" * 70_000)).status_code == 413
    forged = await stranger.client.post("/report", data={"what": "x"})
    assert forged.status_code == 403, "a form of another site is none of ours"
    assert await alerts_of(house) == []


async def test_hostile_words_stay_words(opened: tuple[House, Browser]) -> None:
    house, stranger = opened
    page = await stranger.open("/report")
    got = await stranger.send(page, "/report", what=HOSTILE, where=HOSTILE, contact=HOSTILE)
    assert HOSTILE not in got.text
    assert HOSTILE in read(got).text
    await house.engine.access.create_account("tomas", PASSWORD, "admin", ME, SYSTEM)
    await stranger.sign_in("tomas", PASSWORD)
    (record,) = await alerts_of(house)
    room = await stranger.open("/incidents/INC-1")
    alert = await stranger.open(f"/alerts/{record.alert.fingerprint}")
    for each in (room, alert):
        assert HOSTILE not in each.text
        assert HOSTILE in read(each).text


async def test_the_receipt_follows_the_incident(opened: tuple[House, Browser]) -> None:
    house, stranger = opened
    page = await stranger.open("/report")
    got = await stranger.send(page, "/report", what="Search is slow", contact="ana@example.org")
    path = got.url.path
    assert "We write to the address that you left" in got.text
    desk = house.engine.desk
    other = await desk.open(c.Declare(title="The cluster is down"), TOMAS)
    for command, incident, said in [
        (c.Acknowledge(person=ME), "INC-1", "Somebody is working on it"),
        (c.Merge(into=other.incident.id), "INC-1", "The team has been told"),
        (c.Acknowledge(person=ME), "INC-2", "Somebody is working on it"),
        (c.Mitigate(), "INC-2", "It should be better already"),
        (c.Resolve(root_cause="A secret reason", fix="A secret fix"), "INC-2", "It is resolved"),
    ]:
        await desk.handle(incident, command, TOMAS)  # type: ignore[arg-type]
        status = await stranger.open(path)
        assert said in status.text, command
        for inside in ("INC-", "Tomás", "secret", "P1", "P2", "P3"):
            assert inside not in status.text, inside
    for guess in (path[:-1] + ("A" if path[-1] != "A" else "B"), "/report/status/R-1.x", "/report/status/x"):
        assert (await stranger.open(guess)).status_code == 404


async def test_the_reporter_is_told_once_that_it_is_resolved(opened: tuple[House, Browser]) -> None:
    house, stranger = opened
    page = await stranger.open("/report")
    got = await stranger.send(page, "/report", what="Search is slow", contact="ana@example.org")
    await stranger.send(page, "/report", what="Me too", contact="call me")
    await stranger.send(page, "/report", what="And me")
    reports, desk = house.engine.reports, house.engine.desk
    await reports.look()
    await house.settle()
    assert house.mail.sent == []
    await desk.handle("INC-1", c.Resolve(root_cause="A leak", fix="A patch"), TOMAS)  # type: ignore[arg-type]
    for _ in range(3):
        await reports.look()
        await house.settle()
    (mail,) = house.mail.sent
    assert mail.address == "ana@example.org"
    assert mail.link == f"http://tocsin.test{got.url.path}"
    assert "is resolved" in mail.letter.subject
    written = f"{mail.letter} {mail.thread} {mail.key}"
    for inside in ("INC-", "leak", "patch", "Tomás"):
        assert inside not in written
    timeline = " ".join(line.text for line in await house.engine.queries.lines("INC-1"))  # type: ignore[arg-type]
    assert "ana@example.org" not in timeline
    assert "We have written to you" in (await stranger.open(got.url.path)).text
    found = await house.engine.queries.incident("INC-1")  # type: ignore[arg-type]
    assert found is not None
    assert found.firing == (), "the alerts of the reports end with their incident"
    await desk.handle("INC-1", c.Reopen(reason="Again"), TOMAS)  # type: ignore[arg-type]
    await desk.handle("INC-1", c.Resolve(root_cause="B", fix="C"), TOMAS)  # type: ignore[arg-type]
    await reports.look()
    await house.settle()
    assert len(house.mail.sent) == 1


async def test_a_silence_from_a_report_meets_the_next_one(opened: tuple[House, Browser]) -> None:
    house, stranger = opened
    await stranger.send(await stranger.open("/report"), "/report", what="Search is slow")
    (record,) = await alerts_of(house)
    await house.engine.access.create_account("tomas", PASSWORD, "admin", ME, SYSTEM)
    await stranger.sign_in("tomas", PASSWORD)
    form = await stranger.open(f"/silences/new?alert={record.alert.fingerprint}")
    await stranger.send(form, "/silences")
    (silence,) = await house.engine.silencing.list()
    assert silence.matches({**record.alert.labels, "report": "R-NEXTONE2"})
    assert not silence.matches({"alertname": "CheckoutDown"})


async def test_reports_are_forgotten_after_a_year(opened: tuple[House, Browser]) -> None:
    house, stranger = opened
    page = await stranger.open("/report")
    got = await stranger.send(page, "/report", what="Search is slow", contact="ana@example.org")
    house.clock.move(timedelta(days=366))
    await stranger.send(page, "/report", what="Another")
    assert (await stranger.open(got.url.path)).status_code == 404
    assert [each.told.what for each in await house.engine.reports.reports()] == ["Another"]


async def test_a_responders_report_is_declared(house: House, browser: Browser) -> None:
    page = await browser.open("/report")
    done = await browser.send(page, "/report", what="Checkout is down", where="Everywhere", how_bad="data")
    assert done.url.path == "/incidents/INC-1"
    found = await house.engine.queries.incident("INC-1")  # type: ignore[arg-type]
    assert found is not None
    assert found.alerts == ()
    assert found.title == "Checkout is down"
    assert "Where, or what they were doing: Everywhere" in found.description
    assert f"How bad it seems: “{HOW_BAD['data']}”" in read(done).text
    (report,) = await house.engine.reports.reports()
    assert (report.incident, report.by) == ("INC-1", "Tomás Ferreira")
    assert (await browser.send(page, "/report", what=" ")).status_code == 422


async def test_a_viewers_report_is_an_alert(house: House, stranger: Browser) -> None:
    await house.engine.access.create_account("guest", PASSWORD, "viewer", None, SYSTEM)
    await stranger.sign_in("guest", PASSWORD)
    got = await stranger.send(await stranger.open("/report"), "/report", what="Search is slow")
    assert got.url.path.startswith("/report/status/")
    (record,) = await alerts_of(house)
    assert record.alert.source == "report"
    (report,) = await house.engine.reports.reports()
    assert report.by == "guest"


async def test_weaknesses(house: House, browser: Browser) -> None:
    page = await browser.open("/report?weakness=yes")
    assert "checked" in page.text.partition('name="weakness"')[2][:30]
    for what in ("The backup was never tried", "Old keys", "An open port"):
        done = await browser.send(page, "/report", what=what, weakness="yes", contact="ana@example.org")
        assert done.url.path == "/weaknesses"
        house.clock.move(timedelta(minutes=1))
    assert await house.engine.queries.incidents() == []
    assert await alerts_of(house) == []
    assert "3 open" in done.text
    port, keys, _ = await house.engine.reports.weaknesses()
    refused = await browser.send(done, f"/weaknesses/{keys.id}/handled", note=" ")
    assert "Say what was done" in refused.text
    handled = await browser.send(done, f"/weaknesses/{keys.id}/handled", note="Replaced them")
    assert "2 open" in handled.text
    assert "Tomás Ferreira" in handled.text
    assert "Replaced them" in handled.text
    room = await browser.send(done, f"/weaknesses/{port.id}/incident")
    assert room.url.path == "/incidents/INC-1"
    assert "An open port" in room.text
    again = await browser.send(done, f"/weaknesses/{port.id}/incident")
    assert "it became INC-1" in again.text
    assert len(await house.engine.queries.incidents()) == 1
    async with house.engine.store.reading() as reader:
        told = [each.action for each in await reader.audit() if each.action.startswith("weakness")]
    assert told == ["weakness became an incident", "weakness handled", *["weakness reported"] * 3]
    await house.engine.desk.handle("INC-1", c.Resolve(root_cause="x", fix="y"), TOMAS)  # type: ignore[arg-type]
    await house.engine.reports.look()
    await house.settle()
    assert [each.address for each in house.mail.sent] == ["ana@example.org"]


async def test_a_visitors_weakness_has_a_receipt(opened: tuple[House, Browser]) -> None:
    house, stranger = opened
    page = await stranger.open("/report")
    got = await stranger.send(page, "/report", what="A door stands open", weakness="yes")
    assert "It is noted" in got.text
    assert await alerts_of(house) == []
    (weakness,) = await house.engine.reports.weaknesses()
    await house.engine.reports.handle_weakness(weakness.id, "Closed it", TOMAS)
    status = await stranger.open(got.url.path)
    assert "It has been dealt with" in status.text
    assert "Closed it" not in status.text
    assert (await stranger.open("/weaknesses")).url.path == "/sign-in"


async def test_weaknesses_are_not_for_viewers(house: House, stranger: Browser) -> None:
    await house.engine.access.create_account("guest", PASSWORD, "viewer", None, SYSTEM)
    await stranger.sign_in("guest", PASSWORD)
    turned = await stranger.open("/weaknesses")
    assert turned.url.path == "/"
    assert "takes the role responder" in turned.text
    assert 'href="/weaknesses"' not in turned.text


def test_every_standing_has_its_words() -> None:
    assert set(reporting._STANDING) == set(reporting.Standing)  # pyright: ignore[reportPrivateUsage]
