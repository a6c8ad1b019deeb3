"""The engine: its parts put together over the ports, started and stopped as one."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from tocsin.engine.access import Access
from tocsin.engine.clockwork import Clockwork
from tocsin.engine.delivery import Delivery
from tocsin.engine.desk import Desk
from tocsin.engine.hub import Hub
from tocsin.engine.intake import Intake
from tocsin.engine.library import Document, Library
from tocsin.engine.links import Links
from tocsin.engine.ports import Channel, Clock, Randomness, Store
from tocsin.engine.queries import Queries
from tocsin.engine.shelf import Shelf
from tocsin.incident.rules import Clocks
from tocsin.oncall.model import Roster

log = structlog.get_logger(__name__)


@dataclass
class Engine:
    """Every part of a running Tocsin. `assemble` makes one; `start` and `stop` run its loops."""

    store: Store
    clock: Clock
    randomness: Randomness
    hub: Hub
    library: Library
    desk: Desk
    intake: Intake
    clockwork: Clockwork
    delivery: Delivery
    queries: Queries
    access: Access
    channels: Mapping[str, Channel]
    _tasks: list[asyncio.Task[None]] = field(default_factory=list["asyncio.Task[None]"])

    async def start(self) -> None:
        """Keep the current playbook, catch up with what came due, then begin to take alerts, to watch
        the clocks and to deliver."""
        await self.catch_up()
        loops = {"intake": self.intake.run, "clockwork": self.clockwork.run, "delivery": self.delivery.run}
        self._tasks = [asyncio.create_task(loop(), name=name) for name, loop in loops.items()]
        for task in self._tasks:
            task.add_done_callback(_report)

    async def catch_up(self) -> None:
        """Store the current playbook and find every incident's next deadline under today's roster."""
        await self.library.keep()
        await self.desk.review()

    async def reload(self, documents: Document | Shelf, roster: Roster) -> None:
        """Follow other documents for new incidents, and another roster and policy for all."""
        await self.library.replace(documents, roster)
        await self.desk.review()

    @property
    def running(self) -> bool:
        """Whether every loop is at work."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    async def stop(self) -> None:
        """End the loops in good order: what was taken in is committed, what is being delivered is
        recorded or left to its lease. Then let go of channels and the store."""
        self.hub.close()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        for channel in self.channels.values():
            await channel.close()
        await self.store.close()


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("a part of the engine stopped; restart the server", part=task.get_name(), exc_info=error)


def assemble(
    *,
    store: Store,
    clock: Clock,
    randomness: Randomness,
    document: Document | Shelf,
    roster: Roster,
    clocks: Clocks,
    channels: Mapping[str, Channel],
    public_url: str,
    bundle_window: timedelta,
) -> Engine:
    """Put the parts together. Nothing runs yet."""
    hub = Hub()
    library = Library(store, clock, document, roster, clocks)
    desk = Desk(store, clock, library, hub)
    intake = Intake(store, clock, library, desk)
    access = Access(store, clock, randomness)
    delivery = Delivery(
        store=store,
        clock=clock,
        randomness=randomness,
        desk=desk,
        intake=intake,
        hub=hub,
        channels=channels,
        links=Links(access, public_url),
        bundle_window=bundle_window,
    )
    return Engine(
        store=store,
        clock=clock,
        randomness=randomness,
        hub=hub,
        library=library,
        desk=desk,
        intake=intake,
        clockwork=Clockwork(store, clock, desk, hub),
        delivery=delivery,
        queries=Queries(store, clock, library),
        access=access,
        channels=channels,
    )
