"""What was heard of each source: counts, the last time, and a few of the last requests, without secrets in
them, so that whoever sets a sender up can see what arrived."""

import asyncio
import json
from datetime import datetime, timedelta

import msgspec
import structlog
from msgspec.structs import replace

from tocsin.base.redact import redacted, redacted_text
from tocsin.engine.ports import Clock, ConflictError, Store, StoreUnavailableError, Unit
from tocsin.engine.steady import to_its_end

log = structlog.get_logger(__name__)

SAMPLES_PER_SOURCE = 5
SAMPLE_BYTES_MAX = 64 * 1024
"""Of a larger request only its size is kept."""

SAMPLE_EVERY = timedelta(seconds=10)
"""Of a sender that sends all the time, no more than this is looked at; what is refused counts by itself."""

WRITE_EVERY = timedelta(seconds=5)
SAMPLES_WAITING_MAX = 200
SAMPLES_READ_MAX = 1_000


class SourceCount(msgspec.Struct, frozen=True, kw_only=True):
    """How much came of a kind of source, ever. `last_seen_at` is UTC."""

    kind: str
    kept: int
    refused: int
    last_seen_at: datetime


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came, with its secrets masked; `body` is empty where it was larger than is kept."""

    kind: str
    at: datetime
    kept: int
    refused: int
    size: int
    body: str


class _Raw(msgspec.Struct, frozen=True):
    kind: str
    at: datetime
    kept: int
    refused: int
    body: bytes


class Sightings:
    """Notes requests in memory as they come, and writes them in the background: no sender waits for it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._counts: dict[str, SourceCount] = {}
        self._samples: list[_Raw] = []
        self._sampled_at: dict[tuple[str, bool], datetime] = {}
        self._wake = asyncio.Event()

    def saw(self, kind: str, body: bytes, *, kept: int, refused: int) -> None:
        """A request of a known kind of source was answered."""
        now = self._clock.now()
        count = self._counts.get(kind) or SourceCount(kind=kind, kept=0, refused=0, last_seen_at=now)
        self._counts[kind] = replace(
            count, kept=count.kept + kept, refused=count.refused + refused, last_seen_at=now
        )
        last = self._sampled_at.get((kind, refused > 0))
        due = last is None or not timedelta(0) <= now - last < SAMPLE_EVERY
        if due and len(self._samples) < SAMPLES_WAITING_MAX:
            self._sampled_at[kind, refused > 0] = now
            self._samples.append(_Raw(kind, now, kept, refused, body))
        self._wake.set()

    async def run(self) -> None:
        """Write what was noted, until cancelled; then what is left."""
        try:
            while True:
                self._wake.clear()
                if not self._counts:
                    await self._clock.wait(None, self._wake)
                await self._clock.wait(self._clock.now() + WRITE_EVERY, asyncio.Event())
                await to_its_end(self.write())
        finally:
            await self.write()

    async def write(self) -> None:
        """Write what was noted. What cannot be written now stays for the next time."""
        counts, samples = self._counts, self._samples
        if not counts:
            return
        self._counts, self._samples = {}, []
        try:
            async with self._store.transaction() as unit:
                for count in counts.values():
                    await self._add(unit, count)
                for raw in samples:
                    await unit.keep(_key(raw), _sample(raw), raw.at)
                for kind in {raw.kind for raw in samples}:
                    await self._forget(unit, kind)
        except (StoreUnavailableError, ConflictError) as error:
            log.warning("what was heard of the sources is written later", reason=str(error))
            for count in counts.values():
                self._counts[count.kind] = _sum(count, self._counts.get(count.kind))
            self._samples = [*samples, *self._samples][:SAMPLES_WAITING_MAX]

    async def _add(self, unit: Unit, count: SourceCount) -> None:
        total = _sum(count, await unit.kept(SourceCount, count.kind))
        await unit.keep(count.kind, total, total.last_seen_at)

    async def _forget(self, unit: Unit, kind: str) -> None:
        samples = [each for each in await unit.all_kept(Sample, SAMPLES_READ_MAX) if each.kind == kind]
        for old in samples[SAMPLES_PER_SOURCE:]:
            await unit.forget(Sample, _key(old))

    async def counts(self) -> dict[str, SourceCount]:
        """What came of each kind of source that was ever heard of."""
        await self.write()
        async with self._store.reading() as reader:
            return {each.kind: each for each in await reader.all_kept(SourceCount)}

    async def samples(self, kind: str) -> list[Sample]:
        """The last requests of a kind of source, newest first."""
        await self.write()
        async with self._store.reading() as reader:
            return [each for each in await reader.all_kept(Sample, SAMPLES_READ_MAX) if each.kind == kind]


def _sum(count: SourceCount, other: SourceCount | None) -> SourceCount:
    if other is None:
        return count
    return replace(
        count,
        kept=count.kept + other.kept,
        refused=count.refused + other.refused,
        last_seen_at=max(count.last_seen_at, other.last_seen_at),
    )


def _key(sample: "Sample | _Raw") -> str:
    return f"{sample.kind}/{sample.at.isoformat()}/{'refused' if sample.refused else 'kept'}"


def _sample(raw: _Raw) -> Sample:
    small = len(raw.body) <= SAMPLE_BYTES_MAX
    return Sample(
        kind=raw.kind,
        at=raw.at,
        kept=raw.kept,
        refused=raw.refused,
        size=len(raw.body),
        body=pretty(raw.body) if small else "",
    )


def pretty(body: bytes) -> str:
    """A body for people: JSON on lines of its own, anything else as text; secrets masked."""
    text = body.decode("utf-8", "replace").replace("\0", "\ufffd")
    try:
        decoded: object = msgspec.json.decode(body)
        return json.dumps(redacted(decoded), ensure_ascii=False, indent=2)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return redacted_text(text)
