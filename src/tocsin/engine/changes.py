"""Changes that senders tell of (a deploy, a new setting): no alerts, but often what is behind one."""

from datetime import datetime, timedelta

import msgspec

from tocsin.engine.ports import Clock, Randomness, Store

KEPT_FOR = timedelta(days=30)
CHANGES_MAX = 1_000
"""How many are kept at most."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change. `at` (UTC) is when it was made as its sender says, `details` what it told beside that;
    `links` are web addresses, each with its text."""

    summary: str
    source: str
    at: datetime
    details: dict[str, str] = {}
    links: tuple[tuple[str, str], ...] = ()


KEPT_WHEN_MANY = timedelta(hours=1)
"""Where there are too many, only those of so long are kept."""


class Changes:
    """Keeps the last changes of a month."""

    def __init__(self, store: Store, clock: Clock, randomness: Randomness) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness

    async def keep(self, change: Change) -> None:
        """Keep one, and forget those that are too old or too many.

        Raises:
            StoreUnavailableError: it could not be kept.
        """
        now = self._clock.now()
        async with self._store.transaction() as unit:
            await unit.keep(self._randomness.secret()[:20], change, now)
            await unit.forget_before(Change, now - KEPT_FOR)
            every = await unit.all_kept(Change, CHANGES_MAX + 1)
            if len(every) > CHANGES_MAX:
                await unit.forget_before(Change, now - KEPT_WHEN_MANY)

    async def list(self, limit: int = CHANGES_MAX) -> list[Change]:
        """The changes, newest first."""
        async with self._store.reading() as reader:
            return await reader.all_kept(Change, min(limit, CHANGES_MAX))
