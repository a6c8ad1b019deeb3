"""Alerts that end by themselves: one that is not repeated until its `expires_at` counts as ended, as with
Alertmanager, to which Prometheus sends every firing alert again about once a minute."""

import asyncio
from datetime import datetime, timedelta

import structlog
from msgspec.structs import replace

from tocsin.alerts.model import Alert, AlertStatus
from tocsin.engine.intake import Intake, IntakeFullError
from tocsin.engine.ports import Clock, ConflictError, Store, StoreUnavailableError
from tocsin.engine.records import AlertRecord
from tocsin.engine.steady import to_its_end

log = structlog.get_logger(__name__)

LOOK_AGAIN = timedelta(seconds=5)
AT_ONCE = 500
"""So many alerts are ended in one request."""

AWAY_AFTER = timedelta(seconds=60)
"""Whoever has not looked for longer was away: the process was suspended, or the clock was set."""

HEARD_AGAIN_WITHIN = timedelta(minutes=2)
"""After a start, or after having been away, senders get this long to repeat what still fires: that they were
not heard meanwhile does not say that it has ended. Prometheus repeats within a minute."""


class Expiry:
    """Ends what has expired, as its sender would have done."""

    def __init__(self, store: Store, clock: Clock, intake: Intake) -> None:
        self._store = store
        self._clock = clock
        self._intake = intake
        self._looked: datetime | None = None
        self._here_since: datetime | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        never = asyncio.Event()
        while True:
            await self._clock.wait(await to_its_end(self.look()), never)

    async def look(self) -> datetime:
        """End every alert that has expired, and say when to look again (UTC). What cannot be done now is
        done later."""
        now = self._clock.now()
        heard_from = self._listening_since(now) + HEARD_AGAIN_WITHIN
        if now < heard_from:
            return min(heard_from, now + LOOK_AGAIN)
        try:
            async with self._store.reading() as reader:
                due = await reader.expired_alerts(now, AT_ONCE)
                next_at = await reader.next_expiry_at()
            gone = [_ended(record, now) for record in due if not self._is_repeated(record, now)]
            if gone:
                await self._intake.take(gone)
                return now
        except (StoreUnavailableError, ConflictError, IntakeFullError) as error:
            log.warning("alerts that have expired are ended later", reason=str(error))
        except Exception:
            # Whatever it is: alerts that never end until somebody notices would be worse.
            log.exception("alerts that have expired cannot be ended")
        else:
            if next_at is not None and next_at > now:
                return min(next_at, now + LOOK_AGAIN)
        return now + LOOK_AGAIN

    def _listening_since(self, now: datetime) -> datetime:
        away = self._looked is None or not timedelta(0) <= now - self._looked <= AWAY_AFTER
        self._looked = now
        if self._here_since is None or away:
            self._here_since = now
        return self._here_since

    def _is_repeated(self, record: AlertRecord, now: datetime) -> bool:
        """Whether it was repeated, which has not been written yet."""
        repeats = self._intake.repeats_of(record.alert.fingerprint)
        return repeats is not None and (repeats.expires_at is None or repeats.expires_at > now)


def _ended(record: AlertRecord, now: datetime) -> Alert:
    # It keeps the time at which it expired: where it is repeated before this is taken in, it has not ended.
    alert = record.alert
    return replace(alert, status=AlertStatus.RESOLVED, ends_at=alert.expires_at, received_at=now)
