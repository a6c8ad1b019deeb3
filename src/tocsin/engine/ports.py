"""What the engine needs of the outside, as Protocols. Adapters know this module and the core, no more."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol, TypeVar

import msgspec

from tocsin.alerts.holders import Holder
from tocsin.base.ids import IncidentId, PageId
from tocsin.engine.hearing import AlertReader, AlertWriter
from tocsin.engine.records import (
    Account,
    AuditEntry,
    ChainedEntry,
    Fault,
    OutboxRow,
    OutboxStatus,
    PlaybookVersion,
    Session,
    Token,
)
from tocsin.incident.events import Actor, Entry
from tocsin.incident.outgoing import Letter, RaiseAlert, Send
from tocsin.incident.state import Incident, State

T = TypeVar("T", bound=msgspec.Struct)


class Clock(Protocol):
    """The one place where time comes from."""

    def now(self) -> datetime:
        """The present, in UTC."""
        ...

    async def wait(self, until: datetime | None, wake: asyncio.Event) -> None:
        """Return when `until` has come (None: never) or `wake` is set, whichever is first."""
        ...


class Randomness(Protocol):
    """The one place where chance comes from."""

    def secret(self) -> str:
        """At least 32 bytes of entropy in URL-safe text."""
        ...

    def jitter(self) -> float:
        """A number from 0 to 1, evenly spread; for back-off, never for secrets."""
        ...


class ConflictError(Exception):
    """Another writer was first: load, decide and append again."""


class StoreUnavailableError(Exception):
    """The store cannot be written or read now (disk full, locked, connection lost); nothing was kept.

    The message is in plain words and fit to be shown.
    """


class Reader(AlertReader, Protocol):
    """A consistent view of the store. All times are UTC."""

    async def incident(self, incident: IncidentId) -> Incident | None:
        """The read model of one incident."""
        ...

    async def incidents(
        self, states: Sequence[State] = (), limit: int = 100, before: int | None = None
    ) -> list[Incident]:
        """Incidents, newest first; of `states` only where given; with numbers under `before`."""
        ...

    async def count_incidents(self) -> dict[State, int]:
        """How many incidents are in each state; states without any are left out."""
        ...

    async def timeline(self, incident: IncidentId, after: int = 0, limit: int = 10_000) -> list[ChainedEntry]:
        """The entries with `seq` above `after`, in order."""
        ...

    async def holders(self) -> list[Holder]:
        """What grouping needs of the incidents that are not closed, merged or dismissed, newest first."""
        ...

    async def due(self, now: datetime, limit: int) -> list[IncidentId]:
        """Incidents whose next deadline has come, the longest overdue first."""
        ...

    async def next_due_at(self) -> datetime | None:
        """The earliest deadline of any incident."""
        ...

    async def next_outbox_at(self, held: Collection[str] = ()) -> datetime | None:
        """When the outbox next has something that can be claimed (a due time, or the end of a lease),
        leaving out the bundles in `held`."""
        ...

    async def outbox(
        self, status: OutboxStatus | None = None, incident: IncidentId | None = None, limit: int = 200
    ) -> list[OutboxRow]:
        """Rows of the outbox, newest first."""
        ...

    async def playbook(self, hash: str) -> PlaybookVersion | None:
        """One version of the document."""
        ...

    async def account(self, name: str) -> Account | None:
        """An account by its name, compared without case."""
        ...

    async def accounts(self) -> list[Account]:
        """All accounts by name."""
        ...

    async def token(self, secret_hash: str) -> Token | None:
        """A token by the hash of its secret, revoked or not."""
        ...

    async def tokens(self) -> list[Token]:
        """All tokens, newest first."""
        ...

    async def session(self, secret_hash: str) -> Session | None:
        """A session by the hash of its cookie, expired or not."""
        ...

    async def setting(self, key: str) -> str | None:
        """A value that the server keeps for itself (the signing key of links, the set-up link)."""
        ...

    async def audit(self, limit: int = 200) -> list[AuditEntry]:
        """The audit log, newest first."""
        ...

    async def kept(self, shape: type[T], key: str) -> T | None:
        """One of the small records that parts of the engine keep for themselves (see `Unit.keep`)."""
        ...

    async def all_kept(self, shape: type[T], limit: int = 1_000) -> list[T]:
        """The small records of one shape, those with the latest time first, then by key."""
        ...


class Unit(AlertWriter, Reader, Protocol):
    """One transaction. Nothing of it is seen by others before it ends well; leaving it by an exception
    undoes everything."""

    async def new_incident_id(self) -> IncidentId:
        """The next number; numbers of transactions that were undone may be given again."""
        ...

    async def lock(self, incident: IncidentId) -> Incident | None:
        """The read model, held against other writers until the transaction ends."""
        ...

    async def append(
        self, entries: Sequence[Entry], incident: Incident, next_due_at: datetime | None
    ) -> None:
        """Append entries of one incident to its chain and replace its read model; without entries only
        the time of its next deadline changes.

        Raises:
            ConflictError: the entries do not follow the last one that is stored.
        """
        ...

    async def lock_all(self, incidents: Collection[IncidentId]) -> dict[IncidentId, Incident]:
        """`lock` for many at once; those that are not there are left out."""
        ...

    async def append_all(self, appended: Sequence[tuple[Sequence[Entry], Incident, datetime | None]]) -> None:
        """`append` for many incidents at once, each of which stands once in `appended`.

        Raises:
            ConflictError: entries do not follow the last one that is stored.
        """
        ...

    async def enqueue(self, effects: Sequence[Send | RaiseAlert]) -> None:
        """Put effects into the outbox; one whose key is there already is left as it is."""
        ...

    async def cancel(self, incident: IncidentId, pages: Sequence[PageId]) -> int:
        """Cancel what waits under these pages, claimed or not; returns how many rows."""
        ...

    async def claim(
        self, now: datetime, lease_until: datetime, limit: int, held: Collection[str] = ()
    ) -> list[OutboxRow]:
        """Take pending rows that are due and not leased, in order of due time, and count the attempt.

        A row with a `bundle` brings along every other due row of that bundle. Rows of the bundles in
        `held` are left alone. A row with a bundle, or one that was tried already, that would
        have to wait longer than `outbox_page_wait_max` is of before the clock was set back, and is due.
        """
        ...

    async def finish(
        self, key: str, status: OutboxStatus, at: datetime, error: str = "", retry_at: datetime | None = None
    ) -> None:
        """End a claim: with a final status, or PENDING and the time of the next attempt.

        PENDING never revives a row that was cancelled meanwhile.
        """
        ...

    async def save_playbook(self, version: PlaybookVersion) -> None:
        """Keep a version of the document; one that is there already is left as it is."""
        ...

    async def save_account(self, account: Account) -> None:
        """Insert or replace an account, by its name."""
        ...

    async def save_token(self, token: Token) -> None:
        """Insert or replace a token, by its id."""
        ...

    async def save_session(self, session: Session) -> None:
        """Insert or replace a session, by its secret's hash."""
        ...

    async def drop_session(self, secret_hash: str) -> None:
        """Forget a session."""
        ...

    async def set_setting(self, key: str, value: str) -> None:
        """Keep a value that the server needs again."""
        ...

    async def keep(self, key: str, record: msgspec.Struct, at: datetime) -> None:
        """Insert or replace a small record, under the name of its shape and a key that is its own within
        that shape. `at` (UTC) is by what `all_kept` sorts and `forget_before` forgets."""
        ...

    async def forget(self, shape: type[msgspec.Struct], key: str) -> None:
        """Remove a small record, where it is there."""
        ...

    async def forget_before(self, shape: type[msgspec.Struct], at: datetime) -> int:
        """Remove the small records of one shape whose time is before `at`; returns how many."""
        ...

    async def record_audit(self, at: datetime, actor: Actor, action: str, detail: Mapping[str, str]) -> None:
        """Append to the chained audit log."""
        ...


class Store(Protocol):
    """The event log and its read models."""

    @property
    def exclusive(self) -> bool:
        """Whether nobody but this process writes to it, so that what was read can be remembered."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Unit]:
        """Begin a transaction for writing.

        Raises (on entry, inside, or on leaving):
            ConflictError: another writer was first.
            StoreUnavailableError: nothing could be kept.
        """
        ...

    def reading(self) -> AbstractAsyncContextManager[Reader]:
        """A consistent view for reading."""
        ...

    async def verify(self) -> list[Fault]:
        """Check every chain, and that each fold gives its read model byte for byte; empty is good."""
        ...

    async def close(self) -> None:
        """Let go of the database."""
        ...


class DeliveryError(Exception):
    """A channel could not deliver. `reason` is fit to be shown and holds no secret.

    `retry` says whether another attempt may help; `mend` who can do what about it.
    """

    def __init__(self, reason: str, *, retry: bool, mend: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.mend = mend


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery. `key` is the same on every attempt. `link` leads to the page that acknowledges,
    or to the incident; None where there is nothing to open. `thread` is stable per incident."""

    key: str
    address: str
    letter: Letter
    incident: IncidentId
    thread: str
    urgent: bool
    link: str | None = None


class Channel(Protocol):
    """A way by which pages and messages reach people."""

    kind: str
    """The name by which the roster's contact methods call it."""

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
