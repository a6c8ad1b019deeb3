"""Declaring by hand where there are several playbooks: the choice, and a form that comes back."""

from importlib.resources import files

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.http.house import ME, PASSWORD, House
from tests.web.forms import Browser, read
from tests.web.serving import serve
from tests.web.test_browser import SCREENS, chromium, open_page
from tocsin.base.ids import IncidentId
from tocsin.engine.shelf import put_on_shelf
from tocsin.incident.events import SYSTEM
from tocsin.playbook.policy import Policy

__all__ = ["chromium"]

SECURITY = (
    "---\ntocsin:\n  routes:\n    - 'team=\"security\"'\n---\n# When somebody is inside\n\n"
    "| Level | Response time |\n|---|---|\n| P1 | 15 min |\n| P5 | 1 h |\n\n## Contacts\n\n"
    "| Role | Trigger |\n|---|---|\n| Security Engineer | All alerts |\n"
)
DEFAULT = "Lantern Books: when something breaks"


async def two_books(house: House) -> None:
    """Puts a second playbook beside the example."""
    main = files("tocsin").joinpath("examples/playbook.md").read_bytes()
    shelf, fatal = put_on_shelf([("main.md", main), ("security.md", SECURITY.encode())], True, Policy())
    assert shelf is not None, fatal
    await house.engine.library.replace(shelf, house.engine.library.roster)


async def test_one_playbook_is_no_choice(browser: Browser) -> None:
    page = await browser.open("/incidents/new")
    assert 'name="playbook"' not in page.text
    assert "only in" not in page.text


async def test_the_chosen_playbook_is_followed_and_shown(house: House, browser: Browser) -> None:
    await two_books(house)
    form = await browser.open("/incidents/new")
    assert f"{DEFAULT} (for everything else)" in form.text
    assert "(only in When somebody is inside)" in form.text
    done = await browser.send(form, "/incidents", title="A stranger", playbook="security.md", level="P5")
    assert done.url.path == "/incidents/INC-1"
    assert "Follows When somebody is inside" in done.text
    found = await house.engine.queries.incident(IncidentId("INC-1"))
    assert found is not None
    assert found.level == "P5"
    other = await browser.send(form, "/incidents", title="Search is slow")
    assert f"Follows {DEFAULT}" in other.text


async def test_a_refused_form_comes_back_as_it_was_filled_in(house: House, browser: Browser) -> None:
    await two_books(house)
    filled = {
        "title": "A stranger <b>",
        "description": "in the cellar",
        "level": "P5",
        "playbook": "main.md",
        "drill": "yes",
    }
    form = await browser.open("/incidents/new")
    back = await browser.send(form, "/incidents", **filled)
    assert back.status_code == 422
    assert "has no level &#39;P5&#39;; it has P1, P2, P3, P4." in back.text
    kept = next(form for form in read(back).forms if form["action"] == "/incidents")["fields"]
    assert kept["title"] == filled["title"]
    assert "in the cellar</textarea>" in back.text
    assert 'value="main.md" selected' in back.text
    assert 'value="P5" checked' in back.text
    assert 'name="drill" value="yes" checked' in back.text
    unknown = await browser.send(form, "/incidents", **filled | {"playbook": "none.md"})
    assert "There is no playbook &#39;none.md&#39;; there are: main.md, security.md." in unknown.text
    assert not await house.engine.queries.incidents()


@pytest.mark.parametrize("screen", SCREENS)
def test_the_choice_is_for_everybody(chromium: Chromium, screen: str) -> None:
    width, height = SCREENS[screen]
    with serve() as running:
        account = running.house.engine.access.create_account("tomas", PASSWORD, "admin", ME, SYSTEM)
        running.run(account)
        running.run(two_books(running.house))
        page = open_page(chromium, running, viewport={"width": width, "height": height})
        page.goto("/incidents/new")
        assert Axe().run(page).violations_count == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_label("What is wrong?").fill("A stranger")
        page.get_by_label("Which playbook is followed?").select_option("When somebody is inside")
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowUp")
        page.get_by_role("button", name="Declare").click()
        expect(page.locator("#region-head")).to_contain_text("Follows When somebody is inside")
        page.context.close()
