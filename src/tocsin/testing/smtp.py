"""A real mail server inside the test, which keeps what it takes and refuses what it is told to."""

import ssl
import warnings
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class SmtpScript:
    """What the server answers instead of taking a message, by the command that it answers.

    An empty text lets the command through. `logins` maps user names to passwords; with any, a login is
    needed.
    """

    mail: str = ""
    rcpt: str = ""
    data: str = ""
    logins: dict[str, str] = field(default_factory=dict[str, str])


class SmtpSink:
    """Use it as a context manager; it listens on a free port of this machine, in a thread of its own.

    `messages` are the mails that it took, in their order, and `script` can be changed at any time.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        script: SmtpScript | None = None,
        *,
        starttls: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.script = script or SmtpScript()
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        extra: dict[str, Any] = {"tls_context": starttls} if starttls else {}
        if self.script.logins:
            extra |= {"authenticator": self._login, "auth_required": True, "auth_require_tls": False}
        self._controller = _FreePort(self, hostname=self.host, port=0, ssl_context=tls, **extra)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._controller.port

    def __enter__(self) -> "SmtpSink":
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    def _login(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any
    ) -> AuthResult:
        login = cast(LoginPassword, data)
        known = self.script.logins.get(login.login.decode())
        matches = known is not None and known == login.password.decode()
        # Not handled: the server itself still has to answer.
        return AuthResult(success=matches, handled=False)

    async def handle_MAIL(  # noqa: N802 - the server looks for this name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Answer MAIL FROM."""
        if self.script.mail:
            return self.script.mail
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - the server looks for this name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Answer RCPT TO."""
        if self.script.rcpt:
            return self.script.rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the server looks for this name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Answer DATA, and keep the message where it is taken."""
        if self.script.data:
            return self.script.data
        content = envelope.content
        assert isinstance(content, bytes)
        self.messages.append(message_from_bytes(content, policy=default))
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 kept"


class _FreePort(Controller):
    """A controller that lets the system choose the port, and then knows it."""

    def factory(self) -> SMTP:
        with warnings.catch_warnings():
            # It warns of a login without encryption, which never leaves this machine.
            warnings.simplefilter("ignore", UserWarning)
            return super().factory()

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.port = int(server.sockets[0].getsockname()[1])
        super()._trigger_server()
