"""What the delivery needs of channels, and what it hears back of them, as Protocols and the shapes that they
speak of."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

import msgspec

from tocsin.base.ids import IncidentId
from tocsin.incident.outgoing import Letter


class Blame(StrEnum):
    """What a delivery failed of: the address of the one person, the channel's own set-up or service (so that
    it fails for everybody), or what was to be delivered."""

    ADDRESS = "address"
    CHANNEL = "channel"
    LETTER = "letter"


class DeliveryError(Exception):
    """A channel could not deliver. `reason` is fit to be shown and holds no secret.

    `retry` says whether another attempt may help; `mend` who can do what about it; `blame` what it lies in.
    """

    def __init__(self, reason: str, *, retry: bool, mend: str = "", blame: Blame = Blame.CHANNEL) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.mend = mend
        self.blame = blame


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel can do, as data.

    `page`: it can wake somebody; `message`: it carries status messages; `reply`: a page can be acknowledged
    over it without opening the link; `reports`: its provider tells later what became of a delivery;
    `urgent`: it knows urgent from not urgent. `provider` is who carries it (two channels of one provider
    fail together), such as "twilio" or "smtp"; "" where each address has its own.
    """

    page: bool = True
    message: bool = True
    reply: bool = False
    reports: bool = False
    urgent: bool = False
    provider: str = ""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery. `key` is the same on every attempt. `link` leads to the page that acknowledges,
    or to the incident; None where there is nothing to open. `thread` is stable per incident.

    `answer` is a short text (at most 60 characters of `A-Za-z0-9_.:/-`), signed by Tocsin, by which a button,
    a key or a reply acknowledges the pages of this delivery for their person; None where nothing can be
    acknowledged. `callback` is the address to which the provider can report on this delivery and post the
    answer; None where the server has no public address that it could reach.
    """

    key: str
    address: str
    letter: Letter
    incident: IncidentId
    thread: str
    urgent: bool
    link: str | None = None
    answer: str | None = None
    callback: str | None = None


class Channel(Protocol):
    """A way by which pages and messages reach people."""

    kind: str
    """The name by which the roster's contact methods call it."""

    @property
    def abilities(self) -> Abilities:
        """What it can do."""
        ...

    def check(self, address: str) -> str | None:
        """What is wrong with an address in the roster, in one sentence; None when it will do."""
        ...

    async def send(self, outgoing: Outgoing) -> str:
        """Deliver, and say in a few words what the other side answered.

        Raises:
            DeliveryError: it did not go out, or the other side refused it.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider sent to `/callbacks/{kind}`: the raw body, the headers by lower-case name, the query,
    and the whole address as the provider called it (signatures are made over it). `received_at` is UTC."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    query: Mapping[str, str]
    received_at: datetime


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says became of the delivery of this key. `detail` is fit to be shown."""

    key: str
    result: Literal["arrived", "failed", "seen"]
    detail: str = ""


class Replied(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody answered. `address` is from where, as a contact method writes it; `answer` is the `answer` of
    the delivery that they answered, where the provider tells; `text` is what they wrote, "" for a button or
    key that acknowledges."""

    address: str = ""
    answer: str = ""
    text: str = ""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What a callback tells, and what to answer the provider. In `body`, `{said}` is replaced by a sentence
    for the person, escaped as the media type wants it."""

    events: tuple[Reported | Replied, ...] = ()
    body: str = ""
    media_type: str = "text/plain"


class CallbackRefusedError(Exception):
    """The callback is not the provider's (401), or not readable (422). The message is fit to be shown."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Receiver(Protocol):
    """A channel that hears back over HTTP. Whatever channel has this method is one."""

    kind: str

    async def receive(self, callback: Callback) -> Heard:
        """Check that the callback is the provider's, and read it.

        Raises:
            CallbackRefusedError: it is not, or cannot be read.
        """
        ...
