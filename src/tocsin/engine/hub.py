"""The hub: tells whoever waits that an incident has changed. It carries no news itself.

A wake-up says only "look again". Readers go on from the last entry that they saw, so wake-ups that
come together are told as one, nothing grows with a slow reader, and no publisher ever waits.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

from tocsin.base.ids import IncidentId

SUBSCRIPTIONS_MAX = 2_000
"""More readers than this at once are refused, so that open streams never use up the server."""


class HubFullError(Exception):
    """Too many readers are following already; another should come again later."""


class Changes:
    """The wake-ups of one subscription. Iterating ends when the hub closes."""

    def __init__(self) -> None:
        self._wake = asyncio.Event()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the hub has closed: no wake-up will come any more."""
        return self._closed

    def tell(self) -> None:
        """Something changed."""
        self._wake.set()

    def close(self) -> None:
        """End the iteration."""
        self._closed = True
        self._wake.set()

    async def wait(self, at_most: timedelta) -> bool:
        """Wait for a wake-up, at most this long; whether one came. A closed hub returns False at once."""
        try:
            async with asyncio.timeout(at_most.total_seconds()):
                await self._wake.wait()
        except TimeoutError:
            return False
        if self._closed:
            return False
        self._wake.clear()
        return True

    def __aiter__(self) -> AsyncIterator[None]:
        return self

    async def __anext__(self) -> None:
        await self._wake.wait()
        if self._closed:
            raise StopAsyncIteration
        self._wake.clear()


class Hub:
    """Wakes readers within this process."""

    def __init__(self) -> None:
        self._changes: dict[Changes, IncidentId | None] = {}
        self._wakers: set[asyncio.Event] = set()
        self._closed = False

    @property
    def followers(self) -> int:
        """How many subscriptions there are now."""
        return len(self._changes)

    def publish(self, incident: IncidentId) -> None:
        """Wake everyone who follows this incident or all of them. Never waits, never fails."""
        for changes, wanted in self._changes.items():
            if wanted is None or wanted == incident:
                changes.tell()
        for wake in self._wakers:
            wake.set()

    @asynccontextmanager
    async def subscribe(self, incident: IncidentId | None) -> AsyncGenerator[Changes, None]:
        """Follow one incident, or with None all of them, until the block is left.

        Raises:
            HubFullError: too many are following already.
        """
        if len(self._changes) >= SUBSCRIPTIONS_MAX:
            raise HubFullError("Too many readers are following the timeline already; try again in a minute.")
        changes = Changes()
        if self._closed:
            changes.close()
        self._changes[changes] = incident
        try:
            yield changes
        finally:
            del self._changes[changes]

    @contextmanager
    def waker(self) -> Generator[asyncio.Event, None, None]:
        """An event that any change of any incident sets; whoever waits on it clears it."""
        wake = asyncio.Event()
        self._wakers.add(wake)
        try:
            yield wake
        finally:
            self._wakers.discard(wake)

    def close(self) -> None:
        """End every subscription, so that open streams do not hold up a stop of the server."""
        self._closed = True
        for changes in self._changes:
            changes.close()
