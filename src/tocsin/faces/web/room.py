"""The incident's room as its template shows it."""

from datetime import datetime

import msgspec

from tocsin.alerts.model import Alert
from tocsin.base.ids import PersonId
from tocsin.base.times import humane
from tocsin.engine.told import SOURCE
from tocsin.engine.verbs import VERBS, may
from tocsin.engine.views import Line, Principal, Room, Weight
from tocsin.faces.web import guide
from tocsin.faces.web.alertview import alert_path, labels_of, silence_path
from tocsin.faces.web.presenters import (
    STATE_WORDS,
    Badge,
    Countdown,
    Moment,
    badge,
    countdown,
    moment,
    safe_link,
)
from tocsin.incident.deadlines import Deadline, DeadlineKind
from tocsin.incident.state import Incident, Page, State, Step

LINES_SHOWN = 8
"""How many lines of the timeline stand open. The whole of it, with every delivery, is folded away."""
CLOCKS_SHOWN = 5

MAIN_VERBS = {
    State.OPEN: ("acknowledge",),
    State.ACKNOWLEDGED: ("mitigate",),
    State.MITIGATING: ("mitigate",),
    State.MITIGATED: ("resolve",),
    State.RESOLVED: ("close",),
}
"""The verb that usually comes next, set larger than the others."""
OWN_PLACE = frozenset({"check", "triage", "message", "postmortem"})
"""Verbs whose forms stand in sections of their own."""
SELDOM = frozenset({"offer-command", "category", "dismiss", "merge", "repin"})
"""Verbs that are folded away behind the others."""


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the timeline."""

    seq: int
    at: Moment
    who: str
    text: str
    weight: str


class DeadlineView(msgspec.Struct, frozen=True, kw_only=True):
    """A clock of the room."""

    text: str
    kind: str
    due: Countdown


class Button(msgspec.Struct, frozen=True, kw_only=True):
    """A command that is possible now: whether it usually comes next, and whether it seldom does."""

    verb: str
    label: str
    main: bool
    seldom: bool


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """An alert with its labels; links only where they are safe to follow. `said` is how bad its reporter
    says it is, `path` its own page, `silence` the form that silences it."""

    name: str
    summary: str
    firing: bool
    since: Moment
    ended: Moment | None
    labels: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    said: str
    path: str
    silence: str


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """One way by which a page went out."""

    at: Moment
    method: str
    result: str


class PageView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who was paged."""

    name: str
    role: str
    why: str
    at: Moment
    answer: str
    waiting: bool
    answered: bool
    steps: tuple[StepView, ...]


class RoomView(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page."""

    id: str
    title: str
    description: str
    badge: Badge
    level: str
    evidence: str
    level_by_hand: bool
    state: str
    active: bool
    waiting: bool
    drill: bool
    opened: Moment
    age: str
    commander: str
    acknowledged_by: str
    merged_into: str
    facts: tuple[tuple[str, str], ...]
    clocks: tuple[DeadlineView, ...]
    buttons: tuple[Button, ...]
    latest: tuple[LineView, ...]
    every: tuple[LineView, ...]
    last_seq: int
    alerts: tuple[AlertView, ...]
    pages: tuple[PageView, ...]
    triage: tuple[guide.QuestionView, ...]
    phases: tuple[guide.PhaseView, ...]
    groups: tuple[guide.GroupView, ...]
    drafts: tuple[guide.DraftView, ...]
    levels: tuple[tuple[str, str], ...]
    people: tuple[tuple[str, str], ...]
    roles: tuple[str, ...]
    categories: tuple[str, ...]
    marked: tuple[str, ...]
    postmortem: str
    postmortem_link: str
    published: Moment | None
    may_answer: bool
    may_check: bool
    may_write: bool
    may_send: bool
    may_publish: bool
    names_person: bool
    acts_for_itself: bool
    playbook_title: str
    playbook_is_current: bool


def room_view(room: Room, principal: Principal, bodies: guide.Bodies, now: datetime) -> RoomView:
    """Everything that this principal sees of the room, at this time (UTC)."""
    incident = room.incident
    verbs = {each.verb: each.label for each in room.choices if may(principal, VERBS[each.verb].role)}
    lines = [_line(line) for line in reversed(room.lines)]
    names = {person.id: person.name for person in room.people}
    return RoomView(
        id=incident.id,
        title=incident.title,
        description=incident.description,
        badge=badge(incident.level, room.levels),
        level=incident.level,
        evidence=room.level_because,
        level_by_hand=incident.level_by_hand,
        state=STATE_WORDS[incident.state],
        active=incident.active,
        waiting=incident.state is State.OPEN,
        drill=incident.drill,
        opened=moment(incident.opened_at),
        age=humane(max(now - incident.opened_at, now - now)),
        commander=room.commander.name if room.commander else "",
        acknowledged_by=room.acknowledged_by.name if room.acknowledged_by else "",
        merged_into=incident.merged_into or "",
        facts=_facts(incident),
        clocks=_clocks(room.deadlines, now),
        buttons=_buttons(room, principal, verbs),
        latest=tuple(line for line in lines if line.weight != Weight.DETAIL)[:LINES_SHOWN],
        every=tuple(lines),
        last_seq=incident.seq,
        alerts=tuple(
            _alert(each) for each in sorted(incident.alerts, key=lambda each: each.ends_at is not None)
        ),
        pages=tuple(_page(each, names) for each in reversed(incident.pages)),
        triage=guide.questions(room),
        phases=guide.phases(room),
        groups=guide.groups(room),
        drafts=guide.drafts(room, bodies),
        levels=tuple((each.level, badge(each.level, room.levels).text) for each in room.levels),
        people=tuple((person.id, person.name) for person in room.people),
        roles=room.roles,
        categories=tuple(each for each in room.categories if each not in incident.categories),
        marked=tuple(incident.categories),
        postmortem=incident.postmortem_text or room.postmortem,
        postmortem_link=safe_link(incident.postmortem_link),
        published=moment(incident.postmortem_at) if incident.postmortem_at else None,
        may_answer="triage" in verbs,
        may_check="check" in verbs,
        may_write="note" in verbs,
        may_send="message" in verbs,
        may_publish="postmortem" in verbs,
        names_person=may(principal, "commander"),
        acts_for_itself=principal.person in names,
        playbook_title=room.playbook_title,
        playbook_is_current=room.playbook_is_current,
    )


def _facts(incident: Incident) -> tuple[tuple[str, str], ...]:
    found = (
        ("Root cause", incident.root_cause),
        ("Fix", incident.fix),
        ("Verified by", incident.verification),
        ("Ended because", incident.end_reason),
    )
    return tuple((name, text) for name, text in found if text)


def _line(line: Line) -> LineView:
    return LineView(seq=line.seq, at=moment(line.at), who=line.who, text=line.text, weight=line.weight.value)


def _buttons(room: Room, principal: Principal, verbs: dict[str, str]) -> tuple[Button, ...]:
    incident = room.incident
    main = MAIN_VERBS.get(incident.state, ())
    if incident.postmortem_due_at is not None and incident.postmortem_at is None:
        # The post-mortem, which has a section of its own, comes before the end.
        main = tuple(verb for verb in main if verb != "close")
    return tuple(
        Button(verb=verb, label=label, main=verb in main, seldom=verb in SELDOM)
        for verb, label in verbs.items()
        if verb not in OWN_PLACE and _makes_sense(verb, room, principal)
    )


def _makes_sense(verb: str, room: Room, principal: Principal) -> bool:
    """Whether a possible command is of use to this principal: once somebody has acknowledged, only those
    who are still being paged have anything to answer, and who commands need not take command."""
    incident = room.incident
    if verb == "acknowledge":
        paged = {page.person for page in incident.open_pages}
        return incident.state is State.OPEN or principal.person in paged
    return verb != "take-command" or principal.person is None or incident.commander != principal.person


_ORDER = {
    DeadlineKind.RESPOND_BY: 0,
    DeadlineKind.UPDATE: 1,
    DeadlineKind.POSTMORTEM: 1,
    DeadlineKind.PHASE: 1,
}
"""Of two clocks that run out at once, what people owe stands before what Tocsin will do by itself."""


def _clocks(deadlines: tuple[Deadline, ...], now: datetime) -> tuple[DeadlineView, ...]:
    found = [each for each in deadlines if each.kind is not DeadlineKind.PAGE_STEP]
    phases = [each for each in found if each.kind is DeadlineKind.PHASE]
    later = {each.key for each in sorted(phases, key=lambda each: each.at)[1:]}
    shown = sorted(
        (each for each in found if each.key not in later),
        key=lambda each: (each.at, _ORDER.get(each.kind, 2)),
    )
    return tuple(
        DeadlineView(text=each.text, kind=each.kind.value, due=countdown(each.at, now))
        for each in shown[:CLOCKS_SHOWN]
    )


def _alert(alert: Alert) -> AlertView:
    wanted = (
        ("Runbook", alert.annotations.get("runbook_url", "")),
        ("Dashboard", alert.annotations.get("dashboard_url", "")),
        ("Source", alert.generator_url),
    )
    described = alert.annotations.get("description", "").strip()
    summary = alert.summary if alert.summary != alert.name else ""
    return AlertView(
        name=alert.name,
        summary="\n".join(dict.fromkeys(part for part in (summary, described) if part)),
        firing=alert.ends_at is None,
        since=moment(alert.starts_at),
        ended=moment(alert.ends_at) if alert.ends_at else None,
        labels=labels_of(alert),
        links=tuple((name, link) for name, url in wanted if (link := safe_link(url))),
        said=alert.annotations.get("reporter_says", "") if alert.source == SOURCE else "",
        path=alert_path(alert.fingerprint),
        silence=silence_path(alert.fingerprint),
    )


def _page(page: Page, names: dict[PersonId, str]) -> PageView:
    answer = (
        "Answered" if page.answered else "No answer yet" if page.ended_at is None else "Not needed any more"
    )
    results = {
        None: "on its way",
        "delivered": "delivered",
        "failing": "failing, tried again",
        "failed": "failed",
    }
    return PageView(
        name=names.get(page.person, page.person),
        role=page.role,
        why="; ".join(reason.text for reason in page.reasons),
        at=moment(page.at),
        answer=answer,
        waiting=page.ended_at is None,
        answered=page.answered,
        steps=tuple(_step(step, results[step.result]) for step in page.steps),
    )


def _step(step: Step, result: str) -> StepView:
    return StepView(at=moment(step.at), method=step.method, result=result)
