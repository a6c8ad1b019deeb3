"""The pages for those who signed in: the list and the room."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from litestar import Response, get, post
from litestar.exceptions import HTTPException
from litestar.params import FromPath
from litestar.response import Redirect, Stream

from tocsin.base.ids import parse_incident_id
from tocsin.base.problems import ProblemsError
from tocsin.engine.desk import RefusedError, UnknownIncidentError
from tocsin.engine.engine import Engine
from tocsin.engine.verbs import VERBS, build, may
from tocsin.engine.views import Principal
from tocsin.faces.requests import SESSION_COOKIE, TheFace, actor_of, denied, face_of, is_still_let_in
from tocsin.faces.web.forms import body_of, read_form, why_not
from tocsin.faces.web.presenters import rows
from tocsin.faces.web.render import AnyRequest, go, page
from tocsin.faces.web.room import room_view
from tocsin.incident import commands as c
from tocsin.incident.state import ACTIVE, State
from tocsin.playbook.render import template_for

ENDED_SHOWN = 30
ACTIVE_SHOWN = 200
LOOK_AGAIN = timedelta(seconds=15)
"""How late the list may see what another node changed, and how old its ages may get."""


class SignInFirstError(HTTPException):
    """Nobody signed in; the browser is sent to do so, and back."""

    status_code = 401


async def signed_in(request: AnyRequest) -> Principal:
    """The principal of the session.

    Raises:
        SignInFirstError: there is none.
    """
    access = face_of(request).engine.access
    principal = await access.principal_of_session(request.cookies.get(SESSION_COOKIE, ""))
    if principal is None:
        raise SignInFirstError("Sign in first.")
    return principal


def to_sign_in(request: AnyRequest, _: Exception) -> Response[Any]:
    """Send the browser to the sign-in, and back to where it wanted to be."""
    path = request.url.path if request.method == "GET" else "/"
    return Redirect(f"/sign-in?next={quote(path)}" if path != "/" else "/sign-in", status_code=303)


@get("/", include_in_schema=False)
async def show_list(request: AnyRequest, face: TheFace) -> Response[str]:
    """The incidents, what is active first."""
    principal, engine = await signed_in(request), face.engine
    active = await engine.queries.incidents(tuple(ACTIVE), ACTIVE_SHOWN)
    others = await engine.queries.incidents(tuple(each for each in State if each not in ACTIVE), ENDED_SHOWN)
    due = await engine.queries.next_deadlines([*active, *others])
    rules, now = engine.library.rules(), engine.clock.now()
    levels, roster = rules.playbook.severities, rules.roster
    return await page(
        request,
        "list.html",
        "Incidents",
        principal=principal,
        here="incidents",
        active=rows(active, due, levels, roster, now),
        others=rows(others, due, levels, roster, now),
        waiting=sum(each.state is State.OPEN for each in active),
        may_declare=may(principal, "responder"),
        public_url=face.public_url,
        needs_token=not face.allow_unauthenticated_sources,
    )


@get("/incidents/{incident:str}", include_in_schema=False)
async def show_room(request: AnyRequest, incident: FromPath[str], face: TheFace) -> Response[str]:
    """The room of one incident."""
    principal = await signed_in(request)
    found = parse_incident_id(incident)
    room = await face.engine.queries.room(found) if found else None
    if room is None:
        raise UnknownIncidentError(incident[:40])
    async with face.engine.store.reading() as reader:
        rules = await face.engine.library.rules_for(room.incident.playbook, reader)
    templates = {kind: template_for(rules.playbook, room.incident.level, kind) for kind in room.drafts}
    bodies = {kind: found.body for kind, found in templates.items() if found is not None}
    view = room_view(room, principal, bodies, face.engine.clock.now())
    return await page(
        request,
        "room.html",
        f"{view.id} {view.title}",
        principal=principal,
        here="room",
        room=view,
    )


@post("/incidents/{incident:str}/{verb:str}", include_in_schema=False)
async def ask(
    request: AnyRequest, incident: FromPath[str], verb: FromPath[str], face: TheFace
) -> Response[Any]:
    """Ask a command of the incident from one of the room's forms."""
    principal = await signed_in(request)
    found, wanted = parse_incident_id(incident), VERBS.get(verb)
    if found is None or wanted is None:
        raise UnknownIncidentError(incident[:40])
    room = f"/incidents/{found}"
    if not may(principal, wanted.role):
        return go(face, room, denied(principal, wanted.role), refused=True)
    body = body_of(verb, await read_form(request))
    if wanted.command is c.Merge:
        body["into"] = parse_incident_id(body.get("into", "")) or body.get("into", "")
    try:
        command = build(wanted, body, principal)
        answer = await face.engine.desk.handle(found, command, actor_of(principal, face.engine))
    except (ProblemsError, RefusedError) as error:
        return go(face, room, why_not(error), refused=True)
    except UnknownIncidentError as error:
        if error.incident == found:
            raise
        return go(face, room, str(error), refused=True)
    return go(face, room, answer.said or "Done.")


@get("/live", include_in_schema=False)
async def follow_all(request: AnyRequest, face: TheFace) -> Stream:
    """An event whenever any incident changes, for the list."""
    await signed_in(request)
    wake_ups = _wake_ups(face.engine, lambda: is_still_let_in(request, face.engine.access))
    return Stream(wake_ups, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _wake_ups(engine: Engine, is_let_in: Callable[[], Awaitable[bool]]) -> AsyncGenerator[bytes, None]:
    async with engine.hub.subscribe(None) as changes:
        yield b"retry: 2000\n\n"
        while not changes.closed:
            await changes.wait(LOOK_AGAIN)
            if not await is_let_in():
                return
            yield b"event: changed\ndata: 1\n\n"
