"""The pages of the sources: for admins, by form alone, and in a real browser for everybody."""

from collections.abc import AsyncGenerator, Generator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.http.house import HOSTILE, ME, PASSWORD, Client, House, make_house, open_house
from tests.sources.test_mapped import body, made
from tests.sources.test_pagerduty import EVENT
from tests.web.forms import Browser, read
from tests.web.serving import Served, serve
from tests.web.test_browser import SCREENS, SHOTS, chromium, open_page
from tocsin.adapters.sources.pagerduty import PagerDutySource
from tocsin.engine.changes import Change
from tocsin.incident.events import SYSTEM

__all__ = ["chromium"]


@pytest_asyncio.fixture
async def rooms() -> AsyncGenerator[tuple[House, Client], None]:
    """A house with the sources that come along."""
    async with open_house(sources=[*made().values(), PagerDutySource()]) as both:
        yield both


async def test_the_pages(house: House, browser: Browser) -> None:
    page = await browser.open("/settings/sources")
    assert "http://tocsin.test/in/nagios" in page.text
    assert "Never heard" in page.text
    sender = await house.bearer("source")
    hostile = body("nagios-problem") | {"output": HOSTILE, "url": "javascript:alert(1)", "api_key": "hush"}
    assert (await browser.client.post("/in/nagios", headers=sender, json=hostile)).status_code == 200
    page = await browser.open("/settings/sources/nagios")
    assert "HTTP on web-1" in page.text
    assert "hush" not in page.text
    assert "script" not in [tag for tag in read(page).tags if tag == "script" and HOSTILE in page.text]
    assert "javascript:" not in [value for _, value in read(page).attributes]
    assert "mappings.nagios.url" in page.text, "what is wrong is told beside the alert"


async def test_trying_a_sample_by_the_form(house: House, browser: Browser) -> None:
    path = "/settings/sources/zabbix"
    page = await browser.open(path)
    text = msgspec.json.encode(body("zabbix-problem")).decode()
    tried = await browser.send(page, path, sample=text)
    assert tried.status_code == 200
    assert "High CPU utilization" in tried.text
    assert "component" in tried.text
    wrong = await browser.send(page, path, sample="{")
    assert "The body is no JSON" in wrong.text
    nothing = await browser.send(page, path, sample='{"event_value": "1"}')
    assert "gives nothing" in nothing.text
    large = await browser.send(page, path, sample="x" * 300_000)
    assert "A sample has at most 256 KB" in large.text
    assert await house.engine.queries.alerts() == []
    assert (await browser.open("/settings/sources/nothing")).status_code == 404


async def test_only_admins_look(house: House, stranger: Browser) -> None:
    assert (await stranger.open("/settings/sources")).url.path == "/sign-in"
    await house.engine.access.create_account("ines", PASSWORD, "commander", None, SYSTEM)
    await stranger.sign_in("ines", PASSWORD)
    for path in ("/settings/sources", "/settings/sources/nagios"):
        assert (await stranger.open(path)).status_code == 403
    assert "/settings/sources" not in (await stranger.open("/")).text


@pytest.fixture(scope="module")
def served() -> Generator[Served, None, None]:
    """A house whose senders have sent a little of everything."""
    sources = [*made().values(), PagerDutySource()]
    with serve(lambda **given: make_house(sources=sources, **given)) as running:
        house, sightings = running.house, running.house.engine.sightings
        running.run(house.engine.access.create_account("tomas", PASSWORD, "admin", ME, SYSTEM))

        async def hear() -> None:
            for kind, name in (("nagios", "nagios-problem"), ("sentry", "sentry-event-alert")):
                sightings.saw(kind, msgspec.json.encode(body(name)), kept=1, refused=0)
            house.clock.move(timedelta(minutes=2))
            sightings.saw("nagios", b'{"type": "PROBLEM", "host": 7}', kept=0, refused=1)
            house.clock.move(timedelta(minutes=2))
            sightings.saw("nagios", b"x" * 100_000, kept=0, refused=1)
            sightings.saw("pagerduty", msgspec.json.encode(EVENT), kept=1, refused=0)
            links = (("https://ci.example.com/220", "Build 220"),)
            change = Change(summary="Deployed shop 1.2.3", source="ci", at=house.clock.now(), links=links)
            await house.engine.changes.keep(change)

        running.run(hear())
        yield running


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_the_pages_are_for_everybody(chromium: Chromium, served: Served, screen: str, scheme: str) -> None:
    width, height = SCREENS[screen]
    page = open_page(chromium, served, viewport={"width": width, "height": height}, color_scheme=scheme)
    for name in ("", "/nagios", "/sentry", "/pagerduty", "/zabbix"):
        page.goto(f"/settings/sources{name}")
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        if SHOTS:
            shot = f"sources{name.replace('/', '-')}-{screen}-{scheme}.png"
            page.screenshot(path=Path(SHOTS) / shot, full_page=True)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider == 0, f"{name} scrolls sideways by {wider} pixels"
    page.context.close()


def test_trying_by_keyboard(chromium: Chromium, served: Served) -> None:
    page = open_page(chromium, served)
    page.get_by_role("link", name="Sources").click()
    page.get_by_role("link", name="zabbix").focus()
    page.keyboard.press("Enter")
    page.get_by_label("The body of a request").fill(msgspec.json.encode(body("zabbix-problem")).decode())
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What becomes of it")).to_be_visible()
    expect(page.locator(".made")).to_contain_text("High CPU utilization")
    page.context.close()
