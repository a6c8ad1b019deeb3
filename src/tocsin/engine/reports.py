"""Reports by people: what a visitor tells becomes an alert, what a responder tells an incident.

A visitor's report goes the way of every other alert, so that silences, grouping and the playbook's routes
apply to it, and nobody outside can make more noise than the team allows. Somebody of the team who may declare
incidents has looked already: theirs is declared at once, in their name. Neither sets the level; the words do.
A weakness opens nothing: it is kept until somebody has handled it, or made it an incident.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import structlog
from msgspec.structs import replace

from tocsin.base import limits
from tocsin.engine import signing
from tocsin.engine.access import Access
from tocsin.engine.desk import Answer, Desk
from tocsin.engine.intake import Intake, IntakeFullError
from tocsin.engine.library import Library
from tocsin.engine.ports import (
    Channel,
    Clock,
    ConflictError,
    Randomness,
    Reader,
    Store,
    StoreUnavailableError,
    Unit,
)
from tocsin.engine.receipts import (
    CHANNEL,
    Receipt,
    incident_of,
    standing_of,
    standing_of_weakness,
    told_the_end,
)
from tocsin.engine.steady import to_its_end
from tocsin.engine.told import Report, Told, Waiting, Weakness, WeaknessState, alert_of, suggestion
from tocsin.incident import commands as c
from tocsin.incident.events import Actor, ActorKind
from tocsin.incident.state import Incident, State

log = structlog.get_logger(__name__)

LOOK_AGAIN = timedelta(seconds=10)
"""How long after an end the reporter may wait to be told."""
VISITOR = Actor(ActorKind.SYSTEM, "visitor", "A visitor")
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_NUMBER_CHARS = 8
_OVER = frozenset({State.RESOLVED, State.CLOSED, State.DISMISSED})


class UnknownWeaknessError(LookupError):
    """There is no weakness of this number."""

    def __init__(self, weakness: str) -> None:
        super().__init__(f"There is no weakness {weakness[:40]}.")


class WeaknessDoneError(Exception):
    """Somebody has decided about the weakness already; the message says who and how."""


class Reports:
    """Takes reports in, says what became of them, and keeps weaknesses."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        randomness: Randomness,
        desk: Desk,
        intake: Intake,
        access: Access,
        library: Library,
        channels: Mapping[str, Channel],
    ) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness
        self._desk = desk
        self._intake = intake
        self._access = access
        self._library = library
        self._channels = channels

    async def raise_alert(self, told: Told, by: str = "") -> Report:
        """Take in what somebody reports who may not declare incidents, as an alert.

        Raises:
            IntakeFullError: too much is waiting.
            StoreUnavailableError: it could not be kept.
        """
        report = self._new(told, by)
        alert = alert_of(report, self._library.rules().playbook)
        # The alert comes first: paging matters more than the receipt.
        await self._intake.take([alert])
        report = replace(report, fingerprint=alert.fingerprint)
        async with self._store.transaction() as unit:
            await self._keep(unit, report)
        return report

    async def declare(self, told: Told, actor: Actor) -> tuple[Report, Answer]:
        """Open an incident for what somebody of the team reports, in their name.

        Raises:
            RefusedError: the declaration lacks something.
            StoreUnavailableError: it could not be kept.
        """
        report = self._new(told, actor.name or actor.id)

        async def also(unit: Unit, answer: Answer) -> None:
            await self._keep(unit, replace(report, incident=answer.incident.id))

        answer = await self._desk.open(_declaration(told), actor, also)
        if said := suggestion(told.how_bad, self._library.rules().playbook):
            await self._desk.handle(answer.incident.id, c.AddNote(text=f"How bad it seems: {said}"), actor)
        return replace(report, incident=answer.incident.id), answer

    async def note_weakness(self, told: Told, actor: Actor | None = None) -> Report:
        """Keep a weakness, of a visitor's where there is no actor.

        Raises:
            StoreUnavailableError: it could not be kept.
        """
        report = replace(self._new(told, (actor.name or actor.id) if actor else ""), weakness=True)
        kept = Weakness(id=report.id, at=report.at, told=told, by=report.by)
        async with self._store.transaction() as unit:
            await self._keep(unit, report)
            await unit.keep(kept.id, kept, kept.at)
            detail = {"weakness": kept.id, "title": told.title}
            await unit.record_audit(report.at, actor or VISITOR, "weakness reported", detail)
        return report

    def _new(self, told: Told, by: str) -> Report:
        digest = int(signing.digest(self._randomness.secret()), 16)
        number = ""
        for _ in range(_NUMBER_CHARS):
            digest, place = divmod(digest, len(_ALPHABET))
            number += _ALPHABET[place]
        return Report(id=f"R-{number}", at=self._clock.now(), told=told, by=by)

    async def _keep(self, unit: Unit, report: Report) -> None:
        await unit.keep(report.id, report, report.at)
        if not report.weakness:
            await unit.keep(report.id, Waiting(report=report.id), report.at)
        old = report.at - limits.reports_kept_for
        await unit.forget_before(Report, old)
        await unit.forget_before(Waiting, old)

    # What became of them

    async def link(self, report: Report) -> str:
        """The path of the page on which its reporter sees what became of it."""
        return await self._access.report_link(report.id)

    async def receipt(self, token: str) -> Receipt | None:
        """What the reporter is told who has this last part of a link; None where it was not made here, or
        the report was forgotten."""
        found = await self._access.read_report_link(token)
        if found is None:
            return None
        async with self._store.reading() as reader:
            report = await reader.kept(Report, found)
            if report is None:
                return None
            incident = await incident_of(report, reader)
            weakness = await reader.kept(Weakness, found) if report.weakness else None
        standing = standing_of(incident) if incident or weakness is None else standing_of_weakness(weakness)
        writes = self.can_write(report.told.contact) and not (report.weakness and incident is None)
        return Receipt(report=report, standing=standing, will_write=writes)

    def can_write(self, contact: str) -> bool:
        """Whether there is a way to write to this address."""
        channel = self._channels.get(CHANNEL)
        return bool(contact) and channel is not None and channel.check(contact) is None

    @property
    def writes(self) -> bool:
        """Whether reporters can be written to at all."""
        return CHANNEL in self._channels

    async def find(self, report: str) -> Report | None:
        """One report."""
        async with self._store.reading() as reader:
            return await reader.kept(Report, report)

    async def reports(self, limit: int = limits.reports_listed_max) -> list[Report]:
        """Reports, newest first, each with its incident where there is one by now."""
        async with self._store.reading() as reader:
            found = await reader.all_kept(Report, limit)
            incidents = [await incident_of(each, reader) for each in found]
        return [
            replace(report, incident=incident.id) if incident else report
            for report, incident in zip(found, incidents, strict=True)
        ]

    # Weaknesses

    async def weaknesses(self, state: WeaknessState | None = None) -> list[Weakness]:
        """Weaknesses, newest first."""
        async with self._store.reading() as reader:
            found = await reader.all_kept(Weakness, limits.weaknesses_listed_max)
        return [each for each in found if state is None or each.state is state]

    async def handle_weakness(self, weakness: str, note: str, actor: Actor) -> Weakness:
        """Say that a weakness has been dealt with, and how.

        Raises:
            UnknownWeaknessError: there is none of this number.
            WeaknessDoneError: somebody has decided about it already.
        """
        now = self._clock.now()
        async with self._store.transaction() as unit:
            found = await _open_weakness(unit, weakness)
            handled = replace(
                found,
                state=WeaknessState.HANDLED,
                changed_at=now,
                changed_by=actor.name or actor.id,
                note=note.strip()[: limits.reason_chars_max],
            )
            await unit.keep(handled.id, handled, handled.at)
            detail = {"weakness": handled.id, "note": handled.note}
            await unit.record_audit(now, actor, "weakness handled", detail)
        return handled

    async def open_from_weakness(self, weakness: str, actor: Actor) -> Answer:
        """Make a weakness an incident.

        Raises:
            UnknownWeaknessError: there is none of this number.
            WeaknessDoneError: somebody has decided about it already.
            RefusedError: the incident cannot be opened.
        """
        async with self._store.reading() as reader:
            found = await _open_weakness(reader, weakness)

        async def also(unit: Unit, answer: Answer) -> None:
            # Asked again, since another may have decided in between: then nothing of this is kept.
            still = await _open_weakness(unit, weakness)
            now = self._clock.now()
            became = replace(
                still,
                state=WeaknessState.INCIDENT,
                incident=answer.incident.id,
                changed_at=now,
                changed_by=actor.name or actor.id,
            )
            await unit.keep(became.id, became, became.at)
            report = await unit.kept(Report, became.id)
            if report is not None:
                await unit.keep(report.id, replace(report, incident=answer.incident.id), report.at)
                await unit.keep(report.id, Waiting(report=report.id), report.at)
            detail = {"weakness": became.id, "incident": answer.incident.id}
            await unit.record_audit(now, actor, "weakness became an incident", detail)

        return await self._desk.open(_declaration(found.told), actor, also)

    # The end

    async def run(self) -> None:
        """Look for reports that have come to their end, until cancelled."""
        while True:
            await to_its_end(self.look())
            await self._clock.wait(self._clock.now() + LOOK_AGAIN, asyncio.Event())

    async def look(self) -> None:
        """Tell the reporters whose report has come to its end, each once, and end the reports' alerts. What
        cannot be kept now is left for the next look."""
        try:
            async with self._store.reading() as reader:
                waiting = await reader.all_kept(Waiting, limits.reports_listed_max)
                ended: list[tuple[str, Report | None, Incident | None]] = []
                for each in waiting:
                    report = await reader.kept(Report, each.report)
                    incident = await incident_of(report, reader) if report else None
                    if report is None or (incident and incident.state in _OVER):
                        ended.append((each.report, report, incident))
            for number, report, incident in ended:
                await self._end(number, report, incident)
        except (StoreUnavailableError, ConflictError, IntakeFullError) as error:
            log.error("reporters are told later", reason=str(error))
        except Exception:
            # Whatever it is: the next look may find it mended, and nobody else is kept waiting by it.
            log.exception("reporters cannot be told")

    async def _end(self, number: str, report: Report | None, incident: Incident | None) -> None:
        now = self._clock.now()
        if report is not None and report.fingerprint:
            alert = alert_of(report, self._library.rules().playbook, ended_at=now)
            await self._intake.take([alert])
        async with self._store.transaction() as unit:
            if await unit.kept(Waiting, number) is None:
                return
            await unit.forget(Waiting, number)
            if report is None or incident is None:
                return
            ended = replace(report, incident=incident.id)
            if self.can_write(report.told.contact):
                await unit.enqueue([told_the_end(report, incident, now)])
                ended = replace(ended, told_at=now)
            await unit.keep(ended.id, ended, ended.at)
        self._desk.announce([incident.id])


def _declaration(told: Told) -> c.Declare:
    return c.Declare(title=told.title, description=told.description)


async def _open_weakness(reader: Reader, weakness: str) -> Weakness:
    found = await reader.kept(Weakness, weakness)
    if found is None:
        raise UnknownWeaknessError(weakness)
    if found.state is not WeaknessState.OPEN:
        became = f"it became {found.incident}" if found.incident else "it was handled"
        raise WeaknessDoneError(f"{found.changed_by} has decided about {found.id} already: {became}.")
    return found
