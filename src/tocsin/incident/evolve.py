"""The fold: an incident and one more entry give the incident after it. Total and pure."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Literal

from msgspec.structs import replace

from tocsin.alerts.model import Alert
from tocsin.base import limits
from tocsin.base.ids import role_key
from tocsin.incident import events as e
from tocsin.incident.state import Incident, Page, Sent, State, Step

LADDER = "ladder:"
"""Marks the reasons to page that come from the clock of an unacknowledged incident; these do not
count as reaching a role on the escalation path, whose own clocks start when the path gets there."""

LOST = "lost:"
"""Marks the reasons that come from a page which reaches its person no more."""

_FOR_COMMAND = ("command:", "offer:")


FAILING_AFTER_ATTEMPTS = 4
"""From this attempt on a delivery counts as failing, although it is tried further: with the back-off
of the delivery that is about half a minute, longer than a mail server takes to restart."""


def fold(entries: Iterable[e.Entry]) -> Incident:
    """The incident that these entries make, which must begin with its opening."""
    incident: Incident | None = None
    for entry in entries:
        incident = evolve(incident, entry)
    assert incident is not None, "an incident has at least its opening"
    return incident


def evolve(incident: Incident | None, entry: e.Entry) -> Incident:
    """The incident after `entry`, which must be the next one of its timeline."""
    if incident is None:
        return _opened(entry)
    assert entry.seq == incident.seq + 1, f"entry {entry.seq} does not follow {incident.seq}"
    changed = _life(incident, entry) or _pages(incident, entry) or _record(incident, entry)
    return replace(changed, seq=entry.seq, updated_at=entry.at)


def _opened(entry: e.Entry) -> Incident:
    event = entry.event
    assert isinstance(event, e.Opened), "the first entry of an incident is its opening"
    return Incident(
        id=entry.incident,
        seq=entry.seq,
        title=event.title,
        description=event.description,
        state=State.OPEN,
        level=event.level,
        level_since=entry.at,
        level_at_opening=event.level,
        evidence=event.evidence,
        level_by_hand=event.alert is None and event.evidence.rule == "person",
        playbook=event.playbook,
        group_key=event.group_key,
        drill=event.drill,
        opened_at=entry.at,
        clock_from=entry.at,
        updated_at=entry.at,
        alerts=(event.alert,) if event.alert else (),
        categories=dict.fromkeys(event.categories, entry.at),
    )


def _life(incident: Incident, entry: e.Entry) -> Incident | None:
    event, at = entry.event, entry.at
    match event:
        case e.Acknowledged():
            return _end_pages(
                replace(
                    incident,
                    state=State.ACKNOWLEDGED if incident.state is State.OPEN else incident.state,
                    acknowledged_at=at,
                    acknowledged_by=event.person,
                    first_acknowledged_at=incident.first_acknowledged_at or at,
                ),
                entry,
                answered_by=event.person,
            )
        case e.MitigationBegan():
            return replace(incident, state=State.MITIGATING, mitigating_at=at)
        case e.Mitigated():
            return _end_pages(replace(incident, state=State.MITIGATED, mitigated_at=at), entry)
        case e.Resolved():
            resolved = replace(
                incident,
                state=State.RESOLVED,
                mitigated_at=incident.mitigated_at or at,
                resolved_at=at,
                root_cause=event.root_cause,
                fix=event.fix,
                verification=event.verification,
                postmortem_due_at=event.postmortem_due_at,
            )
            return _end_pages(resolved, entry)
        case e.Reopened():
            return _reopened(incident, entry)
        case e.Closed():
            return _ended(incident, entry, State.CLOSED, event.reason)
        case e.Dismissed():
            return _ended(incident, entry, State.DISMISSED, event.reason)
        case e.MergedInto():
            return replace(
                _ended(incident, entry, State.MERGED, f"part of {event.into}"), merged_into=event.into
            )
        case _:
            return None


def _ended(incident: Incident, entry: e.Entry, state: State, reason: str) -> Incident:
    return _end_pages(replace(incident, state=state, ended_at=entry.at, end_reason=reason), entry)


def _reopened(incident: Incident, entry: e.Entry) -> Incident:
    return replace(
        _end_pages(incident, entry),
        state=State.OPEN,
        generation=incident.generation + 1,
        clock_from=entry.at,
        level_since=entry.at,
        categories=dict.fromkeys(incident.categories, entry.at),
        acknowledged_at=None,
        acknowledged_by=None,
        unreachable=(),
        unreachable_at=None,
        entered={},
        mitigating_at=None,
        mitigated_at=None,
        resolved_at=None,
        cleared_at=None,
        reminded_at=None,
        postmortem_due_at=None,
        ended_at=None,
        end_reason="",
    )


def _end_pages(incident: Incident, entry: e.Entry, answered_by: str | None = None) -> Incident:
    pages = tuple(
        page if page.ended_at else replace(page, ended_at=entry.at, answered=page.person == answered_by)
        for page in incident.pages
    )
    # Whoever was asked to take command is not being asked any more.
    return replace(incident, pages=pages, offered_to=None)


def _pages(incident: Incident, entry: e.Entry) -> Incident | None:
    event, at = entry.event, entry.at
    match event:
        case e.Paged():
            page = Page(id=event.page, person=event.person, role=event.role, reasons=event.reasons, at=at)
            return _reached(
                replace(incident, pages=(*incident.pages, page)), event.role, event.reasons, entry
            )
        case e.PageWidened():
            widened = _change_page(
                incident,
                event.page,
                lambda page: replace(page, reasons=(*page.reasons, *event.reasons), widened_at=at),
            )
            return _reached(widened, event.role, event.reasons, entry)
        case e.PageStepped():
            step = Step(key=event.key, round=event.round, method=event.method, at=at)
            return _change_page(incident, event.page, lambda page: replace(page, steps=(*page.steps, step)))
        case e.NobodyReachable():
            unreachable = tuple(dict.fromkeys((*incident.unreachable, role_key(event.role))))
            fallbacks = (*incident.fallbacks, event.fallback_key)
            for_want_of_an_answer = any(_is(reason, LADDER, LOST) for reason in event.reasons)
            found = replace(
                incident,
                unreachable=unreachable,
                unreachable_at=at if for_want_of_an_answer else incident.unreachable_at,
                fallbacks=fallbacks,
            )
            return _reached(found, event.role, event.reasons, entry)
        case e.PageAcknowledged():
            pages = tuple(
                replace(page, ended_at=at, answered=True)
                if page.id in event.pages and not page.ended_at
                else page
                for page in incident.pages
            )
            return replace(incident, pages=pages)
        case e.Delivered():
            return _settle_delivery(incident, event.key, "delivered")
        case e.DeliveryFailed():
            if event.final:
                return _settle_delivery(incident, event.key, "failed")
            if event.attempts >= FAILING_AFTER_ATTEMPTS:
                return _settle_delivery(incident, event.key, "failing")
            return incident
        case e.CommandOffered():
            return replace(incident, offered_to=event.to, offers=incident.offers + 1)
        case e.CommanderAssigned():
            pages = tuple(
                replace(page, ended_at=at) if not page.ended_at and _calls_for_command(page) else page
                for page in incident.pages
            )
            return replace(incident, commander=event.person, offered_to=None, pages=pages)
        case e.Escalated():
            entered = {**incident.entered}
            entered.setdefault(role_key(event.to), at)
            edges = incident.reasons if event.by_hand else (*incident.reasons, event.edge)
            by_hand = incident.hand_escalations + (1 if event.by_hand else 0)
            return replace(incident, entered=entered, reasons=edges, hand_escalations=by_hand)
        case _:
            return None


def _reached(incident: Incident, role: str, reasons: tuple[e.PageReason, ...], entry: e.Entry) -> Incident:
    keys = tuple(reason.key for reason in reasons)
    entered = {**incident.entered}
    for reason in reasons:
        if (reason.role or role) and not _is(reason, LADDER):
            entered.setdefault(role_key(reason.role or role), entry.at)
    return replace(incident, reasons=tuple(dict.fromkeys((*incident.reasons, *keys))), entered=entered)


def _is(reason: e.PageReason, *kinds: str) -> bool:
    """Whether a reason is of one of these kinds; its key begins with the generation."""
    return reason.key.partition(":")[2].startswith(kinds)


def _calls_for_command(page: Page) -> bool:
    return all(_is(reason, *_FOR_COMMAND) for reason in page.reasons)


def _change_page(incident: Incident, page_id: str, change: Callable[[Page], Page]) -> Incident:
    return replace(
        incident, pages=tuple(change(page) if page.id == page_id else page for page in incident.pages)
    )


def _settle_delivery(
    incident: Incident, key: str, result: Literal["delivered", "failing", "failed"]
) -> Incident:
    pages = tuple(
        replace(
            page,
            steps=tuple(replace(step, result=result) if step.key == key else step for step in page.steps),
        )
        for page in incident.pages
    )
    return replace(incident, pages=pages)


def _record(incident: Incident, entry: e.Entry) -> Incident:
    event, at = entry.event, entry.at
    match event:
        case e.AlertAttached():
            joined = _joined(incident, (event.alert,), event.alerts, event.firing)
            return _settled(incident, joined, at)
        case e.AlertsAttached():
            return _settled(incident, _joined(incident, event.sample, event.alerts, event.firing), at)
        case e.AlertCleared():
            ends = {event.fingerprint: event.ended_at}
            return _settled(incident, _cleared(incident, ends, event.still_firing), at)
        case e.AlertsCleared():
            ends = {each.fingerprint: each.ended_at for each in event.ends}
            return _settled(incident, _cleared(incident, ends, event.still_firing), at)
        case e.TriageAnswered():
            return replace(incident, answers={**incident.answers, event.rule: event.answer})
        case e.TriageAssumed():
            return replace(incident, assumed={**incident.assumed, event.rule: event.because})
        case e.SeverityChanged():
            by_alert = not event.by_hand and event.evidence.rule not in ("checklist", "assumed", "opening")
            return replace(
                incident,
                level=event.after,
                level_since=incident.level_since if event.after == incident.level else at,
                level_at_opening=event.after if by_alert else incident.level_at_opening,
                evidence=event.evidence,
                level_by_hand=incident.level_by_hand or event.by_hand,
            )
        case e.CategoryAdded():
            return replace(incident, categories={event.category: at, **incident.categories})
        case e.ItemChecked():
            kept = tuple(item for item in incident.checked if item != event.item)
            return replace(incident, checked=(*kept, event.item) if event.done else kept)
        case e.ResponseOverdue():
            return _overdue(incident, f"respond:{event.level}")
        case e.PhaseOverdue():
            return _overdue(incident, f"phase:{event.phase}")
        case e.PostmortemOverdue():
            return _overdue(incident, "postmortem")
        case e.UpdateDue():
            return replace(incident, reminded_at=at)
        case e.MessageSent():
            sent = Sent(kind=event.message, number=event.number, at=at)
            return replace(incident, messages=(*incident.messages, sent))
        case e.PostmortemPublished():
            return replace(incident, postmortem_at=at, postmortem_text=event.text, postmortem_link=event.link)
        case e.Absorbed():
            joined = _joined(incident, event.alerts, event.alerts_in_all, event.firing_in_all)
            return _settled(incident, replace(joined, absorbed=(*incident.absorbed, event.other)), at)
        case e.StormGathered():
            # As after a reopening the reasons to page are new ones; the clocks go on as they were.
            return replace(
                _end_pages(incident, entry),
                title=event.title,
                generation=incident.generation + 1,
                overdue=_carried_over(incident),
                unreachable=(),
                unreachable_at=None,
            )
        case e.Repinned():
            return replace(incident, playbook=event.after)
        case _:
            return incident


def _carried_over(incident: Incident) -> tuple[str, ...]:
    """The clocks that have run out, also for the next generation."""
    own = f"{incident.generation}:"
    again = [key.removeprefix(own) for key in incident.overdue if key.startswith(own)]
    return (*incident.overdue, *(f"{incident.generation + 1}:{what}" for what in again))


def _overdue(incident: Incident, what: str) -> Incident:
    return replace(incident, overdue=(*incident.overdue, f"{incident.generation}:{what}"))


def _joined(
    incident: Incident, alerts: tuple[Alert, ...], in_all: int | None, firing: int | None
) -> Incident:
    """With these alerts. An event that counts nothing was written before alerts were counted: what it
    brings is kept whole, as it was then."""
    kept = {each.fingerprint: each for each in incident.alerts}
    for alert in alerts:
        known = kept.pop(alert.fingerprint, None)
        if known is not None or in_all is None or _has_room(kept, alert):
            kept[alert.fingerprint] = alert
    whole = tuple(kept.values())
    if in_all is None or firing is None:
        return replace(incident, alerts=whole)
    return _counted(replace(incident, alerts=whole), in_all, firing)


def _has_room(kept: dict[str, Alert], alert: Alert) -> bool:
    if len(kept) < limits.incident_alerts_whole:
        return True
    crowded = len(kept) >= limits.incident_alert_names_max
    return not crowded and all(each.name != alert.name for each in kept.values())


def _cleared(incident: Incident, ends: dict[str, datetime], still_firing: int) -> Incident:
    alerts = tuple(
        replace(alert, ends_at=ends[alert.fingerprint]) if alert.fingerprint in ends else alert
        for alert in incident.alerts
    )
    return _counted(replace(incident, alerts=alerts), incident.alert_count, still_firing)


def _settled(before: Incident, after: Incident, at: datetime) -> Incident:
    """With the time at which the last alert that fired has ended, where none fires any more."""
    if after.firing_count:
        return replace(after, cleared_at=None)
    return replace(after, cleared_at=at) if before.firing_count else after


def _counted(incident: Incident, in_all: int, firing: int) -> Incident:
    """Numbers are kept only where the alerts that are kept whole do not tell them."""
    return replace(
        incident,
        alerts_in_all=None if in_all == len(incident.alerts) else in_all,
        firing_in_all=None if firing == len(incident.firing) else firing,
    )
