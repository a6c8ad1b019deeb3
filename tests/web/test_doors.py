"""Setting up, signing in and out, and links that acknowledge."""

from datetime import timedelta

from tests.http.house import HOSTILE, ME, PASSWORD, House
from tests.web.forms import Browser, read
from tocsin.base.ids import PageId, PersonId
from tocsin.engine import signing
from tocsin.faces.requests import FORM_COOKIE, SESSION_COOKIE
from tocsin.faces.web.doors import local_path
from tocsin.incident.events import SYSTEM


async def link_of(house: House) -> tuple[str, PersonId]:
    """The path of the first page's link of INC-1, and whose it is."""
    await house.settle()
    incident = await house.engine.queries.incident(await house.alert())
    assert incident is not None
    page = incident.pages[0]
    return await house.engine.access.page_link(page.id, page.person), page.person


async def test_the_first_admin(house: House, stranger: Browser) -> None:
    link = await house.engine.access.setup_link("http://tocsin.test")
    assert link is not None
    path = link.removeprefix("http://tocsin.test")
    page = await stranger.open(path)
    short = await stranger.send(page, path, name="tomas", password="short", again="short")
    assert short.status_code == 422
    assert "5 characters" in short.text
    differ = await stranger.send(page, path, name="tomas", password=PASSWORD, again="x" * 20)
    assert differ.status_code == 422
    assert PASSWORD not in differ.text
    done = await stranger.send(page, path, name="tomas", person=ME, password=PASSWORD, again=PASSWORD)
    assert done.url.path == "/"
    assert "You are the first admin" in done.text
    again = await stranger.open(path)
    assert again.url.path == "/sign-in"
    assert await house.engine.access.setup_link("http://tocsin.test") is None


async def test_a_guessed_set_up_link(house: House, stranger: Browser) -> None:
    await house.engine.access.setup_link("http://tocsin.test")
    assert (await stranger.open("/setup/guessed")).url.path == "/sign-in"
    assert (await stranger.open("/setup/")).status_code == 404


async def test_signing_in_and_out(house: House, stranger: Browser) -> None:
    await house.engine.access.create_account("Tomas", PASSWORD, "admin", ME, SYSTEM)
    wrong = await stranger.sign_in("tomas", "not the password")
    unknown = await stranger.sign_in("nobody", "not the password")
    for each in (wrong, unknown):
        assert each.status_code == 401
        assert "do not belong together" in each.text
    asked = await stranger.open("/oncall")
    assert asked.url.path == "/sign-in"
    inside = await stranger.send(asked, "/sign-in", name="tomas", password=PASSWORD)
    assert inside.url.path == "/oncall"
    stolen = stranger.client.cookies[SESSION_COOKIE]
    out = await stranger.send(inside, "/sign-out")
    assert "You have signed out" in out.text
    stranger.client.cookies.set(SESSION_COOKIE, stolen, domain="tocsin.test", path="/")
    assert (await stranger.open("/")).url.path == "/sign-in"


async def test_a_session_ends_after_twelve_quiet_hours(house: House, browser: Browser) -> None:
    for _ in range(3):
        house.clock.move(timedelta(hours=11))
        assert (await browser.open("/")).url.path == "/"
    house.clock.move(timedelta(hours=12))
    assert (await browser.open("/")).url.path == "/sign-in"


async def test_too_many_wrong_passwords(house: House, stranger: Browser) -> None:
    await house.engine.access.create_account("tomas", PASSWORD, "admin", ME, SYSTEM)
    for _ in range(10):
        assert (await stranger.sign_in("tomas", "wrong")).status_code == 401
    locked = await stranger.sign_in("tomas", PASSWORD)
    assert locked.status_code == 429
    house.clock.move(timedelta(minutes=16))
    assert (await stranger.sign_in("tomas", PASSWORD)).url.path == "/"


def test_one_is_only_sent_on_to_this_server() -> None:
    assert local_path("/incidents/INC-1") == "/incidents/INC-1"
    for bad in ("//evil.example", "/\\evil.example", "https://evil.example", "", "evil", "/a\r\nb", "/x\\y"):
        assert local_path(bad) == "/"


async def test_forms_of_others_are_refused(house: House, browser: Browser) -> None:
    incident = await house.alert()
    path = f"/incidents/{incident}/acknowledge"
    page = await browser.open(f"/incidents/{incident}")
    for data in ({}, {"form_token": "guessed"}, {"form_token": await house.engine.access.form_token()}):
        answer = await browser.client.post(path, data=data, headers={"Accept": "text/html"})
        assert answer.status_code == 403
        assert "load the page again" in answer.text
    found = await house.engine.queries.incident(incident)
    assert found is not None
    assert found.acknowledged_at is None
    assert (await browser.send(page, path)).status_code == 200


async def test_a_form_cookie_of_another_server_is_replaced(house: House, stranger: Browser) -> None:
    stranger.client.cookies.set(FORM_COOKIE, signing.form_token("another key", "nonce"), domain="tocsin.test")
    page = await stranger.open("/sign-in")
    assert page.headers["set-cookie"].startswith(FORM_COOKIE)


async def test_looking_never_acknowledges(house: House, stranger: Browser) -> None:
    path, _ = await link_of(house)
    for method in ("GET", "HEAD", "OPTIONS"):
        await stranger.client.request(method, path)
    page = await stranger.open(path)
    assert "Checkout answers with errors" in page.text
    assert "P1 Critical" in page.text
    assert [form["action"] for form in read(page).forms] == [path]
    found = await house.engine.queries.incident("INC-1")  # type: ignore[arg-type]
    assert found is not None
    assert found.acknowledged_at is None


async def test_the_button_acknowledges(house: House, stranger: Browser) -> None:
    path, person = await link_of(house)
    page = await stranger.open(path)
    done = await stranger.send(page, path)
    assert "You have acknowledged INC-1" in done.text
    found = await house.engine.queries.incident("INC-1")  # type: ignore[arg-type]
    assert found is not None
    assert found.acknowledged_by == person
    assert "You acknowledged first" in (await stranger.open(path)).text
    other = await house.engine.access.page_link(PageId("INC-1/p9"), PersonId("walt"))
    late = await stranger.client.post(other)
    assert "acknowledged INC-1 first" in late.text


async def test_times_stand_in_the_zone_of_the_reader(house: House, stranger: Browser) -> None:
    await house.alert()
    link = await house.engine.access.page_link(PageId("INC-1/p1"), PersonId("sora"))
    page = await stranger.open(link)
    assert "JST" in page.text


async def test_links_that_were_not_made_here(house: House, stranger: Browser) -> None:
    path, _ = await link_of(house)
    token = path.removeprefix("/p/")
    claim, _, seal = token.partition(".")
    forged = signing.page_token("another key", PageId("INC-1/p1"), ME)
    for bad in (forged, claim, f"{claim}.", f"{claim}.{seal[:-1]}x", f"x{claim}.{seal}", "é.x", "x" * 5000):
        assert (await stranger.client.get(f"/p/{bad}")).status_code == 404, bad
        assert (await stranger.client.post(f"/p/{bad}")).status_code == 404, bad


async def test_hostile_words_are_escaped(house: House, stranger: Browser) -> None:
    await house.alert(summary=HOSTILE)
    page = await stranger.open(await house.engine.access.page_link(PageId("INC-1/p1"), ME))
    assert HOSTILE not in page.text
    assert HOSTILE in read(page).text
    assert "img" not in read(page).tags[read(page).tags.index("main") :]
