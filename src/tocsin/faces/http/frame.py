"""Around every answer: security headers, one line in the access log, and the count for the metrics."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import structlog
from litestar import Litestar
from litestar.types import Message

from tocsin.base import limits
from tocsin.engine.ports import Clock
from tocsin.faces.http.door import Door
from tocsin.faces.http.fastpath import FastPath, Kind
from tocsin.faces.http.metrics import Metrics
from tocsin.faces.http.problems import ApiError
from tocsin.faces.requests import Face

log = structlog.get_logger("tocsin.access")

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")
_CAPABILITIES = ("/p/", "/setup/", "/beat/", "/report/")
"""Paths that go on, or may go on, with a secret."""


def in_time(receive: Any) -> Any:
    """The body of a request, which must be there within its time; what comes after it may take any."""
    ends_at = asyncio.get_running_loop().time() + limits.request_body_timeout.total_seconds()
    is_whole = False

    async def received() -> Any:
        nonlocal is_whole
        if is_whole:
            return await receive()
        try:
            async with asyncio.timeout_at(ends_at):
                message = await receive()
        except TimeoutError:
            seconds = limits.request_body_timeout.total_seconds()
            detail = f"The request did not arrive whole within {seconds:g} s."
            raise ApiError(408, "too-slow", detail, headers={"Connection": "close"}) from None
        is_whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    return received


class Framed(Litestar):
    """The app with the frame around it, so that no answer and no error comes without."""

    clock: Clock
    metrics: Metrics
    secure: bool

    fast: FastPath

    def frame(self, face: Face, metrics: Metrics, kinds: Mapping[str, Kind], door: Door) -> "Framed":
        """Set what the frame needs. `kinds` are the addresses at which alerts go the short way."""
        self.clock, self.metrics, self.secure = face.engine.clock, metrics, face.secure
        always = [*_HEADERS, (b"cache-control", b"no-store")]
        always += [_STRICT_TRANSPORT] if face.secure else []
        self.fast = FastPath(face, metrics, kinds, door, always)
        return self

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        receive = await self.fast.serve(scope, receive, send)
        if receive is None:
            return
        receive = in_time(receive)
        began = self.clock.now()

        async def framed_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._dress(message)
                self._tell(cast(dict[str, Any], scope), message["status"], began)
            await send(message)

        await super().__call__(scope, receive, framed_send)

    def _dress(self, message: Any) -> None:
        headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
        given = {name.lower() for name, _ in headers}
        headers.extend((name, value) for name, value in _HEADERS if name not in given)
        if self.secure:
            headers.append(_STRICT_TRANSPORT)
        if b"cache-control" not in given:
            headers.append((b"cache-control", b"no-store"))
        message["headers"] = headers

    def _tell(self, scope: dict[str, Any], status: int, began: datetime) -> None:
        took = self.clock.now() - began
        method = scope.get("method", "")
        route = str(scope.get("path_template") or "unmatched")
        self.metrics.answered(str(method) if route != "unmatched" else "any", route, status, took)
        client = scope.get("client")
        log.info(
            "answered",
            method=str(method),
            path=loggable(scope["path"]),
            status=status,
            ms=round(took.total_seconds() * 1000, 1),
            client=client[0] if client else "",
        )


def loggable(path: str) -> str:
    """The path without its query and without a secret that stands in it."""
    for start in _CAPABILITIES:
        if path.startswith(start):
            return f"{start}***"
    return path[:200]
