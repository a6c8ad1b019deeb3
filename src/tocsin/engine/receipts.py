"""What a reporter is told: where their report stands, in words that give away nothing internal."""

from datetime import datetime
from enum import StrEnum

import msgspec

from tocsin.base.ids import IncidentId
from tocsin.engine.ports import Reader
from tocsin.engine.told import Report, Weakness, WeaknessState
from tocsin.incident.outgoing import EffectKind, Letter, Send
from tocsin.incident.state import Incident, State

CHANNEL = "email"
MERGES_FOLLOWED_MAX = 20


class Standing(StrEnum):
    """Where a report stands, as far as its reporter is told."""

    RECEIVED = "received"
    KNOWN = "known"
    WORKED_ON = "worked on"
    EASED = "eased"
    RESOLVED = "resolved"
    NOTHING_FOUND = "nothing found"
    NOTED = "noted"
    HANDLED = "handled"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a reporter is told. `will_write` says that there will be a mail at the end."""

    report: Report
    standing: Standing
    will_write: bool


async def incident_of(report: Report, reader: Reader) -> Incident | None:
    """The incident in which a report is worked on, also where that was merged into another."""
    at = report.incident
    if at is None and report.fingerprint:
        record = await reader.alert(report.fingerprint)
        at = record.incident if record else None
    incident: Incident | None = None
    for _ in range(MERGES_FOLLOWED_MAX):
        incident = await reader.incident(IncidentId(at)) if at else None
        if incident is None or incident.merged_into is None:
            break
        at = incident.merged_into
    return incident


def standing_of(incident: Incident | None) -> Standing:
    """Where a report stands whose incident this is, None where it has none."""
    match incident.state if incident else None:
        case None:
            return Standing.RECEIVED
        case State.OPEN:
            return Standing.KNOWN
        case State.MITIGATED:
            return Standing.EASED
        case State.RESOLVED | State.CLOSED:
            return Standing.RESOLVED
        case State.DISMISSED:
            return Standing.NOTHING_FOUND
        case _:
            return Standing.WORKED_ON


def standing_of_weakness(weakness: Weakness) -> Standing:
    """Where a weakness stands that is no incident."""
    return Standing.HANDLED if weakness.state is WeaknessState.HANDLED else Standing.NOTED


def told_the_end(report: Report, incident: Incident, now: datetime) -> Send:
    """The mail to a reporter whose report has come to its end at `now` (UTC)."""
    resolved = incident.state is not State.DISMISSED
    what = "is resolved" if resolved else "was looked at, and nothing was found to mend"
    return Send(
        key=f"report/{report.id}/end",
        kind=EffectKind.RECEIPT,
        incident=incident.id,
        channel=CHANNEL,
        address=report.told.contact,
        letter=Letter(
            subject=f"Your report {report.id} {'is resolved' if resolved else 'was looked at'}",
            lines=(
                f"What you reported {what}:",
                report.told.title,
                "Thank you for telling us. If it is not so for you, please report it again.",
            ),
        ),
        due_at=now,
        to=report.id,
    )
