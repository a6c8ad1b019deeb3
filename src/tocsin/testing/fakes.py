"""Stand-ins for the outside, for tests of the core, of adapters, and of packages that extend Tocsin."""

import asyncio
import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from tocsin.base.times import require_utc
from tocsin.engine.ports import DeliveryError, Outgoing


class ManualClock:
    """A clock that stands still until it is moved. It can also be set back, as a real one can."""

    def __init__(self, at: datetime) -> None:
        self._at = require_utc(at)
        self._waiting: list[tuple[datetime | None, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """The time it was set to, in UTC."""
        return self._at

    def set(self, at: datetime) -> None:
        """Show this time from now on, and let go of whoever waited for it or an earlier one."""
        self._at = require_utc(at)
        for until, passed in self._waiting:
            if until is not None and until <= self._at and not passed.done():
                passed.set_result(None)

    def advance(self, span: timedelta) -> datetime:
        """Move on by this much, and return the time it shows then."""
        self.set(self._at + span)
        return self._at

    @property
    def next_wait(self) -> datetime | None:
        """The earliest time that somebody waits for (UTC); None where nobody waits for a time."""
        return min((until for until, passed in self._waiting if until and not passed.done()), default=None)

    async def wait(self, until: datetime | None, wake: asyncio.Event) -> None:
        """Return when the clock was moved to `until` or beyond, or `wake` is set."""
        if wake.is_set() or (until is not None and until <= self._at):
            await asyncio.sleep(0)
            return
        waiting = (until, asyncio.get_running_loop().create_future())
        woken = asyncio.ensure_future(wake.wait())
        self._waiting.append(waiting)
        try:
            await asyncio.wait((woken, waiting[1]), return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            self._waiting.remove(waiting)


class SequenceRandomness:
    """Chance that is the same for the same seed."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._drawn = 0

    def _draw(self) -> str:
        self._drawn += 1
        return hashlib.sha256(f"{self._seed}:{self._drawn}".encode()).hexdigest()

    def secret(self) -> str:
        """64 hexadecimal digits, another each time."""
        return self._draw()

    def jitter(self) -> float:
        """A number from 0 up to 1."""
        return int(self._draw()[:13], 16) / 16**13


class RecordingChannel:
    """A channel that keeps what it is given.

    `script` says what becomes of the first attempts: None lets one through, an error is raised; later
    ones go through. `down` is raised on every attempt as long as it is set.
    """

    def __init__(self, kind: str = "outbox", script: Iterable[DeliveryError | None] = ()) -> None:
        self.kind = kind
        self.script = list(script)
        self.down: DeliveryError | None = None
        self.attempts: list[Outgoing] = []
        self.sent: list[Outgoing] = []
        self.closed = False

    def check(self, address: str) -> str | None:
        """Any address that is not empty will do."""
        return None if address.strip() else "The address is empty."

    async def send(self, outgoing: Outgoing) -> str:
        """Keep it, or fail as the script says."""
        self.attempts.append(outgoing)
        await asyncio.sleep(0)
        failure = self.down or (self.script.pop(0) if self.script else None)
        if failure is not None:
            raise failure
        self.sent.append(outgoing)
        return "kept"

    async def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True
