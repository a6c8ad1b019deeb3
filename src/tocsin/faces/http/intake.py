"""Where alerts come in: `POST /in/{kind}`. A 200 means that what it counts as kept is in the store."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException
from litestar.params import FromPath

from tocsin.base.problems import Problem
from tocsin.engine.sources import Arrival, Source, SourceError
from tocsin.faces.http.bodies import is_json, require_json
from tocsin.faces.http.door import Door
from tocsin.faces.http.guards import require_token
from tocsin.faces.http.metrics import Metrics, TheMetrics
from tocsin.faces.http.openapi import AlertsOperation
from tocsin.faces.http.problems import ApiError, fields_of
from tocsin.faces.http.shapes import Kept
from tocsin.faces.requests import Face, TheFace, address_of

PROBLEMS_SHOWN_MAX = 100


@post(
    "/in/{kind:str}",
    status_code=200,
    operation_id="takeAlerts",
    operation_class=AlertsOperation,
    tags=["alerts"],
    # The door reads the body, by the limit of its source.
    request_max_body_size=None,
)
async def take_alerts(
    request: Request[Any, Any, Any],
    kind: FromPath[str],
    face: TheFace,
    metrics: TheMetrics,
    door: NamedDependency[Door],
) -> Kept:
    """Take alerts in. Of a batch that is partly bad, the good are kept and the bad are named; a sender
    need not send those again. 429 and 503 mean that nothing was kept: send it again."""
    source = face.sources.get(kind)
    if source is None:
        known = ", ".join(sorted(face.sources))
        raise ApiError(404, "unknown-source", f"There is no source {kind[:40]!r}; there are: {known}.")
    door.check_rate(kind, address_of(request))
    if not source.proves_itself:
        await require_token(request, kind)
    if source.json_only:
        require_json(request)
    body = await door.read(request.receive, request.headers, source.body_bytes_max)
    headers = {
        name.lower(): value for name, value in request.headers.items() if name.lower() != "authorization"
    }
    query = {name: value for name, value in request.query_params.items() if isinstance(value, str)}
    arrival = Arrival(body=body, received_at=face.engine.clock.now(), headers=headers, query=query)
    answer = await keep(source, arrival, face, metrics)
    return cast(Kept, Response(answer, media_type="text/plain")) if isinstance(answer, str) else answer


async def keep(source: Source, arrival: Arrival, face: Face, metrics: Metrics) -> Kept | str:
    """Read a request, keep what it holds, and give the answer; a text goes out as it is.

    Raises:
        NotAuthorizedException: its own proof is wrong.
        ApiError: nothing of it can be kept.
        IntakeFullError, StoreUnavailableError, SourceUnavailableError: it should come again later.
    """
    if source.proves_itself and not await source.admit(arrival):
        raise NotAuthorizedException("The signature or the secret of this request is missing or wrong.")
    sightings = face.engine.sightings
    try:
        parsed = await source.parse(arrival)
    except SourceError as error:
        metrics.took(source.kind, kept=0, refused=1)
        sightings.saw(source.kind, arrival.body, kept=0, refused=1)
        raise _refused(arrival, error.problems) from error
    if not parsed.alerts and parsed.problems:
        metrics.took(source.kind, kept=0, refused=len(parsed.problems))
        sightings.saw(source.kind, arrival.body, kept=0, refused=len(parsed.problems))
        raise _refused(arrival, parsed.problems)
    outcome = await face.engine.deliveries.take(source.kind, parsed)
    metrics.took(source.kind, kept=len(outcome.taken), refused=len(parsed.problems))
    sightings.saw(source.kind, arrival.body, kept=len(outcome.taken), refused=len(parsed.problems))
    for fingerprint in parsed.acknowledged:
        await face.engine.remote.acknowledge(fingerprint, f"Source {source.kind}", None)
    if parsed.said:
        return parsed.said
    incidents = dict.fromkeys(each.incident for each in outcome.taken if each.incident is not None)
    notes = [*([outcome.note] if outcome.note else []), *parsed.problems[:PROBLEMS_SHOWN_MAX]]
    return Kept(kept=len(outcome.taken), incidents=list(incidents), problems=fields_of(notes))


def _refused(arrival: Arrival, problems: Sequence[Problem]) -> ApiError:
    """What should be JSON and is none is a bad request; all else is wrong content."""
    status, code = 422, "wrong-content"
    if is_json(arrival.headers.get("content-type", "")):
        try:
            msgspec.json.decode(arrival.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            status, code = 400, "bad-json"
    detail = problems[0].message if problems else "Nothing of the request can be read."
    return ApiError(status, code, detail, problems[:PROBLEMS_SHOWN_MAX])
