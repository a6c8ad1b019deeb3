"""The listener for mail: an SMTP server that takes mails for its own addresses and nothing else.

It runs on a thread of its own, so that a large mail never keeps the rest waiting. A 250 means that the alert
is in the store; whatever was not kept is answered so that the sender keeps it.
"""

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

import structlog
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Envelope as SmtpEnvelope
from aiosmtpd.smtp import Session as SmtpSession

from tocsin.adapters.inbound.message import Received, is_ours, mail_of, read_message
from tocsin.adapters.inbound.proofs import DnsProver, Envelope, Proved, Prover
from tocsin.base.problems import Problem, ProblemsError
from tocsin.config.inbound_mail import InboundMail, tls_context
from tocsin.config.settings import Settings
from tocsin.engine.ports import Clock
from tocsin.engine.sources import Mailroom

log = structlog.get_logger(__name__)

MINUTE = timedelta(minutes=1)
CLIENTS_MAX = 10_000
CONNECTIONS_MAX = 100
RECIPIENTS_MAX = 20
KEEP_SECONDS_MAX = 30.0
IDLE_SECONDS_MAX = 60
LOOK = timedelta(seconds=5)
"""How often it is seen that the thread is alive."""

AUTOMATIC_ANSWERS = ("auto-replied", "auto-notified")


def listener_of(
    settings: Settings, mail: InboundMail | None, clock: Clock, mailroom: Mailroom
) -> Callable[[], Coroutine[Any, Any, None]] | None:
    """The loop of the listener that the settings want; None where they want none.

    Raises:
        ProblemsError: it cannot be listened on.
    """
    if mail is None:
        return None
    hosts = {urlsplit(settings.public_url).hostname or ""}
    senders: set[str] = set()
    if settings.smtp is not None:
        sender = parseaddr(settings.smtp.sender)[1].casefold()
        senders.add(sender)
        hosts.add(sender.rpartition("@")[2])
    return MailListener(mail, clock, mailroom, own_hosts=sorted(hosts), own_senders=sorted(senders)).run


class MailListener:
    """Listens from `run` until that is cancelled. `own_hosts` and `own_senders` are those of our pages."""

    def __init__(
        self,
        settings: InboundMail,
        clock: Clock,
        mailroom: Mailroom,
        prover: Prover | None = None,
        own_hosts: Sequence[str] = (),
        own_senders: Sequence[str] = (),
    ) -> None:
        """Take the port, before anything else is begun.

        Raises:
            ProblemsError: it cannot be listened on.
        """
        self.settings = settings
        self._clock = clock
        self._socket = _listen(settings)
        self.port = int(self._socket.getsockname()[1])
        self._handler = _Handler(
            settings, clock, mailroom, prover or DnsProver(), tuple(own_hosts), tuple(own_senders)
        )
        # It writes the addresses of people and what they say at its usual level.
        logging.getLogger("mail.log").setLevel(logging.ERROR)

    async def run(self) -> None:
        """Listen until cancelled.

        Raises:
            RuntimeError: the thread has ended by itself.
        """
        self._handler.home = asyncio.get_running_loop()
        controller = _Controller(self._handler, self._socket)
        try:
            await asyncio.to_thread(controller.start)
            log.info("mail is taken in", host=self.settings.host, port=self.port)
            while controller.is_alive:
                await self._clock.wait(self._clock.now() + LOOK, asyncio.Event())
            raise RuntimeError("the listener for mail has ended")
        finally:
            if controller.is_alive:
                await asyncio.to_thread(controller.stop)

    def close(self) -> None:
        """Let go of the port, where it was never listened on."""
        self._socket.close()


def _listen(settings: InboundMail) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen(CONNECTIONS_MAX)
    except OSError as error:
        listening.close()
        problem = Problem(
            code="cannot-listen",
            field="inbound_mail.port",
            message=f"Mail cannot be taken in on {settings.host}:{settings.port}: {error.strerror or error}.",
            mend="Stop what uses it, or choose another port; one below 1024 needs rights of its own.",
        )
        raise ProblemsError([problem]) from error
    return listening


class _Connection(SMTP):
    """One client. More than can be served at once are asked to come again."""

    def __init__(self, handler: "_Handler", **parameters: Any) -> None:
        super().__init__(handler, **parameters)
        self._taken = handler
        self._counted = False

    def connection_made(self, transport: Any) -> None:
        """Count it, once: with STARTTLS it is made a second time."""
        if not self._counted:
            self._counted = True
            self._taken.connections += 1
            if self._taken.connections > CONNECTIONS_MAX:
                transport.write(b"421 4.3.2 Too many connections; try again later\r\n")
                transport.close()
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Count it no more."""
        if self._counted:
            self._counted = False
            self._taken.connections -= 1
        super().connection_lost(error)


class _Controller(Controller):
    """The thread, over a socket that was taken before."""

    def __init__(self, handler: "_Handler", listening: socket.socket) -> None:
        settings = handler.settings
        self._listening = listening
        super().__init__(  # pyright: ignore[reportUnknownMemberType]
            handler,
            hostname=settings.host,
            port=int(listening.getsockname()[1]),
            ready_timeout=10.0,
            server_hostname=settings.domain,
            ident="Tocsin",
            data_size_limit=settings.max_bytes,
            tls_context=tls_context(settings),
            enable_SMTPUTF8=True,
            timeout=IDLE_SECONDS_MAX,
        )

    @property
    def is_alive(self) -> bool:
        """Whether the thread is at work."""
        return self._thread is not None and self._thread.is_alive()

    def factory(self) -> SMTP:
        """One client more."""
        return _Connection(self.handler, **self.SMTP_kwargs)

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._listening)


class _Handler:
    """Answers the commands. Its methods run on the thread of the server."""

    def __init__(
        self,
        settings: InboundMail,
        clock: Clock,
        mailroom: Mailroom,
        prover: Prover,
        own_hosts: tuple[str, ...],
        own_senders: tuple[str, ...],
    ) -> None:
        self.settings = settings
        self.connections = 0
        self.home: asyncio.AbstractEventLoop | None = None
        self._addresses = {each.casefold(): labels for each, labels in settings.addresses.items()}
        self._allowed = tuple(each.casefold() for each in settings.allowed_senders)
        self._clock = clock
        self._mailroom = mailroom
        self._prover = prover
        self._own_hosts = tuple(each.casefold() for each in own_hosts)
        self._own_senders = tuple(each.casefold() for each in own_senders)
        self._came: dict[str, deque[datetime]] = {}

    async def handle_MAIL(  # noqa: N802 - the server looks for this name
        self, _: SMTP, session: SmtpSession, envelope: SmtpEnvelope, address: str, options: list[str]
    ) -> str:
        """Answer MAIL FROM: a client that sends too fast has to come again."""
        if not self._in_time(_client(session)):
            return "451 4.7.1 Too many mails in a minute; try again later"
        # A bounce has no sender; the server takes an empty one for none at all.
        envelope.mail_from = address or "<>"
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - the server looks for this name
        self, _: SMTP, _session: SmtpSession, envelope: SmtpEnvelope, address: str, options: list[str]
    ) -> str:
        """Answer RCPT TO: mail for others is never taken, and so never relayed."""
        if address.casefold() not in self._addresses:
            return "550 5.1.1 There is no such address here"
        if len(envelope.rcpt_tos) >= RECIPIENTS_MAX:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - the server looks for this name
        self, _: SMTP, session: SmtpSession, envelope: SmtpEnvelope
    ) -> str:
        """Answer the mail itself."""
        try:
            return await self._take(session, envelope)
        except Exception:
            log.exception("a mail could not be taken in")
            return "451 4.3.0 It could not be kept; try again later"

    async def _take(self, session: SmtpSession, envelope: SmtpEnvelope) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        received = read_message(content)
        mail_from = "" if envelope.mail_from in (None, "<>") else str(envelope.mail_from)
        if answer := self._unwanted(received, mail_from):
            return answer
        proved = Proved()
        if self.settings.check_proofs:
            known = Envelope(client=_client(session), helo=str(session.host_name or ""), mail_from=mail_from)
            proved = await self._prover.prove(content, known, received.sender)
            if refusal := refusal_of(self.settings.require, proved):
                return refusal
        proofs = {"dkim": proved.dkim, "spf": proved.spf} if self.settings.check_proofs else {}
        now = self._clock.now()
        mails = [
            mail_of(received, each, self._addresses[each], proofs, now, self.settings.clearing)
            for each in dict.fromkeys(each.casefold() for each in envelope.rcpt_tos)
        ]
        assert self.home is not None, "it was started"
        kept = asyncio.run_coroutine_threadsafe(self._mailroom.put(mails), self.home)
        try:
            async with asyncio.timeout(KEEP_SECONDS_MAX):
                await asyncio.wrap_future(kept)
        except Exception as error:
            log.error("a mail was not kept", reason=str(error) or type(error).__name__)
            return "451 4.3.0 It could not be kept; try again later"
        return "250 2.0.0 Kept"

    def _unwanted(self, received: Received, mail_from: str) -> str:
        """The answer to a mail that opens nothing, whatever it says; "" where it may."""
        if is_ours(received, self._own_hosts, self._own_senders):
            log.info("a mail of our own came back", subject=received.subject[:80])
            return "250 2.0.0 One of our own; no incident comes of it"
        if received.auto in AUTOMATIC_ANSWERS or (not mail_from and received.auto):
            log.info("an automatic answer came", sender=received.sender)
            return "250 2.0.0 An automatic answer; no incident comes of it"
        if received.auto and not self.settings.accept_auto_generated:
            log.warning("an automatic mail is refused", sender=received.sender)
            return "554 5.7.1 Automatic mail is not taken: see inbound_mail.accept_auto_generated"
        if self._allowed and not self._is_allowed(received.sender):
            log.warning("a mail of a sender who is not allowed is refused", sender=received.sender)
            return "550 5.7.1 This sender may not send here"
        return ""

    def _is_allowed(self, sender: str) -> bool:
        return bool(sender) and (sender in self._allowed or f"@{sender.rpartition('@')[2]}" in self._allowed)

    def _in_time(self, client: str) -> bool:
        """Whether a client has not sent too much in the last minute."""
        now = self._clock.now()
        if len(self._came) >= CLIENTS_MAX and client not in self._came:
            self._came = {
                each: times for each, times in self._came.items() if times and now - times[-1] < MINUTE
            }
        came = self._came.setdefault(client, deque(maxlen=self.settings.per_minute))
        if len(came) == self.settings.per_minute and timedelta(0) <= now - came[0] < MINUTE:
            return False
        came.append(now)
        return True


def refusal_of(require: str, proved: Proved) -> str:
    """The answer to a mail that lacks the proof that is required; "" where it has it, or needs none."""
    wanted = {"dkim": ("dkim",), "spf": ("spf",), "either": ("dkim", "spf")}.get(require, ())
    if not wanted:
        return ""
    aligned = {"dkim": proved.dkim_aligned, "spf": proved.spf_aligned}
    if any(aligned[each] for each in wanted):
        return ""
    results = {"dkim": proved.dkim, "spf": proved.spf}
    if any(results[each] == "temperror" for each in wanted):
        return "451 4.7.0 The name service did not answer about the sender; try again later"
    said = ", ".join(f"{each}={results[each]}" for each in wanted)
    return f"550 5.7.26 The sender's domain is not proved ({said})"


def _client(session: SmtpSession) -> str:
    peer: Any = session.peer
    return str(peer[0]) if peer and not isinstance(peer, str) else "unknown"
