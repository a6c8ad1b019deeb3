"""The doors: the first set-up, signing in and out, and the page that a page's link leads to."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from tocsin.base.ids import PersonId
from tocsin.base.times import humane, in_zone
from tocsin.engine.access import AccessError
from tocsin.engine.desk import RefusedError
from tocsin.engine.passwords import PASSWORD_CHARS_MIN
from tocsin.engine.views import Room
from tocsin.faces.requests import SESSION_COOKIE, Face, TheFace, address_of
from tocsin.faces.web.forms import read_form
from tocsin.faces.web.presenters import (
    STATE_WORDS,
    Badge,
    Countdown,
    Moment,
    Notice,
    badge,
    countdown,
    moment,
)
from tocsin.faces.web.render import AnyRequest, go, page, session_cookie
from tocsin.incident.commands import Acknowledge
from tocsin.incident.deadlines import DeadlineKind
from tocsin.incident.events import Actor, ActorKind
from tocsin.incident.state import State
from tocsin.oncall.model import Person


def local_path(path: str) -> str:
    """A path on this server to go on to; the start page for anything that could lead elsewhere."""
    good = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if good and "\\" not in path else "/"


@get("/setup/{secret:str}", include_in_schema=False)
async def show_setup(request: AnyRequest, secret: FromPath[str], face: TheFace) -> Response[Any]:
    """The form that makes the first admin."""
    if not await face.engine.access.may_set_up(secret):
        return go(face, "/sign-in", "This set-up link is not valid any more. Sign in.", refused=True)
    return await _setup_form(request, face, secret)


async def _setup_form(
    request: AnyRequest, face: Face, secret: str, name: str = "", person: str = "", wrong: str = ""
) -> Response[str]:
    people = face.engine.library.roster.people
    return await page(
        request,
        "setup.html",
        "Set up Tocsin",
        status=422 if wrong else 200,
        secret=secret,
        name=name,
        person=person,
        wrong=wrong,
        people=[(each.id, each.name) for each in people],
        least=PASSWORD_CHARS_MIN,
    )


@post("/setup/{secret:str}", include_in_schema=False)
async def set_up(request: AnyRequest, secret: FromPath[str], face: TheFace) -> Response[Any]:
    """Make the first admin, burn the link, and sign them in."""
    form = await read_form(request)
    name, password, person = form.get("name", ""), form.get("password", ""), form.get("person", "")
    access = face.engine.access
    if password != form.get("again", ""):
        return await _setup_form(request, face, secret, name, person, "The two passwords are not the same.")
    known = face.engine.library.roster.person(PersonId(person)) if person else None
    try:
        account = await access.set_up(secret, name, password, known.id if known else None)
        cookie = await access.sign_in(account.name, password, address_of(request))
    except AccessError as error:
        if error.code == "setup-used":
            return go(face, "/sign-in", error.message, refused=True)
        return await _setup_form(request, face, secret, name, person, error.message)
    answer = go(face, "/", f"Welcome, {account.name}. You are the first admin.")
    answer.cookies = [*answer.cookies, session_cookie(SESSION_COOKIE, cookie, face)]
    return answer


@get("/sign-in", include_in_schema=False)
async def show_sign_in(request: AnyRequest) -> Response[str]:
    """The form to sign in with."""
    onward = local_path(request.query_params.get("next", "/"))
    return await page(request, "signin.html", "Sign in", onward=onward, name="", wrong="")


@post("/sign-in", include_in_schema=False)
async def sign_in(request: AnyRequest, face: TheFace) -> Response[Any]:
    """Begin a session."""
    form = await read_form(request)
    name, onward = form.get("name", ""), local_path(form.get("next", "/"))
    try:
        cookie = await face.engine.access.sign_in(name, form.get("password", ""), address_of(request))
    except AccessError as error:
        return await page(
            request,
            "signin.html",
            "Sign in",
            status=429 if error.code == "locked" else 401,
            onward=onward,
            name=name,
            wrong=error.message,
        )
    answer = go(face, onward)
    answer.cookies = [*answer.cookies, session_cookie(SESSION_COOKIE, cookie, face)]
    return answer


@post("/sign-out", include_in_schema=False)
async def sign_out(request: AnyRequest, face: TheFace) -> Response[Any]:
    """End the session."""
    if cookie := request.cookies.get(SESSION_COOKIE, ""):
        await face.engine.access.sign_out(cookie)
    answer = go(face, "/sign-in", "You have signed out.")
    answer.cookies = [*answer.cookies, session_cookie(SESSION_COOKIE, "", face)]
    return answer


class PageLinkView(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody who was paged needs to know, in their own zone."""

    id: str
    token: str
    title: str
    details: str
    badge: Badge
    state: str
    drill: bool
    opened: Moment
    age: str
    respond_by: Countdown | None
    name: str
    why: tuple[str, ...]
    waits: bool
    first: str
    commander: str
    label: str


@get("/p/{token:str}", include_in_schema=False)
async def show_page_link(request: AnyRequest, token: FromPath[str], face: TheFace) -> Response[str]:
    """What happened, and the one button. Looking changes nothing, so a mail scanner never acknowledges."""
    view = await _page_link(token, face)
    return await page(request, "pagelink.html", f"{view.id} {view.title}", insider=True, link=view, told=None)


@post("/p/{token:str}", include_in_schema=False)
async def acknowledge(request: AnyRequest, token: FromPath[str], face: TheFace) -> Response[str]:
    """Acknowledge for the person of the link."""
    found = await face.engine.access.read_page_link(token)
    if found is None:
        raise NotFoundException
    incident, _, person_id = found
    actor = Actor(ActorKind.PERSON, person_id, face.engine.library.roster.name_of(person_id))
    try:
        answer = await face.engine.desk.handle(incident, Acknowledge(person=person_id, via="link"), actor)
        told = Notice(text=answer.said or "Acknowledged.", refused=False)
    except RefusedError as error:
        told = Notice(text=error.message, refused=True)
    view = await _page_link(token, face)
    return await page(request, "pagelink.html", f"{view.id} {view.title}", insider=True, link=view, told=told)


async def _page_link(token: str, face: Face) -> PageLinkView:
    found = await face.engine.access.read_page_link(token)
    room = await face.engine.queries.room(found[0]) if found else None
    if found is None or room is None:
        raise NotFoundException
    _, page_id, person_id = found
    person = face.engine.library.roster.person(person_id) or Person(id=person_id, name=person_id)
    return _view(room, page_id, person, token, face)


def _view(room: Room, page_id: str, person: Person, token: str, face: Face) -> PageLinkView:
    incident, now = room.incident, face.engine.clock.now()
    mine = next((each for each in incident.pages if each.id == page_id), None)
    waits_for_me = any(each.person == person.id for each in incident.open_pages)
    is_open = incident.state is State.OPEN
    respond = next((each for each in room.deadlines if each.kind is DeadlineKind.RESPOND_BY), None)
    first = ""
    if incident.acknowledged_at is not None and room.acknowledged_by is not None:
        name = "You" if room.acknowledged_by.id == person.id else room.acknowledged_by.name
        first = f"{name} acknowledged first, at {in_zone(incident.acknowledged_at, person.zone)}."
    alert = incident.alerts[0] if incident.alerts else None
    said = alert.annotations.get("description", "") or alert.summary if alert else incident.description
    return PageLinkView(
        id=incident.id,
        token=token,
        title=incident.title,
        details="" if said.strip() == incident.title.strip() else said.strip(),
        badge=badge(incident.level, room.levels),
        state=STATE_WORDS[incident.state],
        drill=incident.drill,
        opened=moment(incident.opened_at, person.zone),
        age=humane(max(now - incident.opened_at, now - now)),
        respond_by=countdown(respond.at, now, person.zone) if respond else None,
        name=person.name,
        why=tuple(reason.text for reason in mine.reasons) if mine else (),
        waits=is_open or (waits_for_me and incident.active),
        first=first,
        commander=room.commander.name if room.commander else "",
        label="Acknowledge" if is_open else "Answer this page",
    )
