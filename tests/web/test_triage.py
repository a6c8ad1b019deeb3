"""The severity checklist in the room: suggestions with their reasons, and three answers for everybody."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.http.house import ME, PASSWORD, House
from tests.web.forms import Browser
from tests.web.serving import Served, serve
from tests.web.test_browser import SCREENS, chromium, open_page
from tocsin.base.ids import IncidentId
from tocsin.incident import commands as c
from tocsin.incident.events import SYSTEM

__all__ = ["chromium"]

SEEN = "Could somebody have seen data that is not theirs?"
BECAUSE = "the alert BasketSlow says “invoices exposed in the log”"
SUMMARY = "Pages take 6 s, invoices exposed in the log"


async def exposed(house: House) -> str:
    """An incident of an alert without a severity, whose text speaks of a breach."""
    return await house.alert("BasketSlow", severity="", service="basket", summary=SUMMARY)


async def test_what_is_suggested_stands_beside_the_question(house: House, browser: Browser) -> None:
    path = f"/incidents/{await exposed(house)}"
    text = (await browser.open(path)).text
    assert f"Counts as yes until somebody answers: {BECAUSE}." in text
    assert f"Level assumed until somebody answers: {SEEN}" in text
    assert "6 s, over 3 seconds" in text
    answered = await browser.send(await browser.open(path), f"{path}/note", text="looked")
    assert "looked" in answered.text


async def test_a_level_that_a_person_chose_stays(house: House, browser: Browser) -> None:
    incident = await exposed(house)
    await house.engine.desk.handle(
        IncidentId(incident), c.SetSeverity(level="P4", reason="a test"), SYSTEM  # type: ignore[arg-type]
    )  # fmt: skip
    text = (await browser.open(f"/incidents/{incident}")).text
    assert "Level by a person: a test. Answers are kept, but the level stays" in text
    assert "makes it" not in text


async def test_the_api_tells_the_same(house: House, rooms: Any) -> None:
    incident, headers = await exposed(house), await house.bearer("responder")
    document = (await rooms[1].get(f"/api/v1/incidents/{incident}", headers=headers)).json()
    asked = next(each for each in document["questions"] if each["question"] == SEEN)
    assert asked["suggested"] == "yes"
    assert asked["assumed"] is True
    assert asked["because"] == BECAUSE
    assert asked["becomes"] == {"yes": "P1", "no": "P2", "unknown": "P1"}
    assert document["level_because"].startswith("Level assumed until somebody answers")
    answered = await rooms[1].post(
        f"/api/v1/incidents/{incident}/triage", headers=headers, json={"rule": asked["id"], "answer": "no"}
    )
    assert answered.json()["incident"]["level"] == "P2"
    assert answered.json()["lines"][1]["text"].startswith("Severity changed from P1 to P2.")


def signed_in(running: Served) -> None:
    running.run(running.house.engine.access.create_account("tomas", PASSWORD, "admin", ME, SYSTEM))
    running.run(exposed(running.house))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_answering_by_keyboard(chromium: Chromium, screen: str, scheme: str) -> None:
    width, height = SCREENS[screen]
    with serve() as running:
        signed_in(running)
        page = open_page(chromium, running, viewport={"width": width, "height": height}, color_scheme=scheme)
        page.goto("/incidents/INC-1")
        question = page.get_by_role("form", name=SEEN)
        expect(question).to_have_accessible_description(f"Counts as yes until somebody answers: {BECAUSE}.")
        buttons = question.get_by_role("button")
        expect(buttons).to_have_count(3)
        for button in buttons.all():
            box = button.bounding_box()
            assert box is not None
            assert box["height"] >= 44
            assert box["x"] + box["width"] <= width
        expect(question.get_by_role("button", name="No makes it P2")).to_be_visible()
        buttons.first.focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("it is a P2 now")
        no = page.get_by_role("form", name=SEEN).get_by_role("button").nth(1)
        expect(no).to_have_attribute("aria-pressed", "true")
        expect(no).to_be_focused()
        expect(page.locator("#region-head")).to_contain_text("P2")
        assert Axe().run(page).violations_count == 0
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Space")
        expect(page.get_by_role("status")).to_contain_text("it is a P1 now")
        page.context.close()
