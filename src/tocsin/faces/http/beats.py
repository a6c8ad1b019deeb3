"""Heartbeats over HTTP: pings at `/beat/{name}`, and lists of all that is watched."""

from typing import Any

import msgspec
from litestar import HttpMethod, Request, get, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.types import Method
from litestar.types.internal_types import PathParameterDefinition

from tocsin.alerts.heartbeats import Said
from tocsin.faces.http.door import paced
from tocsin.faces.http.guards import at_least, require_token
from tocsin.faces.http.problems import ApiError
from tocsin.faces.http.shapes_watching import (
    HeartbeatList,
    ProbeList,
    heartbeat_document,
    probe_document,
)
from tocsin.faces.requests import Face, TheFace, address_of

KIND = "heartbeats"
"""Under this kind of source a token of its own may be set: `[sources.heartbeats] token_ref`."""

_METHODS = (HttpMethod.GET, HttpMethod.HEAD, HttpMethod.POST)
AnyRequest = Request[Any, Any, Any]


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a ping: it is kept."""

    heard: str
    said: Said


def _operation_id(_: HTTPRouteHandler, method: Method, path: list[str | PathParameterDefinition]) -> str:
    parts = [each if isinstance(each, str) else each.name for each in path]
    return HttpMethod(method).value.lower() + "".join(each.title() for each in parts)


@route(
    ["/beat/{name:str}", "/beat/{name:str}/start", "/beat/{name:str}/fail"],
    http_method=_METHODS,
    status_code=200,
    operation_id=_operation_id,
    guards=[paced(KIND)],
    tags=["heartbeats"],
)
async def beat(request: AnyRequest, name: FromPath[str], face: TheFace) -> Heard:
    """Take a ping in: a run has ended well, begins (`/start`), or has failed (`/fail`). The body, if there
    is one, is its output; the end of it is kept. A 200 means that the ping is in the store."""
    await require_token(request, KIND)
    return await _ping(request, name, face)


@route(
    ["/beat/{name:str}/{key:str}", "/beat/{name:str}/{key:str}/start", "/beat/{name:str}/{key:str}/fail"],
    http_method=_METHODS,
    status_code=200,
    operation_id=_operation_id,
    guards=[paced(KIND)],
    tags=["heartbeats"],
    security=[{}],
)
async def beat_by_key(request: AnyRequest, name: FromPath[str], key: FromPath[str], face: TheFace) -> Heard:
    """The same for a heartbeat that has a key, which stands in the address instead of a token."""
    if not face.engine.heartbeats.is_key(name, key):
        raise ApiError(404, "unknown-heartbeat", "There is no heartbeat of this name and key.")
    return await _ping(request, name, face)


async def _ping(request: AnyRequest, name: str, face: Face) -> Heard:
    last = request.url.path.rstrip("/").rpartition("/")[2]
    said = {"start": Said.START, "fail": Said.FAIL}.get(last, Said.ALIVE)
    if last == name and request.url.path.rstrip("/").count("/") == 2:
        # A heartbeat may itself be called "start" or "fail".
        said = Said.ALIVE
    output = (await request.body()).decode(errors="replace") if request.method == "POST" else ""
    if not await face.engine.heartbeats.ping(name, address_of(request), said, output):
        mend = "Set it up in the settings, or correct the address."
        raise ApiError(404, "unknown-heartbeat", f"There is no heartbeat {name[:80]!r}. {mend}")
    return Heard(heard=name, said=said)


@get("/heartbeats", guards=[at_least("viewer")], operation_id="listHeartbeats", tags=["heartbeats"])
async def list_heartbeats(face: TheFace) -> HeartbeatList:
    """Every heartbeat with its state, those in trouble first."""
    watched = await face.engine.heartbeats.list()
    return HeartbeatList(heartbeats=[heartbeat_document(each) for each in watched])


@get("/probes", guards=[at_least("viewer")], operation_id="listProbes", tags=["probes"])
async def list_probes(face: TheFace) -> ProbeList:
    """Every probe with its last results, those in trouble first."""
    return ProbeList(probes=[probe_document(each) for each in await face.engine.probes.list()])
