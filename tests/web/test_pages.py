"""The pages for those who signed in, without JavaScript."""

import re
from datetime import timedelta

import pytest

from tests.http.house import HOSTILE, ME, OTHER, PASSWORD, House
from tests.web.forms import Browser, read
from tocsin.engine.views import Health, Trouble
from tocsin.faces.web.presenters import safe_link
from tocsin.incident.events import SYSTEM


async def test_an_empty_house_shows_how_to_send_an_alert(browser: Browser) -> None:
    page = await browser.open("/")
    assert "curl -X POST http://tocsin.test/in/generic" in page.text
    assert "TOCSIN_TOKEN" in page.text


async def test_the_list(house: House, browser: Browser) -> None:
    await house.alert("Ugly", severity="low", summary="A misplaced picture")
    house.clock.move(timedelta(minutes=1))
    await house.alert("CheckoutDown", severity="critical")
    page = await browser.open("/")
    assert page.text.index("INC-2") < page.text.index("INC-1"), "the most severe stands first"
    assert "2 waiting for an answer" in page.text
    assert "Nobody commands" in page.text


async def test_declaring(house: House, browser: Browser) -> None:
    page = await browser.open("/incidents/new")
    done = await browser.send(page, "/incidents", title="Search is slow", level="P2", drill="yes")
    assert done.url.path == "/incidents/INC-1"
    assert "Drill" in done.text
    found = await house.engine.queries.incident("INC-1")  # type: ignore[arg-type]
    assert found is not None
    assert found.level == "P2"
    refused = await browser.send(page, "/incidents", title="  ")
    assert "refused" in refused.text


async def test_a_whole_life_in_the_room(house: House, browser: Browser) -> None:
    await house.alert()
    path = "/incidents/INC-1"
    page = await browser.open(path)
    assert page.status_code == 200
    for verb, fields, seen in [
        ("acknowledge", {}, "You have acknowledged"),
        ("note", {"text": "Looking at it"}, "Looking at it"),
        ("severity", {"level": "P2", "reason": "Only some customers"}, "P2 High"),
        ("escalate", {"to": "walt", "reason": "Needs the network"}, "Walt Becker"),
        ("mitigate", {"summary": "Restarted the shop"}, "Mitigated. Restarted the shop"),
        ("resolve", {"root_cause": "A leak", "fix": "A patch"}, "Root cause: A leak"),
        ("postmortem", {"text": "# What happened"}, "Published"),
        ("reopen", {"reason": "Again"}, "Reopened: Again"),
        ("dismiss", {"reason": "A test"}, "A test"),
    ]:
        house.clock.move(timedelta(minutes=1))
        page = await browser.send(page, f"{path}/{verb}", **fields)
        assert page.url.path == path, verb
        assert seen in page.text, verb
    assert page.text.count('class="said') == 1
    assert 'class="said' not in (await browser.open(path)).text, "a notice is shown once"


async def test_triage_and_checklist(house: House, browser: Browser) -> None:
    await house.alert(severity="low")
    path = "/incidents/INC-1"
    page = await browser.send(await browser.open(path), f"{path}/acknowledge")
    asked = next(form for form in read(page).forms if form["action"] == f"{path}/triage")
    answered = await browser.client.post(
        f"{path}/triage", data=asked["fields"] | {"answer": "yes"}, follow_redirects=True
    )
    assert "it is a P1 now" in answered.text
    assert 'value="yes" aria-pressed="true"' in answered.text
    ticked = await browser.send(page, f"{path}/check")
    assert 'aria-pressed="true"' in ticked.text
    assert "1 of" in ticked.text


async def test_a_message(house: House, browser: Browser) -> None:
    await house.alert()
    path = "/incidents/INC-1"
    page = await browser.send(await browser.open(path), f"{path}/acknowledge")
    form = next(form for form in read(page).forms if form["action"] == f"{path}/message")
    missing = [name for name, value in form["fields"].items() if name.startswith("value.") and not value]
    assert missing, "something is asked for"
    refused = await browser.send(page, f"{path}/message")
    assert "Fill in before sending" in refused.text
    sent = await browser.send(page, f"{path}/message", **dict.fromkeys(missing, "Nobody can pay"))
    assert "On its way to stakeholders" in sent.text
    assert "Nobody can pay" in sent.text


async def test_a_refusal_is_told_in_the_room(house: House, browser: Browser) -> None:
    await house.alert()
    page = await browser.open("/incidents/INC-1")
    told = await browser.send(page, "/incidents/INC-1/merge", into="INC-77")
    assert 'class="said refused"' in told.text
    told = await browser.send(page, "/incidents/INC-1/severity", reason="")
    assert 'class="said refused"' in told.text


async def test_a_viewer_sees_no_buttons(house: House, stranger: Browser) -> None:
    await house.alert()
    await house.engine.access.create_account("guest", PASSWORD, "viewer", None, SYSTEM)
    await stranger.sign_in("guest", PASSWORD)
    page = await stranger.open("/incidents/INC-1")
    assert {form["action"] for form in read(page).forms} <= {"/sign-out", "/incidents/INC-1/check"}
    token = next(form for form in read(page).forms)["fields"]["form_token"]
    told = await stranger.client.post(
        "/incidents/INC-1/acknowledge", data={"form_token": token}, follow_redirects=True
    )
    assert "takes the role responder" in told.text
    assert (await stranger.open("/incidents/new")).text.count("<form") == 1


async def test_an_admin_who_is_nobody_names_a_person(house: House, stranger: Browser) -> None:
    await house.alert()
    await house.engine.access.create_account("root", PASSWORD, "admin", None, SYSTEM)
    await stranger.sign_in("root", PASSWORD)
    page = await stranger.open("/incidents/INC-1")
    done = await stranger.send(page, "/incidents/INC-1/acknowledge", person=OTHER)
    assert "Inès Laurent acknowledged" in read(done).text


async def test_hostile_words_are_escaped(house: House, browser: Browser) -> None:
    await house.alert(HOSTILE, summary=HOSTILE, label=HOSTILE, runbook="javascript:alert(1)")
    page = await browser.open("/incidents/INC-1")
    await browser.send(page, "/incidents/INC-1/note", text=HOSTILE)
    for path in ("/", "/incidents/INC-1"):
        page = await browser.open(path)
        assert HOSTILE not in page.text
        assert HOSTILE in read(page).text
        found = read(page)
        assert not [name for name, _ in found.attributes if name.startswith("on") or name == "style"]
        links = [value for name, value in found.attributes if name in ("href", "src", "action")]
        assert not [link for link in links if not link.startswith(("/", "https://", "http://", "#"))]


def test_only_links_of_the_web_are_followed() -> None:
    assert safe_link(" https://grafana.example/d/1 ") == "https://grafana.example/d/1"
    script = ("javascript:alert(1)", "JavaScript://x/%0aalert(1)", "data:text/html,x")
    for bad in (*script, "//x", "", "http://[", "x"):
        assert safe_link(bad) == ""


async def test_a_page_holds_nothing_from_elsewhere(house: House, browser: Browser) -> None:
    await house.alert()
    for path in ("/", "/incidents/INC-1", "/incidents/new", "/oncall", "/nothing"):
        page = await browser.open(path)
        assert "<style" not in page.text
        assert not re.search(r"<script(?![^>]*\ssrc=\"/static/)", page.text)
        assert not re.search(r"\sstyle=", page.text)
        for link in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
            kept = await browser.client.get(link)
            assert kept.status_code == 200
            assert "immutable" in kept.headers["cache-control"]


async def test_troubles_stand_on_every_page(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    what, mend = "The mail server does not answer.", "It is tried again."
    trouble = Trouble(what=what, mend=mend, since=house.clock.now())

    async def ill() -> Health:
        return Health(ready=True, troubles=(trouble,))

    monkeypatch.setattr(house.engine.queries, "health", ill)
    await house.alert()
    for path in ("/", "/incidents/INC-1", "/oncall", "/sign-in"):
        page = await browser.open(path)
        assert ("The mail server does not answer." in page.text) == (path != "/sign-in")


async def test_on_call(browser: Browser) -> None:
    page = await browser.open("/oncall?at=2026-12-25T03:00")
    assert "Tomás Ferreira" in page.text
    assert "is no time" in (await browser.open("/oncall?at=soon")).text


async def test_unknown_rooms(browser: Browser) -> None:
    for path in ("/incidents/INC-99", "/incidents/nonsense"):
        page = await browser.open(path)
        assert page.status_code == 404
        assert "Nothing is here" in page.text


async def test_the_room_of_someone_linked(house: House, browser: Browser) -> None:
    await house.alert()
    page = await browser.open("/incidents/INC-1")
    assert "In whose name" not in page.text
    done = await browser.send(page, "/incidents/INC-1/acknowledge")
    found = await house.engine.queries.incident("INC-1")  # type: ignore[arg-type]
    assert found is not None
    assert found.acknowledged_by == ME
    assert done.status_code == 200
