"""The clock and the chance of this machine; nothing else reads either."""

import asyncio
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta

LOOK_AGAIN = timedelta(seconds=5)
"""A wait is made of steps no longer than this, since the clock on the wall may be set meanwhile and the
timers of the event loop do not notice; nor do they count the time for which a machine slept."""

_FLOAT_BITS = 53


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)

    async def wait(self, until: datetime | None, wake: asyncio.Event) -> None:
        """Return when `until` has come (None: never) or `wake` is set, whichever is first.

        Never early; after a clock was set forward, late by at most `LOOK_AGAIN`.
        """
        if until is None:
            await wake.wait()
            return
        while not wake.is_set():
            left = until - self.now()
            if left <= timedelta(0):
                # Others get their turn even when whoever waits is always behind.
                await asyncio.sleep(0)
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, LOOK_AGAIN).total_seconds()):
                    await wake.wait()


class SystemRandomness:
    """The chance of the operating system."""

    def secret(self) -> str:
        """32 bytes of entropy in 43 characters of URL-safe text."""
        return secrets.token_urlsafe(32)

    def jitter(self) -> float:
        """A number from 0 up to 1, evenly spread."""
        return secrets.randbits(_FLOAT_BITS) / (1 << _FLOAT_BITS)
