"""What the passing of time does: every deadline that has come becomes events, until none is left."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from tocsin.base.ids import PageId, role_key
from tocsin.base.times import humane
from tocsin.incident import events as e
from tocsin.incident import path, reach
from tocsin.incident.deadlines import (
    Deadline,
    DeadlineKind,
    auto_resolve_after,
    clock_deadlines,
    due_message,
    postmortem_due,
)
from tocsin.incident.rules import Rules
from tocsin.incident.state import Incident
from tocsin.oncall.model import Person


def deadlines(incident: Incident, rules: Rules) -> tuple[Deadline, ...]:
    """Everything that the playbook still wants of the incident, soonest first; all of it in UTC."""
    found = [*clock_deadlines(incident, rules), *reach.page_deadlines(incident, rules)]
    return tuple(sorted(found, key=lambda each: (each.at, each.key)))


def next_due_at(incident: Incident, rules: Rules) -> datetime | None:
    """When time will next do something to the incident (UTC); None where it waits for people alone."""
    return next((each.at for each in deadlines(incident, rules)), None)


def due_events(incident: Incident, rules: Rules, now: datetime) -> list[e.AnyEvent]:
    """The events of the deadlines that have come. What they lead to is asked for again after the fold."""
    events = list(_clock_events(incident, rules, now))
    if any(isinstance(each, e.Resolved) for each in events):
        return events
    wanted = [want for want in reach.wanted(incident, rules) if want.at <= now]
    if wanted:
        found = [_Call(want, *path.people_for(want.role, rules, now)) for want in wanted]
        return events + _page_events(found, incident)
    lost = reach.lost_pages(incident, rules)
    if lost:
        found = [
            _Call(
                reach.Wanted(key=each.key, role=each.role, at=now, text=each.because),
                reach.deputies(each, incident, rules, now),
                each.because,
            )
            for each in lost
        ]
        return events + _page_events(found, incident)
    return [*events, *(_stepped(step) for step in reach.next_steps(incident, rules) if step.at <= now)]


def _stepped(step: reach.NextStep) -> e.PageStepped:
    return e.PageStepped(
        page=step.page.id,
        person=step.page.person,
        round=step.round,
        method=step.method.id,
        channel=step.method.kind,
        key=f"{step.page.id}/{len(step.page.steps)}",
        due_at=step.at,
    )


def _clock_events(incident: Incident, rules: Rules, now: datetime) -> Iterator[e.AnyEvent]:
    for deadline in clock_deadlines(incident, rules):
        if deadline.at > now:
            continue
        match deadline.kind:
            case DeadlineKind.RESPOND_BY:
                yield e.ResponseOverdue(level=incident.level, due_at=deadline.at)
            case DeadlineKind.UPDATE:
                due = due_message(incident, rules)
                assert due is not None, "the deadline was computed from it"
                yield e.UpdateDue(message=due[0], due_at=deadline.at)
            case DeadlineKind.POSTMORTEM:
                yield e.PostmortemOverdue(due_at=deadline.at)
            case DeadlineKind.PHASE:
                number = int(deadline.key.partition(":")[2])
                phase = next(each for each in rules.playbook.phases if each.number == number)
                yield e.PhaseOverdue(phase=number, name=phase.name, due_at=deadline.at)
            case DeadlineKind.AUTO_RESOLVE:
                yield _resolved_by_itself(incident, rules, now)
            case _:
                raise AssertionError(f"{deadline.kind} is no deadline of the clock")


def _resolved_by_itself(incident: Incident, rules: Rules, now: datetime) -> e.Resolved:
    after = auto_resolve_after(incident.level, rules)
    assert after is not None, "the deadline was computed from it"
    count = incident.alert_count
    clear = "its alert has" if count == 1 else f"all of its {count} alerts have"
    return e.Resolved(
        root_cause="not known, since it resolved by itself",
        fix=f"none that is known; resolved by itself: {clear} been clear for {humane(after)}",
        verification=f"the alerts are clear since {incident.cleared_at:%Y-%m-%d %H:%M:%S UTC}",
        postmortem_due_at=postmortem_due(incident.level, now, rules),
    )


class _Call(msgspec.Struct, frozen=True):
    """A reason to page whose time has come, with the people to try in their order; with none, why."""

    want: reach.Wanted
    people: tuple[Person, ...]
    because: str


def _page_events(calls: list[_Call], incident: Incident) -> list[e.AnyEvent]:
    """One page for each person, with all the reasons that have come together."""
    events: list[e.AnyEvent] = []
    by_person: dict[str, tuple[Person, str, list[reach.Wanted]]] = {}
    nobody: dict[str, tuple[str, str, list[reach.Wanted]]] = {}
    for call in calls:
        want = call.want
        if want.edge:
            events.append(
                e.Escalated(
                    edge=want.key, source=want.edge.source, to=want.role, because=want.text, due_at=want.at
                )
            )
        if call.people:
            person = call.people[0]
            by_person.setdefault(person.id, (person, want.role, []))[2].append(want)
        else:
            nobody.setdefault(role_key(want.role), (want.role, call.because, []))[2].append(want)
    number = len(incident.pages)
    for person, role, wants in by_person.values():
        under_way = next((page for page in incident.open_pages if page.person == person.id), None)
        number += 0 if under_way else 1
        made = e.PageWidened if under_way else e.Paged
        events.append(
            made(
                page=under_way.id if under_way else PageId(f"{incident.id}/p{number}"),
                person=person.id,
                name=person.name,
                role=role,
                reasons=_reasons(wants),
                due_at=min(want.at for want in wants),
            )
        )
    for role, because, wants in nobody.values():
        events.append(
            e.NobodyReachable(
                role=role,
                reasons=_reasons(wants),
                because=because,
                fallback_key=f"fallback:{wants[0].key}",
                due_at=min(want.at for want in wants),
            )
        )
    return events


def _reasons(wants: list[reach.Wanted]) -> tuple[e.PageReason, ...]:
    return tuple(e.PageReason(key=want.key, text=want.text, role=want.role) for want in wants)
