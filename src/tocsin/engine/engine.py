"""The engine: its parts put together over the ports, started and stopped as one."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog

from tocsin.engine.access import Access
from tocsin.engine.alertbook import AlertBook
from tocsin.engine.changes import Changes
from tocsin.engine.clockwork import Clockwork
from tocsin.engine.deliveries import Deliveries
from tocsin.engine.delivery import Delivery
from tocsin.engine.desk import Desk
from tocsin.engine.expiry import Expiry
from tocsin.engine.heartbeats import Heartbeats
from tocsin.engine.hub import Hub
from tocsin.engine.intake import Intake
from tocsin.engine.library import Document, Library
from tocsin.engine.links import Links
from tocsin.engine.mailroom import ThreadedMail
from tocsin.engine.noise import Noise
from tocsin.engine.ports import (
    Channel,
    Clock,
    ConflictError,
    Randomness,
    Store,
    StoreUnavailableError,
)
from tocsin.engine.probes import Probes
from tocsin.engine.queries import Queries
from tocsin.engine.remote import Remote
from tocsin.engine.replacing import Replacing
from tocsin.engine.reports import Reports
from tocsin.engine.shelf import Shelf
from tocsin.engine.sightings import Sightings
from tocsin.engine.silencing import Silencing
from tocsin.engine.watched import TRY_AGAIN, WatchedStore
from tocsin.engine.why import Explainer
from tocsin.incident.rules import Clocks
from tocsin.oncall.model import Roster

log = structlog.get_logger(__name__)

INTAKE = "intake"


@dataclass
class Engine:
    """Every part of a running Tocsin. `assemble` makes one; `start` and `stop` run its loops."""

    store: WatchedStore
    clock: Clock
    randomness: Randomness
    hub: Hub
    library: Library
    desk: Desk
    intake: Intake
    deliveries: Deliveries
    expiry: Expiry
    clockwork: Clockwork
    delivery: Delivery
    queries: Queries
    access: Access
    silencing: Silencing
    noise: Noise
    replacing: Replacing
    remote: Remote
    changes: Changes
    sightings: Sightings
    heartbeats: Heartbeats
    probes: Probes
    mailroom: ThreadedMail
    alerts: AlertBook
    explainer: Explainer
    reports: Reports
    channels: Mapping[str, Channel]
    parts: dict[str, Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=dict[str, Any])
    """Further loops by name, put in before the start: heartbeats, probes, listeners."""
    _tasks: list[asyncio.Task[None]] = field(default_factory=list["asyncio.Task[None]"])

    async def start(self) -> None:
        """Keep the current playbook, catch up with what came due, then begin to take alerts, to watch
        the clocks and to deliver."""
        await self.catch_up()
        loops = {
            INTAKE: self.intake.run,
            "clockwork": self.clockwork.run,
            "expiry": self.expiry.run,
            "delivery": self.delivery.run,
            "store": self.store.run,
            "replacing": self.replacing.run,
            "sightings": self.sightings.run,
            **self.parts,
        }
        self._tasks = [asyncio.create_task(loop(), name=name) for name, loop in loops.items()]
        for task in self._tasks:
            task.add_done_callback(_report)

    async def catch_up(self) -> None:
        """Store the current playbook and find every incident's next deadline under today's roster."""
        await self.library.keep()
        await self.desk.review()
        try:
            await self.intake.catch_up()
        except (StoreUnavailableError, ConflictError) as error:
            # Whatever alert comes next to one of them counts it anew.
            log.error("the alerts of incidents are counted later", reason=str(error))

    async def reload(self, documents: Document | Shelf, roster: Roster) -> None:
        """Follow other documents for new incidents, and another roster and policy for all, as soon as the
        store takes it: an edit that is made while the store is away must not be forgotten."""
        while True:
            try:
                await self.library.replace(documents, roster)
                await self.desk.review()
            except (StoreUnavailableError, ConflictError) as error:
                log.error("the changed files are followed later", reason=str(error))
                await self.clock.wait(self.clock.now() + TRY_AGAIN, asyncio.Event())
            else:
                return

    @property
    def running(self) -> bool:
        """Whether every loop is at work."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    async def stop(self) -> None:
        """End the loops in good order: what was taken in is committed, what is being delivered is
        recorded or left to its lease. Then let go of channels and the store."""
        self.hub.close()
        # What the others still ask of the intake while they finish has to be answered, so it goes last.
        last = [task for task in self._tasks if task.get_name() == INTAKE]
        for tasks in ([task for task in self._tasks if task not in last], last):
            for task in tasks:
                task.cancel()
            # A loop that failed was reported when it did, and must not keep the others from their end.
            await asyncio.gather(*tasks, return_exceptions=True)
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
    watched = WatchedStore(store, clock)
    library = Library(watched, clock, document, roster, clocks)
    desk = Desk(watched, clock, library, hub)
    silencing = Silencing(watched, clock, randomness)
    noise = Noise(library, silencing, desk)
    intake = Intake(watched, clock, noise, desk)
    access = Access(watched, clock, randomness)
    sightings = Sightings(watched, clock)
    delivery = Delivery(
        store=watched,
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
        store=watched,
        clock=clock,
        randomness=randomness,
        hub=hub,
        library=library,
        desk=desk,
        intake=intake,
        deliveries=Deliveries(watched, clock, intake),
        expiry=Expiry(watched, clock, intake),
        clockwork=Clockwork(watched, clock, desk, hub),
        delivery=delivery,
        queries=Queries(watched, clock, library),
        access=access,
        silencing=silencing,
        noise=noise,
        replacing=Replacing(watched, clock, library, noise, intake),
        remote=Remote(watched, desk, library),
        changes=Changes(watched, clock, randomness),
        sightings=sightings,
        heartbeats=Heartbeats(watched, clock, intake),
        probes=Probes(watched, clock, randomness, intake, library),
        mailroom=ThreadedMail(watched, clock, intake),
        alerts=AlertBook(watched),
        explainer=Explainer(watched, clock, library, silencing),
        reports=Reports(
            store=watched,
            clock=clock,
            randomness=randomness,
            desk=desk,
            intake=intake,
            access=access,
            library=library,
            channels=channels,
        ),
        channels=channels,
    )
