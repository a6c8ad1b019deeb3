"""What machines ask: is it alive, is it ready, and its metrics."""

import msgspec
from litestar import Response, get

from tocsin.faces.http.guards import metrics_guard
from tocsin.faces.http.metrics import TheMetrics
from tocsin.faces.requests import TheFace


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether alerts can be taken in. What is wrong is for those who signed in, at `/api/v1/health`."""

    ready: bool


@get("/healthz", operation_id="isAlive", tags=["health"], media_type="text/plain", security=[{}])
async def is_alive() -> str:
    """Whether the process answers at all."""
    return "ok\n"


@get("/readyz", operation_id="isReady", tags=["health"], security=[{}])
async def is_ready(face: TheFace) -> Response[Readiness]:
    """200 where alerts can be taken in, else 503."""
    ready = (await face.engine.queries.health()).ready and face.engine.running
    return Response(Readiness(ready=ready), status_code=200 if ready else 503)


@get(
    "/metrics",
    guards=[metrics_guard],
    operation_id="readMetrics",
    tags=["health"],
    media_type="text/plain",
)
async def read_metrics(metrics: TheMetrics) -> Response[bytes]:
    """Metrics in Prometheus' text format; without a token for this machine itself only."""
    return Response(await metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
