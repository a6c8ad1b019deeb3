"""Declaring an incident by hand: the form, with the playbooks to choose from where there are several."""

from typing import Any

import msgspec
from litestar import Response, get, post

from tocsin.base.ids import LevelId
from tocsin.engine.desk import RefusedError
from tocsin.engine.shelf import Shelf
from tocsin.engine.verbs import may
from tocsin.engine.views import Principal
from tocsin.faces.requests import TheFace, actor_of, denied, face_of
from tocsin.faces.web.forms import read_form, why_not
from tocsin.faces.web.pages import signed_in
from tocsin.faces.web.presenters import Notice, badge
from tocsin.faces.web.render import AnyRequest, go, page
from tocsin.incident import commands as c

FIELDS = ("title", "description", "level", "drill", "playbook")


class LevelChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A level to choose. `only_in` names the playbooks that have it, "" where all of them do."""

    level: str
    text: str
    description: str
    only_in: str


class BookChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A playbook to choose, by the name of its file."""

    name: str
    title: str
    is_default: bool


@get("/incidents/new", include_in_schema=False)
async def show_declare(request: AnyRequest) -> Response[str]:
    """The form that opens an incident."""
    return await _form(request, await signed_in(request), {})


@post("/incidents", include_in_schema=False)
async def declare(request: AnyRequest, face: TheFace) -> Response[Any]:
    """Open an incident from the form. Where that is refused, the form comes back as it was filled in."""
    principal = await signed_in(request)
    if not may(principal, "responder"):
        return go(face, "/", denied(principal, "responder"), refused=True)
    form = await read_form(request)
    level = form.get("level", "")
    command = c.Declare(
        title=form.get("title", "").strip(),
        description=form.get("description", "").strip(),
        level=LevelId(level) if level else None,
        drill=form.get("drill") == "yes",
        playbook=form.get("playbook", "").strip(),
    )
    try:
        answer = await face.engine.desk.open(command, actor_of(principal, face.engine))
    except RefusedError as error:
        return await _form(request, principal, form, Notice(text=why_not(error), refused=True))
    return go(face, f"/incidents/{answer.incident.id}", answer.said)


async def _form(
    request: AnyRequest, principal: Principal, form: dict[str, str], notice: Notice | None = None
) -> Response[str]:
    shelf = face_of(request).engine.library.current
    return await page(
        request,
        "declare.html",
        "Declare an incident",
        principal=principal,
        here="declare",
        status=422 if notice else 200,
        notice=notice,
        may_declare=may(principal, "responder"),
        levels=_levels(shelf),
        books=_books(shelf),
        given={name: form.get(name, "") for name in FIELDS},
    )


def _books(shelf: Shelf) -> tuple[BookChoice, ...]:
    """The playbooks, the one for everything else first; none where there is nothing to choose."""
    if len(shelf.books) < 2:
        return ()
    return tuple(
        BookChoice(name=each.name, title=each.playbook.title, is_default=each is shelf.default)
        for each in shelf.books
    )


def _levels(shelf: Shelf) -> tuple[LevelChoice, ...]:
    """The levels of all playbooks, each once, those of the default first."""
    found: dict[str, LevelChoice] = {}
    for book in shelf.books:
        for each in book.playbook.severities:
            key = each.level.casefold()
            having = [other.playbook.title for other in shelf.books if other.playbook.severity(each.level)]
            found.setdefault(
                key,
                LevelChoice(
                    level=each.level,
                    text=badge(each.level, book.playbook.severities).text,
                    description=each.description,
                    only_in=", ".join(having) if len(having) < len(shelf.books) else "",
                ),
            )
    return tuple(found.values())
