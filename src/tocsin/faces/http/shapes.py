"""The bodies of the API's answers and requests. Times are RFC 3339 in UTC, durations ISO 8601."""

from datetime import datetime

import msgspec

from tocsin.alerts.silences import Silence, silencing
from tocsin.base.ids import IncidentId, LevelId, PersonId
from tocsin.engine.access import Role, Scope
from tocsin.engine.records import Account, AlertRecord, Token
from tocsin.engine.told import Report, Weakness
from tocsin.engine.views import Choice, Duty, Line, Room, Trouble
from tocsin.engine.why import WhyLine
from tocsin.faces.http.problems import FieldProblem
from tocsin.incident.deadlines import Deadline
from tocsin.incident.messages import Draft
from tocsin.incident.state import Incident, State
from tocsin.incident.triage import Question
from tocsin.oncall.model import Person, Roster
from tocsin.playbook.model import Action, MessageKind, Phase, Severity, TriageRule


class Someone(msgspec.Struct, frozen=True, kw_only=True):
    """A person of the roster, without the addresses at which they are reached."""

    id: PersonId
    name: str
    zone: str


def someone(person: Person) -> Someone:
    """The part of a person that everyone may see."""
    return Someone(id=person.id, name=person.name, zone=person.zone)


class IncidentSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An incident in a list. `next_due_at` is when the playbook next wants something of it."""

    id: IncidentId
    title: str
    state: State
    level: LevelId
    drill: bool
    opened_at: datetime
    updated_at: datetime
    acknowledged_at: datetime | None
    commander: PersonId | None
    commander_name: str
    firing: int
    next_due_at: datetime | None


class IncidentList(msgspec.Struct, frozen=True, kw_only=True):
    """Incidents, newest first. `before` asks for the next ones; None where there may be no more."""

    incidents: list[IncidentSummary]
    before: int | None


def summary(incident: Incident, roster: Roster, next_due_at: datetime | None) -> IncidentSummary:
    """An incident as it stands in a list."""
    commander = roster.person(incident.commander) if incident.commander else None
    return IncidentSummary(
        id=incident.id,
        title=incident.title,
        state=incident.state,
        level=incident.level,
        drill=incident.drill,
        opened_at=incident.opened_at,
        updated_at=incident.updated_at,
        acknowledged_at=incident.acknowledged_at,
        commander=incident.commander,
        commander_name=commander.name if commander else "",
        firing=incident.firing_count,
        next_due_at=next_due_at,
    )


class IncidentDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one incident, besides its timeline and its post-mortem. `runbooks` are the titles of
    the service runbooks whose alert has fired; their steps and checklists stand after the playbook's.
    `questions` are those of `triage` with their answers, what is suggested and why, and the level that each
    answer would give; `level_because` says why the level is what it is."""

    url: str
    incident: Incident
    severity: Severity
    levels: tuple[Severity, ...]
    deadlines: tuple[Deadline, ...]
    choices: tuple[Choice, ...]
    commander: Someone | None
    acknowledged_by: Someone | None
    people: tuple[Someone, ...]
    roles: tuple[str, ...]
    categories: tuple[str, ...]
    phases: tuple[Phase, ...]
    triage: tuple[TriageRule, ...]
    questions: tuple[Question, ...]
    level_because: str
    actions: tuple[Action, ...]
    drafts: dict[MessageKind, Draft]
    playbook_title: str
    playbook_is_current: bool
    runbooks: tuple[str, ...]


def incident_document(room: Room, public_url: str) -> IncidentDocument:
    """The room as the API shows it."""
    return IncidentDocument(
        url=f"{public_url}/incidents/{room.incident.id}",
        incident=room.incident,
        severity=room.severity,
        levels=room.levels,
        deadlines=room.deadlines,
        choices=room.choices,
        commander=someone(room.commander) if room.commander else None,
        acknowledged_by=someone(room.acknowledged_by) if room.acknowledged_by else None,
        people=tuple(someone(person) for person in room.people),
        roles=room.roles,
        categories=room.categories,
        phases=room.phases,
        triage=room.triage,
        questions=room.questions,
        level_because=room.level_because,
        actions=room.actions,
        drafts=room.drafts,
        playbook_title=room.playbook_title,
        playbook_is_current=room.playbook_is_current,
        runbooks=room.runbooks,
    )


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What a command led to: a sentence, the incident after it, and its new lines."""

    said: str
    url: str
    incident: Incident
    lines: list[Line]


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of a timeline in order. `last` is the number to ask on from (`after`)."""

    incident: IncidentId
    lines: list[Line]
    last: int


class OnDuty(msgspec.Struct, frozen=True, kw_only=True):
    """Who fills one role at the time that was asked for, or why nobody does."""

    role: str
    people: tuple[Someone, ...]
    because: str
    until: datetime | None


class DutyDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Who is on call for every role, at one time."""

    at: datetime
    roles: tuple[OnDuty, ...]


def duty_document(duty: Duty) -> DutyDocument:
    """The answer to "who is on call?"."""
    return DutyDocument(
        at=duty.at,
        roles=tuple(
            OnDuty(
                role=each.role,
                people=tuple(someone(person) for person in each.people),
                because=each.because,
                until=each.until,
            )
            for each in duty.roles
        ),
    )


class AlertDocument(AlertRecord, frozen=True, kw_only=True):
    """An alert, what became of it, and the ids of the silences that are over it now."""

    silenced_by: tuple[str, ...]


def alert_document(record: AlertRecord, silences: list[Silence], now: datetime) -> AlertDocument:
    """A record of an alert as the API shows it. `now` is UTC."""
    over = tuple(each.id for each in silencing(silences, record.alert.labels, now))
    own = {field: getattr(record, field) for field in record.__struct_fields__}
    return AlertDocument(**own, silenced_by=over)


class AlertList(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts, the last seen first, each with what became of it. `after` asks for those behind them; ""
    where there are no more."""

    alerts: list[AlertDocument]
    after: str = ""


class WhyDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as it was last seen, and everything that was decided about it, in order."""

    record: AlertRecord
    lines: tuple[WhyLine, ...]


class NewReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody reports in their own words. `how_bad` is one of: everything, much, some, little, data."""

    what: str
    where: str = ""
    since: str = ""
    how_bad: str = ""
    contact: str = ""
    place: str = ""
    weakness: bool = False


class ReportDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A report. `status_url` is the page for its reporter, in the answer that made it and never again."""

    report: Report
    status_url: str | None = None


class ReportList(msgspec.Struct, frozen=True, kw_only=True):
    """Reports, newest first."""

    reports: list[Report]


class WeaknessList(msgspec.Struct, frozen=True, kw_only=True):
    """Weaknesses, newest first."""

    weaknesses: list[Weakness]


class HowHandled(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was done about a weakness."""

    note: str


class HealthDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the server can do its work, and what is wrong."""

    ready: bool
    troubles: tuple[Trouble, ...]


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a sender of alerts: how many were kept, in which incidents, and what was not."""

    kept: int
    incidents: list[IncidentId]
    problems: tuple[FieldProblem, ...] = ()


class NewToken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a token is made from."""

    name: str
    scope: Scope
    person: PersonId | None = None


class TokenDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A token, without its secret. `token` is the whole of it, in the answer that made it and never again."""

    id: str
    name: str
    scope: Scope
    person: PersonId | None
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    token: str | None = None


def token_document(token: Token, text: str | None = None) -> TokenDocument:
    """A token as it is shown."""
    return TokenDocument(
        id=token.id,
        name=token.name,
        scope=token.scope,
        person=token.person,
        created_at=token.created_at,
        last_used_at=token.last_used_at,
        revoked_at=token.revoked_at,
        token=text,
    )


class TokenList(msgspec.Struct, frozen=True, kw_only=True):
    """All tokens, newest first."""

    tokens: list[TokenDocument]


class NewAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an account is made from."""

    name: str
    password: str
    role: Role
    person: PersonId | None = None


class AccountDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An account, without its password."""

    name: str
    role: Role
    person: PersonId | None
    created_at: datetime
    disabled: bool


def account_document(account: Account) -> AccountDocument:
    """An account as it is shown."""
    return AccountDocument(
        name=account.name,
        role=account.role,
        person=account.person,
        created_at=account.created_at,
        disabled=account.disabled,
    )


class AccountList(msgspec.Struct, frozen=True, kw_only=True):
    """All accounts by name."""

    accounts: list[AccountDocument]
