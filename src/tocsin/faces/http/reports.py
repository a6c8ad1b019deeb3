"""The API of reports in people's own words, and of weaknesses."""

from typing import Annotated

from litestar import get, post
from litestar.params import FromPath, QueryParameter

from tocsin.base import limits
from tocsin.base.problems import Problem, ProblemsError
from tocsin.engine.reports import UnknownWeaknessError, WeaknessDoneError
from tocsin.engine.told import Told, Weakness, WeaknessState, checked
from tocsin.engine.verbs import may
from tocsin.faces.http.bodies import convert, json_object
from tocsin.faces.http.guards import at_least
from tocsin.faces.http.incidents import AnyRequest, answered
from tocsin.faces.http.openapi import HandledOperation, ReportOperation
from tocsin.faces.http.problems import ApiError
from tocsin.faces.http.shapes import Answered, HowHandled, NewReport, ReportDocument, ReportList, WeaknessList
from tocsin.faces.requests import TheFace, ThePrincipal, actor_of


@get("/reports", guards=[at_least("responder")], operation_id="listReports", tags=["reports"])
async def list_reports(
    face: TheFace, limit: Annotated[int, QueryParameter(ge=1, le=limits.reports_listed_max)] = 200
) -> ReportList:
    """What people reported, newest first, each with its incident where there is one."""
    return ReportList(reports=await face.engine.reports.reports(limit))


@post(
    "/reports",
    guards=[at_least("viewer")],
    status_code=201,
    operation_id="report",
    operation_class=ReportOperation,
    tags=["reports"],
)
async def file_report(request: AnyRequest, face: TheFace, principal: ThePrincipal) -> ReportDocument:
    """Report something in your own words. A responder's opens an incident in their name, a viewer's becomes
    an alert; a weakness opens nothing."""
    new = convert(await json_object(request), NewReport)
    places = face.report_form.places if face.report_form else ()
    told = checked(
        Told(
            what=new.what,
            where=new.where,
            since=new.since,
            how_bad=new.how_bad,
            contact=new.contact,
            place=new.place,
        ),
        places,
    )
    reports, actor = face.engine.reports, actor_of(principal, face.engine)
    if new.weakness:
        report = await reports.note_weakness(told, actor)
    elif may(principal, "responder"):
        report, _ = await reports.declare(told, actor)
    else:
        report = await reports.raise_alert(told, actor.name or actor.id)
    return ReportDocument(report=report, status_url=face.public_url + await reports.link(report))


@get("/weaknesses", guards=[at_least("responder")], operation_id="listWeaknesses", tags=["reports"])
async def list_weaknesses(
    face: TheFace,
    status: Annotated[
        str | None, QueryParameter(name="state", description="`open`, `handled` or `incident`.")
    ] = None,
) -> WeaknessList:
    """Weaknesses that were reported, newest first."""
    wanted = next((each for each in WeaknessState if each.value == status), None)
    if status is not None and wanted is None:
        known = ", ".join(WeaknessState)
        problem = Problem(
            code="unknown-state",
            field="state",
            message=f"There is no state {status[:40]!r}.",
            mend=f"The states are: {known}.",
        )
        raise ProblemsError([problem])
    return WeaknessList(weaknesses=await face.engine.reports.weaknesses(wanted))


@post(
    "/weaknesses/{weakness:str}/handled",
    guards=[at_least("responder")],
    status_code=200,
    operation_id="handleWeakness",
    operation_class=HandledOperation,
    tags=["reports"],
)
async def handle_weakness(
    request: AnyRequest, weakness: FromPath[str], face: TheFace, principal: ThePrincipal
) -> Weakness:
    """Say what was done about a weakness."""
    note = convert(await json_object(request), HowHandled).note.strip()
    if not note:
        mend = "Send a sentence in `note`."
        message = "The note does not say what was done."
        raise ProblemsError([Problem(code="bad-field", field="note", message=message, mend=mend)])
    try:
        return await face.engine.reports.handle_weakness(weakness, note, actor_of(principal, face.engine))
    except (UnknownWeaknessError, WeaknessDoneError) as error:
        raise _refused(error) from error


@post(
    "/weaknesses/{weakness:str}/incident",
    guards=[at_least("responder")],
    status_code=201,
    operation_id="openFromWeakness",
    tags=["reports"],
)
async def open_from_weakness(weakness: FromPath[str], face: TheFace, principal: ThePrincipal) -> Answered:
    """Make a weakness an incident, in your name."""
    try:
        answer = await face.engine.reports.open_from_weakness(weakness, actor_of(principal, face.engine))
    except (UnknownWeaknessError, WeaknessDoneError) as error:
        raise _refused(error) from error
    return answered(answer, face)


def _refused(error: UnknownWeaknessError | WeaknessDoneError) -> ApiError:
    if isinstance(error, UnknownWeaknessError):
        return ApiError(404, "unknown-weakness", str(error))
    return ApiError(409, "weakness-done", str(error))


HANDLERS = (list_reports, file_report, list_weaknesses, handle_weakness, open_from_weakness)
