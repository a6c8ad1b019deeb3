"""Mail that comes in: a real client against the real listener, and the real engine behind it."""

import asyncio
import smtplib
import socket
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import dkim
import dns.resolver
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.engine.house import House
from tests.watching.servers import HOST, dns_server, make_certificate
from tocsin.adapters.inbound.mail import MailListener, listener_of
from tocsin.adapters.inbound.proofs import DnsProver, Envelope, is_aligned
from tocsin.alerts.model import AlertStatus
from tocsin.base.problems import ProblemsError
from tocsin.config.inbound_mail import InboundMail
from tocsin.engine.ports import StoreUnavailableError
from tocsin.engine.records import AlertRecord

TO = "alerts@tocsin.example"
ADDRESSES = {TO: {"service": "shop", "severity": "high"}, "db@tocsin.example": {"service": "db"}}


def settings(**fields: Any) -> InboundMail:
    given: dict[str, Any] = {"addresses": ADDRESSES, "check_proofs": False, "port": 1} | fields
    # Port 0 lets the system choose; the settings of people may not name it.
    return InboundMail(**given | {"port": fields.get("port", 0)})


@pytest_asyncio.fixture
async def house() -> AsyncGenerator[House, None]:
    house = House()
    async with house.taking():
        yield house


@asynccontextmanager
async def listening(house: House, resolver: Any = None, **fields: Any) -> AsyncGenerator[MailListener, None]:
    """The listener, until the block is left."""
    listener = MailListener(
        settings(**fields),
        house.clock,
        house.engine.mailroom,
        DnsProver(resolver, seconds=3),
        own_hosts=["tocsin.example"],
        own_senders=["pager@tocsin.example"],
    )
    loop = asyncio.create_task(listener.run())
    try:
        for _ in range(500):
            if loop.done():
                loop.result()
            if await asyncio.to_thread(is_up, listener.port):
                break
            await asyncio.sleep(0.01)
        yield listener
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


def is_up(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=2) as client:
            return client.recv(3) == b"220"
    except OSError:
        return False


def mail(subject: str = "PROBLEM: disk full", body: str = "It is full.", **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = headers.pop("From", "Monitor <mon@example.com>")
    message["To"] = TO
    message["Subject"] = subject
    message["Message-ID"] = headers.pop("Message_ID", f"<{abs(hash((subject, body)))}@example.com>")
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(body)
    return message


async def send(
    listener: MailListener,
    message: EmailMessage | bytes,
    *,
    sender: str = "mon@example.com",
    to: list[str] | None = None,
    before: Callable[[smtplib.SMTP], object] | None = None,
) -> tuple[int, str]:
    """Send by a real client; the code and the words of the answer that ended it."""

    def work() -> tuple[int, str]:
        with smtplib.SMTP(HOST, listener.port, timeout=15, local_hostname="client.example.com") as client:
            if before is not None:
                before(client)
            raw = message if isinstance(message, bytes) else message.as_bytes()
            try:
                client.sendmail(sender, to or [TO], raw)
            except smtplib.SMTPRecipientsRefused as error:
                code, said = next(iter(error.recipients.values()))
                return code, said.decode()
            except smtplib.SMTPResponseException as error:
                said = error.smtp_error
                return error.smtp_code, said.decode() if isinstance(said, bytes) else said
            return 250, ""

    return await asyncio.to_thread(work)


async def alerts(house: House) -> list[AlertRecord]:
    return await house.engine.queries.alerts()


async def test_a_mail_opens_an_incident_and_another_clears_it(house: House) -> None:
    async with listening(house) as listener:
        assert (await send(listener, mail()))[0] == 250
        (record,) = await alerts(house)
        assert record.incident == "INC-1"
        assert record.alert.labels == {
            "alertname": "disk full",
            "sender": "mon@example.com",
            "service": "shop",
            "severity": "high",
            "recipient": TO,
        }
        assert record.alert.annotations == {"summary": "PROBLEM: disk full", "description": "It is full."}
        assert (await send(listener, mail("RESOLVED: Disk full")))[0] == 250
        (record,) = await alerts(house)
        assert record.alert.status is AlertStatus.RESOLVED
        assert (await house.incident("INC-1")).firing == ()


async def test_each_address_has_its_labels_and_its_alerts(house: House) -> None:
    async with listening(house) as listener:
        assert (await send(listener, mail(), to=[TO, "DB@tocsin.example"]))[0] == 250
    assert {each.alert.labels["service"] for each in await alerts(house)} == {"shop", "db"}


async def test_a_thread_is_one_alert_whatever_its_subjects(house: House) -> None:
    async with listening(house) as listener:
        await send(listener, mail("Pump 3 stopped", Message_ID="<one@example.com>"))
        ended = mail("OK: all pumps run", In_Reply_To="<one@example.com>", Message_ID="<two@example.com>")
        assert (await send(listener, ended))[0] == 250
        (record,) = await alerts(house)
        assert record.alert.status is AlertStatus.RESOLVED
        later = mail("OK: still", References="<nobody@x> <two@example.com>", Message_ID="<three@example.com>")
        await send(listener, later)
        assert len(await alerts(house)) == 1


async def test_what_people_answer_each_other_is_no_alert(house: House) -> None:
    async with listening(house) as listener:
        await send(listener, mail("Pump 3 stopped", Message_ID="<one@example.com>"))
        await send(listener, mail("RESOLVED: Pump 3 stopped"))
        answer = mail("Re: Pump 3 stopped", "Thank you!", In_Reply_To="<one@example.com>")
        assert (await send(listener, answer))[0] == 250
        assert (await alerts(house))[0].alert.status is AlertStatus.RESOLVED
        assert (await send(listener, mail("Re: the other pump", "It smells.")))[0] == 250
        assert len(await alerts(house)) == 2


async def test_a_key_of_the_sender_decides(house: House) -> None:
    async with listening(house) as listener:
        await send(listener, mail("Load 4.1 on web1", X_Dedup_Key="load/web1"))
        await send(listener, mail("[dedup:load/web1] Load 7.9 on web1"))
        assert len(await alerts(house)) == 1
        await send(listener, mail("[OK] Load 0.4 [key:load/web1]"))
    (record,) = await alerts(house)
    assert record.alert.status is AlertStatus.RESOLVED


async def test_nothing_is_relayed(house: House) -> None:
    async with listening(house) as listener:
        for other in ("somebody@example.com", "nobody@tocsin.example", "alerts@tocsin.example@example.com"):
            code, _ = await send(listener, mail(), to=[other])
            assert 550 <= code <= 553, other
    assert await alerts(house) == []


async def test_too_large(house: House) -> None:
    async with listening(house, max_bytes=4096) as listener:
        code, said = await send(listener, mail(body="x" * 70 + "\n" + "y\n" * 3000))
        assert code == 552, said

        def work() -> tuple[int, bytes]:
            # A client that does not tell the size is stopped as well.
            with smtplib.SMTP(HOST, listener.port, timeout=15) as client:
                client.ehlo()
                assert client.esmtp_features["size"] == "4096"
                client.docmd("MAIL FROM:<mon@example.com>")
                client.docmd(f"RCPT TO:<{TO}>")
                return client.data(mail(body="y\n" * 4000).as_bytes().replace(b"\n", b"\r\n"))

        assert (await asyncio.to_thread(work))[0] == 552
    assert await alerts(house) == []


async def test_too_fast(house: House) -> None:
    async with listening(house, per_minute=3) as listener:
        codes = [(await send(listener, mail(f"trouble {number}")))[0] for number in range(5)]
        assert codes == [250, 250, 250, 451, 451]
        house.clock.advance(timedelta(minutes=1))
        assert (await send(listener, mail("trouble 9")))[0] == 250


async def test_what_is_not_kept_is_not_answered_well(house: House) -> None:
    async with listening(house) as listener:
        house.fail("save_alerts", *[StoreUnavailableError("The disk is full.")] * 5)
        code, said = await send(listener, mail())
        assert code == 451
        assert "disk" not in said
        house.failures.clear()
        assert (await send(listener, mail()))[0] == 250
    assert len(await alerts(house)) == 1


@pytest.mark.parametrize(
    ("headers", "sender", "code"),
    [
        ({"Auto_Submitted": "auto-replied"}, "mon@example.com", 250),
        ({"Auto_Submitted": "auto-generated"}, "", 250),
        ({"Auto_Submitted": "auto-generated"}, "mon@example.com", 554),
        ({"From": "Tocsin <pager@tocsin.example>"}, "mon@example.com", 250),
        ({"Message_ID": "<inc-1-p3.0123456789abcdef@tocsin.example>"}, "mon@example.com", 250),
        ({"References": "<inc-1.0123456789abcdef.thread@tocsin.example>"}, "mon@example.com", 250),
    ],
)
async def test_no_loop_opens_an_incident(
    house: House, headers: dict[str, str], sender: str, code: int
) -> None:
    async with listening(house) as listener:
        assert (await send(listener, mail(**headers), sender=sender))[0] == code
    assert await alerts(house) == []


async def test_generated_mail_is_taken_where_it_is_wanted(house: House) -> None:
    async with listening(house, accept_auto_generated=True) as listener:
        assert (await send(listener, mail(Auto_Submitted="auto-generated")))[0] == 250
    assert len(await alerts(house)) == 1


async def test_our_own_pages_do_not_come_back(house: House) -> None:
    """The real channel writes the message; a forwarder brings it back."""
    from tests.channels.sample import outgoing
    from tocsin.adapters.channels.email import EmailChannel
    from tocsin.config import Smtp

    smtp = Smtp(host="x", port=1, tls="none", sender="Tocsin <someone@elsewhere.example>")
    page = EmailChannel(smtp, "", "tocsin.example", house.clock).compose(outgoing(), house.clock.now())
    async with listening(house, accept_auto_generated=True) as listener:
        code, said = await send(listener, page.as_bytes(), sender="forwarder@example.com")
        assert code == 250, said
    assert await alerts(house) == []


async def test_allowed_senders(house: House) -> None:
    async with listening(house, allowed_senders=["@example.com", "eve@other.example"]) as listener:
        assert (await send(listener, mail()))[0] == 250
        assert (await send(listener, mail(From="eve@other.example")))[0] == 250
        assert (await send(listener, mail(From="mon@other.example")))[0] == 550
        assert (await send(listener, mail(From="mon@example.com.other.example")))[0] == 550


async def test_starttls(house: House, tmp_path: Path) -> None:
    pems = make_certificate(tmp_path, [HOST], lasts=timedelta(days=30))
    files = {"certificate": str(pems.certificate), "certificate_key": str(pems.key)}
    context = ssl.create_default_context(cafile=str(pems.authority))
    async with listening(house, **files) as listener:
        for number in range(3):
            sent = await send(
                listener, mail(f"trouble {number}"), before=lambda client: client.starttls(context=context)
            )
            assert sent[0] == 250
    assert len(await alerts(house)) == 3


def signed(message: EmailMessage, key: rsa.RSAPrivateKey, domain: str) -> bytes:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    raw = message.as_bytes().replace(b"\n", b"\r\n")
    return dkim.sign(raw, b"s1", domain.encode(), pem) + raw


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def records(key: rsa.RSAPrivateKey, client: str = HOST) -> dict[tuple[str, str], list[str]]:
    from base64 import b64encode

    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    text = b64encode(public).decode()
    entry = f'"v=DKIM1; k=rsa; p={text[:200]}" "{text[200:]}"'
    return {
        ("s1._domainkey.example.com", "TXT"): [entry],
        ("s1._domainkey.evil.example", "TXT"): [entry],
        ("example.com", "TXT"): ['"something else"', f'"v=spf1 include:_spf.example.com ip4:{client} -all"'],
        ("_spf.example.com", "TXT"): ['"v=spf1 mx -all"'],
        ("_spf.example.com", "MX"): ["10 mx.example.com."],
        ("mx.example.com", "A"): ["192.0.2.25"],
        ("other.example", "TXT"): ['"v=spf1 -all"'],
    }


def resolver_at(port: int) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = [HOST], port
    return resolver


async def proofs(house: House, listener: MailListener, raw: bytes, sender: str = "mon@example.com") -> str:
    house.clock.advance(timedelta(seconds=1))
    code, said = await send(listener, raw, sender=sender)
    if code != 250:
        return f"{code} {said}"
    record = (await alerts(house))[0]
    return f"dkim={record.alert.labels['dkim']} spf={record.alert.labels['spf']}"


async def test_proofs_are_recorded(house: House, key: rsa.RSAPrivateKey) -> None:
    async with (
        dns_server(records(key)) as (port, _),
        listening(house, resolver_at(port), check_proofs=True) as listener,
    ):
        good = signed(mail(), key, "example.com")
        assert await proofs(house, listener, good) == "dkim=pass spf=pass"
        assert await proofs(house, listener, good.replace(b"full", b"null")) == "dkim=fail spf=pass"
        assert await proofs(house, listener, mail().as_bytes()) == "dkim=none spf=pass"
        assert await proofs(house, listener, good, "x@other.example") == "dkim=pass spf=fail"
        assert await proofs(house, listener, good, "x@unknown.example") == "dkim=pass spf=none"


@pytest.mark.parametrize("require", ["dkim", "spf", "either"])
async def test_a_proof_that_is_required(house: House, key: rsa.RSAPrivateKey, require: str) -> None:
    async with (
        dns_server(records(key)) as (port, _),
        listening(house, resolver_at(port), check_proofs=True, require=require) as listener,
    ):
        by_key, by_client = "x@other.example", "mon@example.com"
        good, plain = signed(mail(), key, "example.com"), mail().as_bytes()
        stranger = signed(mail(), key, "evil.example")
        taken = {
            "key": (await send(listener, good, sender=by_key))[0],
            "client": (await send(listener, plain, sender=by_client))[0],
            "neither": (await send(listener, plain, sender=by_key))[0],
            "a key of somebody else": (await send(listener, stranger, sender=by_key))[0],
        }
        ok = {"dkim": {"key"}, "spf": {"client"}, "either": {"key", "client"}}[require]
        assert taken == {name: 250 if name in ok else 550 for name in taken}


async def test_a_name_service_that_is_silent(house: House, key: rsa.RSAPrivateKey) -> None:
    silent = {"example.com", "s1._domainkey.example.com"}
    async with dns_server(records(key), silent=silent) as (port, _):
        good = signed(mail(), key, "example.com")
        async with listening(house, resolver_at(port), check_proofs=True) as listener:
            assert await proofs(house, listener, good) == "dkim=temperror spf=temperror"
        async with listening(house, resolver_at(port), check_proofs=True, require="dkim") as listener:
            assert (await send(listener, good))[0] == 451


async def test_a_record_that_asks_for_too_much(key: rsa.RSAPrivateKey) -> None:
    circle = {
        ("a.example", "TXT"): ['"v=spf1 include:a.example -all"'],
        ("void.example", "TXT"): ['"v=spf1 a:x1.example a:x2.example a:x3.example a:x4.example -all"'],
    }
    async with dns_server(circle) as (port, asked):
        prover = DnsProver(resolver_at(port), seconds=3)
        for domain in ("a.example", "void.example"):
            envelope = Envelope(client="192.0.2.1", helo="h.example", mail_from=f"x@{domain}")
            assert (await prover.prove(b"From: x\r\n\r\n", envelope, f"x@{domain}")).spf == "permerror"
        assert len(asked) < 20


def test_alignment() -> None:
    assert is_aligned("example.com", "Example.com")
    assert is_aligned("mail.example.com", "example.com")
    assert not is_aligned("notexample.com", "example.com")
    assert not is_aligned("com", "example.com")
    assert not is_aligned("", "")


async def test_a_port_that_is_taken_is_told_before_anything_begins(house: House) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = int(taken.getsockname()[1])
        with pytest.raises(ProblemsError, match="Mail cannot be taken in"):
            MailListener(settings(port=port), house.clock, house.engine.mailroom)


async def test_without_settings_nothing_listens(house: House) -> None:
    from tocsin.config import load_settings

    loaded = load_settings({}, {}, None, "tocsin.toml")
    assert listener_of(loaded, None, house.clock, house.engine.mailroom) is None


async def test_a_thread_that_ends_is_noticed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from tocsin.adapters.inbound import mail as module

    monkeypatch.setattr(module._Controller, "is_alive", False)
    listener = MailListener(settings(), house.clock, house.engine.mailroom)
    with pytest.raises(RuntimeError, match="has ended"):
        await listener.run()
