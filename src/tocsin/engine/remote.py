"""What senders ask about alerts that they sent before, which they name instead of an incident."""

from collections import OrderedDict
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from tocsin.alerts.model import Alert, AlertStatus
from tocsin.base import limits
from tocsin.base.ids import IncidentId
from tocsin.engine.desk import Desk, RefusedError
from tocsin.engine.library import Library
from tocsin.engine.ports import Store
from tocsin.engine.records import AlertRecord
from tocsin.engine.verbs import may
from tocsin.engine.views import Principal
from tocsin.incident import commands as c
from tocsin.incident.events import Actor, ActorKind

TOLD_MAX = 10_000
"""How many acknowledgements of senders are remembered, so that a repeated one is not noted again."""


class Outcome(msgspec.Struct, frozen=True):
    """Whether there was anything to do, and what was done, in a sentence."""

    found: bool
    said: str


UNKNOWN = Outcome(False, "Alert does not exist")


class Remote:
    """Carries out what senders ask of single alerts."""

    def __init__(self, store: Store, desk: Desk, library: Library) -> None:
        self._store = store
        self._desk = desk
        self._library = library
        self._told: OrderedDict[tuple[IncidentId, str], None] = OrderedDict()

    async def find(self, fingerprint: str) -> AlertRecord | None:
        """What is known of an alert."""
        async with self._store.reading() as reader:
            return await reader.alert(fingerprint)

    async def completed(self, alerts: Sequence[Alert]) -> list[Alert]:
        """The alerts, where those that have ended carry the labels by which they are known: their senders
        give no more than a key at the end."""
        done: list[Alert] = []
        for alert in alerts:
            ended = alert.status is AlertStatus.RESOLVED and not alert.annotations
            known = await self.find(alert.fingerprint) if ended else None
            done.append(replace(alert, labels=known.alert.labels) if known else alert)
        return done

    async def acknowledge(self, fingerprint: str, sender: str, principal: Principal | None) -> Outcome:
        """Somebody works on an alert, as its sender says. Only for a `principal` who is a person of the
        roster and may do so by themselves it acknowledges the incident. Else it is noted there and people are
        paged on: a sender cannot know that somebody here has taken it on.

        Raises:
            StoreUnavailableError: it could not be kept.
        """
        record = await self.find(fingerprint)
        if record is None or record.incident is None:
            return UNKNOWN
        person = self._library.roster.person(principal.person) if principal and principal.person else None
        if person is not None and principal is not None and may(principal, "responder"):
            actor = Actor(ActorKind.PERSON, person.id, person.name)
            try:
                answer = await self._desk.handle(
                    record.incident, c.Acknowledge(person=person.id, via="api"), actor
                )
            except RefusedError as error:
                return Outcome(True, error.message)
            return Outcome(True, answer.said or "Acknowledged.")
        key = (record.incident, fingerprint)
        if key not in self._told:
            text = (
                f"{sender} says that somebody has acknowledged {record.alert.name}. "
                "Pages go on until somebody acknowledges here."
            )
            await self._note(record.incident, sender, text)
            self._told[key] = None
            if len(self._told) > TOLD_MAX:
                self._told.popitem(last=False)
        return Outcome(True, "Noted in the timeline; pages go on until a person acknowledges.")

    async def note(self, fingerprint: str, sender: str, text: str) -> Outcome:
        """Write something about an alert into the timeline of its incident.

        Raises:
            StoreUnavailableError: it could not be kept.
        """
        record = await self.find(fingerprint)
        if record is None or record.incident is None:
            return UNKNOWN
        await self._note(record.incident, sender, text)
        return Outcome(True, "Noted in the timeline.")

    async def _note(self, incident: IncidentId, sender: str, text: str) -> None:
        note = c.AddNote(text=text.replace("\0", "\ufffd")[: limits.note_chars_max])
        await self._desk.handle(incident, note, Actor(ActorKind.SOURCE, sender, sender))
