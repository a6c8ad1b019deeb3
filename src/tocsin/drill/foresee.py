"""What the core would do with an incident of a level: who is called when, computed by letting it happen."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from tocsin.base.ids import IncidentId, LevelId
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident.answer import Refused
from tocsin.incident.deadlines import DeadlineKind, clock_deadlines, due_message, postmortem_due
from tocsin.incident.decide import handle
from tocsin.incident.path import known_categories, response_time
from tocsin.incident.rules import Rules
from tocsin.incident.settle import deadlines
from tocsin.incident.state import Incident, Sent, State
from tocsin.playbook.model import MessageKind, Severity

SOME_DAY = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""A Monday morning: where nobody says when, it only has to be a time at which every rotation has begun."""

_FORESEEN = IncidentId("INC-1")
_SOMEBODY = e.Actor(e.ActorKind.SYSTEM, "explain", "Tocsin")
_CALLS = (DeadlineKind.PAGE, DeadlineKind.ESCALATE, DeadlineKind.RESPOND_BY)
TICKS_MAX = 2_000
"""A path has fewer hops than this; each tick takes at least one reason to page away."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody is paged `after` the opening, or would be: `reached` is False where nobody fills the role."""

    after: timedelta
    role: str
    name: str
    why: str
    reached: bool = True


class DueMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A status message of the level: `after` runs from the opening (initial), from the message before
    (update), or from the resolution (resolution)."""

    kind: MessageKind
    after: timedelta


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to an incident of one level.

    `unanswered` are the calls while nobody answers, `answered` those that still come although somebody
    acknowledged at once and nobody resolves it; `by_category` adds what a category changes about the
    former. `phases` are the ends of the phases that the level leaves room for, from the opening.
    """

    severity: Severity
    respond_within: timedelta
    unanswered: tuple[Call, ...]
    answered: tuple[Call, ...]
    by_category: dict[str, tuple[Call, ...]] = {}
    messages: tuple[DueMessage, ...] = ()
    phases: dict[int, timedelta] = {}
    postmortem_after: timedelta | None = None


def foresee(level: LevelId, rules: Rules, at: datetime = SOME_DAY) -> Foreseen:
    """What these rules do with an incident of a level that the playbook has, opened at `at` (UTC)."""
    severity = rules.playbook.severity(level)
    assert severity is not None, f"{level} is no level of the playbook"
    opened = _opened(severity.level, (), rules, at)
    plain = _calls(opened, rules, at)
    categories = {
        name: tuple(call for call in _calls(_opened(severity.level, (name,), rules, at), rules, at))
        for name in known_categories(rules)
    }
    known = set(plain)
    due = postmortem_due(severity.level, at, rules)
    return Foreseen(
        severity=severity,
        respond_within=response_time(opened.incident, rules),
        unanswered=plain,
        answered=_calls_when_answered(opened, rules, at),
        by_category={
            name: more
            for name, calls in categories.items()
            if (more := tuple(call for call in calls if call not in known))
        },
        messages=tuple(_messages(opened.incident, rules, at)),
        phases={
            int(each.key.partition(":")[2]): each.at - at
            for each in clock_deadlines(opened.incident, rules)
            if each.kind is DeadlineKind.PHASE
        },
        postmortem_after=None if due is None else due - at,
    )


class _Life(msgspec.Struct, frozen=True):
    """An incident with all that happened to it so far."""

    incident: Incident
    entries: tuple[e.Entry, ...]


def _opened(level: LevelId, categories: tuple[str, ...], rules: Rules, at: datetime) -> _Life:
    command = c.Declare(title="Foreseen", level=level, categories=categories, drill=True)
    return _ask(None, command, _SOMEBODY, rules, at)


def _ask(life: _Life | None, command: c.Command, actor: e.Actor, rules: Rules, at: datetime) -> _Life:
    decided = handle(life.incident if life else None, command, actor, rules, at, _FORESEEN)
    assert not isinstance(decided, Refused), decided
    return _Life(decided.incident, (*(life.entries if life else ()), *decided.entries))


def _calls(life: _Life, rules: Rules, start: datetime) -> tuple[Call, ...]:
    """Let time pass while nobody does anything, until there is nobody left to call."""
    now = start
    for _ in range(TICKS_MAX):
        coming = [each for each in deadlines(life.incident, rules) if each.kind in _CALLS]
        if not coming:
            break
        now = max(now, coming[0].at)
        life = _ask(life, c.Tick(), e.CLOCK, rules, now)
    return tuple(_said(life.entries, start))


def _calls_when_answered(opened: _Life, rules: Rules, at: datetime) -> tuple[Call, ...]:
    if not opened.incident.pages:
        return ()
    person = opened.incident.pages[0].person
    actor = e.Actor(e.ActorKind.PERSON, person, rules.roster.name_of(person))
    life = _ask(opened, c.Acknowledge(person=person, via="explain"), actor, rules, at)
    return tuple(call for call in _calls(life, rules, at) if call.after > timedelta(0))


def _said(entries: Iterable[e.Entry], start: datetime) -> Iterable[Call]:
    for entry in entries:
        event, after = entry.event, entry.at - start
        match event:
            case e.Paged() | e.PageWidened():
                why = "; ".join(reason.text for reason in event.reasons)
                yield Call(after=after, role=event.role, name=event.name, why=why)
            case e.NobodyReachable():
                why = "; ".join([*(reason.text for reason in event.reasons), event.because])
                yield Call(after=after, role=event.role, name="", why=why, reached=False)
            case _:
                continue


def _messages(incident: Incident, rules: Rules, at: datetime) -> Iterable[DueMessage]:
    """The core is asked what it wants before the first message, after it, and after the resolution."""
    told = msgspec.structs.replace(incident, messages=(Sent(kind=MessageKind.INITIAL, number=1, at=at),))
    ended = msgspec.structs.replace(told, state=State.RESOLVED, resolved_at=at)
    for state in (incident, told, ended):
        due = due_message(state, rules)
        if due is not None:
            yield DueMessage(kind=due[0], after=due[1] - at)
