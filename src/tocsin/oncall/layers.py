"""Which layer of a schedule has whom at an instant, and when that may next change."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import msgspec

from tocsin.base.ids import PersonId
from tocsin.base.times import require_utc, zone
from tocsin.oncall.handover import handover_at, turn_at, wall_clock
from tocsin.oncall.model import Absence, Layer, Override, Restriction, Schedule

_DAY = timedelta(days=1)


class Holding(msgspec.Struct, frozen=True):
    """Who has a schedule at an instant: by an override (its place), or by a layer (its place) and a turn.

    `instead_of` is whose turn it is, where that person is away. Nobody has it where `person` is None.
    """

    person: PersonId | None
    override: int | None = None
    layer: int | None = None
    turn: int | None = None
    instead_of: PersonId | None = None


NOBODY = Holding(None)


def holding_at(schedule: Schedule, at: datetime, absences: Sequence[Absence] = ()) -> Holding:
    """Who has a schedule at an instant (UTC).

    An override counts even where its person is away: somebody has put them there for that very time. In a
    layer, the turn of a person who is away goes to the next in the order who is not; where all are away, or
    the layer does not count at the time, the layer below has it.
    """
    at = require_utc(at)
    for place in range(len(schedule.overrides) - 1, -1, -1):
        override = schedule.overrides[place]
        if lasts(override, at):
            return Holding(override.person, override=place)
    away = {absence.person for absence in absences if lasts(absence, at)}
    for place in range(len(schedule.layers) - 1, -1, -1):
        found = _in_layer(schedule.layers[place], place, at, away)
        if found is not None:
            return found
    return NOBODY


def next_edge(
    schedule: Schedule, at: datetime, holding: Holding, absences: Sequence[Absence] = ()
) -> datetime | None:
    """The first instant after `at` (UTC) at which somebody else may have the schedule than `holding`, which
    has it at `at`; None where nothing is to come."""
    at = require_utc(at)
    edges = [edge for each in schedule.overrides for edge in (each.starts_at, each.ends_at) if edge > at]
    if holding.override is None:
        edges += _layer_edges(schedule, at, holding, absences)
    return min(edges, default=None)


def lasts(span: Override | Absence, at: datetime) -> bool:
    """Whether an instant lies within."""
    return span.starts_at <= at < span.ends_at


def spans(
    restriction: Restriction, zone_name: str, around: date, days: int
) -> Iterator[tuple[datetime, datetime]]:
    """When a restriction holds (UTC, end excluded), for the days from the one before `around` on."""
    where = zone(zone_name)
    for offset in range(-1, days):
        try:
            day = around + offset * _DAY
            if day.weekday() not in restriction.days:
                continue
            last = day if restriction.ends > restriction.begins else day + _DAY
            begins = wall_clock(day, restriction.begins, where)
            ends = wall_clock(last, restriction.ends, where)
        except OverflowError:
            continue
        if begins < ends:
            yield begins, ends


def _in_layer(layer: Layer, place: int, at: datetime, away: set[PersonId]) -> Holding | None:
    rotation = layer.rotation
    if not rotation.people or not _counts(layer, at):
        return None
    turn = turn_at(rotation, at)
    if turn is None:
        return None
    count = len(rotation.people)
    whose = rotation.people[turn % count]
    for step in range(count):
        person = rotation.people[(turn + step) % count]
        if person not in away:
            return Holding(person, layer=place, turn=turn, instead_of=None if person == whose else whose)
    return None


def _counts(layer: Layer, at: datetime) -> bool:
    if not layer.restrictions:
        return True
    today = _local_day(layer, at)
    return any(
        begins <= at < ends
        for restriction in layer.restrictions
        for begins, ends in spans(restriction, layer.rotation.zone, today, 2)
    )


def _layer_edges(
    schedule: Schedule, at: datetime, holding: Holding, absences: Sequence[Absence]
) -> Iterator[datetime]:
    # A layer under the one that has it changes nothing while that one goes on.
    lowest = 0 if holding.layer is None else holding.layer
    people: set[PersonId] = set()
    for place, layer in enumerate(schedule.layers):
        if place < lowest:
            continue
        people.update(layer.rotation.people)
        yield from _restriction_edges(layer, at)
        rotation = layer.rotation
        turn = turn_at(rotation, at) if rotation.people else None
        if rotation.people and (turn is None or len(set(rotation.people)) > 1):
            begins = handover_at(rotation, 0 if turn is None else turn + 1)
            if begins is not None and begins > at:
                yield begins
    for absence in absences:
        if absence.person in people:
            yield from (edge for edge in (absence.starts_at, absence.ends_at) if edge > at)


def _restriction_edges(layer: Layer, at: datetime) -> Iterator[datetime]:
    today = _local_day(layer, at)
    for restriction in layer.restrictions:
        every = (edge for span in spans(restriction, layer.rotation.zone, today, 9) for edge in span)
        first = min((edge for edge in every if edge > at), default=None)
        if first is not None:
            yield first


def _local_day(layer: Layer, at: datetime) -> date:
    try:
        return at.astimezone(zone(layer.rotation.zone)).date()
    except OverflowError:
        return at.date()
