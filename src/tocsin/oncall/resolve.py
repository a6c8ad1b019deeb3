"""Who is on call at an instant, until when, and who has which shift."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from tocsin.base.ids import PersonId
from tocsin.base.times import in_zone, require_utc
from tocsin.oncall.handover import handover_at, turn_at, whose_turn
from tocsin.oncall.model import OnCall, Override, Person, RoleFill, Roster, Rotation


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """Who is on call from `starts_at` until `ends_at` (UTC, end excluded), in the order in which to try
    them. `stands_in` says that an override put them there."""

    people: tuple[PersonId, ...]
    starts_at: datetime
    ends_at: datetime
    stands_in: bool = False


class _Holder(msgspec.Struct, frozen=True):
    """Who has a rotation at an instant, and by which override or turn; nobody before its start."""

    person: PersonId | None
    override: int | None = None
    turn: int | None = None


def on_call(roster: Roster, role: str, at: datetime) -> OnCall:
    """Who is on call for a role at an instant.

    A rotation has one person on call from its first handover on, named people are all on call in their
    order. Where nobody is, `because` says why. `until` is when the answer next changes by itself.
    """
    at = require_utc(at)
    fill = roster.role(role)
    if fill is None:
        return OnCall(role=role, because=f"nobody fills the role {role} in the roster")
    if fill.rotation is None:
        if not fill.people:
            return OnCall(role=role, because=f"the role {role} names nobody in the roster")
        people, missing = _known(roster, fill.people)
        return OnCall(role=role, people=people, because="" if people else _not_there(missing, role))
    return _rotating(roster, role, fill.rotation, at)


def may_fill(roster: Roster, role: str, person: PersonId, at: datetime | None = None) -> bool:
    """Whether somebody is entitled to a role: named for it, a member of its rotation, or standing in.

    An override entitles while it lasts. Without `at`, whoever is written down as standing in at any time
    is entitled.
    """
    fill = roster.role(role)
    if fill is None:
        return False
    if person in fill.people:
        return True
    rotation = fill.rotation
    if rotation is None:
        return False
    if person in rotation.people:
        return True
    instant = None if at is None else require_utc(at)
    return any(
        override.person == person and (instant is None or _lasts(override, instant))
        for override in rotation.overrides
    )


def shifts(fill: RoleFill, start: datetime, end: datetime) -> tuple[Shift, ...]:
    """Who is on call from `start` until `end`, without gap or overlap from the rotation's start on.

    A new shift begins at each handover and at each override that changes who is on call. Time before the
    rotation's start has no shift.
    """
    start, end = require_utc(start), require_utc(end)
    if end <= start:
        return ()
    rotation = fill.rotation
    if rotation is None:
        return (Shift(people=fill.people, starts_at=start, ends_at=end),) if fill.people else ()
    found: list[Shift] = []
    begins, holder = start, _holder(rotation, start)
    for edge in _edges(rotation, start, end):
        after = _holder(rotation, edge) if edge < end else None
        if after == holder:
            continue
        if holder.person is not None:
            by_override = holder.override is not None
            found.append(
                Shift(people=(holder.person,), starts_at=begins, ends_at=edge, stands_in=by_override)
            )
        if after is not None:
            begins, holder = edge, after
    return tuple(found)


def _edges(rotation: Rotation, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every instant after `start` at which the holder may change, in order, and `end` as the last."""
    edge = _next_edge(rotation, start, bool(rotation.people))
    while edge is not None and edge < end:
        yield edge
        edge = _next_edge(rotation, edge, bool(rotation.people))
    yield end


def _next_edge(rotation: Rotation, at: datetime, handovers: bool) -> datetime | None:
    """The next edge of an override after an instant, or handover where those count; None without any."""
    edges = [edge for each in rotation.overrides for edge in (each.starts_at, each.ends_at) if edge > at]
    if handovers:
        turn = turn_at(rotation, at)
        begins = handover_at(rotation, 0 if turn is None else turn + 1)
        if begins is not None:
            edges.append(begins)
    return min(edges, default=None)


def _holder(rotation: Rotation, at: datetime) -> _Holder:
    for place in range(len(rotation.overrides) - 1, -1, -1):
        override = rotation.overrides[place]
        if _lasts(override, at):
            return _Holder(override.person, override=place)
    turn = turn_at(rotation, at) if rotation.people else None
    return _Holder(None) if turn is None else _Holder(whose_turn(rotation, turn), turn=turn)


def _lasts(override: Override, at: datetime) -> bool:
    return override.starts_at <= at < override.ends_at


def _rotating(roster: Roster, role: str, rotation: Rotation, at: datetime) -> OnCall:
    person = _holder(rotation, at).person
    until = _changes_at(rotation, person, at)
    if person is None:
        return OnCall(role=role, because=_not_begun(role, rotation), until=until)
    people, missing = _known(roster, (person,))
    return OnCall(role=role, people=people, because="" if people else _not_there(missing, role), until=until)


def _changes_at(rotation: Rotation, person: PersonId | None, at: datetime) -> datetime | None:
    """When somebody else than `person` is next on call. A handover from someone to themselves, or one
    under an override, changes nothing."""
    takes_turns = len(set(rotation.people)) > 1
    edge: datetime | None = at
    while edge is not None:
        own_turn = bool(rotation.people) and _holder(rotation, edge).override is None
        handovers = own_turn and (takes_turns or turn_at(rotation, edge) is None)
        edge = _next_edge(rotation, edge, handovers)
        if edge is not None and _holder(rotation, edge).person != person:
            return edge
    return None


def _not_begun(role: str, rotation: Rotation) -> str:
    if not rotation.people:
        return f"the rotation of {role} names nobody"
    begins = handover_at(rotation, 0)
    when = in_zone(begins, rotation.zone) if begins else rotation.starts_on.isoformat()
    return f"the rotation of {role} begins on {when}"


def _known(roster: Roster, ids: tuple[PersonId, ...]) -> tuple[tuple[Person, ...], tuple[PersonId, ...]]:
    found = [(each, roster.person(each)) for each in ids]
    people = tuple(person for _, person in found if person is not None)
    return people, tuple(each for each, person in found if person is None)


def _not_there(missing: tuple[PersonId, ...], role: str) -> str:
    return f"{', '.join(missing)} fills the role {role} but is not among the people of the roster"
