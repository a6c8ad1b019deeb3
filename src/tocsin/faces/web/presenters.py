"""What the templates show: frozen contexts, made from views. Templates only loop and choose."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from tocsin.base.ids import IncidentId
from tocsin.base.times import humane, in_zone, require_utc
from tocsin.engine.views import Trouble
from tocsin.incident.state import Incident, State
from tocsin.oncall.model import Roster
from tocsin.playbook.model import Severity

STATE_WORDS = {
    State.OPEN: "Open",
    State.ACKNOWLEDGED: "Acknowledged",
    State.MITIGATING: "Mitigating",
    State.MITIGATED: "Mitigated",
    State.RESOLVED: "Resolved",
    State.CLOSED: "Closed",
    State.MERGED: "Merged",
    State.DISMISSED: "False alarm",
}
RANKS_SHOWN = 4
"""Levels beyond this rank share its colour."""


class Moment(msgspec.Struct, frozen=True):
    """A time: for machines, and in words (UTC, or the zone of a known reader)."""

    iso: str
    text: str


class Countdown(msgspec.Struct, frozen=True):
    """A time that something should happen by, and how far off it is."""

    iso: str
    clock: str
    left: str
    late: bool


class Notice(msgspec.Struct, frozen=True):
    """What a form was told."""

    text: str
    refused: bool


class TroubleView(msgspec.Struct, frozen=True):
    """A trouble of Tocsin itself."""

    what: str
    mend: str
    since: Moment | None


class Shell(msgspec.Struct, frozen=True, kw_only=True):
    """What every page has around its content. `now` is the server's time, for clocks that are off."""

    title: str
    who: str
    role: str
    here: str
    form_token: str
    now: str
    assets: str
    notice: Notice | None
    troubles: tuple[TroubleView, ...]


class Badge(msgspec.Struct, frozen=True):
    """A severity: its own words, and the rank that gives its colour (1 is the most severe)."""

    text: str
    rank: int


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """An incident in the list."""

    id: str
    title: str
    badge: Badge
    state: str
    active: bool
    waiting: bool
    drill: bool
    age: str
    opened: Moment
    commander: str
    firing: int
    due: Countdown | None


def moment(at: datetime, zone: str = "UTC") -> Moment:
    """A time in the words of a zone."""
    return Moment(require_utc(at).isoformat(), in_zone(at, zone))


def countdown(at: datetime, now: datetime, zone: str = "UTC") -> Countdown:
    """A deadline as seen from now."""
    late = at < now
    span = abs(at - now)
    return Countdown(
        iso=require_utc(at).isoformat(),
        clock=in_zone(at, zone),
        left=f"{humane(span)} late" if late else f"{humane(span)} left",
        late=late,
    )


def badge(level: str, levels: Iterable[Severity]) -> Badge:
    """The severity with its name; a level that the current playbook does not know has the last colour."""
    found = next((each for each in levels if each.level.casefold() == level.casefold()), None)
    if found is None:
        return Badge(level, RANKS_SHOWN)
    name = f" {found.name}" if found.name and found.name.casefold() != found.level.casefold() else ""
    return Badge(f"{found.level}{name}", min(found.rank, RANKS_SHOWN))


def trouble_views(troubles: Iterable[Trouble]) -> tuple[TroubleView, ...]:
    """Troubles for the banner."""
    return tuple(
        TroubleView(each.what, each.mend, moment(each.since) if each.since else None) for each in troubles
    )


def rows(
    incidents: Iterable[Incident],
    due: Mapping[IncidentId, datetime],
    levels: Iterable[Severity],
    roster: Roster,
    now: datetime,
) -> tuple[Row, ...]:
    """The list: what is active first and the most severe of it on top, then the newest."""
    known = tuple(levels)
    ranks = {each.level: each.rank for each in known}
    ordered = sorted(incidents, key=lambda each: each.opened_at, reverse=True)
    ordered.sort(key=lambda each: (not each.active, ranks.get(each.level, 99) if each.active else 0))
    return tuple(_row(each, due.get(each.id), known, roster, now) for each in ordered)


def _row(
    incident: Incident, due: datetime | None, levels: tuple[Severity, ...], roster: Roster, now: datetime
) -> Row:
    commander = roster.person(incident.commander) if incident.commander else None
    return Row(
        id=incident.id,
        title=incident.title,
        badge=badge(incident.level, levels),
        state=STATE_WORDS[incident.state],
        active=incident.active,
        waiting=incident.state is State.OPEN,
        drill=incident.drill,
        age=humane(max(now - incident.opened_at, now - now)),
        opened=moment(incident.opened_at),
        commander=commander.name if commander else "",
        firing=incident.firing_count,
        due=countdown(due, now) if due else None,
    )


def safe_link(url: str) -> str:
    """The address where a browser may follow it without harm; else nothing. Alerts come from outside."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    return url.strip() if parts.scheme in ("http", "https") and parts.netloc else ""
