"""Reading mails: the text that people wrote, whatever wraps it, and nothing that ends the reading."""

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.adapters.inbound.message import HTML_CHARS_MAX, Received, mail_of, read_message
from tocsin.adapters.inbound.subjects import Subject, read_subject
from tocsin.alerts.model import AlertStatus
from tocsin.base import limits

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TO = "alerts@tocsin.example"


def raw(head: str, body: str = "") -> bytes:
    return f"{head.strip()}\n\n{body}".replace("\n", "\r\n").encode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("subject", "about", "clears"),
    [
        ("disk full on web1", "disk full on web1", False),
        ("PROBLEM: disk full", "disk full", False),
        ("RESOLVED: disk full", "disk full", True),
        ("Resolved in 5m 12s: disk full", "disk full", True),
        ("Re: [RESOLVED] disk full", "disk full", True),
        ("AW: Re: Re[2]: disk full", "disk full", False),
        ("[FIRING:1] HighLoad (web)", "HighLoad (web)", False),
        ("[RESOLVED] HighLoad (web)", "HighLoad (web)", True),
        ("[FIRING:2, RESOLVED:1] HighLoad (web)", "HighLoad (web)", False),
        ("** PROBLEM Service Alert: web/load is CRITICAL **", "Service Alert: web/load", False),
        ("** RECOVERY Service Alert: web/load is OK **", "Service Alert: web/load", True),
        ('ALARM: "cpu" in EU (Ireland)', '"cpu" in EU (Ireland)', False),
        ('OK: "cpu" in EU (Ireland)', '"cpu" in EU (Ireland)', True),
        ("Monitor is DOWN: Shop", "Monitor: Shop", False),
        ("Monitor is UP: Shop", "Monitor: Shop", True),
        ("✅ Recovered: Shop", "Shop", True),
        ("Ok to deploy?", "Ok to deploy?", False),
        ("Closed for business", "Closed for business", False),
        ("Upgrade done", "Upgrade done", False),
        ("", "", False),
    ],
)
def test_subjects(subject: str, about: str, clears: bool) -> None:
    assert read_subject(subject)[:2] == (about, clears)


def test_words_of_ones_own_clear_too() -> None:
    assert read_subject("Entwarnung: Pumpe 3", ["Entwarnung"]) == Subject("Pumpe 3", True, "", False)
    assert not read_subject("Entwarnung: Pumpe 3").clears


@given(st.text(max_size=400))
def test_any_subject_is_read(text: str) -> None:
    found = read_subject(text)
    assert len(found.about) <= len(text) + 2


def test_plain_before_html_and_attachments_by_name() -> None:
    message = EmailMessage()
    message["From"] = "=?utf-8?q?M=C3=B6nitor?= <Mon@Example.com>"
    message["Subject"] = "Störung: Pumpe"
    message.set_content("Plain wörds")
    message.add_alternative("<p>Rich words</p>", subtype="html")
    message.add_attachment(b"\x00\x01", maintype="application", subtype="pdf", filename="../../état.pdf")
    found = read_message(message.as_bytes())
    assert found.sender == "mon@example.com"
    assert found.subject == "Störung: Pumpe"
    assert found.text == "Plain wörds"
    assert found.attachments == ("../../état.pdf",)


def test_html_alone_is_read_as_words() -> None:
    html = (
        "<html><head><title>no</title><style>p {}</style></head><body><h1>Alarm &amp; more</h1>"
        "<script>alert(1)</script><p>Pump&nbsp;3 <b>stopped</b><br>at noon</p>"
        "<table><tr><td>a</td></tr></table>"
    )
    found = read_message(raw("Subject: x\nContent-Type: text/html; charset=utf-8", html))
    assert found.text.replace("\xa0", " ").split("\n") == [
        "Alarm & more",
        "",
        "Pump 3 stopped",
        "at noon",
        "",
        "a",
    ]


@pytest.mark.parametrize(
    ("head", "body", "text"),
    [
        ("Content-Type: text/plain; charset=no-such", "wörds", "wörds"),
        (
            "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable",
            "w=F6",
            "wö",
        ),
        ("Content-Transfer-Encoding: base64", "!!!", "!!!"),
        ("Content-Type: multipart/mixed", "no boundary", "no boundary"),
        ("Content-Type: multipart/mixed; boundary=x", "--x\n\nwords\n", "words"),
        ("Content-Type: text/plain; charset=unicode_escape", "\\x41", "\\x41"),
    ],
)
def test_broken_mime(head: str, body: str, text: str) -> None:
    assert text in read_message(raw(f"Subject: s\n{head}", body)).text


def test_a_mail_that_is_nested_deeply_is_still_read() -> None:
    depth = 3_000
    parts = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(depth))
    found = read_message(raw("Subject: deep\nMIME-Version: 1.0\n" + parts + "\nwords"))
    assert found.subject == "deep"


def test_long_html_is_read_in_bounds() -> None:
    found = read_message(raw("Subject: x\nContent-Type: text/html", "<p>a</p>" * HTML_CHARS_MAX))
    assert len(found.text) <= limits.annotation_chars_max


@given(st.binary(max_size=2_000))
def test_any_bytes_are_a_mail(content: bytes) -> None:
    assert isinstance(read_message(content), Received)


@given(
    st.dictionaries(
        st.sampled_from(
            ["From", "Subject", "Message-ID", "References", "Content-Type", "Content-Transfer-Encoding"]
        ),
        st.text(max_size=80),
    ),
    st.text(max_size=300),
)
def test_any_headers_make_an_alert_that_can_be_kept(headers: dict[str, str], body: str) -> None:
    head = "\n".join(f"{name}: {' '.join(text.splitlines())}" for name, text in headers.items())
    received = read_message(raw(head or "X: y", body.encode(errors="replace").decode()))
    alert = mail_of(received, TO, {"service": "shop"}, {}, NOON).alert
    texts = [*alert.labels.values(), *alert.annotations.values()]
    assert not [text for text in texts if "\0" in text or not text.encode()]
    assert alert.labels["recipient"] == TO
    assert alert.name


def test_mails_without_a_subject_are_alerts_of_their_own() -> None:
    one, two = (
        mail_of(read_message(raw(f"Message-ID: <{each}@x>", "Pump 3 stopped")), TO, {}, {}, NOON).alert
        for each in "ab"
    )
    assert one.name == "Pump 3 stopped"
    assert one.fingerprint != two.fingerprint
    assert one.status is AlertStatus.FIRING


def test_case_and_prefixes_make_no_difference() -> None:
    prints = {
        mail_of(read_message(raw(f"Subject: {each}")), TO, {}, {}, NOON).alert.fingerprint
        for each in ("PROBLEM: Disk full", "resolved: disk full", "Fwd: Re: DISK  FULL", "[OK] disk full")
    }
    assert len(prints) == 1
