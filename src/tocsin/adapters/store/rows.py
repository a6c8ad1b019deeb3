"""Records to columns and back. A `body` is the whole record; the columns beside it are for finding it."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from tocsin.adapters.store.codec import (
    CodecError,
    canonical,
    canonical_text,
    hash_of,
    kind_of,
    read_entry,
)
from tocsin.base.ids import parse_incident_id
from tocsin.base.times import format_instant
from tocsin.engine.records import AlertRecord, AlertStep, AuditEntry, ChainedEntry, OutboxRow, OutboxStatus
from tocsin.incident.events import Actor, Entry
from tocsin.incident.outgoing import RaiseAlert, Send
from tocsin.incident.state import Incident

_Struct = TypeVar("_Struct", bound=msgspec.Struct)

Columns = dict[str, Any]

SEALED = (
    "number",
    "id",
    "state",
    "level",
    "title",
    "group_key",
    "fingerprints",
    "updated_at",
    "resolved_at",
    "next_due_at",
    "last_seq",
    "last_hash",
    "body",
)
"""The columns of an incident that its seal covers, in this order."""

_ALERT = "alert"
_SEND = "send"


def read_body(body: str, shape: type[_Struct]) -> _Struct:
    """A record from its canonical JSON.

    Raises:
        CodecError: the text does not fit.
    """
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeError, TypeError) as error:
        raise CodecError(f"a record of kind {shape.__name__} cannot be read: {error}") from error


def steps_of(record: AlertRecord) -> list[AlertStep]:
    """The one decision that the record of an alert itself remembers: the latest."""
    step = AlertStep(
        fingerprint=record.alert.fingerprint,
        at=record.last_seen_at,
        status=record.alert.status,
        incident=record.incident,
        because=record.because,
    )
    return [step]


def number_of(incident: str) -> int:
    """The number of an incident from its identifier, which must be one."""
    assert parse_incident_id(incident) == incident, f"{incident!r} is no identifier of an incident"
    return int(incident.removeprefix("INC-"))


def chain(entries: Sequence[Entry], previous: str) -> list[ChainedEntry]:
    """The entries linked to each other and to the hash of what is stored before them."""
    linked: list[ChainedEntry] = []
    for entry in entries:
        link = hash_of(previous, entry)
        linked.append(ChainedEntry(entry=entry, previous=previous, hash=link))
        previous = link
    return linked


def event_columns(link: ChainedEntry) -> Columns:
    """The row of an entry."""
    entry = link.entry
    return {
        "incident": entry.incident,
        "seq": entry.seq,
        "at": entry.at,
        "actor": canonical_text(entry.actor),
        "kind": kind_of(entry.event),
        "data": canonical_text(entry.event),
        "previous": link.previous,
        "hash": link.hash,
    }


def read_link(row: Mapping[str, Any]) -> ChainedEntry:
    """An entry from its row, in which `at` is text as it is stored.

    Raises:
        CodecError: a column cannot be read.
    """
    entry = read_entry(row["incident"], row["seq"], row["at"], row["actor"], row["kind"], row["data"])
    return ChainedEntry(entry=entry, previous=row["previous"], hash=row["hash"])


def incident_columns(incident: Incident, next_due_at: datetime | None, last_hash: str) -> Columns:
    """The row of an incident, with its seal."""
    columns: Columns = {
        "number": number_of(incident.id),
        "id": incident.id,
        "state": incident.state.value,
        "level": _visible(incident.level),
        "title": _visible(incident.title),
        "group_key": _visible(incident.group_key),
        "fingerprints": canonical_text(sorted({alert.fingerprint for alert in incident.alerts})),
        "updated_at": incident.updated_at,
        "resolved_at": incident.resolved_at,
        "next_due_at": next_due_at,
        "last_seq": incident.seq,
        "last_hash": last_hash,
        "body": canonical_text(incident),
    }
    return {**columns, "seal": seal(columns)}


def seal(columns: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, over an incident's columns; times may be given as such or as stored."""
    values = [columns[name] for name in SEALED]
    plain = [format_instant(value) if isinstance(value, datetime) else value for value in values]
    try:
        return hashlib.sha256(canonical(plain)).hexdigest()
    except (UnicodeError, TypeError) as error:
        raise CodecError("a column of its row is no text") from error


def _visible(text: str) -> str:
    return text.replace("\x00", "\u2400")


def outbox_columns(effect: Send | RaiseAlert) -> Columns:
    """The row of an effect that waits."""
    send = isinstance(effect, Send)
    return {
        "key": effect.key,
        "form": _SEND if send else _ALERT,
        "incident": effect.incident,
        "page": effect.page if send else None,
        "bundle": effect.bundle if send else "",
        "effect": canonical_text(effect),
        "status": OutboxStatus.PENDING.value,
        "due_at": effect.due_at,
        "ready_at": effect.due_at,
        "attempts": 0,
        "lease_until": None,
        "last_error": "",
        "done_at": None,
    }


def read_outbox(row: Mapping[str, Any]) -> OutboxRow:
    """A row of the outbox.

    Raises:
        CodecError: its effect cannot be read.
    """
    effect = read_body(row["effect"], Send if row["form"] == _SEND else RaiseAlert)
    return OutboxRow(
        key=effect.key,
        effect=effect,
        status=OutboxStatus(row["status"]),
        due_at=row["due_at"],
        attempts=row["attempts"],
        lease_until=row["lease_until"],
        last_error=row["last_error"],
        done_at=row["done_at"],
    )


def read_audit(row: Mapping[str, Any]) -> AuditEntry:
    """A line of the audit log.

    Raises:
        CodecError: a column cannot be read.
    """
    try:
        detail = msgspec.json.decode(row["detail"], type=dict[str, str])
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise CodecError(f"the detail of line {row['seq']} of the audit log cannot be read") from error
    return AuditEntry(
        seq=row["seq"],
        at=row["at"],
        actor=read_body(row["actor"], Actor),
        action=row["action"],
        detail=detail,
        previous=row["previous"],
        hash=row["hash"],
    )
