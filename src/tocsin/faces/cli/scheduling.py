"""`tocsin schedule`: who is on call when, and what is wrong with it, from the roster file."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.base.limits import roster_bytes_max
from tocsin.base.times import zone
from tocsin.faces.cli.document import content_of
from tocsin.faces.cli.errors import usage
from tocsin.faces.cli.options import Config, JsonHere, Roster, instant, settings
from tocsin.faces.cli.paper import table, write, write_json
from tocsin.faces.cli.services import CliServices

if TYPE_CHECKING:
    from tocsin.oncall.coverage import Clash, Load, Span
    from tocsin.oncall.model import Roster as People
    from tocsin.oncall.resolve import Shift

PANEL = "Here, without a server"
WEEKS_MAX = 520

Role = Annotated[str, typer.Option("--role", metavar="ROLE", help="Of this role only.")]
Weeks = Annotated[int, typer.Option("--weeks", min=1, max=WEEKS_MAX, help="How many weeks.")]
From = Annotated[
    str, typer.Option("--from", metavar="TIME", help="From when, as 2026-12-21T00:00+01:00; default: now.")
]
Zone = Annotated[str, typer.Option("--zone", metavar="NAME", help="Times in this zone; default: UTC.")]


def register(app: typer.Typer, services: CliServices) -> None:
    """Hang these commands into the command tree."""
    schedule = typer.Typer(help="Who is on call when, from the roster file.", no_args_is_help=True)
    app.add_typer(schedule, name="schedule", rich_help_panel=PANEL)

    @schedule.command()
    def show(
        roster: Roster = None,
        config: Config = None,
        role: Role = "",
        weeks: Weeks = 4,
        begin: From = "",
        zone_name: Zone = "UTC",
        as_json: JsonHere = False,
    ) -> None:
        """Show the shifts of every role that is filled by turns, and the times when nobody is on call."""
        people, start, end = _asked(roster, config, services, begin, weeks)
        rows = _shifts(people, _roles(people, role), start, end)
        if as_json:
            write_json([_document(name, shift) for name, shift in rows])
            return
        shown = _shower(zone_name)
        table(
            ("ROLE", "FROM", "UNTIL", "WHO"),
            [(name, shown(each.starts_at), shown(each.ends_at), _who(people, each)) for name, each in rows],
            ["" if each.people else "bold red" for _, each in rows],
        )

    @schedule.command()
    def check(
        roster: Roster = None,
        config: Config = None,
        weeks: Weeks = 4,
        begin: From = "",
        zone_name: Zone = "UTC",
        as_json: JsonHere = False,
    ) -> None:
        """Tell when nobody is on call, who is in two places, and how much each person carries.

        Exits with 1 where somebody is missing, or in two places."""
        from tocsin.oncall.coverage import clashes, gaps, loads

        people, start, end = _asked(roster, config, services, begin, weeks)
        empty = [(each.role, span) for each in people.roles for span in gaps(people, each.role, start, end)]
        doubles, carried = clashes(people, start, end), loads(people, start, end)
        if as_json:
            write_json(_findings(empty, doubles, carried))
        else:
            _tell(people, empty, doubles, carried, _shower(zone_name))
        if empty or doubles:
            raise typer.Exit(1)


def _asked(
    roster: Path | None, config: Path | None, services: CliServices, begin: str, weeks: int
) -> "tuple[People, datetime, datetime]":
    from importlib.resources import files

    from tocsin.oncall.read import read_roster

    file = settings(config, roster=roster).roster
    if file is None:
        content = files("tocsin.examples").joinpath("roster.toml").read_bytes()
    else:
        content = content_of(file, roster_bytes_max)
    start = instant(begin, "--from") if begin else services.clock().now()
    start = start.astimezone(UTC).replace(second=0, microsecond=0)
    return read_roster(content, str(file or "roster.toml")), start, start + timedelta(weeks=weeks)


def _roles(people: "People", role: str) -> list[str]:
    turning = [each.role for each in people.roles if each.turns is not None]
    if not role:
        return turning
    found = people.role(role)
    if found is None:
        known = ", ".join(each.role for each in people.roles)
        raise usage(f"The roster has no role {role!r}.", f"It has: {known}.")
    return [found.role]


def _shifts(
    people: "People", roles: Sequence[str], start: datetime, end: datetime
) -> "list[tuple[str, Shift]]":
    from tocsin.oncall.coverage import gaps
    from tocsin.oncall.resolve import Shift, shifts

    found: list[tuple[str, Shift]] = []
    for role in roles:
        fill = people.role(role)
        assert fill is not None, "the role was found before"
        mine = [(role, each) for each in shifts(fill, start, end, people.absences)]
        mine += [
            (role, Shift(people=(), starts_at=span.starts_at, ends_at=span.ends_at))
            for span in gaps(people, role, start, end)
        ]
        found += sorted(mine, key=lambda each: each[1].starts_at)
    return found


def _shower(zone_name: str) -> "_Shower":
    try:
        return _Shower(zone_name)
    except ValueError as error:
        raise usage(
            f"There is no time zone {zone_name!r}.", "Use an IANA name such as Europe/Paris."
        ) from error


class _Shower:
    """Shows instants on the clocks of one zone."""

    def __init__(self, zone_name: str) -> None:
        self._zone = zone(zone_name)

    def __call__(self, at: datetime) -> str:
        return at.astimezone(self._zone).strftime("%a %d %b %Y, %H:%M %Z")


def _who(people: "People", shift: "Shift") -> str:
    if not shift.people:
        return "nobody"
    names = ", ".join(people.name_of(each) for each in shift.people)
    if shift.stands_in:
        return f"{names} (stands in)"
    return f"{names} (for {people.name_of(shift.instead_of)}, who is away)" if shift.instead_of else names


def _tell(
    people: "People",
    empty: "Sequence[tuple[str, Span]]",
    doubles: "Sequence[Clash]",
    carried: "Sequence[Load]",
    shown: _Shower,
) -> None:
    for role, span in empty:
        write(
            f"Nobody is on call for {role} from {shown(span.starts_at)} until {shown(span.ends_at)}.",
            "bold red",
        )
    for clash in doubles:
        both = " and ".join(clash.roles)
        when = f"from {shown(clash.span.starts_at)} until {shown(clash.span.ends_at)}"
        write(f"{people.name_of(clash.person)} is on call for {both} at once {when}.", "yellow")
    if not empty and not doubles:
        write("Somebody is on call at every time, and nobody in two places.", "green")
    if carried:
        write()
        table(
            ("WHO", "ON CALL", "AT NIGHT", "AT WEEKENDS"),
            [
                (people.name_of(each.person), *map(_hours, (each.total, each.nights, each.weekends)))
                for each in carried
            ],
        )


def _hours(span: timedelta) -> str:
    return f"{span / timedelta(hours=1):.0f} h" if span else "0 h"


def _document(role: str, shift: "Shift") -> dict[str, object]:
    return {
        "role": role,
        "from": shift.starts_at.isoformat(),
        "until": shift.ends_at.isoformat(),
        "people": list(shift.people),
        "stands_in": shift.stands_in,
        "instead_of": shift.instead_of,
    }


def _findings(
    empty: "Sequence[tuple[str, Span]]", doubles: "Sequence[Clash]", carried: "Sequence[Load]"
) -> dict[str, object]:
    return {
        "gaps": [
            {"role": role, "from": span.starts_at.isoformat(), "until": span.ends_at.isoformat()}
            for role, span in empty
        ],
        "clashes": [
            {
                "person": each.person,
                "roles": list(each.roles),
                "from": each.span.starts_at.isoformat(),
                "until": each.span.ends_at.isoformat(),
            }
            for each in doubles
        ],
        "loads": [
            {
                "person": each.person,
                "hours": each.total / timedelta(hours=1),
                "night_hours": each.nights / timedelta(hours=1),
                "weekend_hours": each.weekends / timedelta(hours=1),
            }
            for each in carried
        ],
    }
