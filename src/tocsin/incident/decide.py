"""The decider: an incident, a command, the rules and the time give what happens, or why nothing does."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from tocsin.base import limits
from tocsin.base.ids import IncidentId
from tocsin.incident import answer_alerts, answer_end, answer_people, answer_work
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident.answer import Accepted, Ask, Refused
from tocsin.incident.effects import effects
from tocsin.incident.evolve import evolve
from tocsin.incident.outgoing import Effect
from tocsin.incident.rules import Rules
from tocsin.incident.settle import due_events
from tocsin.incident.state import Incident

_ANSWERS: dict[type[c.Command], Callable[[Ask[Any]], Accepted | Refused]] = {
    c.AttachAlert: answer_alerts.attach,
    c.AttachAlerts: answer_alerts.attach_many,
    c.ClearAlert: answer_alerts.clear,
    c.ClearAlerts: answer_alerts.clear_many,
    c.Absorb: answer_alerts.absorb,
    c.GatherStorm: answer_alerts.gather_storm,
    c.Acknowledge: answer_people.acknowledge,
    c.TakeCommand: answer_people.take_command,
    c.OfferCommand: answer_people.offer_command,
    c.Escalate: answer_people.escalate,
    c.AddNote: answer_work.note,
    c.CheckItem: answer_work.check_item,
    c.AnswerTriage: answer_work.triage,
    c.SetSeverity: answer_work.set_severity,
    c.AddCategory: answer_work.add_category,
    c.SendMessage: answer_work.send_message,
    c.Mitigate: answer_end.mitigate,
    c.Resolve: answer_end.resolve,
    c.Reopen: answer_end.reopen,
    c.PublishPostmortem: answer_end.publish_postmortem,
    c.Close: answer_end.close,
    c.Dismiss: answer_end.dismiss,
    c.Merge: answer_end.merge,
    c.Repin: answer_work.repin,
    c.RecordDelivery: answer_work.record_delivery,
    c.Tick: lambda ask: Accepted(),
}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What a command led to: the incident after it, the entries to append, the effects to put into the
    outbox in the same transaction, and a sentence for whoever asked."""

    incident: Incident
    entries: tuple[e.Entry, ...]
    effects: tuple[Effect, ...]
    said: str


def handle(
    incident: Incident | None,
    command: c.Command,
    actor: e.Actor,
    rules: Rules,
    now: datetime,
    incident_id: IncidentId,
) -> Decision | Refused:
    """Decide a command and let time do what is due, up to and including `now` (UTC).

    `incident` is None for the two commands that open one, which then takes `incident_id`. What has to
    leave is due at `now` as well, also where the incident's own time is ahead of it.
    """
    assert now.tzinfo is not None, "a time without a zone reached the core"
    sends_at = now
    if incident is not None:
        # The wall clock may have stepped back since the last entry; the time of an incident never does.
        now = max(now, incident.updated_at)
    if isinstance(command, c.OpenByAlert | c.Declare):
        assert incident is None, "an incident is opened once"
        answer = answer_alerts.open_by(command, rules)
    else:
        assert incident is not None, f"{type(command).__name__} needs an incident"
        answer = _ANSWERS[type(command)](Ask(incident, command, actor, rules, now))
    if isinstance(answer, Refused):
        return answer
    entries: list[e.Entry] = []
    sent: list[Effect] = []
    pending = [(actor, event) for event in answer.events]
    while True:
        for who, event in pending:
            seq = incident.seq + 1 if incident else 1
            entry = e.Entry(incident=incident_id, seq=seq, at=now, actor=who, event=event)
            incident = evolve(incident, entry)
            entries.append(entry)
            sent.extend(effects(entry, incident, rules, sends_at))
        assert incident is not None, "an opening begins with its event"
        assert len(entries) <= limits.events_per_command_max, "deadlines that come due again and again"
        pending = [(e.CLOCK, event) for event in due_events(incident, rules, now)]
        if not pending:
            return Decision(incident=incident, entries=tuple(entries), effects=tuple(sent), said=answer.said)
