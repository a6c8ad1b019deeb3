"""The clockwork: waits for the next deadline of any incident, and lets time pass there."""

from datetime import datetime, timedelta

import structlog

from tocsin.base.ids import IncidentId
from tocsin.engine.desk import Desk
from tocsin.engine.hub import Hub
from tocsin.engine.ports import Clock, Store, StoreUnavailableError
from tocsin.engine.steady import to_its_end
from tocsin.incident.commands import Tick
from tocsin.incident.events import CLOCK

log = structlog.get_logger(__name__)

BATCH = 100
LOOK_AGAIN = timedelta(seconds=5)
"""How long another node's deadlines, and a store that failed, may go unseen."""


class Clockwork:
    """The only loop that asks what time it is on behalf of incidents."""

    def __init__(self, store: Store, clock: Clock, desk: Desk, hub: Hub) -> None:
        self._store = store
        self._clock = clock
        self._desk = desk
        self._hub = hub

    async def run(self) -> None:
        """Serve deadlines until cancelled."""
        with self._hub.waker() as wake:
            while True:
                wake.clear()
                await self._clock.wait(await to_its_end(self.pass_time()), wake)

    async def pass_time(self) -> datetime:
        """Tick every incident that is due, and say when to look again (UTC).

        An incident whose tick fails is logged and left for the next look, so that one bad incident
        never stops the clocks of the others.
        """
        now = self._clock.now()
        again = now + LOOK_AGAIN
        try:
            async with self._store.reading() as reader:
                due = await reader.due(now, BATCH)
                next_at = await reader.next_due_at()
            failed = [incident for incident in due if not await self._tick(incident)]
            if due and not failed:
                async with self._store.reading() as reader:
                    next_at = await reader.next_due_at()
        except StoreUnavailableError as error:
            log.error("the clocks cannot be read", reason=str(error))
            return again
        except Exception:
            # Whatever it is: clocks that stand still until somebody notices would be worse.
            log.exception("the clocks cannot be read")
            return again
        if next_at is None or failed:
            return again
        return min(next_at, again)

    async def _tick(self, incident: IncidentId) -> bool:
        try:
            await self._desk.handle(incident, Tick(), CLOCK)
        except StoreUnavailableError:
            raise
        except Exception:
            log.exception("time could not pass for an incident", incident=incident)
            return False
        return True
