"""Changes of the moment to who is on call: what is made in the page, the command line or chat, and kept
beside the roster file."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from tocsin.base.ids import PersonId, role_key
from tocsin.oncall.model import Absence, Override, RoleFill, Roster
from tocsin.oncall.resolve import shifts


class SwapState(StrEnum):
    """Where a swap is in its life. Only an accepted one counts."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    DECLINED = "declined"


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every change. `by` is who made it, as their name or account, `made_at` when (UTC), `because`
    why; `withdrawn_at` and `withdrawn_by` are set once it does not count any more."""

    id: str
    by: str
    made_at: datetime
    because: str = ""
    withdrawn_at: datetime | None = None
    withdrawn_by: str = ""


class Cover(Made, frozen=True, kw_only=True):
    """An override: somebody has a role from `starts_at` until `ends_at` (UTC, end excluded), whoever has it
    else."""

    role: str
    person: PersonId
    starts_at: datetime
    ends_at: datetime


class Away(Made, frozen=True, kw_only=True):
    """Somebody is away from `starts_at` until `ends_at` (UTC, end excluded)."""

    person: PersonId
    starts_at: datetime
    ends_at: datetime


class Swap(Made, frozen=True, kw_only=True):
    """`giver` asks `taker` to take their turns in a role from `starts_at` until `ends_at` (UTC, end
    excluded). `answered_at` is when the taker accepted or declined."""

    role: str
    giver: PersonId
    taker: PersonId
    starts_at: datetime
    ends_at: datetime
    state: SwapState = SwapState.ASKED
    answered_at: datetime | None = None


Change = Cover | Away | Swap


def counts(change: Change) -> bool:
    """Whether a change is in force, whenever its time is."""
    if change.withdrawn_at is not None:
        return False
    return not isinstance(change, Swap) or change.state is SwapState.ACCEPTED


def taker_of(change: Change) -> PersonId:
    """Whom a change is about: who is away, or who comes to have a role."""
    return change.taker if isinstance(change, Swap) else change.person


def applied(roster: Roster, changes: Iterable[Change]) -> Roster:
    """The roster with all changes that count, in the order in which they were made: a later one lies over an
    earlier one. A change that speaks of a role that is not in the roster, or that nobody takes turns in, does
    nothing, unless it is an override: that one stands over named people too. Nor does one that would put
    somebody on call who is not in the roster (any more): nobody could reach them."""
    known = {each.id for each in roster.people}
    for change in sorted((each for each in changes if counts(each)), key=lambda each: each.made_at):
        if taker_of(change) not in known:
            continue
        match change:
            case Away():
                absence = Absence(
                    person=change.person,
                    starts_at=change.starts_at,
                    ends_at=change.ends_at,
                    because=change.because,
                )
                roster = replace(roster, absences=(*roster.absences, absence))
            case Cover():
                over = Override(person=change.person, starts_at=change.starts_at, ends_at=change.ends_at)
                roster = _over(roster, change.role, (over,))
            case Swap():
                roster = _over(roster, change.role, _taken(roster, change))
    return roster


def _taken(roster: Roster, swap: Swap) -> tuple[Override, ...]:
    """The giver's own turns within the time of the swap, as the taker's."""
    fill = roster.role(swap.role)
    if fill is None or fill.turns is None:
        return ()
    return tuple(
        Override(person=swap.taker, starts_at=shift.starts_at, ends_at=shift.ends_at)
        for shift in shifts(fill, swap.starts_at, swap.ends_at, roster.absences)
        if shift.people == (swap.giver,)
    )


def _over(roster: Roster, role: str, overrides: tuple[Override, ...]) -> Roster:
    fill = roster.role(role)
    if fill is None or not overrides:
        return roster
    key = role_key(fill.role)
    roles = tuple(_with(each, overrides) if role_key(each.role) == key else each for each in roster.roles)
    return replace(roster, roles=roles)


def _with(fill: RoleFill, overrides: tuple[Override, ...]) -> RoleFill:
    if fill.rotation is not None:
        rotation = replace(fill.rotation, overrides=(*fill.rotation.overrides, *overrides))
        return replace(fill, rotation=rotation)
    if fill.schedule is not None:
        schedule = replace(fill.schedule, overrides=(*fill.schedule.overrides, *overrides))
        return replace(fill, schedule=schedule)
    return replace(fill, overrides=(*fill.overrides, *overrides))
