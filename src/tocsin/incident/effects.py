"""What an event sends out of the house: pages, messages, notices and alarms of its own."""

from datetime import datetime

from tocsin.base.ids import PageId, PersonId
from tocsin.base.times import humane, in_zone
from tocsin.incident import events as e
from tocsin.incident import path
from tocsin.incident.outgoing import Cancel, Effect, EffectKind, Letter, RaiseAlert, Send
from tocsin.incident.rules import Rules
from tocsin.incident.state import Incident, Page

OWN_SOURCE = "tocsin"
"""The source of alerts that Tocsin raises about itself."""


def effects(entry: e.Entry, incident: Incident, rules: Rules, at: datetime) -> tuple[Effect, ...]:
    """What has to leave because of this entry, at `at` (UTC). `incident` is the state after it."""
    event = entry.event
    match event:
        case e.PageStepped():
            return _page(event, at, incident, rules)
        case e.NobodyReachable():
            return (*_fallback(event, at, incident, rules), *_own_alert(event, at, incident))
        case e.MessageSent():
            return _message(event, at, incident, rules)
        case e.UpdateDue():
            text = f"The {event.message.value} message to stakeholders is due."
            return _notice(f"message-due:{entry.seq}", text, at, incident, rules)
        case e.PostmortemOverdue():
            return _notice(
                f"postmortem-overdue:{entry.seq}", "The post-mortem is overdue.", at, incident, rules
            )
        case e.PageAcknowledged():
            return (Cancel(incident=incident.id, pages=event.pages),)
        case (
            e.Acknowledged()
            | e.Mitigated()
            | e.Resolved()
            | e.Closed()
            | e.Dismissed()
            | e.MergedInto()
            | e.Reopened()
            | e.StormGathered()
        ):
            return _cancel((*_ended(entry, incident), *map(PageId, incident.fallbacks)), incident)
        case e.CommanderAssigned():
            return _cancel(_ended(entry, incident), incident)
        case _:
            return ()


def _ended(entry: e.Entry, incident: Incident) -> tuple[PageId, ...]:
    return tuple(page.id for page in incident.pages if page.ended_at == entry.at)


def _cancel(pages: tuple[PageId, ...], incident: Incident) -> tuple[Effect, ...]:
    return (Cancel(incident=incident.id, pages=pages),) if pages else ()


def _drill(incident: Incident) -> str:
    return "DRILL: " if incident.drill else ""


def _page(event: e.PageStepped, at: datetime, incident: Incident, rules: Rules) -> tuple[Effect, ...]:
    person = rules.roster.person(event.person)
    page = next(each for each in incident.pages if each.id == event.page)
    method = next((each for each in person.methods if each.id == event.method), None) if person else None
    assert person is not None, "the step was made from the roster a moment ago"
    assert method is not None, "the step was made from the person's methods a moment ago"
    return (
        Send(
            key=event.key,
            kind=EffectKind.PAGE,
            incident=incident.id,
            channel=method.kind,
            address=method.address,
            to=person.name,
            person=person.id,
            page=page.id,
            letter=page_letter(page, incident, person.zone, rules),
            due_at=at,
            bundle=f"page:{person.id}:{method.id}",
            urgent=True,
        ),
    )


def page_letter(page: Page, incident: Incident, zone: str, rules: Rules) -> Letter:
    """What a paged person has to know: what happened, how bad, by when, and why them. Times in `zone`."""
    severity = path.severity(incident, rules)
    name = f" — {severity.name}" if severity.name else ""
    lines = [incident.title]
    if incident.description and incident.description != incident.title:
        lines.append(incident.description)
    lines.append(f"Severity: {severity.level}{name}")
    if incident.acknowledged_at is None:
        by = path.respond_by(incident, rules)
        lines.append(
            f"Respond by: {in_zone(by, zone)} ({humane(path.response_time(incident, rules))} after it began)"
        )
    else:
        who = rules.roster.name_of(incident.acknowledged_by) if incident.acknowledged_by else ""
        lines.append(f"Acknowledged by {who} at {in_zone(incident.acknowledged_at, zone)}")
    lines.append(f"Began: {in_zone(incident.opened_at, zone)}")
    lines += [f"You are paged as {reason.role or page.role}: {reason.text}" for reason in page.reasons]
    lines += [f"Alert: {alert.name} {_labels(alert.labels)}".rstrip() for alert in incident.firing[:5]]
    subject = f"{_drill(incident)}[{severity.level}] {incident.id} {incident.title}"
    return Letter(subject=subject, lines=tuple(lines))


def _labels(labels: dict[str, str]) -> str:
    shown = [
        f"{name}={value}" for name, value in sorted(labels.items()) if name not in ("alertname", "severity")
    ]
    return f"({', '.join(shown[:8])})" if shown else ""


def _fallback(event: e.NobodyReachable, at: datetime, incident: Incident, rules: Rules) -> tuple[Effect, ...]:
    severity = path.severity(incident, rules)
    what = f"{incident.id}: nobody could be reached for {event.role}"
    letter = Letter(
        subject=f"{_drill(incident)}[{severity.level}] {what}",
        lines=(
            incident.title,
            f"Nobody could be reached for {event.role}: {event.because}.",
            f"It was wanted because: {'; '.join(reason.text for reason in event.reasons)}.",
            "Please see to it that somebody takes this incident on.",
        ),
    )
    return tuple(
        Send(
            key=f"{incident.id}/{event.fallback_key}/{method.id}",
            kind=EffectKind.FALLBACK,
            incident=incident.id,
            channel=method.kind,
            address=method.address,
            to="fallback",
            page=PageId(event.fallback_key),
            letter=letter,
            due_at=at + method.after,
            urgent=True,
        )
        for method in rules.roster.fallback
    )


def _own_alert(event: e.NobodyReachable, at: datetime, incident: Incident) -> tuple[Effect, ...]:
    if any(alert.source == OWN_SOURCE for alert in incident.alerts):
        # Its own trouble must not breed the same trouble again.
        return ()
    return (
        RaiseAlert(
            key=f"{incident.id}/{event.fallback_key}/alert",
            incident=incident.id,
            labels={"alertname": "TocsinNobodyReachable", "service": OWN_SOURCE, "role": event.role},
            annotations={
                "summary": f"Nobody could be reached for {event.role}",
                "description": f"While paging for {incident.id}: {event.because}.",
            },
            due_at=at,
        ),
    )


def _message(event: e.MessageSent, at: datetime, incident: Incident, rules: Rules) -> tuple[Effect, ...]:
    subject, *rest = event.text.splitlines() or [incident.title]
    letter = Letter(subject=_drill(incident) + subject.strip(), lines=tuple(rest) or (subject,))
    return tuple(
        Send(
            key=f"{incident.id}/m{event.number}/{audience.name}/{method.id}",
            kind=EffectKind.MESSAGE,
            incident=incident.id,
            channel=method.kind,
            address=method.address,
            to=audience.name,
            letter=letter,
            due_at=at,
        )
        for audience in rules.roster.audiences
        if audience.name in event.audiences
        for method in audience.methods
    )


def _notice(what: str, text: str, at: datetime, incident: Incident, rules: Rules) -> tuple[Effect, ...]:
    """A reminder to whoever commands, else to whoever took it on; with neither, the timeline alone has it."""
    whom: PersonId | None = incident.commander or incident.acknowledged_by
    person = rules.roster.person(whom) if whom else None
    if person is None or not person.methods:
        return ()
    method = person.methods[0]
    return (
        Send(
            key=f"{incident.id}/{what}",
            kind=EffectKind.NOTICE,
            incident=incident.id,
            channel=method.kind,
            address=method.address,
            to=person.name,
            person=person.id,
            letter=Letter(
                subject=f"{_drill(incident)}[{incident.level}] {incident.id}: {text}",
                lines=(incident.title, text),
            ),
            due_at=at,
        ),
    )
