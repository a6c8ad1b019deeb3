"""Incidents, alerts and letters to try a store with."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from tocsin.alerts.model import Alert, AlertStatus
from tocsin.base.ids import IncidentId, LevelId, PageId, PersonId
from tocsin.engine.ports import Store, Unit
from tocsin.engine.records import AlertRecord
from tocsin.incident.events import (
    SYSTEM,
    Actor,
    ActorKind,
    AlertAttached,
    AnyEvent,
    Closed,
    Entry,
    Evidence,
    Noted,
    Opened,
    Resolved,
)
from tocsin.incident.evolve import fold
from tocsin.incident.outgoing import EffectKind, Letter, RaiseAlert, Send
from tocsin.incident.state import Incident

T0 = datetime(2026, 3, 29, 0, 30, 0, 250_000, tzinfo=UTC)
"""When the samples happen: an hour in which clocks change, and with a fraction of a second."""

INC_1 = IncidentId("INC-1")
INC_2 = IncidentId("INC-2")

ALICE = Actor(ActorKind.PERSON, "alice", "Alicia Ünsal")


def after(minutes: float) -> datetime:
    """So many minutes after `T0`."""
    return T0 + timedelta(minutes=minutes)


def alert(fingerprint: str = "a" * 16, **labels: str) -> Alert:
    """A firing alert."""
    return Alert(
        fingerprint=fingerprint,
        status=AlertStatus.FIRING,
        labels={"alertname": "VaultSealed", **labels},
        annotations={"summary": "the vault is sealed"},
        starts_at=T0,
        received_at=T0,
        source="alertmanager",
    )


def record(of: Alert, incident: IncidentId | None, minutes: float = 0, times: int = 1) -> AlertRecord:
    """The record of an alert, last seen so many minutes after `T0`."""
    return AlertRecord(
        alert=of,
        incident=incident,
        because="it is the first alert of its group",
        first_seen_at=T0,
        last_seen_at=after(minutes),
        times=times,
    )


def opened(by: Alert | None = None, title: str = "the vault is sealed", group_key: str = "g") -> Opened:
    """The first event of an incident."""
    return Opened(
        title=title,
        description="",
        level=LevelId("P1"),
        evidence=Evidence(rule="alert severity", detail="critical"),
        playbook="f" * 64,
        group_key=group_key,
        alert=by,
    )


def noted(text: str = "looked at the logs") -> Noted:
    """An event that changes nothing but the time and the sequence."""
    return Noted(text=text)


def attached(fingerprint: str) -> AlertAttached:
    """An event by which another alert joins."""
    return AlertAttached(alert=alert(fingerprint), because="same group")


RESOLVED = Resolved(root_cause="restart", fix="unsealed", verification="looked", postmortem_due_at=None)
CLOSED = Closed(reason="nothing is left to do")


def entries(incident: IncidentId, events: Sequence[AnyEvent], seq: int = 1) -> list[Entry]:
    """The events in their places, one a minute."""
    return [
        Entry(
            incident=incident,
            seq=number,
            at=after(number),
            actor=ALICE if number % 2 else SYSTEM,
            event=event,
        )
        for number, event in enumerate(events, start=seq)
    ]


async def extend(
    unit: Unit, incident: IncidentId, *events: AnyEvent, next_due_at: datetime | None = None
) -> Incident:
    """Append events to an incident as the engine does: lock, fold, append."""
    before = await unit.lock(incident)
    old = [link.entry for link in await unit.timeline(incident)] if before else []
    new = entries(incident, events, seq=len(old) + 1)
    state = fold([*old, *new])
    await unit.append(new, state, next_due_at)
    return state


async def open_one(
    store: Store, *events: AnyEvent, first: Opened | None = None, next_due_at: datetime | None = None
) -> Incident:
    """Open an incident in a transaction of its own, with these events after its opening."""
    async with store.transaction() as unit:
        number = await unit.new_incident_id()
        return await extend(unit, number, first or opened(), *events, next_due_at=next_due_at)


def send(
    key: str, minutes: float = 0, *, page: str | None = None, bundle: str = "", incident: str = "INC-1"
) -> Send:
    """A letter that is due so many minutes after `T0`."""
    return Send(
        key=key,
        kind=EffectKind.PAGE,
        incident=IncidentId(incident),
        channel="email",
        address="alice@example.com",
        letter=Letter(subject="P1: the vault is sealed", lines=("Please come.",)),
        due_at=after(minutes),
        to="Alicia",
        person=PersonId("alice"),
        page=PageId(page) if page else None,
        bundle=bundle,
        urgent=True,
    )


def raised(key: str, minutes: float = 0) -> RaiseAlert:
    """An alert of Tocsin's own that is due so many minutes after `T0`."""
    return RaiseAlert(
        key=key,
        incident=IncidentId("INC-1"),
        labels={"alertname": "NobodyReachable"},
        annotations={},
        due_at=after(minutes),
    )
