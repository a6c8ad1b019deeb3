"""The pages in a real browser: live, on a phone, in the dark, by keyboard, and for everybody."""

import os
import shutil
from collections.abc import Generator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.http.house import HOSTILE, ME, OTHER, PASSWORD, House, ListSource, make_house
from tests.watching.sample import Finds, watch_a_little
from tests.web.serving import Served, serve
from tocsin.alerts.heartbeats import Said
from tocsin.alerts.matchers import parse_matchers
from tocsin.base.ids import IncidentId
from tocsin.config.report_form import ReportForm
from tocsin.engine.sources import Arrival
from tocsin.engine.told import Told
from tocsin.incident import commands as c
from tocsin.incident.events import SYSTEM, Actor, ActorKind

CHROMIUM = shutil.which("chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
FORM_KEY = "an-address-to-be-kept-0815"
INC = IncidentId("INC-1")
SCREENS = {"desktop": (1280, 900), "phone": (390, 844)}
SHOTS = os.environ.get("TOCSIN_TEST_SHOTS", "")
"""A folder in which to leave pictures of every page, for people to look at."""


@pytest.fixture(scope="module")
def chromium() -> Generator[Browser, None, None]:
    """One browser for all tests."""
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no chromium on the PATH")
        pytest.skip("no chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served() -> Generator[Served, None, None]:
    """A house with a little of everything."""
    with serve(
        partial(make_house, report_form=ReportForm(key=FORM_KEY, places=("shop", "search")))
    ) as running:
        house, desk = running.house, running.house.engine.desk
        running.run(house.engine.access.create_account("tomas", PASSWORD, "admin", ME, SYSTEM))
        running.run(
            house.alert(service="shop", instance="shop-7f9c4d5b8-x2x1z.eu-central.lantern.example:9100")
        )
        house.clock.move(timedelta(minutes=3))
        ines = Actor(ActorKind.PERSON, OTHER, "Inès Laurent")
        running.run(house.alert("SearchSlow", severity="high", service="search", summary="Search takes 6 s"))
        running.run(desk.handle(IncidentId("INC-2"), c.Acknowledge(person=OTHER, via="web"), ines))
        running.run(desk.open(c.Declare(title="Ugly picture", drill=True), ines))
        running.run(desk.handle(IncidentId("INC-3"), c.Resolve(root_cause="A logo", fix="Cropped"), ines))
        running.run(desk.open(c.Declare(title=HOSTILE + "x" * 200), ines))
        watch_a_little(house.engine)
        running.run(house.engine.heartbeats.ping("backup", "192.0.2.1", Said.FAIL, HOSTILE + "x" * 300))
        for _ in range(2):
            running.run(house.engine.probes.look(Finds.probe))
        running.run(fill(house))
        house.clock.move(timedelta(minutes=2))
        running.run(house.settle())
        yield running


async def fill(house: House) -> None:
    """Alerts without an incident, silences in every state, reports and weaknesses."""
    engine, now = house.engine, house.clock.now()
    ines = Actor(ActorKind.PERSON, OTHER, "Inès Laurent")
    body = [{"labels": {"alertname": "Deployed", "severity": "info", "service": "shop"}}]
    parsed = await ListSource().parse(Arrival(body=msgspec.json.encode(body), received_at=now))
    await engine.intake.take(parsed.alerts)
    matchers = parse_matchers('alertname="CheckoutDown", instance=~"shop-7f9c4d5b8-x2x1z[.]eu-central.*"').all
    hours = timedelta(hours=1)
    await engine.silencing.create(matchers, None, now + 2 * hours, "INC-1 is being worked on", ines)
    await engine.silencing.create(matchers, now + 9 * hours, now + 12 * hours, "We move the racks", ines)
    ended = await engine.silencing.create(matchers[:1], None, now + hours, "A false start", ines)
    await engine.silencing.expire(ended.id, ines)
    told = Told(what="The backup was never tried", where="On the old server", contact="ana@example.org")
    for text in (told, Told(what=HOSTILE + "x" * 200), Told(what="Old keys", how_bad="data")):
        await engine.reports.note_weakness(text)
        house.clock.move(timedelta(seconds=1))
    keys, _, _ = await engine.reports.weaknesses()
    await engine.reports.handle_weakness(keys.id, "Replaced all of them", ines)
    await engine.reports.raise_alert(
        Told(what="Nobody can pay", how_bad="everything", contact="ana@example.org")
    )


async def of_reports(house: House) -> dict[str, str]:
    """The pages of one report: its receipt, and its alert."""
    report = next(each for each in await house.engine.reports.reports() if each.fingerprint)
    return {
        "receipt": await house.engine.reports.link(report),
        "alert-report": f"/alerts/{report.fingerprint}",
        "silence-report": f"/silences/new?alert={report.fingerprint}",
        "room-report": f"/incidents/{report.incident}",
    }


def open_page(chromium: Browser, served: Served, **settings: Any) -> Page:
    """A page of somebody who signed in; what the console says against it fails the test."""
    context = chromium.new_context(
        base_url=served.url, locale="en-GB", timezone_id="Europe/Lisbon", **settings
    )
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.goto("/sign-in")
    page.get_by_label("Name").fill("tomas")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(served.url + "/")
    page.on("pageerror", lambda error: pytest.fail(f"a script failed: {error}"))
    return page


def paths(served: Served) -> dict[str, str]:
    """Every page there is."""
    incident = served.run(served.house.engine.queries.incident(INC))
    assert incident is not None
    first = incident.pages[0]
    return {
        "list": "/",
        "declare": "/incidents/new",
        "room": "/incidents/INC-1",
        "room-acknowledged": "/incidents/INC-2",
        "room-resolved": "/incidents/INC-3",
        "room-hostile": "/incidents/INC-4",
        "oncall": "/oncall",
        "oncall-month": "/oncall?month=2026-12",
        "pageloads": "/oncall/pages",
        "watches": "/watches",
        "alerts": "/alerts",
        "alerts-none": "/alerts?text=kitchen",
        "alert": f"/alerts/{incident.alerts[0].fingerprint}",
        "silences": "/silences",
        "silence": f"/silences/new?alert={incident.alerts[0].fingerprint}",
        "silence-empty": "/silences/new",
        "weaknesses": "/weaknesses",
        "report": "/report",
        "report-public": f"/report/{FORM_KEY}",
        **served.run(of_reports(served.house)),
        "link": served.run(served.house.engine.access.page_link(first.id, first.person)),
        "sign-in": "/sign-in",
        "error": "/incidents/INC-99",
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_every_page_is_for_everybody(chromium: Browser, served: Served, screen: str, scheme: str) -> None:
    width, height = SCREENS[screen]
    page = open_page(chromium, served, viewport={"width": width, "height": height}, color_scheme=scheme)
    for name, path in paths(served).items():
        page.goto(path)
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"{name}-{screen}-{scheme}.png", full_page=True)
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        found = Axe().run(page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider == 0, f"{name} scrolls sideways by {wider} pixels"
    page.context.close()


def test_the_set_up_page_is_for_everybody(chromium: Browser) -> None:
    with serve() as fresh:
        page = chromium.new_context(base_url=fresh.url, viewport={"width": 390, "height": 844}).new_page()
        page.goto(str(fresh.run(fresh.house.engine.access.setup_link(fresh.url))))
        assert Axe().run(page).violations_count == 0
        page.get_by_label("Name").fill("tomas")
        page.get_by_label("Who are you in the roster?").select_option(ME)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("The same password again").fill(PASSWORD)
        page.get_by_role("button", name="Create the account").click()
        expect(page.get_by_role("status")).to_contain_text("You are the first admin")
        expect(page.get_by_text("curl -X POST")).to_be_visible()
        assert Axe().run(page).violations_count == 0
        fresh.run(fresh.house.alert())
        expect(page.get_by_role("link", name="Checkout answers with errors")).to_be_visible()
        page.context.close()


def test_the_room_is_live(chromium: Browser, served: Served) -> None:
    page = open_page(chromium, served)
    page.goto("/incidents/INC-1")
    timeline = page.locator("#timeline")
    served.run(served.house.engine.desk.handle(INC, c.AddNote(text=f"From afar {HOSTILE}"), SYSTEM))
    arrived = timeline.locator("li").filter(has_text=f"From afar {HOSTILE}")
    expect(arrived).to_have_count(1)
    expect(arrived).to_have_class("line new weight-note")
    page.get_by_label("A note for the timeline").fill("I am half way through a sent")
    acting = Actor(ActorKind.PERSON, OTHER, "Inès Laurent")
    served.run(served.house.engine.desk.handle(INC, c.Acknowledge(person=OTHER, via="web"), acting))
    expect(page.locator("#region-head")).to_contain_text("Acknowledged")
    expect(page.get_by_label("A note for the timeline")).to_have_value("I am half way through a sent")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Noted.")
    expect(timeline.locator("li").filter(has_text="I am half way through a sent")).to_have_count(1)
    expect(page.get_by_label("A note for the timeline")).to_have_value("")
    page.context.close()


def test_clocks_count_down_in_the_zone_of_the_reader(chromium: Browser, served: Served) -> None:
    page = open_page(chromium, served)
    page.goto("/incidents/INC-2")
    clock = page.locator(".clock .left").first
    first = clock.text_content()
    page.wait_for_timeout(1_200)
    assert clock.text_content() != first
    assert "WET" in (page.locator(".head-facts time").text_content() or "")
    page.context.close()


def test_the_room_by_keyboard(chromium: Browser, served: Served) -> None:
    page = open_page(chromium, served)
    page.goto("/incidents/INC-2")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.locator("#command-severity summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("New severity")).to_be_focused()
    outline = page.get_by_label("New severity").evaluate("each => getComputedStyle(each).outlineStyle")
    assert outline == "solid"
    page.get_by_label("New severity").select_option("P3")
    page.keyboard.press("Tab")
    page.keyboard.type("Only a few are hit")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("It is a P3 now")
    expect(page.locator("#region-head")).to_contain_text("P3")
    tick = page.locator(".tick").first
    tick.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".tick").first).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".tick").first).to_be_focused()
    page.context.close()


def test_a_refusal_keeps_what_was_written(chromium: Browser, served: Served) -> None:
    page = open_page(chromium, served)
    page.goto("/incidents/INC-4")
    page.get_by_text("More", exact=True).click()
    page.locator("#command-merge summary").click()
    page.get_by_label("Into which incident?").fill("INC-404")
    page.locator("#command-merge").get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("There is no incident INC-404")
    expect(page.get_by_label("Into which incident?")).to_have_value("INC-404")
    page.context.close()


def test_the_message_is_shown_as_it_is_written(chromium: Browser, served: Served) -> None:
    page = open_page(chromium, served)
    page.goto("/incidents/INC-1")
    form = page.locator("form[data-draft]").first
    if not form.is_visible():
        page.locator("#region-messages summary").first.click()
    form.locator("input[required]").first.fill("Nobody can pay")
    expect(form.locator("[data-preview]")).to_contain_text("Nobody can pay")
    page.context.close()


def test_acknowledging_from_a_phone_without_javascript(chromium: Browser, served: Served) -> None:
    with serve() as fresh:
        incident = fresh.run(fresh.house.alert())
        found = fresh.run(fresh.house.engine.queries.incident(IncidentId(incident)))
        assert found is not None
        first = found.pages[0]
        context = chromium.new_context(
            base_url=fresh.url, viewport={"width": 390, "height": 844}, java_script_enabled=False
        )
        page = context.new_page()
        page.goto(fresh.run(fresh.house.engine.access.page_link(first.id, first.person)))
        button = page.get_by_role("button", name="Acknowledge")
        box = button.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < 844, "the button is seen without scrolling"
        assert box["height"] >= 44
        button.click()
        expect(page.get_by_role("alert")).to_contain_text("You have acknowledged INC-1")
        context.close()


def test_a_silence_in_two_clicks_by_keyboard(chromium: Browser, served: Served) -> None:
    page = open_page(chromium, served)
    page.goto("/incidents/INC-2")
    page.get_by_role("link", name="Silence SearchSlow").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 that fires now: SearchSlow.")).to_be_visible()
    page.get_by_role("button", name="Silence them").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Silenced until")
    made = page.locator("li").filter(has_text="INC-2 is being worked on: SearchSlow")
    made.get_by_role("button", name="End it now").click()
    expect(page.get_by_role("status")).to_contain_text("The silence has ended")
    page.context.close()


def test_reporting_from_a_phone_without_javascript(chromium: Browser, served: Served) -> None:
    context = chromium.new_context(
        base_url=served.url, viewport={"width": 390, "height": 844}, java_script_enabled=False
    )
    page = context.new_page()
    page.goto(f"/report/{FORM_KEY}")
    expect(page.get_by_label("Leave this empty")).not_to_be_in_viewport()
    page.get_by_label("What happened?").fill("The map stays grey")
    page.get_by_label("With what?").select_option("search")
    page.get_by_label("Something does not work, but I can go on").check()
    page.get_by_role("button", name="Report it").click()
    expect(page.get_by_role("heading", name="The team has been told")).to_be_visible()
    expect(page.locator(".receipt")).to_contain_text("R-")
    assert page.locator("#link").text_content() == page.url
    context.close()
