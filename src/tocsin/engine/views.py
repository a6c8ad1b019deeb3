"""What the faces show: read models gathered for one screen or one answer."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

from tocsin.base.ids import PersonId
from tocsin.incident.deadlines import Deadline
from tocsin.incident.messages import Draft
from tocsin.incident.state import Incident
from tocsin.incident.triage import Question
from tocsin.oncall.model import OnCall, Person
from tocsin.playbook.model import Action, MessageKind, Phase, Reference, Severity, TriageRule


class Weight(StrEnum):
    """How a line of the timeline is set: loud for what changes the incident, quiet for detail."""

    STATE = "state"
    PAGE = "page"
    MESSAGE = "message"
    NOTE = "note"
    TROUBLE = "trouble"
    DETAIL = "detail"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the timeline in plain words. `at` is UTC."""

    seq: int
    at: datetime
    who: str
    kind: str
    text: str
    weight: Weight


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A command that is possible now, by its verb (see `tocsin.engine.verbs`)."""

    verb: str
    label: str


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong with Tocsin itself that a person should know, and what to do about it."""

    what: str
    mend: str
    since: datetime | None = None


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page of one incident shows. `runbooks` are the titles of the service runbooks whose
    alert has fired; their steps and checklists stand after those of the playbook. `questions` are the
    severity checklist with what is known of it, `level_because` says why the level is what it is."""

    incident: Incident
    severity: Severity
    levels: tuple[Severity, ...]
    lines: tuple[Line, ...]
    deadlines: tuple[Deadline, ...]
    choices: tuple[Choice, ...]
    commander: Person | None
    acknowledged_by: Person | None
    people: tuple[Person, ...]
    roles: tuple[str, ...]
    categories: tuple[str, ...]
    phases: tuple[Phase, ...]
    triage: tuple[TriageRule, ...]
    questions: tuple[Question, ...]
    level_because: str
    actions: tuple[Action, ...]
    drafts: dict[MessageKind, Draft]
    postmortem: str
    reference: tuple[Reference, ...]
    playbook_title: str
    playbook_is_current: bool
    runbooks: tuple[str, ...] = ()


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """Who is on call for every role, at one time (UTC)."""

    at: datetime
    roles: tuple[OnCall, ...]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the server can do its work, for /readyz and the banner of every page."""

    ready: bool
    troubles: tuple[Trouble, ...]


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and what they may do. `person` is set where they are somebody of the roster."""

    name: str
    role: Literal["viewer", "responder", "commander", "admin", "source"]
    person: PersonId | None
    via: str
