"""What an incident is at one moment: the fold of its events."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

from tocsin.alerts.model import Alert
from tocsin.base.ids import IncidentId, LevelId, PageId, PersonId
from tocsin.incident.events import Evidence, PageReason
from tocsin.playbook.model import MessageKind


class State(StrEnum):
    """Where an incident is in its life."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    MITIGATING = "mitigating"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    CLOSED = "closed"
    MERGED = "merged"
    DISMISSED = "dismissed"


ACTIVE = frozenset({State.OPEN, State.ACKNOWLEDGED, State.MITIGATING, State.MITIGATED})
"""States in which somebody should be working on it."""

ENDED = frozenset({State.CLOSED, State.MERGED, State.DISMISSED})
"""States from which only `Reopen` (of a closed or dismissed one) leads away."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One contact method of a page that was handed to the delivery. `result` is None while under way;
    "failing" means that it is still tried, without success so far."""

    key: str
    round: int
    method: str
    at: datetime
    result: Literal["delivered", "failing", "failed"] | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """An urgent request to one person. It is under way until `ended_at`; `widened_at` is when further
    reasons last came up."""

    id: PageId
    person: PersonId
    role: str
    reasons: tuple[PageReason, ...]
    at: datetime
    steps: tuple[Step, ...] = ()
    widened_at: datetime | None = None
    ended_at: datetime | None = None
    answered: bool = False

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles for which the person is wanted, each once, the page's own first."""
        return tuple(dict.fromkeys((self.role, *(reason.role or self.role for reason in self.reasons))))


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A status message that went out."""

    kind: MessageKind
    number: int
    at: datetime


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """The whole state. Times are UTC. `seq` is the number of the last event that was folded in.

    `level_at_opening` is the level that the alerts gave, at the opening or since then by a worse one.
    `assumed` are the questions of the checklist that count as yes until they are answered, with the reason.
    `reasons` are the keys of all decisions to page that were taken, `unreachable` the roles (as role
    keys) for which nobody was found, `unreachable_at` when nobody was found last for want of an
    acknowledgement, `entered` when the escalation path reached a role, `overdue` the keys of clocks that
    ran out, `reminded_at` the last reminder of a message.

    `alerts` are those that are kept whole, a bounded number of them; `alerts_in_all` and `firing_in_all`
    count all of its alerts, where they are more than these tell (None: these are all).

    `cleared_at` is when the last of its alerts ended, None while one fires or a person has reopened it.

    `generation` counts the reopenings and the gathering of a storm, so that a reason to page before one is
    another reason after it.
    `clock_from` is where the playbook's clocks start: the opening, or the last reopening.
    """

    id: IncidentId
    seq: int
    title: str
    description: str
    state: State
    level: LevelId
    level_since: datetime
    level_at_opening: LevelId
    evidence: Evidence
    level_by_hand: bool
    playbook: str
    group_key: str
    drill: bool
    opened_at: datetime
    clock_from: datetime
    updated_at: datetime
    generation: int = 0
    alerts: tuple[Alert, ...] = ()
    cleared_at: datetime | None = None
    categories: dict[str, datetime] = {}
    answers: dict[str, Literal["yes", "no", "unknown"]] = {}
    assumed: dict[str, str] = {}
    reasons: tuple[str, ...] = ()
    unreachable: tuple[str, ...] = ()
    unreachable_at: datetime | None = None
    entered: dict[str, datetime] = {}
    pages: tuple[Page, ...] = ()
    fallbacks: tuple[str, ...] = ()
    acknowledged_at: datetime | None = None
    acknowledged_by: PersonId | None = None
    first_acknowledged_at: datetime | None = None
    commander: PersonId | None = None
    offered_to: PersonId | None = None
    offers: int = 0
    hand_escalations: int = 0
    checked: tuple[str, ...] = ()
    messages: tuple[Sent, ...] = ()
    reminded_at: datetime | None = None
    overdue: tuple[str, ...] = ()
    mitigating_at: datetime | None = None
    mitigated_at: datetime | None = None
    resolved_at: datetime | None = None
    root_cause: str = ""
    fix: str = ""
    verification: str = ""
    postmortem_due_at: datetime | None = None
    postmortem_at: datetime | None = None
    postmortem_text: str = ""
    postmortem_link: str = ""
    ended_at: datetime | None = None
    end_reason: str = ""
    merged_into: IncidentId | None = None
    absorbed: tuple[IncidentId, ...] = ()
    alerts_in_all: int | None = None
    firing_in_all: int | None = None

    @property
    def active(self) -> bool:
        """Whether somebody should be working on it now."""
        return self.state in ACTIVE

    @property
    def firing(self) -> tuple[Alert, ...]:
        """Those of its alerts that are kept whole and have not ended."""
        return tuple(alert for alert in self.alerts if alert.ends_at is None)

    @property
    def alert_count(self) -> int:
        """How many alerts it has, ended ones among them."""
        return len(self.alerts) if self.alerts_in_all is None else self.alerts_in_all

    @property
    def firing_count(self) -> int:
        """How many of its alerts have not ended."""
        return len(self.firing) if self.firing_in_all is None else self.firing_in_all

    @property
    def open_pages(self) -> tuple[Page, ...]:
        """Its pages that are under way."""
        return tuple(page for page in self.pages if page.ended_at is None)
