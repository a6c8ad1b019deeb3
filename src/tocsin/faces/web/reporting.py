"""The form by which people report a problem, for visitors and for those who signed in, and its receipt."""

import math
from hmac import compare_digest
from typing import Any

from litestar import Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery

from tocsin.base import limits
from tocsin.base.problems import ProblemsError
from tocsin.base.times import humane
from tocsin.config.report_form import ReportForm
from tocsin.engine.receipts import Standing
from tocsin.engine.told import HOW_BAD, Told, checked
from tocsin.engine.verbs import may
from tocsin.engine.views import Principal
from tocsin.faces.requests import SESSION_COOKIE, Face, TheFace, actor_of, address_of
from tocsin.faces.web.forms import read_form, why_not
from tocsin.faces.web.pages import SignInFirstError
from tocsin.faces.web.presenters import moment
from tocsin.faces.web.render import AnyRequest, go, page

TRAP = "website"
"""A field that people do not see. Programs that fill in every form fill it in."""

_STANDING = {
    Standing.RECEIVED: ("It was received", "The team has it. Nobody has said yet that they work on it."),
    Standing.KNOWN: ("The team has been told", "Somebody will look at it soon."),
    Standing.WORKED_ON: ("Somebody is working on it", "They know about it, and are on it now."),
    Standing.EASED: ("It should be better already", "The cause is still being worked on."),
    Standing.RESOLVED: ("It is resolved", "If it is not so for you, please report it again."),
    Standing.NOTHING_FOUND: (
        "It was looked at",
        "Nothing was found to mend. If it is still there, please report it again.",
    ),
    Standing.NOTED: ("It is noted", "Nobody was called out for it. Somebody will look at it."),
    Standing.HANDLED: ("It has been dealt with", "Thank you for noticing it."),
}


@get("/report", include_in_schema=False)
async def show_report(request: AnyRequest, face: TheFace, weakness: FromQuery[str] = "") -> Response[Any]:
    """The form: the team's for those who signed in, else the public one where it is open without a key."""
    principal = await _who(request, face)
    if principal is None:
        _open_form(face, "")
    return await _form(request, face, principal, "/report", weakness=weakness == "yes")


@post("/report", include_in_schema=False)
async def report(request: AnyRequest, face: TheFace) -> Response[Any]:
    """Take a report in."""
    principal = await _who(request, face)
    if principal is None:
        return await _from_visitor(request, face, _open_form(face, ""), "/report")
    return await _from_member(request, face, principal)


@get("/report/{key:str}", include_in_schema=False)
async def show_keyed_report(request: AnyRequest, key: FromPath[str], face: TheFace) -> Response[Any]:
    """The public form at its secret address."""
    _open_form(face, key)
    return await _form(request, face, None, f"/report/{key}")


@post("/report/{key:str}", include_in_schema=False)
async def keyed_report(request: AnyRequest, key: FromPath[str], face: TheFace) -> Response[Any]:
    """Take a report in that was written at the secret address."""
    return await _from_visitor(request, face, _open_form(face, key), f"/report/{key}")


@get("/report/status/{token:str}", include_in_schema=False)
async def show_receipt(request: AnyRequest, token: FromPath[str], face: TheFace) -> Response[Any]:
    """Where a report stands, for its reporter. Nothing internal is told."""
    receipt = await face.engine.reports.receipt(token)
    if receipt is None:
        raise NotFoundException
    standing, explained = _STANDING[receipt.standing]
    found = receipt.report
    return await page(
        request,
        "receipt.html",
        f"Report {found.id}",
        number=found.id,
        standing=standing,
        explained=explained,
        received=moment(found.at),
        what=found.told.what,
        told=found.told_at is not None,
        will_write=receipt.will_write,
        link=face.public_url + await face.engine.reports.link(found),
    )


async def _who(request: AnyRequest, face: Face) -> Principal | None:
    return await face.engine.access.principal_of_session(request.cookies.get(SESSION_COOKIE, ""))


def _open_form(face: Face, key: str) -> ReportForm:
    """The public form, where this key opens it.

    Raises:
        SignInFirstError: there is none without a key, so that only the team's is here.
        NotFoundException: the key is wrong.
    """
    form = face.report_form
    if form is not None and compare_digest(form.key.encode(), key.encode()):
        return form
    if key:
        raise NotFoundException
    raise SignInFirstError("Sign in first.")


async def _from_visitor(request: AnyRequest, face: Face, form: ReportForm, action: str) -> Response[Any]:
    fields, now = await read_form(request), face.engine.clock.now()
    told, weakness = _told(fields), fields.get("weakness") == "yes"
    if fields.get(TRAP, ""):
        wrong = "A field was filled in that should stay empty. It is empty again: send the form once more."
        return await _form(request, face, None, action, told, weakness, wrong)
    try:
        told = checked(told, form.places)
    except ProblemsError as error:
        return await _form(request, face, None, action, told, weakness, why_not(error))
    left = face.pace.wait(address_of(request), now) if face.pace else None
    if left is not None:
        wrong = (
            f"There were many reports in a short time. What you wrote is still here: send it again in "
            f"{humane(left)}, or reach the team another way if it cannot wait."
        )
        refused = await _form(request, face, None, action, told, weakness, wrong, status=429)
        refused.headers["Retry-After"] = str(max(1, math.ceil(left.total_seconds())))
        return refused
    if face.pace:
        face.pace.count(address_of(request), now)
    reports = face.engine.reports
    made = await (reports.note_weakness(told) if weakness else reports.raise_alert(told))
    return go(face, await reports.link(made), "Thank you. Your report was received.")


async def _from_member(request: AnyRequest, face: Face, principal: Principal) -> Response[Any]:
    fields, reports = await read_form(request), face.engine.reports
    told, weakness = _told(fields), fields.get("weakness") == "yes"
    actor = actor_of(principal, face.engine)
    try:
        told = checked(told, _places(face))
    except ProblemsError as error:
        return await _form(request, face, principal, "/report", told, weakness, why_not(error))
    if weakness:
        made = await reports.note_weakness(told, actor)
        onward = "/weaknesses" if may(principal, "responder") else await reports.link(made)
        return go(face, onward, f"The weakness is noted as {made.id}.")
    if not may(principal, "responder"):
        made = await reports.raise_alert(told, actor.name or actor.id)
        return go(face, await reports.link(made), "Thank you. Your report was received.")
    made, answer = await reports.declare(told, actor)
    return go(face, f"/incidents/{answer.incident.id}", f"{answer.said} The receipt is {made.id}.".strip())


def _told(fields: dict[str, str]) -> Told:
    names = ("what", "where", "since", "how_bad", "contact", "place")
    return Told(**{name: fields.get(name, "") for name in names})


def _places(face: Face) -> tuple[str, ...]:
    return face.report_form.places if face.report_form else ()


async def _form(
    request: AnyRequest,
    face: Face,
    principal: Principal | None,
    action: str,
    told: Told | None = None,
    weakness: bool = False,
    wrong: str = "",
    status: int = 0,
) -> Response[Any]:
    return await page(
        request,
        "report.html",
        "Report a problem",
        principal=principal,
        here="report",
        status=status or (422 if wrong else 200),
        action=action,
        told=told or Told(what=""),
        weakness=weakness,
        wrong=wrong,
        places=_places(face),
        how_bad=HOW_BAD,
        writes=face.engine.reports.writes,
        declares=principal is not None and may(principal, "responder"),
        text_max=limits.report_text_chars_max,
        field_max=limits.report_field_chars_max,
    )
