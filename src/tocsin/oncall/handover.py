"""When the turns of a rotation begin and end, by the clock on the wall of its zone."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from tocsin.base.ids import PersonId
from tocsin.base.times import require_utc, zone
from tocsin.oncall.model import Rotation


def wall_clock(day: date, at: time, where: tzinfo) -> datetime:
    """The instant (UTC) at which the clocks of a zone show this day and time.

    A time that the clocks leap over happens at the first instant after the leap; a time that they show
    twice happens the first time.

    Raises:
        OverflowError: the instant lies outside the years that can be represented.
    """
    shown = datetime.combine(day, at)
    before = shown.replace(tzinfo=where, fold=0)
    instant = before.astimezone(UTC)
    if instant.astimezone(where).replace(tzinfo=None) == shown:
        return instant
    # In a gap, fold=0 counts with the offset from before the leap and fold=1 with the one after it, so
    # that the leap lies between the two instants.
    early, late = shown.replace(tzinfo=where, fold=1).astimezone(UTC), instant
    offset_before = early.astimezone(where).utcoffset()
    while late - early > timedelta(microseconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(where).utcoffset() == offset_before:
            early = middle
        else:
            late = middle
    return late


def handover_at(rotation: Rotation, turn: int) -> datetime | None:
    """When a turn (from 0) begins, in UTC; None beyond the years that can be represented."""
    try:
        shown = datetime.combine(rotation.starts_on, rotation.handover) + turn * rotation.length
        return wall_clock(shown.date(), shown.time(), zone(rotation.zone))
    except OverflowError:
        return None


def turn_at(rotation: Rotation, at: datetime) -> int | None:
    """Which turn (from 0) is on at an instant; None before the rotation's start."""
    at = require_utc(at)
    try:
        shown = at.astimezone(zone(rotation.zone)).replace(tzinfo=None)
    except OverflowError:
        shown = at.replace(tzinfo=None)
    turn = (shown - datetime.combine(rotation.starts_on, rotation.handover)) // rotation.length
    # What the clocks show can be off by some turns where they are changed.
    while _begun(rotation, turn + 1, at):
        turn += 1
    while turn >= 0 and not _begun(rotation, turn, at):
        turn -= 1
    return turn if turn >= 0 else None


def whose_turn(rotation: Rotation, turn: int) -> PersonId:
    """Who has this turn (from 0)."""
    return rotation.people[turn % len(rotation.people)]


def _begun(rotation: Rotation, turn: int, at: datetime) -> bool:
    begins = handover_at(rotation, turn)
    return begins is not None and begins <= at
