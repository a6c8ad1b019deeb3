"""The door at which senders come in: how fast, how large, and how slowly a request may be."""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from litestar.exceptions import InternalServerException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from tocsin.base import limits
from tocsin.engine.ports import Clock
from tocsin.faces.http.problems import GONE, RETRY_AFTER_SECONDS, ApiError
from tocsin.faces.requests import Connection, address_of

BUCKETS_MAX = 10_000
"""How many pairs of source and address are remembered. Beyond it the ones longest quiet are forgotten."""

Receive = Callable[[], Awaitable[Any]]


class Door:
    """Lets requests of senders in. One for the application; it is used from one event loop."""

    def __init__(
        self,
        clock: Clock,
        rates: Mapping[str, int] | None = None,
        patience: timedelta = limits.request_body_timeout,
    ) -> None:
        """`rates` are requests per minute by kind of source, where they are not the usual."""
        self._clock = clock
        self._rates = dict(rates or {})
        self._patience = patience
        self._buckets: OrderedDict[tuple[str, str], tuple[float, datetime]] = OrderedDict()
        self._reading = 0

    def check_rate(self, kind: str, address: str) -> None:
        """Count a request of one address to one kind of source.

        Raises:
            ApiError: 429, with the time after which to come again; the request does not count.
        """
        per_minute = self._rates.get(kind, limits.requests_per_minute)
        now, left = self._clock.now(), self.room(kind, address)
        granted = left >= 1
        self._buckets[kind, address] = (left - 1 if granted else left, now)
        self._buckets.move_to_end((kind, address))
        while len(self._buckets) > BUCKETS_MAX:
            self._buckets.popitem(last=False)
        if not granted:
            wait = max(math.ceil((1 - left) * 60 / per_minute), 1)
            detail = f"More than {per_minute} requests a minute come from this address; wait {wait} s."
            raise ApiError(429, "too-fast", detail, headers={"Retry-After": str(wait)})

    def give_back(self, kind: str, address: str) -> None:
        """Let a request that was counted not count: it is counted elsewhere."""
        known = self._buckets.get((kind, address))
        if known is not None:
            self._buckets[kind, address] = (known[0] + 1, known[1])

    def hold(self, count: int) -> bool:
        """Note that so many bytes more of a body are held; whether that is not too much, all in all."""
        self._reading += count
        return self._reading <= limits.request_bytes_in_flight_max

    def let_go(self, count: int) -> None:
        """Note that so many bytes are held no longer."""
        self._reading -= count

    def room(self, kind: str, address: str) -> float:
        """How many requests of one address to one kind of source are let in at this moment."""
        per_minute = self._rates.get(kind, limits.requests_per_minute)
        now = self._clock.now()
        left, since = self._buckets.get((kind, address), (float(per_minute), now))
        refill = max((now - since).total_seconds(), 0.0) * per_minute / 60
        return min(left + refill, float(per_minute))

    async def read(self, receive: Receive, headers: Mapping[str, str], bytes_max: int) -> bytes:
        """The body of a request, of which no more than `bytes_max` is ever held.

        Raises:
            ApiError: 413 where it is larger, 408 where it takes too long, 429 where too much is being read.
            InternalServerException: the sender broke off.
        """
        declared = headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and (len(declared) > 15 or int(declared) > bytes_max):
            raise _too_large(bytes_max)
        pieces: list[bytes] = []
        held = 0
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise InternalServerException(detail=GONE)
                    piece: bytes = message.get("body", b"")
                    held += len(piece)
                    self._reading += len(piece)
                    if held > bytes_max:
                        raise _too_large(bytes_max)
                    is_small = held <= limits.request_bytes_small
                    if not is_small and self._reading > limits.request_bytes_in_flight_max:
                        detail = "Too much is coming in at the same time; send it again in a few seconds."
                        wait = {"Retry-After": RETRY_AFTER_SECONDS, "Connection": "close"}
                        raise ApiError(429, "too-much", detail, headers=wait)
                    pieces.append(piece)
                    more = message.get("more_body", False)
        except TimeoutError:
            detail = f"The request did not arrive whole within {self._patience.total_seconds():g} s."
            # What is still on its way would be taken for the next request on the same connection.
            raise ApiError(408, "too-slow", detail, headers={"Connection": "close"}) from None
        finally:
            self._reading -= held
        return b"".join(pieces)


def paced(kind: str) -> Callable[[Connection, BaseRouteHandler], Awaitable[None]]:
    """A guard that counts a request to a kind of source, before anything of it is read."""

    async def guard(connection: Connection, _: BaseRouteHandler) -> None:
        door: Door = connection.app.state.door
        door.check_rate(kind, address_of(connection))
        if connection.headers.get("sec-fetch-site", "none") in ("cross-site", "same-site"):
            raise PermissionDeniedException("A page of somebody else's may not send alerts.")

    return guard


def _too_large(bytes_max: int) -> ApiError:
    size = f"{bytes_max / 1024 / 1024:.1f}".removesuffix(".0")
    return ApiError(413, "too-large", f"The request is larger than {size} MB; send less at a time.")
