"""The page of who is on call: now, by month, on the escalation path; and what being on call costs people."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from litestar import Response, get
from litestar.params import FromQuery

from tocsin.base.ids import role_key
from tocsin.base.times import humane, parse_instant, zone
from tocsin.engine.views import Duty, Principal
from tocsin.faces.requests import Face, TheFace
from tocsin.faces.web.monthview import Month, month_of, read_month
from tocsin.faces.web.pages import signed_in
from tocsin.faces.web.presenters import Moment, moment
from tocsin.faces.web.render import AnyRequest, page
from tocsin.oncall.model import Person, Roster
from tocsin.oncall.pageload import PageLoad
from tocsin.oncall.resolve import on_call
from tocsin.playbook.picture import escalation_svg

WEEKS_SHOWN = 4
WEEKS_MAX = 52


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """A person on call; `clock` is the time where they are, in words."""

    name: str
    clock: str


class DutyRow(msgspec.Struct, frozen=True, kw_only=True):
    """Who fills a role, and who comes after them."""

    role: str
    people: tuple[Who, ...]
    because: str
    until: Moment | None
    then: str


class LoadRow(msgspec.Struct, frozen=True, kw_only=True):
    """What being paged cost a person. `usual_answer` is "" where they answered none."""

    name: str
    load: PageLoad
    usual_answer: str


@get("/oncall", include_in_schema=False)
async def show_oncall(
    request: AnyRequest,
    face: TheFace,
    at: FromQuery[str] = "",
    role: FromQuery[str] = "",
    month: FromQuery[str] = "",
) -> Response[str]:
    """Who is on call, now or at another time; a month of a role; the escalation path with its people."""
    principal, now = await signed_in(request), face.engine.clock.now()
    when, wrong = now, ""
    if at:
        try:
            when = parse_instant(at if at.endswith("Z") or "+" in at else f"{at}Z")
        except ValueError:
            wrong = f"{at[:40]!r} is no time; write one such as 2026-12-25T03:00 (UTC)."
    roster, duty = face.engine.library.roster, await face.engine.queries.duty(when)
    calendar: Month | None = None
    try:
        calendar = _month(face, principal, role, month, now)
    except ValueError:
        wrong = f"{month[:40]!r} is no month; write one such as 2026-12."
    return await page(
        request,
        "oncall.html",
        "On call",
        principal=principal,
        here="oncall",
        at=moment(when),
        at_field=when.strftime("%Y-%m-%dT%H:%M"),
        is_now=not at,
        wrong=wrong,
        duty=duty_rows(roster, duty),
        turning=[each.role for each in roster.roles if each.turns is not None],
        month=calendar,
        path=_path(face, duty),
    )


@get("/oncall/pages", include_in_schema=False)
async def show_page_loads(request: AnyRequest, face: TheFace, weeks: FromQuery[str] = "") -> Response[str]:
    """How often people were paged in the last weeks."""
    principal, now = await signed_in(request), face.engine.clock.now()
    wanted = WEEKS_SHOWN
    if weeks.isascii() and weeks.isdigit() and 1 <= int(weeks[:4]) <= WEEKS_MAX:
        wanted = int(weeks[:4])
    loads = await face.engine.queries.page_loads(now - timedelta(weeks=wanted), now)
    return await page(
        request,
        "pageloads.html",
        "Pages by person",
        principal=principal,
        here="oncall",
        weeks=wanted,
        choices=(1, 4, 13, 52),
        loads=load_rows(face.engine.library.roster, loads),
    )


def duty_rows(roster: Roster, duty: Duty) -> tuple[DutyRow, ...]:
    """Who is on call, role by role."""
    rows: list[DutyRow] = []
    for each in duty.roles:
        after = on_call(roster, each.role, each.until) if each.until else None
        rows.append(
            DutyRow(
                role=each.role,
                people=tuple(_who(person, duty.at) for person in each.people),
                because=each.because,
                until=moment(each.until) if each.until else None,
                then=(after.people[0].name if after.people else "nobody") if after else "",
            )
        )
    return tuple(rows)


def _who(person: Person, at: datetime) -> Who:
    place = person.zone.rpartition("/")[2].replace("_", " ")
    return Who(name=person.name, clock=f"{at.astimezone(zone(person.zone)):%a %H:%M} in {place}")


def _month(face: Face, principal: Principal, role: str, month: str, now: datetime) -> Month | None:
    """The calendar of the role that is asked for, else of the first that is filled by turns.

    Raises:
        ValueError: the month cannot be read.
    """
    roster = face.engine.library.roster
    turning = [(each, each.turns) for each in roster.roles if each.turns is not None]
    if not turning:
        return None
    fill, turns = next((each for each in turning if role_key(each[0].role) == role_key(role)), turning[0])
    zone_name = turns.layers[0].rotation.zone if turns.layers else "UTC"
    if principal.person and (reader := roster.person(principal.person)):
        zone_name = reader.zone
    return month_of(roster, fill, read_month(month, now.astimezone(zone(zone_name)).date()), zone_name, now)


def _path(face: Face, duty: Duty) -> str:
    names = {
        role_key(each.role): ", ".join(person.name for person in each.people) or "nobody"
        for each in duty.roles
    }
    return escalation_svg(face.engine.library.rules().playbook.escalation, names)


def load_rows(roster: Roster, loads: Sequence[PageLoad]) -> tuple[LoadRow, ...]:
    """What being paged cost everybody, in words."""
    return tuple(
        LoadRow(
            name=roster.name_of(each.person),
            load=each,
            usual_answer="" if each.usual_answer is None else humane(each.usual_answer),
        )
        for each in loads
    )
