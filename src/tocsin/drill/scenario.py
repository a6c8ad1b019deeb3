"""What is rehearsed, and what came of it. Pure values; nothing here prints."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from tocsin.drill.attached import Rehearsed
from tocsin.incident.events import Entry
from tocsin.incident.outgoing import Send
from tocsin.incident.state import Incident


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """An alert, the time at which it fires (UTC), and what people do about it.

    `until` is how much of it is rehearsed. `ack_after` and `resolve_after` run from the alert; None
    means that it never happens. `ack_by` is a person of the roster, "" whoever was paged first.
    """

    alert: str
    at: datetime
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    until: timedelta = timedelta(hours=6)
    ack_after: timedelta | None = None
    ack_by: str = ""
    resolve_after: timedelta | None = None


class DrillLine(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. `offset` runs from the alert, `at` is UTC.

    `kind` is the name of an event, or `Sent` (something left the house; `sends` says what), `Raised`
    (Tocsin tells itself of a trouble), `Refused` (a person's command was not taken), `Runbook` and `Step`
    (a service runbook is attached, and what it holds), `Note`.
    """

    offset: timedelta
    at: datetime
    kind: str
    weight: str
    text: str
    who: str = ""
    entry: Entry | None = None
    sends: tuple[Send, ...] = ()

    @property
    def clock(self) -> str:
        """The offset as `T+00:12:00`."""
        return offset_text(self.offset)


class DrillReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that happened, in order, and the closing sentences. `incident` is None where none was opened;
    `runbooks` are the service runbooks that were attached to it."""

    scenario: Scenario
    playbook: str
    notes: tuple[str, ...]
    lines: tuple[DrillLine, ...]
    verdict: tuple[str, ...]
    incident: Incident | None = None
    runbooks: tuple[Rehearsed, ...] = ()

    def document(self) -> dict[str, Any]:
        """The report in the shape of `tocsin drill --json`."""
        incident = self.incident
        return {
            "playbook": self.playbook,
            "alert": {"name": self.scenario.alert, "labels": self.scenario.labels},
            "at": msgspec.to_builtins(self.scenario.at),
            "until": offset_text(self.scenario.until),
            "notes": list(self.notes),
            "lines": [_line(line) for line in self.lines],
            "verdict": list(self.verdict),
            "runbooks": [each.document() for each in self.runbooks],
            "incident": None
            if incident is None
            else {
                "id": incident.id,
                "title": incident.title,
                "level": incident.level,
                "state": incident.state.value,
                "acknowledged_by": incident.acknowledged_by,
                "commander": incident.commander,
                "pages": len(incident.pages),
                "messages": len(incident.messages),
            },
        }


def _line(line: DrillLine) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "offset": line.clock,
        "offset_seconds": line.offset.total_seconds(),
        "at": msgspec.to_builtins(line.at),
        "kind": line.kind,
        "weight": line.weight,
        "who": line.who,
        "text": line.text,
    }
    if line.entry:
        shown["event"] = msgspec.to_builtins(line.entry.event)
    if line.sends:
        shown["sends"] = [
            {
                "key": send.key,
                "kind": send.kind.value,
                "channel": send.channel,
                "address": send.address,
                "to": send.to,
                "subject": send.letter.subject,
                "lines": list(send.letter.lines),
            }
            for send in line.sends
        ]
    return shown


def offset_text(offset: timedelta) -> str:
    """`T+00:12:00`; hours go on past 24, fractions of a second are left out."""
    seconds = int(offset.total_seconds())
    return f"T+{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}"
