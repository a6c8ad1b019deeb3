"""The timeline in plain words: one sentence for each kind of event."""

from datetime import datetime

from tocsin.base.times import humane
from tocsin.incident import events as e

LATE_AFTER_SECONDS = 60
"""An event that comes this much later than its deadline says so."""


def describe(entry: e.Entry) -> str:
    """What happened, in a sentence that needs no other to be understood. The actor is not named in it
    unless the event is about them."""
    event = entry.event
    return _late(
        entry, _about_alerts(event) or _about_people(event) or _about_work(event) or _about_end(event)
    )


def _late(entry: e.Entry, text: str) -> str:
    due: datetime | None = getattr(entry.event, "due_at", None)
    if due is None or (entry.at - due).total_seconds() < LATE_AFTER_SECONDS:
        return text
    return f"{text} (late by {humane(entry.at - due)})"


def _about_alerts(event: e.AnyEvent) -> str:
    match event:
        case e.Opened():
            how = f"alert {event.alert.name}" if event.alert else "a person's report"
            drill = "DRILL. " if event.drill else ""
            name = event.alert.name if event.alert else ""
            what = "" if event.alert and event.title == name else f": {event.title.removeprefix(f'{name}: ')}"
            return f"{drill}Opened as {event.level} by {how}{what}. {evidence_words(event.evidence)}"
        case e.AlertAttached():
            again = "fires again" if event.again else "joined"
            return f"Alert {event.alert.name} {again}: {event.because}."
        case e.AlertsAttached():
            if not event.count:
                return f"Its alerts were counted again: {event.alerts} in all, {event.firing} firing."
            names = ", ".join(dict.fromkeys(alert.name for alert in event.sample[:3]))
            among = f", among them {names}" if names else ""
            counted = f" {event.alerts} in all, {event.firing} firing." if event.alerts is not None else ""
            many = "1 alert" if event.count == 1 else f"{event.count} alerts"
            return f"{many} joined or fired again{among}: {event.because}.{counted}"
        case e.AlertsCleared():
            left = f"{event.still_firing} still firing" if event.still_firing else "none is firing any more"
            return f"{event.count} alerts have ended; {left}."
        case e.AlertCleared():
            left = f"{event.still_firing} still firing" if event.still_firing else "none is firing any more"
            return f"Alert {event.name} has ended; {left}."
        case e.StormGathered():
            return f"{event.incidents} incidents were gathered here: {event.because}. Before: {event.before}."
        case e.Absorbed():
            return f"{event.other} ({event.title}) was merged into this incident."
        case _:
            return ""


def evidence_words(evidence: e.Evidence) -> str:
    """Why a level was chosen, as a sentence."""
    words = {
        "matcher": "Level by the playbook's matcher",
        "severity label": "Level by the alert's own severity",
        "example": "Level by the playbook's words",
        "checklist": "Level by the checklist",
        "assumed": "Level assumed until somebody answers",
        "opening": "Level as at the opening",
        "person": "Level by a person",
        "default": "Level by default",
        "storm": "Level of the storm",
    }
    what = words.get(evidence.rule, f"Level by {evidence.rule}")
    if evidence.rule == "opening":
        return f"{what}."
    return f"{what}: {evidence.detail}." if evidence.detail else f"{what}."


def _about_people(event: e.AnyEvent) -> str:
    match event:
        case e.Paged():
            return f"Paging {event.name} ({event.role}): {_reasons(event.reasons)}."
        case e.PageWidened():
            also = f"{event.name} ({event.role}), who is being paged already, is also wanted"
            return f"{also}: {_reasons(event.reasons)}."
        case e.PageStepped():
            again = f", round {event.round + 1}" if event.round else ""
            return f"Page to {event.person} goes out by {event.channel}{again}."
        case e.NobodyReachable():
            return f"Nobody could be reached for {event.role}: {event.because}. The fallback is used."
        case e.Delivered():
            detail = f" ({event.detail})" if event.detail else ""
            return f"Delivered to {event.to} by {event.channel}{detail}."
        case e.DeliveryFailed():
            again = "" if event.final else " It will be tried again."
            return f"Could not deliver to {event.to} by {event.channel}: {event.detail}.{again}"
        case e.Acknowledged():
            return f"{event.name} acknowledged (by {event.via})."
        case e.PageAcknowledged():
            return f"{event.name} answered the page (by {event.via})."
        case e.CommandOffered():
            return f"{event.by} asked {event.name} to take command."
        case e.CommanderAssigned():
            role = f" as {event.role}" if event.role and event.role != "responder" else ""
            return f"{event.name} commands{role}: {event.because}."
        case e.Escalated():
            how = "by hand" if event.by_hand else "by the escalation path"
            return f"Escalated {how}, {event.source} → {event.to}: {event.because}."
        case e.ResponseOverdue():
            return f"Nobody acknowledged within the response time of {event.level}."
        case _:
            return ""


def _reasons(reasons: tuple[e.PageReason, ...]) -> str:
    return "; ".join(reason.text for reason in reasons)


def _about_work(event: e.AnyEvent) -> str:
    match event:
        case e.TriageAnswered():
            return f"Checklist: {event.question} {event.answer.capitalize()}."
        case e.TriageAssumed():
            return f"Checklist: {event.question} Counts as yes until somebody answers: {event.because}."
        case e.SeverityChanged():
            return f"Severity changed from {event.before} to {event.after}. {evidence_words(event.evidence)}"
        case e.CategoryAdded():
            return f"Marked as {event.category}: {event.because}."
        case e.Noted():
            return event.text
        case e.ItemChecked():
            note = f" ({event.note})" if event.note else ""
            return f"{'Done' if event.done else 'Not done after all'}: {event.title}{note}."
        case e.UpdateDue():
            return f"The {event.message.value} message to stakeholders is due."
        case e.MessageSent():
            return f"The {event.message.value} message went to {', '.join(event.audiences)}:\n{event.text}"
        case e.PhaseOverdue():
            return f"The phase {event.name} should have ended by now."
        case e.Repinned():
            return f"It follows the playbook {event.after[:12]} now, before it was {event.before[:12]}."
        case _:
            return ""


def _about_end(event: e.AnyEvent) -> str:
    match event:
        case e.MitigationBegan():
            return f"Triage is over, mitigation begins: {event.because}."
        case e.Mitigated():
            return f"Mitigated. {event.summary}".rstrip()
        case e.Resolved():
            verified = f" Verified by: {event.verification}." if event.verification else ""
            return f"Resolved. Root cause: {event.root_cause}. Fix: {event.fix}.{verified}"
        case e.Reopened():
            return f"Reopened: {event.reason}."
        case e.PostmortemOverdue():
            return "The post-mortem is overdue."
        case e.PostmortemPublished():
            where = f" at {event.link}" if event.link else ""
            return f"The post-mortem was published{where}."
        case e.Closed():
            return f"Closed. {event.reason}".rstrip()
        case e.Dismissed():
            return f"Dismissed as a false alarm: {event.reason}."
        case e.MergedInto():
            return f"Merged into {event.into}."
        case _:
            raise AssertionError(f"{type(event).__name__} has no sentence")
