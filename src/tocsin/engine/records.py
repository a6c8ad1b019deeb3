"""The rows that the engine and the store speak of, besides incidents and their events."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

from tocsin.alerts.model import Alert, AlertStatus
from tocsin.base.ids import IncidentId, PersonId
from tocsin.incident.events import Actor, Entry
from tocsin.incident.outgoing import RaiseAlert, Send


class AlertRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The latest of an alert, and what became of it. `incident` is None where `because` says why not."""

    alert: Alert
    incident: IncidentId | None
    because: str
    first_seen_at: datetime
    last_seen_at: datetime
    times: int


class AlertStep(msgspec.Struct, frozen=True, kw_only=True):
    """One decision about an alert: what came, when (UTC), where it went, and why."""

    fingerprint: str
    at: datetime
    status: AlertStatus
    incident: IncidentId | None
    because: str


class OutboxStatus(StrEnum):
    """What became of something that had to leave."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class OutboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that has to leave. `attempts` counts the claims; a claim holds until `lease_until`.

    `due_at` moves on with every failed attempt. `last_error` is fit to be shown and holds no secret.
    """

    key: str
    effect: Send | RaiseAlert
    status: OutboxStatus
    due_at: datetime
    attempts: int = 0
    lease_until: datetime | None = None
    last_error: str = ""
    done_at: datetime | None = None


class ChainedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it stands in the store. `hash` is SHA-256 over `previous` and the canonical entry."""

    entry: Entry
    previous: str
    hash: str


class PlaybookVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the document, kept as long as any incident is pinned to it."""

    hash: str
    name: str
    content: bytes
    seen_at: datetime


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signs in. `person` links to the roster, so that they can acknowledge as themselves."""

    name: str
    role: Literal["viewer", "responder", "commander", "admin"]
    password_hash: str
    person: PersonId | None
    created_at: datetime
    disabled: bool = False


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A bearer token; only the SHA-256 of the secret is kept.

    `scope` is a role for people and their tools, or `source` for senders of alerts.
    """

    id: str
    name: str
    secret_hash: str
    scope: Literal["viewer", "responder", "commander", "admin", "source"]
    person: PersonId | None
    created_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that signed in; only the SHA-256 of the cookie's value is kept."""

    secret_hash: str
    account: str
    created_at: datetime
    expires_at: datetime


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Something of note outside incidents (sign-in, token, playbook change), chained like events."""

    seq: int
    at: datetime
    actor: Actor
    action: str
    detail: dict[str, str]
    previous: str = ""
    hash: str = ""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Where a chain or a read model does not verify, in plain words. `seq` is 0 for a whole incident."""

    incident: str
    seq: int
    what: str
