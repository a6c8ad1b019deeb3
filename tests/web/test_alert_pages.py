"""The pages of alerts and silences, without JavaScript."""

from datetime import timedelta
from importlib.resources import files

import msgspec

from tests.http.house import HOSTILE, ME, OTHER, PASSWORD, House, ListSource
from tests.web.forms import Browser, read
from tocsin.alerts.matchers import Matcher, Operator, parse_matchers
from tocsin.alerts.recurrence import parse_rule
from tocsin.alerts.rules import Window
from tocsin.engine.shelf import read_document, shelf_of
from tocsin.engine.sources import Arrival
from tocsin.faces.web.alertview import matcher_line
from tocsin.incident import commands as c
from tocsin.incident.events import SYSTEM, Actor, ActorKind

TOMAS = Actor(ActorKind.PERSON, ME, "Tomás Ferreira")


async def send(house: House, *alerts: dict[str, object]) -> None:
    """Take in what the source of the tests reads."""
    arrival = Arrival(body=msgspec.json.encode(alerts), received_at=house.clock.now())
    await house.engine.intake.take((await ListSource().parse(arrival)).alerts)


async def fingerprint(house: House, name: str) -> str:
    (record,) = await house.engine.alerts.resolve(name)
    return record.alert.fingerprint


async def test_an_empty_house_says_so(browser: Browser) -> None:
    assert "No alert yet" in (await browser.open("/alerts")).text
    assert "Nothing is silenced" in (await browser.open("/silences")).text
    assert "No open weakness" in (await browser.open("/weaknesses")).text
    assert (await browser.open("/alerts/nothing")).status_code == 404


async def test_the_list_and_its_filters(house: House, browser: Browser) -> None:
    await house.alert("CheckoutDown", service="shop")
    await send(
        house,
        {"labels": {"alertname": "Deployed", "severity": "info", "service": "search"}},
        {"labels": {"alertname": "SearchSlow", "service": "search"}},
    )
    await send(house, {"labels": {"alertname": "SearchSlow", "service": "search"}, "status": "resolved"})
    for query, seen in {
        "": {"CheckoutDown", "Deployed", "SearchSlow"},
        "?state=firing": {"CheckoutDown", "Deployed"},
        "?state=apart": {"Deployed"},
        "?state=ended": {"SearchSlow"},
        "?state=nonsense": {"CheckoutDown", "Deployed", "SearchSlow"},
        "?text=SERVICE%3Dsearch": {"Deployed", "SearchSlow"},
        "?text=for information": {"Deployed"},
        "?incident=1": {"CheckoutDown"},
        "?incident=INC-2&state=firing": set[str](),
        "?after=rubbish": {"CheckoutDown", "Deployed", "SearchSlow"},
    }.items():
        page = await browser.open(f"/alerts{query}")
        shown = {name for name in ("CheckoutDown", "Deployed", "SearchSlow") if f">{name}</a>" in page.text}
        assert shown == seen, query
    assert "for information only" in (await browser.open("/alerts?state=apart")).text
    assert "is no incident" in (await browser.open("/alerts?incident=kitchen")).text
    assert "None fits" in (await browser.open("/alerts?text=kitchen")).text


async def test_thousands_are_paged_through(house: House, browser: Browser) -> None:
    for batch in range(12):
        await send(house, *({"labels": {"alertname": f"A{batch:02}{n:02}"}} for n in range(10)))
        house.clock.move(timedelta(seconds=1))
    path, seen = "/alerts", list[str]()
    for _ in range(10):
        page = await browser.open(path)
        found = read(page)
        names = [each for each in found.text.split() if each[:1] == "A" and each[1:].isdigit()]
        assert len(names) <= 50
        seen += names
        more = [value for name, value in found.attributes if name == "href" and "after=" in value]
        if not more:
            break
        path = more[0]
    assert len(seen) == 120
    assert len(set(seen)) == 120
    assert [each[1:3] for each in seen] == sorted((each[1:3] for each in seen), reverse=True)


async def test_the_page_of_an_alert_tells_why(house: House, browser: Browser) -> None:
    await house.alert("CheckoutDown", service="shop")
    await house.engine.desk.handle("INC-1", c.Acknowledge(person=OTHER), TOMAS)  # type: ignore[arg-type]
    page = await browser.open(f"/alerts/{await fingerprint(house, 'CheckoutDown')}")
    text = read(page).text
    for said in (
        "from the source 'plain'",
        "it is the only one",
        "it is the first alert of its group",
        "Level by the alert's own severity: critical",
        "Paging ",
        "Inès Laurent acknowledged",
        "It fires, in INC-1",
    ):
        assert said in text, said
    assert text.index("for the first time") < text.index("Paging") < text.index("acknowledged")


async def test_a_silence_in_two_clicks(house: House, browser: Browser) -> None:
    await house.alert("CheckoutDown", service="shop", note='say "hi"\\now')
    await house.alert("CheckoutDown", service="till")
    room = await browser.open("/incidents/INC-1")
    first = [value for name, value in read(room).attributes if name == "href" and "/silences/new" in value]
    form = await browser.open(first[0])
    text = read(form).text
    assert "alertname is CheckoutDown" in " ".join(text.split())
    assert "1 that fires now: CheckoutDown." in " ".join(text.split())
    done = await browser.send(form, "/silences")
    assert done.url.path == "/silences"
    assert "Silenced until" in done.text
    (silence,) = await house.engine.silencing.list()
    assert silence.created_by == "Tomás Ferreira"
    assert silence.comment == "INC-1 is being worked on: CheckoutDown"
    assert silence.ends_at - silence.starts_at == timedelta(hours=2)
    found = await house.engine.queries.incident("INC-1")  # type: ignore[arg-type]
    assert found is not None
    assert silence.matches(found.alerts[0].labels)
    why = await browser.open(f"/alerts/{found.alerts[0].fingerprint}")
    assert "A silence by Tomás Ferreira matches it" in why.text


async def test_looking_before_silencing(house: House, browser: Browser) -> None:
    await house.alert("CheckoutDown", service="shop")
    await house.alert("SearchSlow", service="search", severity="low")
    await send(house, {"labels": {"alertname": "Gone"}, "status": "resolved"})
    form = await browser.open("/silences/new")
    for matchers, said in {
        'alertname=~".*"\nservice!=""': "2 that fire now: ",
        'alertname="CheckoutDown", service="shop"': "1 that fires now: CheckoutDown.",
        'alertname="Gone"': "None that fires now is such an alert",
        "alertname CheckoutDown": "Cannot read a matcher",
    }.items():
        looked = await browser.send(form, "/silences", matchers=matchers, do="look", reason="r")
        assert said in " ".join(read(looked).text.split()), matchers
        assert read(looked).forms[-1]["fields"]["matchers"].strip() == matchers
    assert await house.engine.silencing.list() == []


async def test_a_silence_that_is_refused_keeps_what_was_written(house: House, browser: Browser) -> None:
    form = await browser.open("/silences/new")
    good = {"matchers": 'service="shop"', "reason": "Moving house", "lasts": "2h"}
    for wrong in (
        {"reason": " "},
        {"matchers": ""},
        {"matchers": 'service=~".*"'},
        {"matchers": 'service=~"("'},
        {"lasts": "for ever"},
        {"starts": "tomorrow"},
        {"starts": "9999-12-31T23:59"},
    ):
        refused = await browser.send(form, "/silences", **{**good, **wrong, "do": "make"})
        assert refused.status_code == 422, wrong
        assert 'class="said refused"' in refused.text
        assert read(refused).forms[-1]["fields"]["reason"] == {**good, **wrong}["reason"]
    assert await house.engine.silencing.list() == []


async def test_silences_to_come_and_their_end(house: House, browser: Browser) -> None:
    form = await browser.open("/silences/new")
    asked = {"matchers": 'service="shop"', "reason": "Moving house", "lasts": "8h", "do": "make"}
    later = (house.clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    page = await browser.send(form, "/silences", **asked, starts=later)
    assert "1 to come" in page.text
    page = await browser.send(form, "/silences", **asked)
    assert "1 active" in page.text
    active = next(each for each in await house.engine.silencing.list() if each.starts_at <= house.clock.now())
    page = await browser.send(page, f"/silences/{active.id}/end")
    assert "The silence has ended" in page.text
    assert "1 active" not in page.text
    assert "Ended" in page.text
    token = read(page).forms[0]["fields"]["form_token"]
    missing = await browser.client.post(
        "/silences/nothing/end", data={"form_token": token}, follow_redirects=True
    )
    assert "There is no silence nothing" in missing.text


async def test_a_viewer_only_looks(house: House, stranger: Browser) -> None:
    await house.alert("CheckoutDown")
    await house.engine.silencing.create(
        parse_matchers('service="shop"').all, None, house.clock.now() + timedelta(hours=1), "why", TOMAS
    )
    await house.engine.access.create_account("guest", PASSWORD, "viewer", None, SYSTEM)
    await stranger.sign_in("guest", PASSWORD)
    alert = f"/alerts/{await fingerprint(house, 'CheckoutDown')}"
    for path in ("/alerts", alert, "/silences", "/incidents/INC-1"):
        page = await stranger.open(path)
        assert page.status_code == 200
        assert "/silences/new" not in page.text
    assert "takes the role responder" in (await stranger.open("/silences/new")).text
    (silence,) = await house.engine.silencing.list()
    token = read(await stranger.open("/")).forms[0]["fields"]["form_token"]
    for path in ("/silences", f"/silences/{silence.id}/end"):
        body = {"form_token": token, "matchers": 'a="b"', "reason": "r", "lasts": "2h", "do": "make"}
        told = await stranger.client.post(path, data=body, follow_redirects=True)
        assert "takes the role responder" in told.text
    assert await house.engine.silencing.list() == [silence]


async def test_hostile_alerts_stay_words(house: House, browser: Browser) -> None:
    await house.alert(HOSTILE, summary=HOSTILE, label=HOSTILE)
    path = f"/alerts/{await fingerprint(house, HOSTILE)}"
    form = await browser.open(f"/silences/new?alert={path.rpartition('/')[2]}")
    made = await browser.send(form, "/silences", reason=HOSTILE)
    for page in (await browser.open("/alerts"), await browser.open(path), form, made):
        assert HOSTILE not in page.text
        assert HOSTILE in read(page).text
        assert not [name for name, _ in read(page).attributes if name.startswith("on") or name == "style"]


def test_labels_as_matchers() -> None:
    for value in ("x", "", 'a "b" \\ c', "two\nlines", "ä{}=,"):
        line = matcher_line("name", value)
        assert parse_matchers(line).all == (Matcher("name", Operator.EQUAL, value),)
    assert matcher_line("not a name!", "x") == ""


async def test_the_page_of_silences_shows_the_windows(house: House, browser: Browser) -> None:
    assert "Maintenance windows" not in (await browser.open("/silences")).text
    content = files("tocsin").joinpath("examples/playbook.md").read_bytes()
    document = read_document("playbook.md", content)
    windows = [
        Window(
            name=name,
            matchers=parse_matchers('service="shop", env!="test"'),
            start=parse_rule(rule),
            lasts=timedelta(hours=2),
            zone="Europe/Paris",
            text=rule,
        )
        for name, rule in (
            ("gone", "FREQ=DAILY;BYHOUR=3;UNTIL=20260101"),
            ("weekly", "FREQ=WEEKLY;BYDAY=SU;BYHOUR=2"),
            (f"night {HOSTILE}", "FREQ=DAILY;BYHOUR=3"),
        )
    ]
    noise = msgspec.structs.replace(document.playbook.options.noise, maintenance=tuple(windows))
    options = msgspec.structs.replace(document.playbook.options, noise=noise)
    playbook = msgspec.structs.replace(document.playbook, options=options)
    shelf = shelf_of(msgspec.structs.replace(document, playbook=playbook))
    await house.engine.library.replace(shelf, house.engine.library.rules().roster)
    page = await browser.open("/silences")
    assert HOSTILE not in page.text
    text = " ".join(read(page).text.split())
    places = [text.index(each) for each in ("night <script>", "weekly", "gone")]
    assert places == sorted(places)
    assert "holds now service is shop, and env is not test Since Tue 24 Nov 2026, 02:00 UTC to" in text
    assert "Next Sun 29 Nov 2026, 01:00 UTC to Sun 29 Nov 2026, 03:00 UTC" in text
    assert "It does not come again" in text
