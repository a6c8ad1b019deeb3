"""When the playbook wants something of an incident next. Pure: a restart, a clock jump or a drill
computes the same list again."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from tocsin.base.ids import LevelId
from tocsin.base.times import humane
from tocsin.incident import path
from tocsin.incident.rules import Rules
from tocsin.incident.severity import is_about_security
from tocsin.incident.state import Incident, State
from tocsin.playbook.model import MessageKind, Phase
from tocsin.playbook.render import template_for
from tocsin.playbook.vocabulary import either

RESOLUTION_MESSAGE_WITHIN = timedelta(minutes=15)
"""How soon after the resolution its message is asked for where the playbook gives no rhythm."""


class DeadlineKind(StrEnum):
    """What a deadline is about."""

    PAGE = "page"
    PAGE_STEP = "page-step"
    RESPOND_BY = "respond-by"
    ESCALATE = "escalate"
    UPDATE = "update"
    PHASE = "phase"
    POSTMORTEM = "postmortem"
    AUTO_RESOLVE = "auto-resolve"


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the playbook wants at `at` (UTC), in words for people. `key` is unique in the incident.

    `role` is whom it concerns, where it concerns a role.
    """

    at: datetime
    kind: DeadlineKind
    key: str
    text: str
    role: str = ""


def clock_deadlines(incident: Incident, rules: Rules) -> Iterator[Deadline]:
    """The deadlines that are not about paging somebody: respond by, update, phases, post-mortem, and the
    end by itself."""
    for found in (_respond_by(incident, rules), _update(incident, rules), _postmortem(incident)):
        if found:
            yield found
    yield from _phases(incident, rules)
    if found := auto_resolve(incident, rules):
        yield found


def auto_resolve(incident: Incident, rules: Rules) -> Deadline | None:
    """When the incident resolves by itself, because its level allows that and all its alerts have ended.

    Never one that a person declared or has reopened since, and never one about security: that an attack
    is quiet does not say that it is over.
    """
    after = auto_resolve_after(incident.level, rules)
    if after is None or incident.cleared_at is None or not incident.active or not incident.group_key:
        return None
    if incident.firing_count or any(is_about_security(each) for each in incident.categories):
        return None
    return Deadline(
        at=incident.cleared_at + after,
        kind=DeadlineKind.AUTO_RESOLVE,
        key="auto-resolve",
        text=f"It resolves by itself if its alerts stay clear for {humane(after)}",
    )


def auto_resolve_after(level: LevelId, rules: Rules) -> timedelta | None:
    """How long the alerts of an incident of this level must be clear; None where a person resolves it."""
    return rules.playbook.options.noise.auto_resolve.get(path.level_of(level, rules).level)


def due_message(incident: Incident, rules: Rules) -> tuple[MessageKind, datetime] | None:
    """The status message that the playbook wants next, and when (UTC); None where it wants none."""
    sent = [message for message in incident.messages if message.at >= incident.clock_from]
    if incident.state is State.RESOLVED:
        told = sent and any(message.kind is not MessageKind.RESOLUTION for message in sent)
        ended = any(message.kind is MessageKind.RESOLUTION for message in sent)
        reminded = (
            incident.reminded_at and incident.resolved_at and incident.reminded_at >= incident.resolved_at
        )
        if not told or ended or incident.resolved_at is None or reminded:
            return None
        wait = path.severity(incident, rules).update_every or RESOLUTION_MESSAGE_WITHIN
        return MessageKind.RESOLUTION, incident.resolved_at + wait
    every = path.severity(incident, rules).update_every
    if not incident.active or not every:
        return None
    if incident.state is State.OPEN and incident.reminded_at is not None:
        # Said once; nobody has taken it on who could be reminded again.
        return None
    last = max([incident.clock_from, *(message.at for message in sent)])
    if incident.reminded_at is not None:
        last = max(last, incident.reminded_at)
    return (MessageKind.UPDATE if sent else MessageKind.INITIAL), last + every


def postmortem_due(level: LevelId, resolved_at: datetime, rules: Rules) -> datetime | None:
    """When the post-mortem of an incident of this level is due (UTC); None where the playbook wants none."""
    wanted = rules.playbook.postmortem
    if wanted is None:
        return None
    within = wanted.due_by_level.get(level, wanted.due_within)
    return None if within is None else resolved_at + within


def is_overdue(incident: Incident, what: str) -> bool:
    """Whether this clock was recorded as run out since the last opening."""
    return f"{incident.generation}:{what}" in incident.overdue


def _respond_by(incident: Incident, rules: Rules) -> Deadline | None:
    if incident.state is not State.OPEN or is_overdue(incident, f"respond:{incident.level}"):
        return None
    return Deadline(
        at=path.respond_by(incident, rules),
        kind=DeadlineKind.RESPOND_BY,
        key=f"respond:{incident.level}",
        text=f"Somebody must have acknowledged ({incident.level})",
    )


def _update(incident: Incident, rules: Rules) -> Deadline | None:
    due = due_message(incident, rules)
    if due is None or template_for(rules.playbook, incident.level, due[0]) is None:
        return None
    words = {
        MessageKind.INITIAL: "The first status message is due",
        MessageKind.UPDATE: "The next status message is due",
        MessageKind.RESOLUTION: "The message that it is resolved is due",
    }
    return Deadline(at=due[1], kind=DeadlineKind.UPDATE, key=f"message:{due[0].value}", text=words[due[0]])


def _postmortem(incident: Incident) -> Deadline | None:
    due = incident.postmortem_due_at
    waiting = incident.state is State.RESOLVED and incident.postmortem_at is None
    if due is None or not waiting or is_overdue(incident, "postmortem"):
        return None
    return Deadline(at=due, kind=DeadlineKind.POSTMORTEM, key="postmortem", text="The post-mortem is due")


_PHASE_ENDS = (
    (either(r"detect", "detection"), "acknowledged_at"),
    (either(r"triage|assess|classif", "triage"), "mitigating_at"),
    (either(r"mitigat|contain|stabili", "mitigation"), "mitigated_at"),
    (either(r"resol|recover|fix|eradicat", "resolution"), "resolved_at"),
)
_AFTERWARDS = either(r"post.?mortem|retro|review|lessons|learn", "postmortem")


def _phases(incident: Incident, rules: Rules) -> Iterator[Deadline]:
    """Phases that should end, where the level's own response time leaves room for the window at all."""
    if not incident.active:
        return
    numbers: set[int] = set()
    for phase in rules.playbook.phases:
        if phase.number in numbers:
            # A number that the author gave twice can run out only once.
            continue
        numbers.add(phase.number)
        ends = phase.ends_after
        fits = ends is not None and path.response_time(incident, rules) <= ends
        afterwards = _AFTERWARDS.search(phase.name)
        if ends is None or not fits or afterwards or phase_is_over(phase, incident):
            continue
        if not is_overdue(incident, f"phase:{phase.number}"):
            yield Deadline(
                at=incident.clock_from + ends,
                kind=DeadlineKind.PHASE,
                key=f"phase:{phase.number}",
                text=f"The phase {phase.name} should have ended",
            )


def phase_is_over(phase: Phase, incident: Incident) -> bool:
    """Whether the incident has left this phase: by its state where the phase's name tells which, else by
    its checklist being ticked off."""
    order = [name for _, name in _PHASE_ENDS]
    for pattern, ended_by in _PHASE_ENDS:
        if pattern.search(phase.name):
            return any(getattr(incident, name) is not None for name in order[order.index(ended_by) :])
    return bool(phase.checklist) and all(item.id in incident.checked for item in phase.checklist)
