"""`POST /api/v2/alerts`: the address at which Prometheus, Mimir, Loki and amtool send their alerts."""

from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency

from tocsin.base.problems import Weight
from tocsin.engine.sources import Arrival, SourceError
from tocsin.faces.http.alertmanager_errors import RESPONSES
from tocsin.faces.http.bodies import require_json
from tocsin.faces.http.door import Door, paced
from tocsin.faces.http.guards import require_token
from tocsin.faces.http.metrics import TheMetrics
from tocsin.faces.http.openapi import PostableAlertsOperation
from tocsin.faces.http.problems import ApiError
from tocsin.faces.requests import TheFace

KIND = "prometheus"
"""The source that reads them, also at `/in/prometheus`."""


@post(
    "/alerts",
    status_code=200,
    operation_id="postAlertmanagerAlerts",
    operation_class=PostableAlertsOperation,
    media_type="text/plain",
    tags=["alertmanager"],
    responses=RESPONSES,
    guards=[paced(KIND)],
    # The door reads the body.
    request_max_body_size=None,
)
async def post_alerts(
    request: Request[Any, Any, Any], face: TheFace, metrics: TheMetrics, door: NamedDependency[Door]
) -> Response[bytes]:
    """Take alerts in. Of a batch that is partly bad the good are kept, and the answer is 400, as with
    Alertmanager. 429 and 503 mean that nothing was kept."""
    source = face.sources.get(KIND)
    if source is None:
        raise ApiError(404, "unknown-source", f"There is no source {KIND!r}.")
    await require_token(request, KIND)
    require_json(request)
    body = await door.read(request.receive, request.headers, source.body_bytes_max)
    arrival = Arrival(body=body, received_at=face.engine.clock.now())
    saw = face.engine.sightings.saw
    try:
        parsed = await source.parse(arrival)
    except SourceError as error:
        metrics.took(KIND, kept=0, refused=max(len(error.problems), 1))
        saw(KIND, body, kept=0, refused=max(len(error.problems), 1))
        raise ApiError(400, "bad-request", str(error)) from error
    taken = await face.engine.intake.take(parsed.alerts)
    refused = [each for each in parsed.problems if each.severity is Weight.ERROR]
    metrics.took(KIND, kept=len(taken), refused=len(refused))
    saw(KIND, body, kept=len(taken), refused=len(refused))
    if refused:
        told = "; ".join(f"{each.message} {each.mend}" for each in refused[:10])
        raise ApiError(400, "bad-request", f"Kept: {len(taken)}. Not kept: {told}")
    return Response(b"", media_type="text/plain")
