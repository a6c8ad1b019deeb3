"""What the engine needs of senders of alerts: their requests, and who reads them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

import msgspec

from tocsin.alerts.model import Alert
from tocsin.base import limits
from tocsin.base.ids import IncidentId
from tocsin.base.problems import Problem


class SourceError(Exception):
    """A request of a sender cannot be read. Every problem names the field and the mend."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problem.message for problem in problems))


class SourceUnavailableError(Exception):
    """What a source has to ask elsewhere before it can read a request does not answer now, so the sender
    should send it again. The message is in plain words and holds no secret."""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A request of a sender, as it came. Header names are in lower case, and `authorization` is not among
    them; `query` has the last value of each name; `received_at` is UTC. A `trial` is read and has no effect:
    a source asks nobody for anything because of it."""

    body: bytes
    received_at: datetime
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    trial: bool = False


class Parsed(msgspec.Struct, frozen=True, kw_only=True):
    """What a request held: alerts to keep, and problems of those that cannot be.

    `delivery` is the identifier by which a repetition of this very request is recognised, empty where the
    sender gives none. `sequence` is a text that sorts as the requests about one alert came about, empty
    where nobody can tell: what is under the last that was kept was overtaken, and changes nothing.
    `said` is the answer that the sender wants to read instead of ours, as plain text.
    `acknowledged` are fingerprints of alerts of which the sender says that somebody works on them.
    """

    alerts: tuple[Alert, ...]
    problems: tuple[Problem, ...] = ()
    delivery: str = ""
    sequence: str = ""
    said: str = ""
    acknowledged: tuple[str, ...] = ()


class Source(Protocol):
    """The wire format of a sender of alerts."""

    kind: str
    """The last part of its address: `/in/{kind}`."""

    json_only: bool
    """Whether a request with another content type is refused before it is read."""

    proves_itself: bool
    """Whether its requests carry a proof of their own (a signature, a secret in a header), so that `admit`
    decides on them. Those of the others are let in by token, before they are read."""

    body_bytes_max: int
    """A larger request is refused before it is read whole."""

    async def admit(self, arrival: Arrival) -> bool:
        """Whether the proof that the request carries is right.

        Raises:
            SourceUnavailableError: that cannot be known now.
        """
        ...

    async def parse(self, arrival: Arrival) -> Parsed:
        """Read a request that was let in.

        Raises:
            SourceError: nothing of the request can be read.
            SourceUnavailableError: it cannot be read now.
        """
        ...

    async def close(self) -> None:
        """Let go of what it holds open."""
        ...


Repeated = Callable[[str, datetime | None], IncidentId | None]
"""Counts a repetition of a firing alert, by its fingerprint and with the time at which it now ends by itself,
and says to which incident it belongs; None where the alert has to be taken as a whole."""


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """What a request held at a glance: alerts to keep, the number of those that were only counted, and the
    incidents of these. `remember` is called when the alerts are kept."""

    alerts: Sequence[Alert]
    counted: int
    incidents: Mapping[IncidentId, None]
    remember: Callable[[], None]


@runtime_checkable
class GlancingSource(Source, Protocol):
    """A source that is let in by token, and reads what is in order faster than with care."""

    def glance(self, body: bytes, received_at: datetime, repeated: Repeated) -> Glance | None:
        """Read a request; None where it has to be parsed with care. Nothing is counted then."""
        ...


class PlainSource:
    """What most sources have in common: JSON, let in by token, nothing held open."""

    json_only = True
    proves_itself = False
    body_bytes_max = limits.request_body_bytes_max

    async def admit(self, arrival: Arrival) -> bool:
        """Its requests are let in by token."""
        return False

    async def close(self) -> None:
        """There is nothing to let go of."""


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that is an alert. `refers_to` are the messages that it answers to, the nearest first. `is_reply`
    says that it answers by its subject, and does not say that all is well."""

    alert: Alert
    message_id: str = ""
    refers_to: tuple[str, ...] = ()
    is_reply: bool = False


class Mailroom(Protocol):
    """Where mails go that are alerts."""

    async def put(self, mails: Sequence[Mail]) -> None:
        """Return once they are kept.

        Raises:
            Exception: they could not be; the sender has to come again.
        """
        ...
