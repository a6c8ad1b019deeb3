"""The page of what is watched."""

from tests.http.house import HOSTILE, House
from tests.watching.sample import KEY, Finds, watch_a_little
from tests.web.forms import Browser, read
from tocsin.alerts.heartbeats import Said


async def test_an_empty_page_says_how_to_begin(browser: Browser) -> None:
    page = await browser.open("/watches")
    assert "[heartbeats.NAME]" in page.text
    assert "[probes.NAME]" in page.text


async def test_heartbeats_and_probes(house: House, browser: Browser) -> None:
    watch_a_little(house.engine)
    await house.engine.heartbeats.ping("backup", "192.0.2.1", Said.FAIL, HOSTILE)
    await house.engine.heartbeats.ping("queue", "192.0.2.1")
    for _ in range(2):
        await house.engine.probes.look(Finds.probe)
    page = await browser.open("/watches")
    text = read(page).text
    assert "backup reported a failure" in text
    assert "every 10 min" in text
    assert "by the schedule 0 3 * * * (Europe/Berlin)" in text
    assert Finds.reason in text
    assert HOSTILE not in page.text
    assert HOSTILE in text
    assert text.index("backup") < text.index("queue"), "what is in trouble stands first"
    assert 'curl -fsS -m 10 --retry 5 -o /dev/null "http://tocsin.test/beat/backup/$BEAT_KEY"' in text
    assert 'Authorization: Bearer $TOCSIN_TOKEN" http://tocsin.test/beat/queue' in text
    for secret in (KEY, Finds.secret):
        assert secret not in page.text


async def test_strangers_are_sent_to_sign_in(stranger: Browser) -> None:
    page = await stranger.open("/watches")
    assert page.url.path == "/sign-in"
