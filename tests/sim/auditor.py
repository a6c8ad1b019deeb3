"""Knows what must hold (the design's invariants), by simple books of its own."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from tocsin.alerts.grouping import Because
from tocsin.alerts.inhibition import InhibitSource
from tocsin.alerts.model import Alert, AlertStatus
from tocsin.engine.engine import Engine
from tocsin.engine.intake import Taken
from tocsin.engine.ports import Reader
from tocsin.engine.records import OutboxStatus
from tocsin.incident import events as e
from tocsin.incident.commands import Tally
from tocsin.incident.evolve import fold
from tocsin.incident.outgoing import Send
from tocsin.incident.settle import deadlines, next_due_at
from tocsin.incident.state import Incident, State
from tocsin.playbook.model import Playbook

VERIFY_EVERY = 10
"""The chains are walked whole at every so many audits, which is what makes an audit slow."""


def canonical(incident: Incident) -> bytes:
    """The bytes that stand for a state."""
    return msgspec.json.encode(incident, order="deterministic")


class WrongError(AssertionError):
    """An invariant does not hold."""


class Auditor:
    """Books of what was answered and delivered, and the checks against the store."""

    def __init__(self, playbook: Callable[[], Playbook]) -> None:
        self.playbook = playbook
        self.kept: dict[str, int] = {}
        self.deliveries: dict[str, list[int]] = {}
        self.seen: dict[str, int] = {}
        self.audits = 0

    def answered(self, batch: Sequence[Alert], taken: Sequence[Taken]) -> None:
        """An alert was answered as kept."""
        if len(batch) != len(taken):
            raise WrongError("an answer speaks of another number of alerts than the request")
        for alert in batch:
            self.kept[alert.fingerprint] = self.kept.get(alert.fingerprint, 0) + 1

    def delivered(self, key: str, life: int) -> None:
        """A channel took something. A second time for one key needs a crash in between."""
        lives = self.deliveries.setdefault(key, [])
        if life in lives:
            raise WrongError(f"{key} was delivered twice without a crash")
        lives.append(life)

    async def audit(self, engine: Engine, now: datetime) -> None:
        """Everything that must hold at any time."""
        self.audits += 1
        if self.audits % VERIFY_EVERY == 0:
            await self.audit_chains(engine)
        async with engine.store.reading() as reader:
            for fingerprint, times in self.kept.items():
                record = await reader.alert(fingerprint)
                if record is None or record.times < times:
                    raise WrongError(f"an alert that was answered is lost: {fingerprint}")
                if record.incident is None and not record.because:
                    raise WrongError(f"{fingerprint} has neither an incident nor a reason")
            for incident in await reader.incidents(limit=10_000):
                if self.seen.get(incident.id) == incident.seq:
                    continue
                self.seen[incident.id] = incident.seq
                chained = await reader.timeline(incident.id)
                entries = [each.entry for each in chained]
                await self._audit_incident(incident, entries, engine)

    async def audit_chains(self, engine: Engine) -> None:
        """Every chain verifies, and every fold is its read model."""
        faults = await engine.store.verify()
        if faults:
            raise WrongError(f"the store does not verify: {faults}")

    async def _audit_incident(self, incident: Incident, entries: list[e.Entry], engine: Engine) -> None:
        if canonical(fold(entries)) != canonical(incident):
            raise WrongError(f"{incident.id}: the fold of its events is not its read model")
        self._audit_pages(incident, entries)
        times = [entry.at for entry in entries]
        if times != sorted(times):
            raise WrongError(f"{incident.id}: its timeline is out of order")
        for entry in entries:
            due: datetime | None = getattr(entry.event, "due_at", None)
            if due is not None and entry.at < due:
                raise WrongError(f"{incident.id}: {type(entry.event).__name__} came early")
        async with engine.store.reading() as reader:
            rules = await engine.library.rules_for(incident.playbook, reader)
        if rules.playbook != self.playbook():
            raise WrongError("the rules are not the pinned playbook's")
        if incident.state is State.OPEN:
            paging = any(deadline.kind == "page-step" for deadline in deadlines(incident, rules))
            told = any(key.split(":")[1] == str(incident.generation) for key in incident.fallbacks)
            pending = next_due_at(incident, rules) is not None
            if not (paging or told or pending):
                raise WrongError(f"{incident.id} is unacknowledged, and nobody is being paged")

    def _audit_pages(self, incident: Incident, entries: list[e.Entry]) -> None:
        ended: set[str] = set()
        keys: set[str] = set()
        for entry in entries:
            event = entry.event
            match event:
                case (
                    e.Acknowledged()
                    | e.Mitigated()
                    | e.Resolved()
                    | e.Closed()
                    | e.Dismissed()
                    | e.MergedInto()
                ):
                    so_far = fold(entries[: entry.seq])
                    ended = {page.id for page in so_far.pages if page.ended_at}
                case e.PageAcknowledged():
                    ended.update(event.pages)
                case e.PageStepped():
                    if event.page in ended:
                        raise WrongError(f"{incident.id}: {event.page} goes on after it was acknowledged")
                case e.Paged() | e.PageWidened() | e.NobodyReachable():
                    fresh = {reason.key for reason in event.reasons}
                    if fresh & keys:
                        raise WrongError(f"{incident.id}: paged twice for {fresh & keys}")
                    keys |= fresh
                case _:
                    pass

    async def audit_healed(self, engine: Engine, now: datetime) -> None:
        """Once nothing fails any more, nothing that is due is left undone."""
        await self.audit_chains(engine)
        async with engine.store.reading() as reader:
            for incident in await reader.incidents(limit=10_000):
                tally = (await reader.alert_tallies([incident.id])).get(incident.id, Tally(0, 0))
                if incident.active and tally != Tally(incident.alert_count, incident.firing_count):
                    told = Tally(incident.alert_count, incident.firing_count)
                    raise WrongError(f"{incident.id} counts its alerts as {told}, and has {tally}")
                rules = await engine.library.rules_for(incident.playbook, reader)
                due = next_due_at(incident, rules)
                if due is not None and due <= now:
                    raise WrongError(f"{incident.id} has a deadline that nobody served: {due}")
            await self._audit_kept_back(reader)
            for row in await reader.outbox(OutboxStatus.PENDING, limit=10_000):
                overdue = row.due_at < now - timedelta(minutes=6)
                if overdue and isinstance(row.effect, Send):
                    raise WrongError(f"{row.key} is due and was not delivered")

    async def _audit_kept_back(self, reader: Reader) -> None:
        """No alert still waits for a reason that has ended: only what fires elsewhere may explain it."""
        sources = {each.fingerprint: each for each in await reader.all_kept(InhibitSource)}
        for fingerprint in self.kept:
            record = await reader.alert(fingerprint)
            assert record is not None, "it was found a moment ago"
            if record.incident is not None or record.alert.status is AlertStatus.RESOLVED:
                continue
            if record.because in (Because.INFORMATIONAL, Because.FALSE_ALARM):
                continue
            by = next((each for each in sources if each in record.because), None)
            if by is None:
                raise WrongError(f"{fingerprint} is kept back for no reason: {record.because}")
            source = await reader.alert(by)
            if source is None or source.alert.status is AlertStatus.RESOLVED:
                raise WrongError(f"{fingerprint} is inhibited by {by}, which has ended")
