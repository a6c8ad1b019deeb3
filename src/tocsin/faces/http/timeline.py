"""The API of the timeline: as a document, or followed as server-sent events; and the post-mortem."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from tocsin.base.ids import IncidentId
from tocsin.base.problems import Problem, ProblemsError
from tocsin.engine.desk import UnknownIncidentError
from tocsin.engine.engine import Engine
from tocsin.engine.ports import StoreUnavailableError
from tocsin.engine.views import Line
from tocsin.faces.http.guards import at_least
from tocsin.faces.http.incidents import NUMBER_MAX, incident_of
from tocsin.faces.http.shapes import Timeline
from tocsin.faces.requests import TheFace, is_still_let_in

HEARTBEAT = timedelta(seconds=15)
"""How often a silent stream shows that it lives; also how late a change made by another node is seen."""
COME_AGAIN_MS = 2_000
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@get(
    "/incidents/{incident:str}/timeline",
    guards=[at_least("viewer")],
    operation_id="readTimeline",
    tags=["timeline"],
)
async def read_timeline(
    request: Request[Any, Any, Any],
    incident: FromPath[str],
    face: TheFace,
    after: Annotated[
        int, QueryParameter(ge=0, le=NUMBER_MAX, description="Only lines with a number above this one.")
    ] = 0,
    follow: Annotated[bool, QueryParameter(description="Stay, and send each new line as an event.")] = False,
) -> Response[Any]:
    """Read the timeline. With `follow=1` or `Accept: text/event-stream`, a stream of events: each has the
    line as JSON in `data` and its number as `id`, so that a lost stream is taken up by `Last-Event-ID`."""
    found = incident_of(incident)
    if await face.engine.queries.incident(found) is None:
        raise UnknownIncidentError(found)
    if follow or "text/event-stream" in request.headers.get("accept", ""):
        start = max(after, _resumed(request.headers.get("last-event-id", "")))
        stream = follow_lines(face.engine, found, start, lambda: is_still_let_in(request, face.engine.access))
        # The first piece is made before the headers go out, so that a refusal is still an error document.
        first = await anext(stream)
        return Stream(_begin_with(first, stream), media_type="text/event-stream", headers=_HEADERS)
    lines = await face.engine.queries.lines(found, after)
    last = lines[-1].seq if lines else after
    return Response(Timeline(incident=found, lines=lines, last=last))


def _resumed(last_event_id: str) -> int:
    text = last_event_id.strip()
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        mend = "Send the `id` of the last event that was received, or leave the header out."
        what = f"Last-Event-ID {text[:40]!r} is no number."
        raise ProblemsError([Problem(code="bad-field", field="Last-Event-ID", message=what, mend=mend)])
    return int(text)


async def follow_lines(
    engine: Engine, incident: IncidentId, after: int, is_let_in: Callable[[], Awaitable[bool]]
) -> AsyncGenerator[bytes, None]:
    """The lines after one as server-sent events, then each new one, until the reader goes, is not let in
    any more, or the hub closes.

    Raises (before the first piece):
        HubFullError: too many follow already.
    """
    async with engine.hub.subscribe(incident) as changes:
        yield f"retry: {COME_AGAIN_MS}\n\n".encode()
        while not changes.closed:
            for line in await _look(engine, incident, after):
                after = line.seq
                yield as_event(line)
            if not await changes.wait(HEARTBEAT):
                yield b": still here\n\n"
            if not await is_let_in():
                return


async def _look(engine: Engine, incident: IncidentId, after: int) -> list[Line]:
    """The new lines; none while the store cannot be read, which the banner of the page tells."""
    try:
        return await engine.queries.lines(incident, after)
    except StoreUnavailableError:
        return []


def as_event(line: Line) -> bytes:
    """One line as an event. JSON has no line breaks of its own, so it is one `data` field."""
    return f"id: {line.seq}\nevent: line\ndata: {msgspec.json.encode(line).decode()}\n\n".encode()


async def _begin_with(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    try:
        yield first
        async for piece in rest:
            yield piece
    finally:
        await rest.aclose()


@get(
    "/incidents/{incident:str}/postmortem",
    guards=[at_least("viewer")],
    operation_id="readPostmortem",
    tags=["timeline"],
    media_type="text/markdown",
)
async def read_postmortem(incident: FromPath[str], face: TheFace) -> Response[str]:
    """The post-mortem in Markdown: as it was published, else as the timeline drafts it now."""
    found = incident_of(incident)
    text = await face.engine.queries.postmortem(found)
    if text is None:
        raise UnknownIncidentError(found)
    return Response(text, media_type="text/markdown; charset=utf-8")
