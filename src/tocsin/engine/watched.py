"""The store with an eye on it: whether what is written is kept is told to people while it is not."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import datetime, timedelta

from tocsin.engine.ports import Clock, ConflictError, Reader, Store, StoreUnavailableError, Unit
from tocsin.engine.records import Fault
from tocsin.engine.views import Trouble

TRY_AGAIN = timedelta(seconds=5)
"""How long after the last failure a write of our own looks whether it is over."""

TRIED_AT = "written-at"
"""The setting that this write changes: on a full disk, a transaction that writes nothing would succeed."""


class WatchedStore:
    """A store that remembers whether the last attempt to write to it failed."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._failed = asyncio.Event()
        self._failed_at: datetime | None = None
        self._under_way = 0
        self.trouble: Trouble | None = None
        self.undone = 0
        """How many transactions came to nothing: what is remembered of their writing is wrong."""

    @property
    def exclusive(self) -> bool:
        """Whether nobody but this process writes to it."""
        return self._store.exclusive

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Unit, None]:
        """Begin a transaction for writing (see the port)."""
        self._under_way += 1
        try:
            async with self._store.transaction() as unit:
                yield unit
        except StoreUnavailableError as error:
            self._failed_at = self._clock.now()
            self.trouble = Trouble(
                what=f"Nothing new can be kept. {error}",
                mend="Alerts are refused with 503 until it can, so that their senders try again.",
                since=self.trouble.since if self.trouble else self._failed_at,
            )
            self._failed.set()
            self.undone += 1
            raise
        except BaseException:
            self.undone += 1
            raise
        else:
            self.trouble = None
        finally:
            self._under_way -= 1

    def reading(self) -> AbstractAsyncContextManager[Reader]:
        """A consistent view for reading."""
        return self._store.reading()

    async def verify(self) -> list[Fault]:
        """Check every chain and read model (see the port)."""
        return await self._store.verify()

    async def close(self) -> None:
        """Let go of the database."""
        await self._store.close()

    async def run(self) -> None:
        """Look until cancelled whether a trouble is over, where nobody else writes and so finds out."""
        while True:
            await self._failed.wait()
            self._failed.clear()
            while self.trouble is not None:
                before = self._clock.now()
                await self._clock.wait(before + TRY_AGAIN, asyncio.Event())
                quiet = self._failed_at is None or self._failed_at <= before
                if quiet and not self._under_way:
                    await self._try()

    async def _try(self) -> None:
        with suppress(StoreUnavailableError, ConflictError):
            async with self.transaction() as unit:
                await unit.set_setting(TRIED_AT, self._clock.now().isoformat())
