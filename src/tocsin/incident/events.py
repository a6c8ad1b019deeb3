"""What happened to an incident, in the past tense. Stored for good: fields are added with a default,
never renamed, and never removed."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

from tocsin.alerts.model import Alert
from tocsin.base.ids import IncidentId, LevelId, PageId, PersonId
from tocsin.incident.events_alerts import AlertAttached, AlertCleared, AlertsAttached, AlertsCleared, Event
from tocsin.incident.events_alerts import AlertEnd as AlertEnd
from tocsin.playbook.model import MessageKind


class ActorKind(StrEnum):
    """Who can make something happen."""

    PERSON = "person"
    SOURCE = "source"
    CLOCK = "clock"
    DELIVERY = "delivery"
    SYSTEM = "system"


class Actor(msgspec.Struct, frozen=True):
    """Who did it: a person of the roster or an account, a source of alerts, the clock, the delivery."""

    kind: ActorKind
    id: str
    name: str = ""


CLOCK = Actor(ActorKind.CLOCK, "clock", "Tocsin")
DELIVERY = Actor(ActorKind.DELIVERY, "delivery", "Tocsin")
SYSTEM = Actor(ActorKind.SYSTEM, "tocsin", "Tocsin")


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Why a level was chosen: the rule that decided, and the words that it went by."""

    rule: str
    detail: str = ""


class Opened(Event, frozen=True, kw_only=True):
    """The incident began. `alert` is what opened it; None where a person declared it."""

    title: str
    description: str
    level: LevelId
    evidence: Evidence
    playbook: str
    group_key: str
    categories: tuple[str, ...] = ()
    alert: Alert | None = None
    because: str = ""
    drill: bool = False


class TriageAnswered(Event, frozen=True, kw_only=True):
    """A question of the severity checklist was answered."""

    rule: str
    question: str
    answer: Literal["yes", "no", "unknown"]


class SeverityChanged(Event, frozen=True, kw_only=True):
    """The level changed. `by_hand` says that a person chose it, so that no rule changes it again."""

    before: LevelId
    after: LevelId
    evidence: Evidence
    by_hand: bool = False


class CategoryAdded(Event, frozen=True, kw_only=True):
    """The incident was found to be of a category."""

    category: str
    because: str


class PageReason(msgspec.Struct, frozen=True, kw_only=True):
    """One reason to page: `key` is unique in the incident, `text` is for people. `role` is the role that
    was wanted; empty where it is that of the page."""

    key: str
    text: str
    role: str = ""


class Paged(Event, frozen=True, kw_only=True):
    """It was decided to page a person, for one or several reasons that arose together.

    `due_at` is when the playbook wanted it; the time of the event is when it happened.
    """

    page: PageId
    person: PersonId
    name: str
    role: str
    reasons: tuple[PageReason, ...]
    due_at: datetime


class PageWidened(Event, frozen=True, kw_only=True):
    """Further reasons came up to page a person who is being paged already."""

    page: PageId
    person: PersonId
    name: str
    role: str
    reasons: tuple[PageReason, ...]
    due_at: datetime


class PageStepped(Event, frozen=True, kw_only=True):
    """A contact method of a page came due and was handed to the delivery under `key`."""

    page: PageId
    person: PersonId
    round: int
    method: str
    channel: str
    key: str
    due_at: datetime


class NobodyReachable(Event, frozen=True, kw_only=True):
    """A reason to page found nobody: `because` says why, and the fallback of the roster is used."""

    role: str
    reasons: tuple[PageReason, ...]
    because: str
    fallback_key: str
    due_at: datetime


class Delivered(Event, frozen=True, kw_only=True):
    """A channel accepted a page or a message."""

    key: str
    channel: str
    to: str
    detail: str = ""


class DeliveryFailed(Event, frozen=True, kw_only=True):
    """A page or a message did not go out after so many attempts; `final` says that it is not tried again."""

    key: str
    channel: str
    to: str
    detail: str
    final: bool
    attempts: int = 1


class Acknowledged(Event, frozen=True, kw_only=True):
    """A person took the incident on; it ends every page that was under way."""

    person: PersonId
    name: str
    via: str


class PageAcknowledged(Event, frozen=True, kw_only=True):
    """A person answered pages of their own, after the incident had been acknowledged."""

    person: PersonId
    name: str
    pages: tuple[PageId, ...]
    via: str


class CommandOffered(Event, frozen=True, kw_only=True):
    """A person was asked to take over command."""

    to: PersonId
    name: str
    by: str


class CommanderAssigned(Event, frozen=True, kw_only=True):
    """A person commands from now on. `role` is the role that entitles them, where one does."""

    person: PersonId
    name: str
    role: str
    because: str


class Noted(Event, frozen=True, kw_only=True):
    """Somebody wrote something down."""

    text: str


class ItemChecked(Event, frozen=True, kw_only=True):
    """An item of a checklist was ticked or unticked."""

    item: str
    title: str
    done: bool
    note: str = ""


class Escalated(Event, frozen=True, kw_only=True):
    """A hop of the escalation path fired (`edge` is its key), or somebody escalated by hand."""

    edge: str
    source: str
    to: str
    because: str
    by_hand: bool = False
    due_at: datetime | None = None


class ResponseOverdue(Event, frozen=True, kw_only=True):
    """Nobody acknowledged within the level's response time."""

    level: LevelId
    due_at: datetime


class UpdateDue(Event, frozen=True, kw_only=True):
    """It is time for the next status message of this kind."""

    message: MessageKind
    due_at: datetime


class MessageSent(Event, frozen=True, kw_only=True):
    """A status message was handed to the delivery, for these audiences."""

    message: MessageKind
    number: int
    text: str
    audiences: tuple[str, ...]


class PhaseOverdue(Event, frozen=True, kw_only=True):
    """A phase of the playbook should have ended by now."""

    phase: int
    name: str
    due_at: datetime


class MitigationBegan(Event, frozen=True, kw_only=True):
    """The severity is settled: from here on people work on ending the impact."""

    because: str


class Mitigated(Event, frozen=True, kw_only=True):
    """The impact ended."""

    summary: str


class Resolved(Event, frozen=True, kw_only=True):
    """It is over. `postmortem_due_at` is None where the playbook wants none."""

    root_cause: str
    fix: str
    verification: str
    postmortem_due_at: datetime | None


class Reopened(Event, frozen=True, kw_only=True):
    """It was not over; the clocks start again from here."""

    reason: str
    alert: str = ""


class PostmortemOverdue(Event, frozen=True, kw_only=True):
    """The post-mortem is not there although its time has come."""

    due_at: datetime


class PostmortemPublished(Event, frozen=True, kw_only=True):
    """The post-mortem is written."""

    text: str
    link: str = ""


class Closed(Event, frozen=True, kw_only=True):
    """Nothing is left to do."""

    reason: str


class Dismissed(Event, frozen=True, kw_only=True):
    """It was a false alarm."""

    reason: str


class MergedInto(Event, frozen=True, kw_only=True):
    """It is part of another incident."""

    into: IncidentId


class Absorbed(Event, frozen=True, kw_only=True):
    """Another incident was merged into this one."""

    other: IncidentId
    title: str
    alerts: tuple[Alert, ...]
    alerts_in_all: int | None = None
    firing_in_all: int | None = None


class Repinned(Event, frozen=True, kw_only=True):
    """The incident follows another version of the playbook."""

    before: str
    after: str


AnyEvent = (
    Opened
    | AlertAttached
    | AlertsAttached
    | AlertCleared
    | AlertsCleared
    | TriageAnswered
    | SeverityChanged
    | CategoryAdded
    | Paged
    | PageWidened
    | PageStepped
    | NobodyReachable
    | Delivered
    | DeliveryFailed
    | Acknowledged
    | PageAcknowledged
    | CommandOffered
    | CommanderAssigned
    | Noted
    | ItemChecked
    | Escalated
    | ResponseOverdue
    | UpdateDue
    | MessageSent
    | PhaseOverdue
    | MitigationBegan
    | Mitigated
    | Resolved
    | Reopened
    | PostmortemOverdue
    | PostmortemPublished
    | Closed
    | Dismissed
    | MergedInto
    | Absorbed
    | Repinned
)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An event in its place: a line of the timeline. `seq` counts from 1 in the incident, `at` is UTC."""

    incident: IncidentId
    seq: int
    at: datetime
    actor: Actor
    event: AnyEvent
