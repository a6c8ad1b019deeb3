"""E-mail against a real mail server on this machine."""

import asyncio
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.channels.sample import AT, PAGE, letter, outgoing
from tocsin.adapters.channels.email import EmailChannel, channel
from tocsin.config import Smtp, load_settings
from tocsin.config.settings import Tls
from tocsin.engine.ports import DeliveryError
from tocsin.testing.fakes import ManualClock
from tocsin.testing.smtp import SmtpScript, SmtpSink

PASSWORD = "hunter2-and-more"


def mailer(
    port: int,
    clock: ManualClock,
    *,
    tls: Tls = "none",
    username: str = "",
    host: str = "127.0.0.1",
    sender: str = "",
) -> EmailChannel:
    smtp = Smtp(
        host=host,
        port=port,
        tls=tls,
        sender=sender or "Tocsin Störung <tocsin@example.org>",
        username=username,
    )
    return EmailChannel(smtp, PASSWORD, "tocsin.example.org", clock)


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as server:
        yield server


async def failure(channel: EmailChannel, **changes: object) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await channel.send(outgoing(**changes))
    assert PASSWORD not in f"{caught.value.reason} {caught.value.mend} {caught.value!r}"
    assert caught.value.__cause__ is None
    return caught.value


async def test_a_page_arrives_whole(sink: SmtpSink, clock: ManualClock) -> None:
    said = await mailer(sink.port, clock).send(PAGE)
    assert said == "taken by 127.0.0.1: kept"
    (mail,) = sink.messages
    assert sink.recipients == [["alice@example.org"]]
    assert mail["From"] == "Tocsin Störung <tocsin@example.org>"
    assert mail["To"] == "alice@example.org"
    assert mail["Subject"] == "P1 INC-7: VaultSealed"
    assert mail["Date"] == "Mon, 02 Mar 2026 09:00:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert (mail["X-Priority"], mail["Importance"]) == ("1", "high")
    assert re.fullmatch(r"<inc-7-p3-0\.[0-9a-f]{16}@tocsin\.example\.org>", mail["Message-ID"])
    assert mail["In-Reply-To"] == mail["References"]
    text, page = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert page is not None
    assert text.get_content().splitlines() == [*PAGE.letter.lines, "", f"Open: {PAGE.link}"]
    shown = page.get_content()
    assert "ü &lt;b&gt;not bold&lt;/b&gt; &amp; so on" in shown
    assert '<a href="https://tocsin.example.org/a/INC-7?t=a&amp;b=c">' in shown
    assert "src=" not in shown


async def test_each_attempt_has_the_same_id_and_one_incident_one_thread(
    sink: SmtpSink, clock: ManualClock
) -> None:
    channel = mailer(sink.port, clock)
    for key, thread in (
        ("INC-7/p3/0", "INC-7"),
        ("INC-7/p3/0", "INC-7"),
        ("INC-7/p3/1", "INC-7"),
        ("INC-8/p1/0", "INC-8"),
    ):
        await channel.send(outgoing(key=key, thread=thread))
    ids = [mail["Message-ID"] for mail in sink.messages]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    threads = [mail["References"] for mail in sink.messages]
    assert threads[0] == threads[2] != threads[3]


async def test_a_message_that_is_not_urgent_does_not_shout(sink: SmtpSink, clock: ManualClock) -> None:
    await mailer(sink.port, clock).send(outgoing(urgent=False, link=None))
    (mail,) = sink.messages
    assert (mail["X-Priority"], mail["Importance"]) == (None, None)
    body = mail.get_body(("plain",))
    assert body is not None
    assert "Open:" not in body.get_content()


async def test_no_header_can_be_smuggled_in(sink: SmtpSink, clock: ManualClock) -> None:
    subject = "P1\r\nBcc: eve@example.net\r\n\r\nbody \x00 \ud800"
    key = "INC-7/x\r\nBcc: eve@example.net"
    await mailer(sink.port, clock).send(
        outgoing(letter=letter(subject, "a\r\n.\r\nb", "\x00\ud800"), key=key, thread=key)
    )
    (mail,) = sink.messages
    assert mail["Bcc"] is None
    assert mail["Subject"] == "P1 Bcc: eve@example.net body ?"
    assert sink.recipients == [["alice@example.org"]]


async def test_long_lines_and_every_script_survive(sink: SmtpSink, clock: ManualClock) -> None:
    lines = ("x" * 3000, "日本語 🔔 ع", ".", "From here")
    subject = "🔴 " + "störung " * 40
    await mailer(sink.port, clock).send(outgoing(letter=letter(subject, *lines), link=None))
    (mail,) = sink.messages
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == list(lines)
    assert mail["Subject"] == subject.strip()


@pytest.mark.parametrize(
    ("script", "retry", "words", "mended_by"),
    [
        (SmtpScript(rcpt="450 mailbox busy"), True, "450 mailbox busy", ""),
        (SmtpScript(rcpt="550 no such user"), False, "550 no such user", "roster"),
        (SmtpScript(mail="550 who are you"), True, "550 who are you", "smtp.from"),
        (SmtpScript(mail="451 later"), True, "451 later", "smtp.from"),
        (SmtpScript(data="452 disk full"), True, "452 disk full", ""),
        (SmtpScript(data="554 looks like spam"), False, "554 looks like spam", "see why"),
        (SmtpScript(data="554 " + "x" * 400), False, "x" * 100, "see why"),
    ],
)
async def test_refusals(
    clock: ManualClock, script: SmtpScript, retry: bool, words: str, mended_by: str
) -> None:
    with SmtpSink(script) as sink:
        error = await failure(mailer(sink.port, clock))
        assert (error.retry, words in error.reason, mended_by in error.mend) == (retry, True, True)
        assert len(error.reason) < 300
        script.rcpt = script.mail = script.data = ""
        await mailer(sink.port, clock).send(PAGE)
        assert len(sink.messages) == 1


async def test_a_login_is_used_and_a_wrong_one_is_for_the_admin(clock: ManualClock) -> None:
    with SmtpSink(SmtpScript(logins={"tocsin": PASSWORD})) as sink:
        await mailer(sink.port, clock, username="tocsin").send(PAGE)
        assert len(sink.messages) == 1
        error = await failure(mailer(sink.port, clock, username="other"))
        assert (error.retry, "smtp.password_ref" in error.mend) == (True, True)
        error = await failure(mailer(sink.port, clock))
        assert (error.retry, "530" in error.reason) == (True, True)


async def test_a_login_that_the_server_does_not_know(sink: SmtpSink, clock: ManualClock) -> None:
    error = await failure(mailer(sink.port, clock, username="tocsin"))
    assert (error.retry, "smtp.tls" in error.mend) == (True, True)


async def test_nobody_listens(clock: ManualClock) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = await failure(mailer(unused.getsockname()[1], clock))
    assert error.retry
    assert "smtp.host" in error.mend


async def test_somebody_listens_and_hangs_up(clock: ManualClock) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        error = await failure(mailer(server.sockets[0].getsockname()[1], clock))
    assert error.retry


async def test_somebody_listens_and_says_nothing(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.adapters.channels.email.TIMEOUT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = await failure(mailer(silent.getsockname()[1], clock))
    assert (error.retry, "does not answer" in error.reason) == (True, True)


async def test_encryption_is_not_given_up_silently(sink: SmtpSink, clock: ManualClock) -> None:
    error = await failure(mailer(sink.port, clock, tls="starttls"))
    assert (error.retry, "smtp.tls" in error.mend) == (True, True)
    error = await failure(mailer(sink.port, clock, tls="tls"))
    assert error.retry
    assert sink.messages == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    assert shutil.which("openssl"), "this test makes a certificate with openssl"
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return cert, context


async def test_a_certificate_must_verify(
    certificate: tuple[Path, ssl.SSLContext], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, context = certificate
    with SmtpSink(starttls=context) as with_starttls:
        error = await failure(mailer(with_starttls.port, clock, tls="starttls", host="localhost"))
        assert (error.retry, "TLS" in error.reason) == (True, True)
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        await mailer(with_starttls.port, clock, tls="starttls", host="localhost").send(PAGE)
        assert len(with_starttls.messages) == 1
    with SmtpSink(tls=context) as with_tls:
        await mailer(with_tls.port, clock, tls="tls", host="localhost").send(PAGE)
        assert len(with_tls.messages) == 1


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("alice@example.org", True),
        ("a+b.c@mail.example.org", True),
        ("root@localhost", True),
        ("alice", False),
        ("alice@", False),
        ("@example.org", False),
        ("Alice <alice@example.org>", False),
        ("a@b@c", False),
        ("a..b@example.org", False),
        (".a@example.org", False),
        ("a@exa mple.org", False),
        ("a@example.org\nBcc: x", False),
        ("älice@example.org", False),
        ("a@example..org", False),
        ("a" * 250 + "@example.org", False),
    ],
)
async def test_addresses(clock: ManualClock, address: str, good: bool) -> None:
    channel = mailer(1, clock)
    assert (channel.check(address) is None) == good
    if not good:
        error = await failure(channel, address=address)
        assert (error.retry, "roster" in error.mend) == (False, True)


@given(st.text('a@."\\<>,;: \n\r\0é+-', max_size=12))
def test_every_address_that_is_good_can_be_written(address: str) -> None:
    channel = mailer(1, ManualClock(AT))
    if channel.check(address) is None:
        assert channel.compose(outgoing(address=address), AT)["To"] == address


def test_the_settings_make_the_channel(clock: ManualClock) -> None:
    def secret(ref: str, field: str) -> str:
        assert (ref, field) == ("env:P", "smtp.password_ref")
        return PASSWORD

    bare = load_settings({}, {}, None, "tocsin.toml")
    assert channel(bare, secret, clock) is None
    text = 'smtp = {host = "m", from = "a@example.org", username = "u", password_ref = "env:P"}\n'
    made = channel(load_settings({}, {}, text, "tocsin.toml"), secret, clock)
    assert isinstance(made, EmailChannel)
    # The server's own address is no name, so that the sender's domain stands in the Message-ID.
    assert made.compose(PAGE, clock.now())["Message-ID"].endswith("@example.org>")
    assert PASSWORD not in repr(made)
