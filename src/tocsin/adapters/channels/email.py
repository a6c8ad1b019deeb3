"""The channel `email`: a message over SMTP, with text and a plain HTML form of it."""

import hashlib
import html
import re
from contextlib import suppress
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, parseaddr
from urllib.parse import urlsplit

import aiosmtplib

from tocsin.base.ids import slug
from tocsin.config import Secrets, Settings, Smtp
from tocsin.engine.ports import Channel, Clock, DeliveryError, Outgoing

KIND = "email"
TIMEOUT_SECONDS = 15.0
"""For each step of the conversation; the delivery as a whole has a limit of its own."""

REPLY_CHARS_MAX = 200

_ADDRESS = re.compile(
    r"(?!\.)(?!.*\.\.)(?!.*\.@)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_NOT_SHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_FIX_LOGIN = "the admin has to correct smtp.username and the secret behind smtp.password_ref"
_FIX_SERVER = "the admin has to see that the mail server runs, and that smtp.host and smtp.port are right"
_FIX_TLS = "the admin has to set smtp.tls to what the mail server offers"
_FIX_SENDER = "the admin has to set smtp.from to an address that the mail server accepts"


def channel(settings: Settings, secret: Secrets, clock: Clock) -> Channel | None:
    """The channel as the settings want it; None without a mail server.

    Raises:
        ProblemsError: the password cannot be found.
    """
    smtp = settings.smtp
    if smtp is None:
        return None
    password = secret(smtp.password_ref, "smtp.password_ref") if smtp.password_ref else ""
    return EmailChannel(smtp, password, urlsplit(settings.public_url).hostname or "", clock)


class EmailChannel:
    """Hands messages to a mail server, over a connection of its own for each."""

    kind = KIND

    def __init__(self, smtp: Smtp, password: str, public_host: str, clock: Clock) -> None:
        self._smtp = smtp
        self._password = password
        self._clock = clock
        name, address = parseaddr(smtp.sender)
        self._sender = Address(display_name=name, addr_spec=address)
        # An address of a network, such as ::1, is no host for a Message-ID.
        usable = _DOMAIN.fullmatch(public_host) and not public_host.replace(".", "").isdigit()
        self._host = public_host if usable else self._sender.domain

    def check(self, address: str) -> str | None:
        """It must be one bare address."""
        if _ADDRESS.fullmatch(address) and len(address) <= 254:
            return None
        return f"{address!r} is no e-mail address; write one such as alice@example.org, without a name."

    async def send(self, outgoing: Outgoing) -> str:
        """Hand the message over and say what the server answered.

        Raises:
            DeliveryError: the server did not take it.
        """
        if wrong := self.check(outgoing.address):
            raise DeliveryError(wrong, retry=False, mend="correct the address in the roster")
        message = self.compose(outgoing, self._clock.now())
        smtp = self._smtp
        client = aiosmtplib.SMTP(
            hostname=smtp.host,
            port=smtp.port,
            use_tls=smtp.tls == "tls",
            start_tls=smtp.tls == "starttls",
            timeout=TIMEOUT_SECONDS,
            # Without it the library asks the name service for our own name, and the event loop waits.
            local_hostname=self._host,
        )
        try:
            await client.connect()
            if smtp.username:
                await client.login(smtp.username, self._password)
            raw = message.as_bytes(policy=SMTP_POLICY)
            _, reply = await client.sendmail(self._sender.addr_spec, [outgoing.address], raw)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise self._told(error) from None
        else:
            # The message is taken; a farewell that fails changes nothing about it.
            with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await client.quit()
            return f"taken by {smtp.host}: {_readable(reply)}"
        finally:
            client.close()

    async def close(self) -> None:
        """No connection outlives its message."""

    def compose(self, outgoing: Outgoing, at: datetime) -> EmailMessage:
        """The message. Every attempt of one delivery has the same Message-ID, and all messages of one
        incident refer to the same root, so that mail programs show them together."""
        letter = outgoing.letter
        message = EmailMessage(policy=SMTP_POLICY)
        message["From"] = self._sender
        message["To"] = Address(addr_spec=outgoing.address)
        message["Subject"] = _one_line(letter.subject)
        message["Date"] = format_datetime(at)
        message["Message-ID"] = f"<{_token(outgoing.key)}@{self._host}>"
        root = f"<{_token(outgoing.thread)}.thread@{self._host}>"
        message["In-Reply-To"] = root
        message["References"] = root
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        if outgoing.urgent:
            message["X-Priority"] = "1"
            message["Importance"] = "high"
        lines = [_clean(line) for line in letter.lines]
        link = ["", f"Open: {outgoing.link}"] if outgoing.link else []
        message.set_content("\n".join([*lines, *link]) + "\n", cte="quoted-printable")
        message.add_alternative(_html(lines, outgoing.link or ""), subtype="html", cte="quoted-printable")
        return message

    def _told(self, error: Exception) -> DeliveryError:
        """The failure in plain words. The server's own words are given, except to a login."""
        host = self._smtp.host
        match error:
            case aiosmtplib.SMTPAuthenticationError():
                return DeliveryError(f"{host} refuses our login ({error.code})", retry=True, mend=_FIX_LOGIN)
            case aiosmtplib.SMTPRecipientsRefused():
                return _by_code(
                    error.recipients[0], "refuses the recipient", host, "correct the address in the roster"
                )
            case aiosmtplib.SMTPSenderRefused():
                said = f"{host} refuses our sender: {error.code} {_readable(error.message)}"
                return DeliveryError(said, retry=True, mend=_FIX_SENDER)
            case aiosmtplib.SMTPHeloError() | aiosmtplib.SMTPConnectResponseError():
                said = f"{host} refuses the connection: {error.code} {_readable(error.message)}"
                return DeliveryError(said, retry=True, mend=_FIX_SERVER)
            case aiosmtplib.SMTPResponseException():
                return _by_code(error, "refuses the message", host, "see why the mail server refuses it")
            case TimeoutError():
                return DeliveryError(f"{host} does not answer", retry=True, mend=_FIX_SERVER)
            case aiosmtplib.SMTPNotSupported():
                return self._lacking(error)
            case aiosmtplib.SMTPException() if type(error) is aiosmtplib.SMTPException:
                return self._lacking(error)
            case _:
                return self._unreachable(error)

    def _lacking(self, error: aiosmtplib.SMTPException) -> DeliveryError:
        """The library's own words: which extension the server does not have."""
        said = f"{self._smtp.host} lacks what is asked of it: {_readable(error.message)}"
        return DeliveryError(said, retry=True, mend=_FIX_TLS)

    def _unreachable(self, error: Exception) -> DeliveryError:
        host = self._smtp.host
        if "certificate" in str(error).casefold() or "ssl" in str(error).casefold():
            return DeliveryError(f"{host} cannot be spoken to over TLS", retry=True, mend=_FIX_TLS)
        return DeliveryError(
            f"{host}:{self._smtp.port} cannot be reached or broke off", retry=True, mend=_FIX_SERVER
        )


def _by_code(error: aiosmtplib.SMTPResponseException, what: str, host: str, mend: str) -> DeliveryError:
    """A code from 400 asks to come again; one from 500 is for good."""
    said = f"{host} {what}: {error.code} {_readable(error.message)}"
    retry = not 500 <= error.code < 600
    return DeliveryError(said, retry=retry, mend="" if retry else mend)


def _readable(reply: str) -> str:
    return _one_line(reply)[:REPLY_CHARS_MAX]


def _token(text: str) -> str:
    """A part of a Message-ID: readable, and different for different texts."""
    return f"{slug(text)[:60]}.{hashlib.sha256(text.encode(errors='replace')).hexdigest()[:16]}"


def _one_line(text: str) -> str:
    return " ".join(_clean(text).split())


def _clean(text: str) -> str:
    """Text without what no mail can carry: control characters, and halves of characters."""
    return _NOT_SHOWN.sub(" ", text).encode(errors="replace").decode()


def _html(lines: list[str], link: str) -> str:
    """The letter as HTML that loads nothing from anywhere."""
    body = "<br>\n".join(html.escape(line).replace("\n", "<br>\n") for line in lines)
    address = html.escape(link, quote=True)
    open_link = f'<p><a href="{address}">Open: {address}</a></p>\n' if link else ""
    return (
        '<!doctype html>\n<html><head><meta charset="utf-8"></head><body>\n'
        f"<p>{body}</p>\n{open_link}</body></html>\n"
    )
