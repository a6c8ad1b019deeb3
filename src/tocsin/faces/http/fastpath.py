"""The short way in for alerts that are in order: no routing, no validation of a framework, no reading twice.

It serves requests that are let in by token, are JSON, and whose source reads them at a glance. Every other
request goes on to its ordinary handler with its body as it came, and is answered there.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
import structlog
from litestar import Request, Response

from tocsin.base import limits
from tocsin.base.ids import IncidentId
from tocsin.engine.ports import StoreUnavailableError
from tocsin.engine.sources import Glance, GlancingSource, Source
from tocsin.faces.http.door import Door
from tocsin.faces.http.guards import may_send
from tocsin.faces.http.metrics import Metrics
from tocsin.faces.http.problems import AnyRequest
from tocsin.faces.http.shapes import Kept
from tocsin.faces.requests import Face, read_credential

log = structlog.get_logger("tocsin.access")

TELL_EVERY_SECONDS = 1.0
"""The access log tells of all requests of this time in one line for each address."""

Receive = Callable[[], Any]
Send = Callable[[Any], Any]
OnError = Callable[[AnyRequest, Exception], Response[Any]]


class Kind(msgspec.Struct, frozen=True):
    """One address of the short way: its route as the metrics call it, the source that reads what comes
    there, whether the answer says what was kept (else it is empty), and how errors are told."""

    route: str
    source: GlancingSource
    says: bool
    on_error: OnError


def kinds_of(
    sources: Mapping[str, Source], on_error: OnError, others: Mapping[str, tuple[str, OnError]]
) -> dict[str, Kind]:
    """The addresses: `/in/{kind}` of each source that can, and `others`, each with the kind of its source and
    its own errors, whose answers are empty."""
    found = {
        f"/in/{name}": Kind("/in/{kind:str}", source, True, on_error)
        for name, source in sources.items()
        if isinstance(source, GlancingSource) and not source.proves_itself
    }
    for path, (name, own) in others.items():
        source = sources.get(name)
        if isinstance(source, GlancingSource) and not source.proves_itself:
            found[path] = Kind(path, source, False, own)
    return found


class FastPath:
    """Serves what it can. `headers` are those that every answer carries."""

    def __init__(
        self,
        face: Face,
        metrics: Metrics,
        kinds: Mapping[str, Kind],
        door: Door,
        headers: Iterable[tuple[bytes, bytes]],
    ) -> None:
        self._face = face
        self._door = door
        self._metrics = metrics
        self._kinds = kinds
        self._headers = [*headers, (b"content-type", b"application/json")]
        self._served: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()
        self._telling = False

    async def serve(self, scope: Any, receive: Receive, send: Send) -> Receive | None:
        """Answer a request; or give the `receive` with which its ordinary handler can read it whole."""
        kind = self._kinds.get(scope["path"]) if scope["method"] == "POST" else None
        if kind is None:
            return receive
        began = self._face.engine.clock.now()
        address = _address(scope)
        if self._door.room(kind.source.kind, address) < 1:
            return receive
        self._door.check_rate(kind.source.kind, address)
        if not await self._may_enter(kind, scope):
            self._door.give_back(kind.source.kind, address)
            return receive
        messages, body = await self._read(receive)
        glance = None if body is None else self._glance(kind, body, began)
        if body is None or glance is None:
            self._door.give_back(kind.source.kind, address)
            return _replay(messages, receive)
        try:
            incidents = await self._take(glance)
        except Exception as error:
            failed = kind.on_error(Request(scope), error)
            await self._answer(kind, scope, began, send, failed.status_code or 500, failed)
            return None
        kept = len(glance.alerts) + glance.counted
        self._metrics.took(kind.source.kind, kept=kept, refused=0)
        self._face.engine.sightings.saw(kind.source.kind, body, kept=kept, refused=0)
        self._kept[scope["path"]] += kept
        said = msgspec.json.encode(Kept(kept=kept, incidents=list(incidents))) if kind.says else b""
        await self._answer(kind, scope, began, send, 200, said)
        return None

    async def _read(self, receive: Receive) -> tuple[list[Any], bytes | None]:
        """What has come, and the body; None where it is broken off, too large, too slow, or too much is being
        read at the same time."""
        messages: list[Any] = []
        held = 0
        try:
            async with asyncio.timeout(limits.request_body_timeout.total_seconds()):
                more = True
                while more:
                    message = await receive()
                    messages.append(message)
                    if message["type"] != "http.request":
                        return messages, None
                    size = len(message.get("body", b""))
                    held += size
                    if not self._door.hold(size) or held > limits.request_body_bytes_max:
                        return messages, None
                    more = message.get("more_body", False)
        except TimeoutError:
            return messages, None
        finally:
            self._door.let_go(held)
        return messages, b"".join(each.get("body", b"") for each in messages)

    async def _may_enter(self, kind: Kind, scope: Any) -> bool:
        authorization, is_json = _look_at(scope["headers"])
        try:
            return is_json and await may_send(self._face, kind.source.kind, read_credential(authorization))
        except StoreUnavailableError:
            # Its ordinary handler finds the same, and tells of it.
            return False

    def _glance(self, kind: Kind, body: bytes, at: datetime) -> Glance | None:
        return kind.source.glance(body, at, self._face.engine.intake.repeated)

    async def _take(self, glance: Glance) -> Mapping[IncidentId, None]:
        if not glance.alerts:
            return glance.incidents
        taken = await self._face.engine.intake.take(glance.alerts)
        glance.remember()
        return {**glance.incidents, **{each.incident: None for each in taken if each.incident is not None}}

    async def _answer(
        self, kind: Kind, scope: Any, began: datetime, send: Send, status: int, said: bytes | Response[Any]
    ) -> None:
        headers = self._headers
        if isinstance(said, Response):
            body: bytes = said.content
            given = {**said.headers, "content-type": said.media_type or "application/json"}
            own = [(name.lower().encode(), str(value).encode()) for name, value in given.items()]
            headers = [*self._headers[:-1], *own]
        else:
            body = said
        headers = [*headers, (b"content-length", str(len(body)).encode())]
        self._metrics.answered("POST", kind.route, status, self._face.engine.clock.now() - began)
        self._tell(scope, status)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _tell(self, scope: Any, status: int) -> None:
        if status != 200:
            client = scope.get("client")
            log.info(
                "answered",
                method="POST",
                path=scope["path"],
                status=status,
                client=client[0] if client else "",
            )
            return
        self._served[scope["path"]] += 1
        if not self._telling:
            self._telling = True
            asyncio.get_running_loop().call_later(TELL_EVERY_SECONDS, self._tell_all)

    def _tell_all(self) -> None:
        self._telling = False
        for path, count in self._served.items():
            log.info(
                "answered", method="POST", path=path, status=200, requests=count, alerts=self._kept[path]
            )
        self._served.clear()
        self._kept.clear()


def _look_at(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str | None, bool]:
    """The credentials, and whether the content type is plainly JSON."""
    authorization, is_json = None, False
    for name, value in headers:
        if name == b"authorization":
            authorization = value.decode("latin-1")
        elif name == b"content-type":
            is_json = value.partition(b";")[0].strip() == b"application/json"
    return authorization, is_json


def _address(scope: Any) -> str:
    client = scope.get("client")
    return client[0] if client else "unknown"


def _replay(messages: list[Any], receive: Receive) -> Receive:
    waiting = iter(messages)

    async def replayed() -> Any:
        for message in waiting:
            return message
        return await receive()

    return replayed
