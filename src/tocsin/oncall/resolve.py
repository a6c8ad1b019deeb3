"""Who is on call at an instant, until when, and who has which shift."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import msgspec
from msgspec.structs import replace

from tocsin.base.ids import PersonId
from tocsin.base.times import in_zone, require_utc
from tocsin.oncall.handover import handover_at
from tocsin.oncall.layers import Holding, holding_at, lasts, next_edge
from tocsin.oncall.model import Absence, OnCall, Person, RoleFill, Roster, Schedule

EDGES_MAX = 5_000
"""After so many changes of the clock's meaning that changed nobody, nobody is taken to follow."""


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """Who is on call from `starts_at` until `ends_at` (UTC, end excluded), in the order in which to try
    them. `stands_in` says that an override put them there, `instead_of` whose turn it is where they are
    away."""

    people: tuple[PersonId, ...]
    starts_at: datetime
    ends_at: datetime
    stands_in: bool = False
    instead_of: PersonId | None = None


def on_call(roster: Roster, role: str, at: datetime) -> OnCall:
    """Who is on call for a role at an instant.

    A schedule has one person on call from its first handover on, named people are all on call in their
    order, but for those who are away. An override over named people puts its person before all of them; of
    several, the latest first. Where nobody is, `because` says why. `until` is when the answer next changes
    by itself.
    """
    at = require_utc(at)
    fill = roster.role(role)
    if fill is None:
        return OnCall(role=role, because=f"nobody fills the role {role} in the roster")
    if fill.turns is not None:
        return _taking_turns(roster, role, fill.turns, at)
    if not fill.people and not fill.overrides:
        return OnCall(role=role, because=f"the role {role} names nobody in the roster")
    return _named(roster, role, fill, at)


def may_fill(roster: Roster, role: str, person: PersonId, at: datetime | None = None) -> bool:
    """Whether somebody is entitled to a role: named for it, a member of its schedule, or standing in.

    An override entitles while it lasts. Without `at`, whoever is written down as standing in at any time
    is entitled.
    """
    fill = roster.role(role)
    if fill is None:
        return False
    if person in fill.people:
        return True
    turns = fill.turns
    if turns is not None and any(person in layer.rotation.people for layer in turns.layers):
        return True
    instant = None if at is None else require_utc(at)
    return any(
        override.person == person and (instant is None or lasts(override, instant))
        for override in (*fill.overrides, *(turns.overrides if turns else ()))
    )


def shifts(
    fill: RoleFill, start: datetime, end: datetime, absences: Sequence[Absence] = ()
) -> tuple[Shift, ...]:
    """Who is on call from `start` until `end`, without gap or overlap wherever somebody is.

    A new shift begins at each handover and at each override or absence that changes who is on call. Time in
    which nobody is has no shift.
    """
    start, end = require_utc(start), require_utc(end)
    if end <= start:
        return ()
    turns = fill.turns
    if turns is None:
        return _named_shifts(fill, start, end, absences)
    found: list[Shift] = []
    begins, holding = start, holding_at(turns, start, absences)
    at: datetime | None = start
    while at is not None and at < end:
        at = next_edge(turns, at, holding, absences)
        edge = end if at is None else min(at, end)
        after = holding_at(turns, edge, absences) if edge < end else None
        if after == holding:
            continue
        if holding.person is not None:
            found.append(_shift(holding, holding.person, begins, edge))
        if after is not None:
            begins, holding = edge, after
    return tuple(found)


def _shift(holding: Holding, person: PersonId, begins: datetime, ends: datetime) -> Shift:
    return Shift(
        people=(person,),
        starts_at=begins,
        ends_at=ends,
        stands_in=holding.override is not None,
        instead_of=holding.instead_of,
    )


def _named_shifts(
    fill: RoleFill, start: datetime, end: datetime, absences: Sequence[Absence]
) -> tuple[Shift, ...]:
    found: list[Shift] = []
    edges = [start, *(edge for edge in _named_edges(fill, absences) if start < edge < end), end]
    for begins, ends in pairwise(edges):
        people, stands_in = _named_at(fill, begins, absences)
        last = found[-1] if found else None
        if last and last.ends_at == begins and (last.people, last.stands_in) == (people, stands_in):
            found[-1] = replace(last, ends_at=ends)
        elif people:
            found.append(Shift(people=people, starts_at=begins, ends_at=ends, stands_in=stands_in))
    return tuple(found)


def _named_at(fill: RoleFill, at: datetime, absences: Sequence[Absence]) -> tuple[tuple[PersonId, ...], bool]:
    """Whoever stands in, the latest first, then those named who are not away; whether anybody stands in."""
    over = [each.person for each in reversed(fill.overrides) if lasts(each, at)]
    away = {each.person for each in absences if lasts(each, at)}
    named = [person for person in fill.people if person not in away]
    return tuple(dict.fromkeys([*over, *named])), bool(over)


def _named_edges(fill: RoleFill, absences: Sequence[Absence]) -> list[datetime]:
    """When who is on call of named people may change, in order."""
    spans = (*fill.overrides, *(each for each in absences if each.person in fill.people))
    return sorted({edge for each in spans for edge in (each.starts_at, each.ends_at)})


def _named(roster: Roster, role: str, fill: RoleFill, at: datetime) -> OnCall:
    people, missing = _known(roster, _named_at(fill, at, roster.absences)[0])
    until = next((edge for edge in _named_edges(fill, roster.absences) if edge > at), None)
    because = ""
    if not people:
        away = [each for each in roster.absences if each.person in fill.people and lasts(each, at)]
        because = _all_away(role, away) if away else _not_there(missing, role)
        if not away and not missing:
            because = f"the role {role} names nobody in the roster"
    return OnCall(role=role, people=people, because=because, until=until)


def _taking_turns(roster: Roster, role: str, turns: Schedule, at: datetime) -> OnCall:
    holding = holding_at(turns, at, roster.absences)
    until = _changes_at(turns, holding, at, roster.absences)
    if holding.person is None:
        return OnCall(role=role, because=_why_nobody(roster, role, turns, at), until=until)
    people, missing = _known(roster, (holding.person,))
    return OnCall(role=role, people=people, because="" if people else _not_there(missing, role), until=until)


def _changes_at(
    turns: Schedule, holding: Holding, at: datetime, absences: Sequence[Absence]
) -> datetime | None:
    """When somebody else is next on call. A handover from someone to themselves changes nothing."""
    person, edge = holding.person, next_edge(turns, at, holding, absences)
    for _ in range(EDGES_MAX):
        if edge is None:
            return None
        holding = holding_at(turns, edge, absences)
        if holding.person != person:
            return edge
        edge = next_edge(turns, edge, holding, absences)
    return None


def _why_nobody(roster: Roster, role: str, turns: Schedule, at: datetime) -> str:
    rotations = [layer.rotation for layer in turns.layers if layer.rotation.people]
    if not rotations:
        return f"the rotation of {role} names nobody"
    begun = [(handover_at(rotation, 0), rotation) for rotation in rotations]
    if all(begins is None or begins > at for begins, _ in begun):
        begins, first = min(begun, key=lambda each: (each[0] is None, each[0] or at))
        when = in_zone(begins, first.zone) if begins else first.starts_on.isoformat()
        return f"the rotation of {role} begins on {when}"
    away = [each for each in roster.absences if lasts(each, at)]
    if away and {person for rotation in rotations for person in rotation.people} <= {
        each.person for each in away
    }:
        return _all_away(role, away)
    return f"the schedule of {role} has nobody at this time"


def _all_away(role: str, away: Sequence[Absence]) -> str:
    names = ", ".join(dict.fromkeys(each.person for each in away))
    return f"everybody who fills the role {role} is away ({names})"


def _known(roster: Roster, ids: tuple[PersonId, ...]) -> tuple[tuple[Person, ...], tuple[PersonId, ...]]:
    found = [(each, roster.person(each)) for each in ids]
    people = tuple(person for _, person in found if person is not None)
    return people, tuple(each for each, person in found if person is None)


def _not_there(missing: tuple[PersonId, ...], role: str) -> str:
    return f"{', '.join(missing)} fills the role {role} but is not among the people of the roster"
