"""What the faces read: rooms, lists, duty, health. Nothing here changes anything."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from tocsin.base.ids import IncidentId, incident_number, role_key
from tocsin.engine.library import Library
from tocsin.engine.ports import Clock, Reader, StoreUnavailableError
from tocsin.engine.records import AlertRecord, ChainedEntry, OutboxStatus
from tocsin.engine.verbs import VERBS
from tocsin.engine.views import Choice, Duty, Health, Line, Room, Trouble, Weight
from tocsin.engine.watched import WatchedStore
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident import path
from tocsin.incident.choices import possible
from tocsin.incident.messages import Draft, draft
from tocsin.incident.report import postmortem
from tocsin.incident.rules import Rules
from tocsin.incident.runbooks import actions_of, attached, phases_of
from tocsin.incident.settle import deadlines
from tocsin.incident.state import Incident, Page, State
from tocsin.incident.timeline import describe, evidence_words
from tocsin.incident.triage import Checklist
from tocsin.oncall.pageload import PageLoad, PageSeen, page_loads
from tocsin.oncall.resolve import on_call
from tocsin.playbook.model import MessageKind

_WEIGHTS: tuple[tuple[tuple[type[e.Event], ...], Weight], ...] = (
    ((e.NobodyReachable, e.DeliveryFailed, e.ResponseOverdue, e.PostmortemOverdue), Weight.TROUBLE),
    ((e.Paged, e.PageWidened, e.Escalated, e.CommandOffered), Weight.PAGE),
    ((e.MessageSent, e.UpdateDue), Weight.MESSAGE),
    ((e.Noted, e.ItemChecked, e.TriageAnswered, e.TriageAssumed), Weight.NOTE),
    ((e.PageStepped, e.Delivered, e.PhaseOverdue, e.Repinned), Weight.DETAIL),
)
STUCK_SHOWN_MAX = 5
PAGED_FOR = timedelta(days=30)
"""An incident that was opened longer before a time than this pages nobody in it any more."""

INCIDENTS_AT_ONCE = 500


def line_of(entry: e.Entry) -> Line:
    """An entry of the timeline as a line for people."""
    event = entry.event
    weight = next((weight for kinds, weight in _WEIGHTS if isinstance(event, kinds)), Weight.STATE)
    return Line(
        seq=entry.seq,
        at=entry.at,
        who=entry.actor.name or entry.actor.id,
        kind=type(event).__name__,
        text=describe(entry),
        weight=weight,
    )


class Queries:
    """The reading side, for every face."""

    def __init__(self, store: WatchedStore, clock: Clock, library: Library) -> None:
        self._store = store
        self._clock = clock
        self._library = library

    async def room(self, incident: IncidentId) -> Room | None:
        """Everything that the page of one incident shows; None where there is no such incident."""
        async with self._store.reading() as reader:
            found = await reader.incident(incident)
            if found is None:
                return None
            chained = await reader.timeline(incident)
            rules = await self._library.rules_for(found.playbook, reader)
        return self._room(found, [each.entry for each in chained], rules)

    def _room(self, incident: Incident, entries: list[e.Entry], rules: Rules) -> Room:
        playbook, roster = rules.playbook, rules.roster
        return Room(
            incident=incident,
            severity=path.severity(incident, rules),
            levels=playbook.severities,
            lines=tuple(line_of(entry) for entry in entries),
            deadlines=deadlines(incident, rules),
            choices=self._choices(incident),
            commander=roster.person(incident.commander) if incident.commander else None,
            acknowledged_by=roster.person(incident.acknowledged_by) if incident.acknowledged_by else None,
            people=roster.people,
            roles=all_roles(rules),
            categories=path.known_categories(rules),
            phases=phases_of(incident, rules),
            triage=playbook.triage,
            questions=Checklist(incident, rules).questions(),
            level_because=evidence_words(incident.evidence),
            actions=actions_of(incident, rules),
            runbooks=tuple(each.playbook.title for each in attached(incident, rules)),
            drafts=self._drafts(incident, rules),
            postmortem=postmortem(incident, entries, rules),
            reference=playbook.reference,
            playbook_title=playbook.title,
            playbook_is_current=incident.playbook == self._library.successor(incident.playbook),
        )

    def _choices(self, incident: Incident) -> tuple[Choice, ...]:
        commands = possible(incident)
        chosen = [verb for verb in VERBS.values() if verb.command in commands]
        if incident.playbook == self._library.successor(incident.playbook):
            chosen = [verb for verb in chosen if verb.command is not c.Repin]
        return tuple(Choice(verb=verb.name, label=verb.label) for verb in chosen)

    def _drafts(self, incident: Incident, rules: Rules) -> dict[MessageKind, Draft]:
        now = self._clock.now()
        drafts = {kind: draft(incident, kind, {}, rules, now) for kind in MessageKind}
        return {kind: made for kind, made in drafts.items() if made is not None}

    async def incidents(
        self, states: Sequence[State] = (), limit: int = 100, before: int | None = None
    ) -> list[Incident]:
        """Incidents, newest first."""
        async with self._store.reading() as reader:
            return await reader.incidents(states, limit, before)

    async def incident(self, incident: IncidentId) -> Incident | None:
        """The state of one incident."""
        async with self._store.reading() as reader:
            return await reader.incident(incident)

    async def next_deadlines(self, incidents: Sequence[Incident]) -> dict[IncidentId, datetime]:
        """When the playbook next wants something of each (UTC); those that wait for people are left out."""
        found: dict[IncidentId, datetime] = {}
        async with self._store.reading() as reader:
            for incident in incidents:
                rules = await self._library.rules_for(incident.playbook, reader)
                if due := next(iter(deadlines(incident, rules)), None):
                    found[incident.id] = due.at
        return found

    async def timeline(self, incident: IncidentId, after: int = 0) -> list[ChainedEntry]:
        """The entries after one, with their hashes."""
        async with self._store.reading() as reader:
            return await reader.timeline(incident, after)

    async def lines(self, incident: IncidentId, after: int = 0) -> list[Line]:
        """The timeline in plain words, after one entry."""
        return [line_of(each.entry) for each in await self.timeline(incident, after)]

    async def duty(self, at: datetime) -> Duty:
        """Who is on call for every role of the roster and of the playbook at a time (UTC)."""
        rules = self._library.rules()
        return Duty(at=at, roles=tuple(on_call(rules.roster, role, at) for role in all_roles(rules)))

    async def page_loads(self, start: datetime, end: datetime) -> tuple[PageLoad, ...]:
        """How often everybody was paged from `start` until `end` (UTC), drills left out."""
        seen: list[PageSeen] = []
        before: int | None = None
        async with self._store.reading() as reader:
            while True:
                incidents = await reader.incidents((), INCIDENTS_AT_ONCE, before)
                for incident in incidents:
                    if not incident.drill:
                        seen += [_seen(page) for page in incident.pages if start <= page.at < end]
                if len(incidents) < INCIDENTS_AT_ONCE or incidents[-1].opened_at < start - PAGED_FOR:
                    break
                before = incident_number(incidents[-1].id)
        return page_loads(self._library.roster, seen)

    async def alerts(self, limit: int = 200, incident: IncidentId | None = None) -> list[AlertRecord]:
        """Alerts, the last seen first."""
        async with self._store.reading() as reader:
            return await reader.alerts(limit, incident)

    async def postmortem(self, incident: IncidentId) -> str | None:
        """The published post-mortem, else the draft that the events give; None without such an incident."""
        async with self._store.reading() as reader:
            found = await reader.incident(incident)
            if found is None:
                return None
            if found.postmortem_text:
                return found.postmortem_text
            chained = await reader.timeline(incident)
            rules = await self._library.rules_for(found.playbook, reader)
        return postmortem(found, [each.entry for each in chained], rules)

    async def health(self) -> Health:
        """Whether the server can do its work, and what is wrong in plain words."""
        try:
            async with self._store.reading() as reader:
                troubles = await self._troubles(reader)
        except StoreUnavailableError as error:
            trouble = Trouble(
                what=f"The database cannot be used: {error}",
                mend="Alerts are refused with 503 until it can, so that their senders try again.",
            )
            return Health(ready=False, troubles=(trouble,))
        unkept = self._store.trouble
        return Health(ready=unkept is None, troubles=(*([unkept] if unkept else []), *troubles))

    async def _troubles(self, reader: Reader) -> list[Trouble]:
        pending = await reader.outbox(OutboxStatus.PENDING, limit=1000)
        stuck = [row for row in pending if row.last_error]
        by_reason: dict[str, datetime] = {}
        for row in stuck:
            by_reason[row.last_error] = min(
                row.effect.due_at, by_reason.get(row.last_error, row.effect.due_at)
            )
        return [
            Trouble(
                what=f"Something cannot be delivered: {reason}",
                mend="It is kept and tried again until it goes out.",
                since=since,
            )
            for reason, since in list(by_reason.items())[:STUCK_SHOWN_MAX]
        ]


def _seen(page: Page) -> PageSeen:
    answered_at = page.ended_at if page.answered else None
    return PageSeen(person=page.person, at=page.at, answered_at=answered_at)


def all_roles(rules: Rules) -> tuple[str, ...]:
    """Every role of the roster, the contacts, the escalation path and the command rules, each once."""
    playbook = rules.playbook
    named = [
        *(fill.role for fill in rules.roster.roles),
        *(contact.role for contact in playbook.contacts),
        *(role for edge in playbook.escalation for role in (edge.source, edge.to)),
        *(role for rule in playbook.command for role in rule.roles),
    ]
    first: dict[str, str] = {}
    for role in named:
        first.setdefault(role_key(role), role)
    return tuple(first.values())
