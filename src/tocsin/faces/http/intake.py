"""Where alerts come in: `POST /in/{kind}`. A 200 means that what it counts as kept is in the store."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Request, post
from litestar.exceptions import NotAuthorizedException
from litestar.params import FromPath

from tocsin.base.problems import Problem
from tocsin.engine.sources import Arrival, SourceError
from tocsin.faces.http.bodies import require_json
from tocsin.faces.http.guards import require_token
from tocsin.faces.http.metrics import TheMetrics
from tocsin.faces.http.openapi import AlertsOperation
from tocsin.faces.http.problems import ApiError, fields_of
from tocsin.faces.http.shapes import Kept
from tocsin.faces.requests import TheFace

PROBLEMS_SHOWN_MAX = 100


@post(
    "/in/{kind:str}",
    status_code=200,
    operation_id="takeAlerts",
    operation_class=AlertsOperation,
    tags=["alerts"],
)
async def take_alerts(
    request: Request[Any, Any, Any], kind: FromPath[str], face: TheFace, metrics: TheMetrics
) -> Kept:
    """Take alerts in. Of a batch that is partly bad, the good are kept and the bad are named; a sender
    need not send those again. 429 and 503 mean that nothing was kept: send it again."""
    source = face.sources.get(kind)
    if source is None:
        known = ", ".join(sorted(face.sources))
        raise ApiError(404, "unknown-source", f"There is no source {kind[:40]!r}; there are: {known}.")
    if not source.proves_itself:
        await require_token(request, kind)
    if source.json_only:
        require_json(request)
    body = await request.body()
    headers = {
        name.lower(): value for name, value in request.headers.items() if name.lower() != "authorization"
    }
    query = {name: value for name, value in request.query_params.items() if isinstance(value, str)}
    arrival = Arrival(body=body, received_at=face.engine.clock.now(), headers=headers, query=query)
    if source.proves_itself and not await source.admit(arrival):
        raise NotAuthorizedException("The signature or the secret of this request is missing or wrong.")
    try:
        parsed = await source.parse(arrival)
    except SourceError as error:
        metrics.took(kind, kept=0, refused=1)
        face.engine.sightings.saw(kind, body, kept=0, refused=1)
        raise _refused(body, error.problems) from error
    if not parsed.alerts and parsed.problems:
        metrics.took(kind, kept=0, refused=len(parsed.problems))
        face.engine.sightings.saw(kind, body, kept=0, refused=len(parsed.problems))
        raise _refused(body, parsed.problems)
    taken = await face.engine.intake.take(parsed.alerts)
    metrics.took(kind, kept=len(taken), refused=len(parsed.problems))
    face.engine.sightings.saw(kind, body, kept=len(taken), refused=len(parsed.problems))
    for fingerprint in parsed.acknowledged:
        await face.engine.remote.acknowledge(fingerprint, f"Source {kind}", None)
    incidents = dict.fromkeys(each.incident for each in taken if each.incident is not None)
    return Kept(
        kept=len(taken), incidents=list(incidents), problems=fields_of(parsed.problems[:PROBLEMS_SHOWN_MAX])
    )


def _refused(body: bytes, problems: Sequence[Problem]) -> ApiError:
    """What is no JSON at all is a bad request; what is the wrong JSON is wrong content."""
    status, code = 422, "wrong-content"
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        status, code = 400, "bad-json"
    detail = problems[0].message if problems else "Nothing of the request can be read."
    return ApiError(status, code, detail, problems[:PROBLEMS_SHOWN_MAX])
