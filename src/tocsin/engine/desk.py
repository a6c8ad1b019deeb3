"""The desk: every command goes over it. One transaction: load, decide, append, project, enqueue."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
import stamina
import structlog
from msgspec.structs import replace

from tocsin.alerts.grouping import Because
from tocsin.base import limits
from tocsin.base.ids import IncidentId
from tocsin.engine.hub import Hub
from tocsin.engine.library import Library, UnknownPlaybookError
from tocsin.engine.ports import Clock, ConflictError, Store, StoreUnavailableError, Unit
from tocsin.incident import commands as c
from tocsin.incident.answer import Refused
from tocsin.incident.decide import Decision, handle
from tocsin.incident.events import CLOCK, SYSTEM, Actor, Entry
from tocsin.incident.outgoing import Cancel
from tocsin.incident.report import postmortem
from tocsin.incident.rules import Rules
from tocsin.incident.settle import next_due_at
from tocsin.incident.state import Incident

log = structlog.get_logger(__name__)

REVIEW_BATCH = 100
"""So many incidents are looked at in one transaction after a start."""

Also = Callable[[Unit], Awaitable[None]]
"""Something else to be written in the same transaction."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a command led to: the incident after it, the new entries, and a sentence for whoever asked."""

    incident: Incident
    entries: tuple[Entry, ...]
    said: str
    rules: Rules


AlsoOpened = Callable[[Unit, Answer], Awaitable[None]]
"""Something else to be written in the transaction that opens an incident."""


class RefusedError(Exception):
    """The incident refuses the command; `message` says why in plain words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class UnknownIncidentError(LookupError):
    """There is no incident of this id."""

    def __init__(self, incident: str) -> None:
        super().__init__(f"There is no incident {incident}.")
        self.incident = incident


class Desk:
    """Carries out commands against the store, and wakes whoever waits for what they lead to."""

    def __init__(self, store: Store, clock: Clock, library: Library, hub: Hub) -> None:
        self._store = store
        self._clock = clock
        self._library = library
        self._hub = hub
        self._watchers: list[Callable[[Incident], None]] = []

    def watch(self, watcher: Callable[[Incident], None]) -> None:
        """Call `watcher` with each incident that is written, as it will be once that is committed."""
        self._watchers.append(watcher)

    async def open(self, command: c.Declare, actor: Actor, also: AlsoOpened | None = None) -> Answer:
        """Open an incident that a person declares; `also` is written in the same transaction.

        Raises:
            RefusedError: the declaration lacks something.
            StoreUnavailableError: nothing could be kept.
        """

        async def work(unit: Unit) -> Answer:
            answer = await self.open_in(unit, command, actor)
            if also is not None:
                await also(unit, answer)
            return answer

        return self._told(await self._transact(work))

    async def handle(
        self, incident: IncidentId, command: c.Command, actor: Actor, also: Also | None = None
    ) -> Answer:
        """Carry out a command on an incident; `also` is written in the same transaction.

        Raises:
            UnknownIncidentError: there is no such incident.
            RefusedError: the incident refuses, and says why; `also` is then not written either.
            StoreUnavailableError: nothing could be kept.
        """

        async def work(unit: Unit) -> Answer:
            answer = await self.handle_in(unit, incident, command, actor)
            if also is not None:
                await also(unit)
            return answer

        answer = self._told(await self._transact(work))
        if isinstance(command, c.Merge) and answer.entries:
            self.announce([command.into])
        return answer

    async def review(self) -> None:
        """Let time pass in every incident that is not closed, and find its next deadline anew, because
        the roster or the settings may be others than when it was last looked at. One in which it cannot
        is logged, so that a single bad incident never keeps the server from starting."""
        async with self._store.reading() as reader:
            unfinished = [holder.id for holder in await reader.holders()]
        for batch in (unfinished[at : at + REVIEW_BATCH] for at in range(0, len(unfinished), REVIEW_BATCH)):
            try:
                await self._tick_together(batch)
            except StoreUnavailableError:
                raise
            except Exception:
                for incident in batch:
                    await self._tick_alone(incident)

    async def _tick_together(self, incidents: list[IncidentId]) -> None:
        """Many ticks in one transaction, since each commit has to wait for the disk."""
        async with self._store.transaction() as unit:
            answers = [await self.handle_in(unit, incident, c.Tick(), CLOCK) for incident in incidents]
        self.announce([answer.incident.id for answer in answers if answer.entries])

    async def _tick_alone(self, incident: IncidentId) -> None:
        try:
            await self.handle(incident, c.Tick(), CLOCK)
        except (StoreUnavailableError, ConflictError):
            raise
        except Exception:
            log.exception("time could not pass for an incident", incident=incident)

    async def open_in(self, unit: Unit, command: c.Declare | c.OpenByAlert, actor: Actor) -> Answer:
        """Open an incident within a transaction of the caller's, who announces it after the commit.

        Raises:
            RefusedError: the declaration lacks something, or names a playbook that is not there.
        """
        rules = self._rules_to_open(command)
        number = await unit.new_incident_id()
        decided = handle(None, command, actor, rules, self._clock.now(), number)
        return await self._write(unit, decided, rules, command)

    def _rules_to_open(self, command: c.Declare | c.OpenByAlert) -> Rules:
        if isinstance(command, c.OpenByAlert):
            return self._library.rules_for_alert(command.alert)
        rules = self._library.rules_named(command.playbook)
        if rules is None:
            known = ", ".join(book.name for book in self._library.current.books)
            raise RefusedError(
                "unknown-playbook", f"There is no playbook {command.playbook[:80]!r}; there are: {known}."
            )
        return rules

    async def handle_in(self, unit: Unit, incident: IncidentId, command: c.Command, actor: Actor) -> Answer:
        """Carry out a command within a transaction of the caller's, who announces it after the commit.

        Raises:
            UnknownIncidentError: there is no such incident.
            RefusedError: the incident refuses, and says why.
        """
        if isinstance(command, c.Merge):
            # Where alerts belong is decided by one at a time, and a merge decides it for many.
            await unit.holders()
        loaded = await unit.lock(incident)
        if loaded is None:
            raise UnknownIncidentError(incident)
        if isinstance(command, c.Acknowledge) and loaded.merged_into is not None:
            # Whoever answers a page whose incident was merged meanwhile takes on what it is part of.
            return await self.handle_in(unit, loaded.merged_into, command, actor)
        rules = await self._library.rules_for(loaded.playbook, unit)
        if isinstance(command, c.Repin):
            # Without a hash it is the current version of what the incident follows.
            command = replace(command, playbook=command.playbook or self._library.successor(loaded.playbook))
            try:
                rules = await self._library.rules_for(command.playbook, unit)
            except UnknownPlaybookError as error:
                raise RefusedError(
                    "unknown-playbook", f"There is no version {command.playbook!r} of the playbook."
                ) from error
        if isinstance(command, c.PublishPostmortem) and not command.text.strip():
            chained = await unit.timeline(incident)
            written = postmortem(loaded, [each.entry for each in chained], rules)
            command = replace(command, text=written)
        decided = handle(loaded, command, actor, rules, self._clock.now(), incident)
        answer = await self._write(unit, decided, rules, command)
        if isinstance(command, c.Merge) and answer.entries:
            await self._absorb(unit, command, answer.incident, actor)
        if isinstance(command, c.Dismiss) and answer.entries:
            # Their repetitions say nothing new: whoever dismissed them has seen them.
            await unit.move_alerts(incident, incident, self._clock.now(), Because.FALSE_ALARM.value)
        if isinstance(command, c.Reopen) and answer.entries:
            return await self._recount(unit, answer)
        return answer

    async def _recount(self, unit: Unit, reopened: Answer) -> Answer:
        """Count the alerts of an incident that had ended anew: others may have taken them on meanwhile."""
        incident = reopened.incident
        tally = (await unit.alert_tallies([incident.id])).get(incident.id, c.Tally(0, 0))
        if tally == c.Tally(incident.alert_count, incident.firing_count):
            return reopened
        counted = await self.handle_in(unit, incident.id, c.AttachAlerts(new=(), tally=tally), SYSTEM)
        return replace(reopened, incident=counted.incident, entries=(*reopened.entries, *counted.entries))

    async def handle_all(
        self, unit: Unit, asked: Mapping[IncidentId, tuple[c.AttachAlerts | c.ClearAlerts, Actor]]
    ) -> list[Answer]:
        """Carry out one command about alerts on each of many incidents, within a transaction of the
        caller's, who announces them after the commit.

        Raises:
            UnknownIncidentError: there is no such incident.
            RefusedError: an incident refuses, and says why.
        """
        loaded = await unit.lock_all(asked.keys())
        decided: list[tuple[Decision, Rules]] = []
        for incident, (command, actor) in asked.items():
            if incident not in loaded:
                raise UnknownIncidentError(incident)
            before = loaded[incident]
            rules = await self._library.rules_for(before.playbook, unit)
            decision = handle(before, command, actor, rules, self._clock.now(), incident)
            if isinstance(decision, Refused):
                raise RefusedError(decision.code, decision.message)
            decided.append((decision, rules))
        await self._write_all(unit, [each for each in decided if each[0].entries])
        return [_answer(decision, rules) for decision, rules in decided]

    async def _absorb(self, unit: Unit, command: c.Merge, merged: Incident, actor: Actor) -> None:
        because = f"{merged.id} was merged into this incident"
        await unit.move_alerts(merged.id, command.into, self._clock.now(), because)
        tally = (await unit.alert_tallies([command.into])).get(command.into, c.Tally(0, 0))
        taken = c.Absorb(other=merged.id, title=merged.title, alerts=merged.alerts, tally=tally)
        await self.handle_in(unit, command.into, taken, actor)

    async def _write(
        self, unit: Unit, decided: Decision | Refused, rules: Rules, command: c.Command
    ) -> Answer:
        if isinstance(decided, Refused):
            raise RefusedError(decided.code, decided.message)
        # A tick without an entry may find another next deadline: the roster may have changed.
        if decided.entries or isinstance(command, c.Tick):
            await self._write_all(unit, [(decided, rules)])
        return _answer(decided, rules)

    async def _write_all(self, unit: Unit, decided: Sequence[tuple[Decision, Rules]]) -> None:
        appended = [
            (each.entries, each.incident, next_due_at(each.incident, rules)) for each, rules in decided
        ]
        if len(appended) == 1:
            await unit.append(*appended[0])
        elif appended:
            await unit.append_all(appended)
        effects = [effect for each, _ in decided for effect in each.effects]
        waiting = [effect for effect in effects if not isinstance(effect, Cancel)]
        if waiting:
            await unit.enqueue(waiting)
        for effect in effects:
            if isinstance(effect, Cancel):
                await unit.cancel(effect.incident, effect.pages)
        for each, _ in decided:
            for watcher in self._watchers:
                watcher(each.incident)

    async def _transact(self, work: Callable[[Unit], Awaitable[Answer]]) -> Answer:
        async for attempt in stamina.retry_context(
            on=ConflictError,
            attempts=limits.command_conflict_retries_max,
            wait_initial=0.005,
            wait_max=0.2,
            wait_jitter=0.01,
            timeout=10.0,
        ):
            with attempt:
                async with self._store.transaction() as unit:
                    return await work(unit)
        raise AssertionError("the last attempt returns or raises")

    def _told(self, answer: Answer) -> Answer:
        if answer.entries:
            self.announce([answer.incident.id])
        return answer

    def announce(self, incidents: list[IncidentId]) -> None:
        """Wake whoever waits for changes of these incidents, after their commit."""
        for incident in incidents:
            self._hub.publish(incident)


def _answer(decided: Decision, rules: Rules) -> Answer:
    return Answer(incident=decided.incident, entries=decided.entries, said=decided.said, rules=rules)
