"""What the rules about noise have to remember between batches: in the store, with a copy in memory.

The copy is trusted as long as the store's count of changes is the one that it led to; a batch that was
undone, or another node, leaves another count, and everything is read again.
"""

from datetime import datetime, timedelta

import msgspec

from tocsin.alerts.inhibition import InhibitSource
from tocsin.alerts.placing import IncidentWatch
from tocsin.alerts.storms import Storm
from tocsin.base.ids import IncidentId
from tocsin.engine.ports import Reader, Unit

READ_AGAIN = timedelta(seconds=5)
"""So long the changes of two nodes that were made at once may hide from each other."""

KEPT_MAX = 100_000

_COUNT = "count"


class NoiseChanges(msgspec.Struct, frozen=True):
    """How often what is remembered was changed."""

    number: int


class MutedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """A firing alert that is only recorded until the reason ends, which `because` says."""

    fingerprint: str
    labels: dict[str, str]
    because: str


class HeldAlert(msgspec.Struct, frozen=True, kw_only=True):
    """A flapping alert that has ended, which counts if it stays so until `until` (UTC)."""

    fingerprint: str
    until: datetime


class NoiseState:
    """The memory of the rules. What is put or dropped is written by `flush`, in the batch's transaction."""

    def __init__(self) -> None:
        self.sources: dict[str, InhibitSource] = {}
        self.watches: dict[IncidentId, IncidentWatch] = {}
        self.storms: dict[str, Storm] = {}
        self._number = 0
        self._read_at: datetime | None = None
        self._changed: dict[tuple[type[msgspec.Struct], str], msgspec.Struct | None] = {}
        self._waiting: dict[tuple[type[msgspec.Struct], str], msgspec.Struct | None] = {}

    async def refresh(self, reader: Reader, now: datetime) -> bool:
        """Begin a batch with what the store holds; whether that had to be read again."""
        kept = await reader.kept(NoiseChanges, _COUNT)
        number = kept.number if kept else 0
        young = self._read_at is not None and timedelta(0) <= now - self._read_at < READ_AGAIN
        right = young and number == self._number and not self._changed
        self._changed.clear()
        self._waiting.clear()
        if right:
            return False
        sources = await reader.all_kept(InhibitSource, KEPT_MAX)
        watches = await reader.all_kept(IncidentWatch, KEPT_MAX)
        storms = await reader.all_kept(Storm, KEPT_MAX)
        self.sources = {each.fingerprint: each for each in sources}
        self.watches = {each.incident: each for each in watches}
        self.storms = {each.group: each for each in storms}
        self._number, self._read_at = number, now
        return True

    def put_source(self, source: InhibitSource) -> None:
        """An alert that may inhibit others fires."""
        self.sources[source.fingerprint] = source
        self._changed[InhibitSource, source.fingerprint] = source

    def drop_source(self, fingerprint: str) -> None:
        """It does not fire any more."""
        if self.sources.pop(fingerprint, None) is not None:
            self._changed[InhibitSource, fingerprint] = None

    def put_watch(self, watch: IncidentWatch) -> None:
        """Something new is known of an open incident."""
        self.watches[watch.incident] = watch
        self._changed[IncidentWatch, watch.incident] = watch

    def drop_watch(self, incident: IncidentId) -> None:
        """The incident has ended."""
        if self.watches.pop(incident, None) is not None:
            self._changed[IncidentWatch, incident] = None

    def put_storm(self, storm: Storm) -> None:
        """Something new is known of the storms of a playbook."""
        self.storms[storm.group] = storm
        self._changed[Storm, storm.group] = storm

    def mute(self, muted: MutedAlert) -> None:
        """An alert is only recorded for now."""
        self._waiting[MutedAlert, muted.fingerprint] = muted

    def hold(self, held: HeldAlert) -> None:
        """An alert's end does not count yet."""
        self._waiting[HeldAlert, held.fingerprint] = held

    def unmute(self, fingerprint: str) -> None:
        """An alert was placed, or has ended."""
        self._waiting[MutedAlert, fingerprint] = None

    def release(self, fingerprint: str) -> None:
        """An alert's end counts."""
        self._waiting[HeldAlert, fingerprint] = None

    async def flush(self, unit: Unit, now: datetime) -> None:
        """Write what has changed in this batch."""
        for (shape, key), record in (*self._changed.items(), *self._waiting.items()):
            if record is None:
                await unit.forget(shape, key)
            else:
                await unit.keep(key, record, now)
        if self._changed:
            self._number += 1
            await unit.keep(_COUNT, NoiseChanges(self._number), now)
        self._changed.clear()
        self._waiting.clear()
