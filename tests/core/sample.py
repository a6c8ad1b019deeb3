"""A playbook and a roster by hand, for tests of the core that must not depend on the reader."""

from datetime import UTC, date, datetime, time, timedelta

from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.base.ids import IncidentId, LevelId, PersonId
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident.answer import Refused
from tocsin.incident.decide import Decision, handle
from tocsin.incident.rules import Rules
from tocsin.incident.state import Incident
from tocsin.oncall.model import Audience, ContactMethod, Person, RoleFill, Roster, Rotation
from tocsin.playbook.model import (
    ChecklistItem,
    CommandRule,
    Condition,
    Contact,
    Edge,
    MessageKind,
    MessageTemplate,
    Phase,
    Playbook,
    Postmortem,
    Severity,
    TriageRule,
    Trigger,
)

P1, P2, P3, P4 = (LevelId(f"P{n}") for n in range(1, 5))
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
INC = IncidentId("INC-1")
ANNA, BEN, CARA, DEV, SEC, CHIEF = (PersonId(n) for n in ("anna", "ben", "cara", "dev", "sec", "chief"))
ALICE = e.Actor(e.ActorKind.PERSON, "anna", "Anna")


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def severity(
    level: LevelId, rank: int, name: str, within: timedelta, *examples: str, description: str = ""
) -> Severity:
    every = minutes(15) if level == P1 else None
    return Severity(
        level=level,
        rank=rank,
        name=name,
        respond_within=within,
        update_every=every,
        examples=examples,
        description=description,
    )


PLAYBOOK = Playbook(
    title="A playbook by hand",
    severities=(
        severity(
            P1,
            1,
            "Critical",
            minutes(15),
            "Vault sealed",
            "DB unreachable",
            "auth bypass",
            description="Service down",
        ),
        severity(P2, 2, "High", minutes(60), "API response > 5s", "error rate > 5%", "agent failures"),
        severity(P3, 3, "Medium", minutes(240), "Single worker failing"),
        severity(P4, 4, "Low", minutes(1440), "UI glitch", "log noise"),
    ),
    phases=(
        Phase(number=1, name="Detect", starts_after=minutes(0), ends_after=minutes(5)),
        Phase(number=2, name="Triage", starts_after=minutes(5), ends_after=minutes(15)),
        Phase(number=3, name="Mitigate", starts_after=minutes(15), ends_after=minutes(60)),
        Phase(
            number=4,
            name="Resolve",
            starts_after=minutes(60),
            ends_after=minutes(1440),
            checklist=(ChecklistItem(id="find-cause", title="Find the cause"),),
        ),
    ),
    triage=(
        TriageRule(id="down", question="Is the service completely down?", sets=P1),
        TriageRule(id="breach", question="Is there a security breach or data exposure?", sets=P1),
        TriageRule(id="core", question="Is a core feature degraded?", sets=P2),
        TriageRule(id="minor", question="Is a minor feature impacted?", sets=P3),
        TriageRule(id="workaround", question="Is there a workaround?", shifts=1),
    ),
    command=(
        CommandRule(levels=(P1, P2), roles=("Senior Engineer", "team lead")),
        CommandRule(levels=(P3, P4), roles=("On-call engineer",)),
    ),
    postmortem=Postmortem(due_within=timedelta(hours=48), template="## Post-Mortem: [TITLE]\n"),
    templates=(
        MessageTemplate(
            level=P1,
            kind=MessageKind.INITIAL,
            body="P1 INCIDENT: [Brief description]\nImpact: [Impact]\nCommander: [Name]",
            fields=("Brief description", "Impact", "Commander"),
        ),
    ),
    escalation=(
        Edge(
            source="On-Call Engineer",
            to="Senior Engineer",
            owns=(P3, P4),
            to_owns=(P2,),
            condition=Condition(unresolved_for=minutes(30)),
        ),
        Edge(
            source="Senior Engineer",
            to="Team Lead",
            owns=(P2,),
            to_owns=(P1,),
            condition=Condition(unresolved_for=minutes(60)),
        ),
        Edge(source="Team Lead", to="CISO", owns=(P1,), condition=Condition(category="data breach")),
        Edge(source="On-Call Engineer", to="Security Engineer", condition=Condition(category="security")),
        Edge(source="Security Engineer", to="CISO", condition=Condition()),
    ),
    contacts=(
        Contact(role="On-Call Engineer", responsibility="", trigger=Trigger(text="All alerts")),
        Contact(
            role="Senior Engineer",
            responsibility="",
            trigger=Trigger(text="P2+ unresolved > 30 min", levels=(P1, P2), unresolved_for=minutes(30)),
        ),
        Contact(role="Team Lead", responsibility="", trigger=Trigger(text="P1 incidents", levels=(P1,))),
        Contact(
            role="Security Engineer",
            responsibility="",
            trigger=Trigger(text="Any security alert", category="security"),
        ),
    ),
)


def person(key: PersonId, name: str) -> Person:
    methods = (
        ContactMethod(id="outbox-1", kind="outbox", address=f"{key}@example.org"),
        ContactMethod(id="email-2", kind="email", address=f"{key}@example.org", after=minutes(2)),
    )
    return Person(id=key, name=name, zone="Europe/Paris", methods=methods)


ROSTER = Roster(
    people=(
        person(ANNA, "Anna"),
        person(BEN, "Ben"),
        person(CARA, "Cara"),
        person(DEV, "Dev"),
        person(SEC, "Sec"),
        person(CHIEF, "Chief"),
    ),
    roles=(
        RoleFill(
            role="On-Call Engineer",
            rotation=Rotation(people=(ANNA, DEV), starts_on=date(2026, 3, 2), handover=time(9), zone="UTC"),
        ),
        RoleFill(role="Senior Engineer", people=(BEN,)),
        RoleFill(role="Team Lead", people=(CARA,)),
        RoleFill(role="Security Engineer", people=(SEC,)),
        RoleFill(role="CISO", people=(CHIEF,)),
    ),
    audiences=(
        Audience(
            name="stakeholders",
            methods=(ContactMethod(id="outbox-1", kind="outbox", address="stakeholders@example.org"),),
        ),
    ),
    fallback=(ContactMethod(id="outbox-1", kind="outbox", address="everybody@example.org"),),
)
RULES = Rules(playbook=PLAYBOOK, playbook_hash="ab" * 32, roster=ROSTER)


def alert(name: str = "VaultSealed", at: datetime = START, firing: bool = True, **labels: str) -> Alert:
    every = {"alertname": name, **labels}
    return Alert(
        fingerprint=fingerprint(every),
        status=AlertStatus.FIRING if firing else AlertStatus.RESOLVED,
        labels=every,
        annotations={"summary": f"{name} happened"},
        starts_at=at,
        received_at=at,
        ends_at=None if firing else at,
        source="test",
    )


class Life:
    """One incident under test, on a clock of its own."""

    def __init__(self, rules: Rules = RULES, at: datetime = START) -> None:
        self.rules = rules
        self.now = at
        self.start = at
        self.incident: Incident | None = None
        self.entries: list[e.Entry] = []
        self.decisions: list[Decision] = []

    def ask(self, command: c.Command, actor: e.Actor = ALICE) -> Decision | Refused:
        decided = handle(self.incident, command, actor, self.rules, self.now, INC)
        if isinstance(decided, Decision):
            self.incident = decided.incident
            self.entries += decided.entries
            self.decisions.append(decided)
        return decided

    def do(self, command: c.Command, actor: e.Actor = ALICE) -> Decision:
        decided = self.ask(command, actor)
        assert isinstance(decided, Decision), decided
        return decided

    def refused(self, command: c.Command) -> Refused:
        decided = self.ask(command)
        assert isinstance(decided, Refused), decided
        return decided

    def opened(self, name: str = "VaultSealed", **labels: str) -> "Life":
        self.do(c.OpenByAlert(alert=alert(name, self.now, **labels), group_key=name, because="first"))
        return self

    def at(self, minute: float) -> "Life":
        """Let time pass deadline by deadline until this minute after the start."""
        from tocsin.incident.settle import next_due_at

        until = self.start + minutes(minute)
        assert self.incident is not None
        while (due := next_due_at(self.incident, self.rules)) is not None and due <= until:
            self.now = max(due, self.now)
            self.do(c.Tick(), e.CLOCK)
        self.now = until
        return self

    @property
    def inc(self) -> Incident:
        assert self.incident is not None
        return self.incident

    def happened(self, kind: type[e.Event]) -> list[e.Entry]:
        return [entry for entry in self.entries if isinstance(entry.event, kind)]

    def pages(self) -> list[tuple[float, str, str]]:
        """(minute, person, role) of each decision to page."""
        found: list[tuple[float, str, str]] = []
        for entry in self.entries:
            if isinstance(entry.event, e.Paged | e.PageWidened):
                minute = (entry.at - self.start).total_seconds() / 60
                found.append((minute, entry.event.person, entry.event.role))
        return found
