"""The main job with real parts: an alert of a real Alertmanager, an e-mail at a real mail server, the link
that acknowledges, the post-mortem of the playbook, and the proof of the chain."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.e2e import people
from tests.e2e.alertmanager import Alertmanager, alertmanager
from tests.e2e.house import ROOT, House, house, until
from tocsin.testing.smtp import SmtpSink

EXAMPLE = ROOT / "src/tocsin/examples/playbook.md"
SEED = ROOT.parent / "shared/seed/incident-response-playbook.txt"
no_seed = pytest.mark.skipif(
    not SEED.is_file() and os.environ.get("CI") != "true",
    reason="the first playbook is not a part of the project; CI has it at hand",
)
PLAYBOOKS = [
    pytest.param(EXAMPLE, "CheckoutDown", "Post-mortem:", id="example"),
    pytest.param(SEED, "VaultSealed", "Incident Post-Mortem:", id="seed", marks=no_seed),
]
CAUSE = "the certificate of the payment provider had run out"
NOTE = "the provider was told by telephone"
FIX = "a new certificate, and an alert two weeks before the next"


@pytest.fixture
def mails() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


def body_of(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    part = mail.get_body(("plain",))
    assert part is not None
    return part.get_content()


def link_of(mail: EmailMessage) -> str:
    found = re.search(r"http://\S+/p/\S+", body_of(mail))
    assert found, body_of(mail)
    return found[0]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def clock(text: str) -> str:
    """The time of day in UTC, as a post-mortem has it."""
    return f"{instant(text).astimezone(UTC):%H:%M}"


def until_ten() -> timedelta:
    """How far away ten o'clock is in UTC, so that the whole incident is on one day."""
    now = datetime.now(UTC)
    return (now.replace(hour=10, minute=0, second=0) - now) % timedelta(days=1)


def first_page(mails: SmtpSink, name: str) -> EmailMessage:
    """The page to one person; there must be exactly one."""
    found = [mail for mail in mails.messages if mail["To"] == people.address("email", name)]
    assert len(found) == 1, [(mail["To"], mail["Subject"]) for mail in mails.messages]
    return found[0]


@pytest.mark.parametrize(("playbook", "alert", "heading"), PLAYBOOKS)
def test_from_the_alert_to_the_proof(
    tmp_path: Path, mails: SmtpSink, playbook: Path, alert: str, heading: str
) -> None:
    settings = people.mail(mails.port)
    roster = people.roster("email", fallback="")
    with (
        house(tmp_path, playbook=playbook, roster=roster, settings=settings, own_clock=True) as tocsin,
        alertmanager(tmp_path, tocsin.url) as manager,
    ):
        morning = until_ten()
        tocsin.be_ahead(morning)
        manager.fire(alert)
        opened = until(lambda: tocsin.run("incidents", "--json").json["incidents"], 20, "no incident")
        assert [(each["id"], each["level"]) for each in opened] == [("INC-1", "P1")]

        until(lambda: "Delivered" in tocsin.kinds("INC-1"), 20, "no delivery")
        page = until(lambda: mails.messages and first_page(mails, "olga"), 10, "no mail")
        _tells_what_matters(page, tocsin.incident("INC-1"), alert)
        _looking_changes_nothing(tocsin, link_of(page))
        tocsin.be_ahead(morning + timedelta(minutes=12))
        _the_button_acknowledges(tocsin, link_of(page))
        tocsin.run("assign", "INC-1", "me", person="tara")

        tocsin.be_ahead(morning + timedelta(hours=1, minutes=40))
        tocsin.run("mitigated", "INC-1", "--summary", "orders come in again")
        tocsin.be_ahead(morning + timedelta(hours=3, minutes=7))
        manager.resolve(alert)
        until(lambda: "AlertCleared" in tocsin.kinds("INC-1"), 20, "the end of the alert did not come")
        assert f"Alert {alert} has ended; none is firing any more." in tocsin.texts("INC-1")

        tocsin.run("note", "INC-1", NOTE)
        tocsin.run("resolve", "INC-1", "--root-cause", CAUSE, "--fix", FIX, "--verification", "an order")
        _postmortem(tocsin, heading)
        assert "Verified: 1 incident" in tocsin.run("verify").out
        assert tocsin.stop()[0] == 0
        _a_changed_byte_is_named(tocsin)


def _tells_what_matters(page: EmailMessage, incident: Any, alert: str) -> None:
    text = body_of(page)
    assert "INC-1" in page["Subject"]
    assert page["Subject"].startswith("[P1]")
    assert "Severity: P1 — Critical" in text
    assert alert in text
    due = instant(incident["opened_at"]).timestamp() + 15 * 60
    local = datetime.fromtimestamp(due, ZoneInfo(people.ZONES["olga"]))
    assert f"Respond by: {local:%a %d %b %Y, %H:%M} IST" in text


def _looking_changes_nothing(tocsin: House, link: str) -> None:
    until(lambda: tocsin.kinds("INC-1").count("Delivered") == 2, 10, "both pages are delivered")
    before = tocsin.lines("INC-1")
    with httpx.Client(trust_env=False, timeout=20) as scanner:
        for method in ("GET", "HEAD", "GET", "HEAD"):
            looked = scanner.request(method, link)
            assert looked.status_code == 200 or method == "HEAD", (looked.status_code, looked.text)
        assert "Acknowledge" in unescape(scanner.get(link).text)
        assert scanner.get(f"{link[:-3]}abc").status_code == 404
    assert tocsin.lines("INC-1") == before
    assert tocsin.incident("INC-1")["state"] == "open"


def _the_button_acknowledges(tocsin: House, link: str) -> None:
    with httpx.Client(trust_env=False, timeout=20) as browser:
        pressed = browser.post(link)
        assert pressed.status_code == 200
        assert "You have acknowledged INC-1." in unescape(pressed.text)
        incident = tocsin.incident("INC-1")
        assert (incident["state"], incident["acknowledged_by"]) == ("acknowledged", "olga")
        assert "You acknowledged INC-1 before" in unescape(browser.post(link).text)
    assert tocsin.kinds("INC-1").count("Acknowledged") == 1


def _postmortem(tocsin: House, heading: str) -> None:
    incident = tocsin.incident("INC-1")
    assert incident["state"] == "resolved"
    written = tocsin.run("postmortem", "INC-1").out
    print(written)
    first = written.lstrip("# \n").splitlines()[0]
    assert first == f"{heading} INC-1 {incident['title']}"
    for moment in ("opened_at", "acknowledged_at", "mitigated_at", "resolved_at"):
        assert f"- {clock(incident[moment])} — " in written, moment
    spent = instant(incident["resolved_at"]) - instant(incident["opened_at"])
    minutes = int(spent.total_seconds() // 60)
    assert minutes // 60 == 3
    assert f"**Duration:** {minutes // 60} hours {minutes % 60} minutes" in written
    assert "ommander:** Tara Test" in written
    assert f"**Date:** {incident['opened_at'][:10]}" in written
    assert "**Severity:** P1\n" in written
    assert CAUSE in written
    assert "P1/P2" not in written
    unknown = [line for line in written.splitlines() if "HH:MM" in line]
    assert unknown in ([], ["- HH:MM — Root cause identified"])


def _a_changed_byte_is_named(tocsin: House) -> None:
    """First through SQLite, then in the file itself: one byte is enough, and the event is named."""
    good = tocsin.database.read_bytes()
    with closing(sqlite3.connect(tocsin.database)) as database, database:
        found = dict(database.execute("SELECT kind, seq FROM events WHERE kind IN ('Acknowledged', 'Noted')"))
        changed = database.execute(
            "UPDATE events SET data = replace(data, '\"olga\"', '\"olgb\"') WHERE kind = 'Acknowledged'"
        )
        assert changed.rowcount == 1
    _blamed(tocsin, f"INC-1, event {found['Acknowledged']}:")

    tocsin.database.write_bytes(good)
    tocsin.run("verify")
    assert good.count(NOTE.encode()) == 1, "a note stands in its event alone"
    spoilt = bytearray(good)
    spoilt[good.index(NOTE.encode())] ^= 0x01
    tocsin.database.write_bytes(bytes(spoilt))
    _blamed(tocsin, f"INC-1, event {found['Noted']}:")


def _blamed(tocsin: House, what: str) -> None:
    verified = tocsin.run("verify", code=1)
    assert what in verified.err


def test_alertmanager_waits_while_tocsin_is_down(tmp_path: Path) -> None:
    with (
        house(tmp_path, playbook=EXAMPLE, roster=people.roster()) as tocsin,
        alertmanager(tmp_path, tocsin.url) as manager,
    ):
        manager.fire("CheckoutDown")
        until(lambda: tocsin.api("GET", "/incidents")["incidents"], 20)
        tocsin.kill()
        manager.fire("PaymentsFailing")
        manager.fire("DatabaseUnreachable")
        manager.resolve("CheckoutDown")
        _let_some_attempts_fail(manager)
        tocsin.start()

        def names() -> set[str]:
            alerts = tocsin.api("GET", "/alerts")["alerts"]
            return {f"{each['alert']['labels']['alertname']} {each['alert']['status']}" for each in alerts}

        wanted = {"CheckoutDown resolved", "PaymentsFailing firing", "DatabaseUnreachable firing"}
        until(lambda: names() >= wanted, 60, f"not everything came: {names()}")
        assert tocsin.run("verify").code == 0


def _let_some_attempts_fail(manager: Alertmanager) -> None:
    until(lambda: manager.output.text.count("connection refused") >= 3, 60, "Alertmanager does not try")
