"""The API of what else there is to see: who is on call, the alerts, the health."""

from typing import Annotated

from litestar import get
from litestar.params import FromPath, QueryParameter

from tocsin.base.ids import IncidentId
from tocsin.base.problems import Problem, ProblemsError
from tocsin.base.times import parse_instant
from tocsin.engine.alertbook import SHOWN, shown_of
from tocsin.faces.http.guards import at_least
from tocsin.faces.http.incidents import incident_of
from tocsin.faces.http.problems import ApiError
from tocsin.faces.http.shapes import (
    AlertList,
    DutyDocument,
    HealthDocument,
    WhyDocument,
    alert_document,
    duty_document,
)
from tocsin.faces.requests import TheFace

ALERTS_MAX = 1_000
TEXT_CHARS_MAX = 300


@get("/oncall", guards=[at_least("viewer")], operation_id="readOnCall", tags=["on call"])
async def read_oncall(
    face: TheFace,
    at: Annotated[
        str | None, QueryParameter(description="At another time: RFC 3339 with its offset.")
    ] = None,
) -> DutyDocument:
    """Who is on call for every role, now or at another time, and until when."""
    when = face.engine.clock.now()
    if at:
        try:
            # A plus sign that was not escaped in a query arrives as a space.
            when = parse_instant(at.replace(" ", "+") if "T" in at else at)
        except ValueError as error:
            mend = "Send a time such as 2026-12-25T03:00:00+01:00 or 2026-12-25T02:00:00Z."
            problem = Problem(
                code="bad-time", field="at", message=f"{at[:60]!r} is no such time: {error}.", mend=mend
            )
            raise ProblemsError([problem]) from error
    return duty_document(await face.engine.queries.duty(when))


@get("/alerts", guards=[at_least("viewer")], operation_id="listAlerts", tags=["alerts"])
async def list_alerts(
    face: TheFace,
    limit: Annotated[int, QueryParameter(ge=1, le=ALERTS_MAX)] = 200,
    incident: Annotated[str | None, QueryParameter(description="Only those of this incident.")] = None,
    status: Annotated[
        str,
        QueryParameter(
            name="state", description="`firing`, `ended`, `apart` (firing without an incident) or `all`."
        ),
    ] = "all",
    text: Annotated[str, QueryParameter(description="Words that stand in labels, summary or reason.")] = "",
    after: Annotated[str, QueryParameter(description="The `after` of the answer before.")] = "",
) -> AlertList:
    """Alerts, the last seen first, each with the incident it belongs to or the reason why to none."""
    wanted: IncidentId | None = incident_of(incident) if incident else None
    shown = shown_of(status)
    if shown is None:
        raise _wrong("state", f"There is no state {status[:40]!r}.", f"The states are: {', '.join(SHOWN)}.")
    try:
        found = await face.engine.alerts.search(shown, text[:TEXT_CHARS_MAX], wanted, limit, after)
    except ValueError as error:
        raise _wrong("after", f"{error}.", "Send the `after` of the answer before.") from error
    silences, now = await face.engine.silencing.list(), face.engine.clock.now()
    alerts = [alert_document(each, silences, now) for each in found.records]
    return AlertList(alerts=alerts, after=found.after)


@get("/alerts/find", guards=[at_least("viewer")], operation_id="findAlerts", tags=["alerts"])
async def find_alerts(
    face: TheFace,
    text: Annotated[
        str, QueryParameter(description="A fingerprint or its beginning, a name, or words of its labels.")
    ],
) -> AlertList:
    """The alerts that somebody may mean: by fingerprint or its beginning, else by name, else by words."""
    silences, now = await face.engine.silencing.list(), face.engine.clock.now()
    found = await face.engine.alerts.resolve(text[:TEXT_CHARS_MAX])
    return AlertList(alerts=[alert_document(each, silences, now) for each in found])


@get(
    "/alerts/{fingerprint:str}/why", guards=[at_least("viewer")], operation_id="explainAlert", tags=["alerts"]
)
async def explain_alert(fingerprint: FromPath[str], face: TheFace) -> WhyDocument:
    """Everything that was decided about an alert, in order, with the reasons."""
    why = await face.engine.explainer.why(fingerprint)
    if why is None:
        raise ApiError(404, "unknown-alert", f"There is no alert with the fingerprint {fingerprint[:40]!r}.")
    return WhyDocument(record=why.record, lines=why.lines)


def _wrong(field: str, message: str, mend: str) -> ProblemsError:
    return ProblemsError([Problem(code="bad-field", field=field, message=message, mend=mend)])


@get("/health", guards=[at_least("viewer")], operation_id="readHealth", tags=["health"])
async def read_health(face: TheFace) -> HealthDocument:
    """Whether the server can do its work, and what is wrong in plain words."""
    health = await face.engine.queries.health()
    return HealthDocument(ready=health.ready, troubles=health.troubles)


ALERTS = (list_alerts, find_alerts, explain_alert)
