"""The API of incidents: list, declare, read, and every verb."""

from typing import Annotated, Any

from litestar import Request, get, post
from litestar.params import FromPath, QueryParameter

from tocsin.base.ids import IncidentId, parse_incident_id
from tocsin.base.problems import Problem, ProblemsError
from tocsin.engine.desk import Answer, UnknownIncidentError
from tocsin.engine.queries import line_of
from tocsin.engine.verbs import VERBS, Verb, build, may
from tocsin.engine.views import Principal
from tocsin.faces.http.bodies import convert, json_object
from tocsin.faces.http.guards import at_least
from tocsin.faces.http.openapi import DeclareOperation, PostmortemOperation, VerbOperation
from tocsin.faces.http.problems import ApiError
from tocsin.faces.http.shapes import Answered, IncidentDocument, IncidentList, incident_document, summary
from tocsin.faces.requests import Face, TheFace, ThePrincipal, actor_of, denied
from tocsin.incident import commands as c
from tocsin.incident.state import ENDED, State

AnyRequest = Request[Any, Any, Any]
LIMIT_MAX = 500
NUMBER_MAX = 10**12
"""Larger numbers are never given, and the databases could not compare with them."""


def incident_of(text: str) -> IncidentId:
    """The incident that a part of an address names.

    Raises:
        UnknownIncidentError: it names none.
    """
    found = parse_incident_id(text)
    if found is None:
        raise UnknownIncidentError(text[:40])
    return found


@get("/incidents", guards=[at_least("viewer")], operation_id="listIncidents", tags=["incidents"])
async def list_incidents(
    face: TheFace,
    states: Annotated[
        list[str] | None, QueryParameter(name="state", description="Only in this state; may be repeated.")
    ] = None,
    all_states: Annotated[
        bool, QueryParameter(name="all", description="Also those that were closed, merged or dismissed.")
    ] = False,
    limit: Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX)] = 100,
    before: Annotated[
        int | None,
        QueryParameter(ge=1, le=NUMBER_MAX, description="Only with numbers under this one."),
    ] = None,
) -> IncidentList:
    """List incidents, newest first; without `state` and `all`, those that have not ended."""
    wanted = _states(states or [])
    if not wanted and not all_states:
        wanted = [each for each in State if each not in ENDED]
    engine = face.engine
    found = await engine.queries.incidents(wanted, limit, before)
    due = await engine.queries.next_deadlines(found)
    roster = engine.library.roster
    last = int(found[-1].id.partition("-")[2]) if len(found) == limit else None
    return IncidentList(
        incidents=[summary(each, roster, due.get(each.id)) for each in found],
        before=last,
    )


def _states(names: list[str]) -> list[State]:
    known = {state.value: state for state in State}
    wrong = [
        Problem(
            code="unknown-state",
            field="state",
            message=f"There is no state {name!r}.",
            mend=f"The states are: {', '.join(known)}.",
        )
        for name in names
        if name not in known
    ]
    if wrong:
        raise ProblemsError(wrong)
    return [known[name] for name in names]


@post(
    "/incidents",
    guards=[at_least("responder")],
    status_code=201,
    operation_id="declareIncident",
    operation_class=DeclareOperation,
    tags=["incidents"],
)
async def declare_incident(request: AnyRequest, face: TheFace, principal: ThePrincipal) -> Answered:
    """Open an incident by hand. Without a level, the severity is judged from the words."""
    command = convert(await json_object(request), c.Declare)
    answer = await face.engine.desk.open(command, actor_of(principal, face.engine))
    return answered(answer, face)


@get(
    "/incidents/{incident:str}", guards=[at_least("viewer")], operation_id="readIncident", tags=["incidents"]
)
async def read_incident(incident: FromPath[str], face: TheFace) -> IncidentDocument:
    """Read one incident: its state, its deadlines, and what can be asked of it now."""
    room = await face.engine.queries.room(incident_of(incident))
    if room is None:
        raise UnknownIncidentError(incident)
    return incident_document(room, face.public_url)


@post(
    "/incidents/{incident:str}/{verb:str}",
    guards=[at_least("viewer")],
    status_code=200,
    operation_id="askIncident",
    operation_class=VerbOperation,
    tags=["incidents"],
)
async def ask_incident(
    request: AnyRequest,
    incident: FromPath[str],
    verb: FromPath[str],
    face: TheFace,
    principal: ThePrincipal,
) -> Answered:
    """Ask a command of an incident. A repeated or late command is answered with what is the case."""
    return await _ask(request, incident, verb, face, principal)


@post(
    "/incidents/{incident:str}/postmortem",
    guards=[at_least("viewer")],
    status_code=200,
    operation_id="publishPostmortem",
    operation_class=PostmortemOperation,
    tags=["incidents"],
)
async def publish_postmortem(
    request: AnyRequest, incident: FromPath[str], face: TheFace, principal: ThePrincipal
) -> Answered:
    """Publish the post-mortem: the verb `postmortem`, which has the address of the document."""
    return await _ask(request, incident, "postmortem", face, principal)


async def _ask(request: AnyRequest, incident: str, verb: str, face: Face, principal: Principal) -> Answered:
    wanted = VERBS.get(verb)
    if wanted is None:
        raise ApiError(404, "unknown-verb", f"There is no verb {verb[:40]!r}; there are: {', '.join(VERBS)}.")
    if not may(principal, wanted.role):
        raise ApiError(403, "not-allowed", denied(principal, wanted.role))
    body = with_defaults(wanted, await json_object(request))
    command = build(wanted, body, principal)
    actor = actor_of(principal, face.engine, getattr(command, "person", None))
    return answered(await face.engine.desk.handle(incident_of(incident), command, actor), face)


def with_defaults(verb: Verb, body: dict[str, Any]) -> dict[str, Any]:
    """The body, with the other incident as its id, however it was written."""
    if verb.command is c.Merge and isinstance(body.get("into"), str):
        return {**body, "into": parse_incident_id(body["into"]) or body["into"]}
    return body


def answered(answer: Answer, face: Face) -> Answered:
    """What a command led to, as the API says it."""
    incident = answer.incident
    return Answered(
        said=answer.said,
        url=f"{face.public_url}/incidents/{incident.id}",
        incident=incident,
        lines=[line_of(entry) for entry in answer.entries],
    )
