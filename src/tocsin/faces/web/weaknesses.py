"""The page of weaknesses: what could go wrong, and who decided what about it."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from tocsin.engine.desk import RefusedError
from tocsin.engine.reports import UnknownWeaknessError, WeaknessDoneError
from tocsin.engine.told import HOW_BAD, Weakness, WeaknessState
from tocsin.engine.verbs import may
from tocsin.faces.requests import TheFace, actor_of, denied
from tocsin.faces.web.forms import read_form
from tocsin.faces.web.pages import signed_in
from tocsin.faces.web.presenters import Moment, moment
from tocsin.faces.web.render import AnyRequest, go, page

_STATES = {
    WeaknessState.OPEN: "Open",
    WeaknessState.HANDLED: "Handled",
    WeaknessState.INCIDENT: "Became an incident",
}
DECIDED_SHOWN = 100


class WeaknessRow(msgspec.Struct, frozen=True, kw_only=True):
    """A weakness in the list."""

    id: str
    state: str
    open: bool
    title: str
    description: str
    how_bad: str
    contact: str
    by: str
    at: Moment
    incident: str
    changed_by: str
    changed_at: Moment | None
    note: str


@get("/weaknesses", include_in_schema=False)
async def show_weaknesses(request: AnyRequest, face: TheFace) -> Response[Any]:
    """Every weakness, those that wait for a decision first."""
    principal = await signed_in(request)
    if not may(principal, "responder"):
        return go(face, "/", denied(principal, "responder"), refused=True)
    found = await face.engine.reports.weaknesses()
    return await page(
        request,
        "weaknesses.html",
        "Weaknesses",
        principal=principal,
        here="weaknesses",
        open=[_row(each) for each in found if each.state is WeaknessState.OPEN],
        done=[_row(each) for each in found if each.state is not WeaknessState.OPEN][:DECIDED_SHOWN],
    )


@post("/weaknesses/{weakness:str}/handled", include_in_schema=False)
async def handle_weakness(request: AnyRequest, weakness: FromPath[str], face: TheFace) -> Response[Any]:
    """Say that a weakness was dealt with."""
    principal = await signed_in(request)
    if not may(principal, "responder"):
        return go(face, "/", denied(principal, "responder"), refused=True)
    note = (await read_form(request)).get("note", "").strip()
    if not note:
        return go(face, "/weaknesses", "Say what was done about it.", refused=True)
    try:
        done = await face.engine.reports.handle_weakness(weakness, note, actor_of(principal, face.engine))
    except (UnknownWeaknessError, WeaknessDoneError) as error:
        return go(face, "/weaknesses", str(error), refused=True)
    return go(face, "/weaknesses", f"{done.id} is handled.")


@post("/weaknesses/{weakness:str}/incident", include_in_schema=False)
async def open_from_weakness(request: AnyRequest, weakness: FromPath[str], face: TheFace) -> Response[Any]:
    """Make a weakness an incident."""
    principal = await signed_in(request)
    if not may(principal, "responder"):
        return go(face, "/", denied(principal, "responder"), refused=True)
    try:
        answer = await face.engine.reports.open_from_weakness(weakness, actor_of(principal, face.engine))
    except (UnknownWeaknessError, WeaknessDoneError, RefusedError) as error:
        return go(face, "/weaknesses", str(error), refused=True)
    return go(face, f"/incidents/{answer.incident.id}", answer.said)


def _row(weakness: Weakness) -> WeaknessRow:
    told = weakness.told
    return WeaknessRow(
        id=weakness.id,
        state=_STATES[weakness.state],
        open=weakness.state is WeaknessState.OPEN,
        title=told.title,
        description=told.description,
        how_bad=HOW_BAD.get(told.how_bad, ""),
        contact=told.contact,
        by=weakness.by or "a visitor",
        at=moment(weakness.at),
        incident=weakness.incident or "",
        changed_by=weakness.changed_by,
        changed_at=moment(weakness.changed_at) if weakness.changed_at else None,
        note=weakness.note,
    )
