"""The closing sentences of a rehearsal: how it ended, who was paged, who was not reached, what comes next."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from tocsin.drill.scenario import DrillLine, offset_text
from tocsin.incident import events as e
from tocsin.incident.outgoing import EffectKind
from tocsin.incident.rules import Rules
from tocsin.incident.settle import deadlines
from tocsin.incident.state import Incident, State


def verdict(
    lines: Iterable[DrillLine], incident: Incident | None, rules: Rules, start: datetime, end: datetime
) -> tuple[str, ...]:
    """The sentences, in the order in which they matter. `start` and `end` of the rehearsal are UTC."""
    if incident is None:
        return ("No incident was opened, so that nobody was paged.",)
    kept = list(lines)
    return (
        _outcome(incident, rules, start, end),
        *_overdue(kept),
        *_paged(kept, rules),
        *_unreachable(kept),
        *_next(incident, rules, start),
    )


def _outcome(incident: Incident, rules: Rules, start: datetime, end: datetime) -> str:
    head = f"{incident.id} is a {incident.level} and is {incident.state.value} at {offset_text(end - start)}"
    if incident.state is State.OPEN:
        return f"{head}: nobody acknowledged it."
    told = ""
    if incident.first_acknowledged_at and incident.acknowledged_by:
        after = offset_text(incident.first_acknowledged_at - start)
        told = f" {_name(incident.acknowledged_by, rules)} acknowledged at {after}."
    commander = (
        f" {_name(incident.commander, rules)} commands." if incident.commander else " Nobody commands."
    )
    resolved = f" Resolved at {offset_text(incident.resolved_at - start)}." if incident.resolved_at else ""
    return f"{head}.{told}{commander}{resolved}"


def _name(person: str, rules: Rules) -> str:
    return next((each.name for each in rules.roster.people if each.id == person), person)


def _overdue(lines: list[DrillLine]) -> Iterator[str]:
    for line in lines:
        event = line.entry.event if line.entry else None
        if isinstance(event, e.ResponseOverdue):
            yield f"The response time of {event.level} ran out at {line.clock}."


def _paged(lines: list[DrillLine], rules: Rules) -> Iterator[str]:
    first: dict[str, DrillLine] = {}
    times: dict[str, int] = {}
    for line in lines:
        event = line.entry.event if line.entry else None
        if isinstance(event, e.Paged):
            first.setdefault(event.person, line)
        for send in line.sends:
            if send.kind is EffectKind.PAGE and send.person:
                times[send.person] = times.get(send.person, 0) + 1
    if not first:
        yield "Nobody was paged."
        return
    told = (
        f"{_name(person, rules)} at {line.clock} ({_count(times.get(person, 0))})"
        for person, line in first.items()
    )
    yield f"Paged: {', '.join(told)}."


def _count(times: int) -> str:
    return "1 notification" if times == 1 else f"{times} notifications"


def _unreachable(lines: list[DrillLine]) -> Iterator[str]:
    found = {
        line.entry.event.role: line.entry.event.because
        for line in lines
        if line.entry and isinstance(line.entry.event, e.NobodyReachable)
    }
    for role, because in found.items():
        yield f"Nobody could be reached for {role}: {because}."


def _next(incident: Incident, rules: Rules, start: datetime) -> Iterator[str]:
    coming = deadlines(incident, rules)
    if coming:
        yield f"Next would be, at {offset_text(coming[0].at - start)}: {coming[0].text}."
    else:
        yield "Nothing more would happen by itself."
