"""Rehearsals on a virtual clock: the same core as in life, told with offsets."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tocsin.alerts.matchers import parse_matchers
from tocsin.alerts.recurrence import parse_words
from tocsin.alerts.rules import NoiseRules, Window
from tocsin.base.ids import LevelId, PersonId
from tocsin.drill.run import run_drill
from tocsin.drill.scenario import DrillReport, Scenario, offset_text
from tocsin.drill.standin import rehearse_with_stand_ins, stand_in_roster
from tocsin.incident import events as e
from tocsin.incident.evolve import fold
from tocsin.incident.rules import Rules
from tocsin.oncall.model import Audience, ContactMethod, Person, RoleFill, Roster
from tocsin.playbook.model import (
    CommandRule,
    Condition,
    Contact,
    Edge,
    MessageKind,
    MessageTemplate,
    Options,
    Playbook,
    Postmortem,
    Severity,
    Trigger,
)

P1, P3 = LevelId("P1"), LevelId("P3")
CHRISTMAS = datetime(2026, 12, 25, 2, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

PLAYBOOK = Playbook(
    title="Incident Response",
    severities=(
        Severity(level=P1, rank=1, name="Critical", respond_within=15 * MINUTE, update_every=15 * MINUTE),
        Severity(level=P3, rank=2, name="Low", respond_within=240 * MINUTE),
    ),
    command=(CommandRule(levels=(P1,), roles=("Senior", "On-Call")),),
    postmortem=Postmortem(due_within=timedelta(hours=48), template="# [TITLE]"),
    templates=(
        MessageTemplate(level=P1, kind=MessageKind.INITIAL, body="P1: [What]", fields=("What",)),
        MessageTemplate(level=P1, kind=MessageKind.UPDATE, body="P1 still: [What]", fields=("What",)),
    ),
    escalation=(
        Edge(source="On-Call", to="Senior", condition=Condition(unresolved_for=30 * MINUTE)),
        Edge(source="Senior", to="Lead", condition=Condition(unresolved_for=60 * MINUTE)),
    ),
    contacts=(
        Contact(role="On-Call", responsibility="First", trigger=Trigger(text="All alerts")),
        Contact(role="Legal", responsibility="Law", trigger=Trigger(text="P1 incidents", levels=(P1,))),
    ),
)


def person(name: str, *kinds: str) -> Person:
    methods = tuple(
        ContactMethod(id=kind, kind=kind, address=f"{name}@{kind}", after=place * 2 * MINUTE)
        for place, kind in enumerate(kinds)
    )
    return Person(id=PersonId(name.casefold()), name=name, methods=methods)


ROSTER = Roster(
    people=(person("Alice", "email", "outbox"), person("Bob", "email"), person("Carol", "email")),
    roles=(
        RoleFill(role="On-Call", people=(PersonId("alice"),)),
        RoleFill(role="Senior", people=(PersonId("bob"),)),
        RoleFill(role="Lead", people=(PersonId("carol"),)),
    ),
    audiences=(Audience(name="customers", methods=(ContactMethod(id="m", kind="email", address="all@x"),)),),
    fallback=(ContactMethod(id="last", kind="email", address="boss@x"),),
)
RULES = Rules(playbook=PLAYBOOK, playbook_hash="0" * 64, roster=ROSTER)


def drill(**fields: Any) -> DrillReport:
    given = {"alert": "DatabaseDown", "labels": {"severity": "P1"}, "at": CHRISTMAS, **fields}
    return run_drill(Scenario(**given), RULES)


def told(report: DrillReport, kind: str) -> list[tuple[str, str]]:
    return [(line.clock, line.text) for line in report.lines if line.kind == kind]


def test_nobody_answers() -> None:
    report = drill()
    assert report.lines[0].kind == "Opened"
    paged = told(report, "Paged")
    assert paged[0][0] == "T+00:00:00"
    assert "Alice" in paged[0][1]
    assert [at for at, text in paged if "Bob" in text] == ["T+00:05:00"]
    assert [at for at, text in paged if "Carol" in text] == ["T+00:10:00"]
    assert [at for at, _ in told(report, "ResponseOverdue")] == ["T+00:15:00"]
    assert report.incident is not None
    assert report.incident.state.value == "open"
    assert report.verdict[0] == "INC-1 is a P1 and is open at T+06:00:00: nobody acknowledged it."
    assert "The response time of P1 ran out at T+00:15:00." in report.verdict


def test_six_hours_take_far_less_than_a_second() -> None:
    begun = time.perf_counter()
    report = drill()
    assert time.perf_counter() - begun < 1, "it is 0.03 s on an idle machine"
    assert len(report.lines) > 200


def test_a_role_without_anybody_is_told_with_its_reason() -> None:
    report = drill()
    (at, text), *_ = told(report, "NobodyReachable")
    assert at == "T+00:00:00"
    assert "Legal" in text
    assert any(line.startswith("Nobody could be reached for Legal:") for line in report.verdict)
    fallback = [send for line in report.lines for send in line.sends if send.to == "fallback"]
    assert fallback[0].address == "boss@x"
    assert told(report, "Raised")


def test_acknowledged_and_resolved() -> None:
    report = drill(ack_after=12 * MINUTE, resolve_after=180 * MINUTE)
    assert [at for at, _ in told(report, "Acknowledged")] == ["T+00:12:00"]
    assert [at for at, _ in told(report, "Resolved")] == ["T+03:00:00"]
    assert [at for at, _ in told(report, "AlertCleared")] == ["T+03:00:00"]
    assert told(report, "ResponseOverdue") == []
    after = [line for line in report.lines if line.offset > 12 * MINUTE and line.kind == "PageStepped"]
    assert all("alice" not in line.text for line in after), "whoever acknowledged is not paged for it again"
    assert report.incident is not None
    assert report.incident.acknowledged_by == "alice"
    assert "stated by the drill" in report.incident.root_cause
    assert report.verdict[0].startswith(
        "INC-1 is a P1 and is resolved at T+06:00:00. Alice acknowledged at T+00:12:00."
    )
    assert report.verdict[-1] == "Next would be, at T+51:00:00: The post-mortem is due."


def test_somebody_else_acknowledges() -> None:
    for who in ("bob", "Bob"):
        report = drill(ack_after=12 * MINUTE, ack_by=who)
        assert report.incident is not None
        assert report.incident.acknowledged_by == "bob"
    refused = drill(ack_after=12 * MINUTE, ack_by="nobody-of-this-name")
    assert [at for at, _ in told(refused, "Refused")] == ["T+00:12:00"]
    assert "nobody-of-this-name" in told(refused, "Refused")[0][1]


def test_the_clock_goes_first() -> None:
    report = drill(ack_after=15 * MINUTE)
    assert [line.kind for line in report.lines if line.kind in ("ResponseOverdue", "Acknowledged")] == [
        "ResponseOverdue",
        "Acknowledged",
    ]


def test_it_ends_where_it_is_told_to() -> None:
    report = drill(until=10 * MINUTE)
    assert max(line.offset for line in report.lines) <= 10 * MINUTE
    assert report.verdict[-1].startswith("Next would be, at T+00:1")


def test_an_informational_alert_opens_nothing() -> None:
    report = drill(labels={"severity": "info"})
    assert [line.kind for line in report.lines] == ["Note"]
    assert "information only" in report.lines[0].text
    assert report.incident is None
    assert report.verdict == ("No incident was opened, so that nobody was paged.",)


def test_every_page_that_steps_is_sent_and_delivered() -> None:
    report = drill(until=60 * MINUTE)
    stepped = {
        line.entry.event.key
        for line in report.lines
        if line.entry and isinstance(line.entry.event, e.PageStepped)
    }
    sent = {send.key for line in report.lines for send in line.sends if send.kind.value == "page"}
    delivered = {
        line.entry.event.key
        for line in report.lines
        if line.entry and isinstance(line.entry.event, e.Delivered)
    }
    assert stepped == sent
    assert sent <= delivered
    assert len(stepped) > 10


def test_folding_what_was_told_gives_the_incident() -> None:
    report = drill(ack_after=12 * MINUTE, resolve_after=180 * MINUTE)
    assert fold(line.entry for line in report.lines if line.entry) == report.incident


def test_time_never_runs_back_and_the_same_scenario_gives_the_same_report() -> None:
    report = drill(ack_after=40 * MINUTE)
    offsets = [line.offset for line in report.lines]
    assert offsets == sorted(offsets)
    assert report == drill(ack_after=40 * MINUTE)


def test_the_document_is_plain_json() -> None:
    report = drill(ack_after=12 * MINUTE)
    document = msgspec.json.decode(msgspec.json.encode(report.document()))
    assert document["until"] == "T+06:00:00"
    assert document["at"] == "2026-12-25T02:00:00Z"
    opened = document["lines"][0]
    assert (opened["offset"], opened["offset_seconds"], opened["kind"]) == ("T+00:00:00", 0.0, "Opened")
    assert opened["event"]["kind"] == "Opened"
    first = next(line for line in document["lines"] if line["kind"] == "Sent")
    assert set(first["sends"][0]) == {"key", "kind", "channel", "address", "to", "subject", "lines"}
    assert document["incident"]["acknowledged_by"] == "alice"


def test_stand_ins_fill_every_role() -> None:
    roster = stand_in_roster(PLAYBOOK)
    assert [person.name for person in roster.people] == ["On-Call", "Legal", "Senior", "Lead"]
    rules = Rules(playbook=PLAYBOOK, playbook_hash="0" * 64, roster=Roster())
    report = rehearse_with_stand_ins(
        Scenario(alert="X", labels={"severity": "P1"}, at=CHRISTMAS), rules, ("Another.",)
    )
    assert report.notes == (
        "No roster was given: one made-up person stands in for each role (On-Call, Legal, Senior, Lead).",
        "Another.",
    )
    assert told(report, "NobodyReachable") == []


def test_a_playbook_without_roles_is_rehearsed_too() -> None:
    rules = Rules(playbook=Playbook(title="Empty"), playbook_hash="0" * 64, roster=Roster())
    report = rehearse_with_stand_ins(Scenario(alert="X", at=CHRISTMAS), rules)
    assert "names no role" in report.notes[0]
    assert report.incident is not None


@pytest.mark.parametrize(
    ("span", "text"),
    [(timedelta(0), "T+00:00:00"), (timedelta(hours=51, minutes=2, seconds=3.9), "T+51:02:03")],
)
def test_offsets(span: timedelta, text: str) -> None:
    assert offset_text(span) == text


def test_an_alert_within_a_maintenance_window_is_kept_silent() -> None:
    start, lasts = parse_words("every friday 03:00 for 2h")
    window = Window(
        name="database backup",
        matchers=parse_matchers('alertname="DatabaseDown"'),
        start=start,
        lasts=lasts,
        zone="Europe/Paris",
        text="every friday 03:00 for 2h",
    )
    noise = NoiseRules(maintenance=(window,))
    playbook = msgspec.structs.replace(PLAYBOOK, options=Options(noise=noise))
    rules = msgspec.structs.replace(RULES, playbook=playbook)
    scenario = Scenario(alert="DatabaseDown", labels={"severity": "P1"}, at=CHRISTMAS)
    report = run_drill(scenario, rules)
    first, second = (line.text for line in report.lines)
    assert "opens no incident: in the maintenance window database backup until" in first
    assert "Fri 25 Dec 2026, 05:00 CET" in first
    assert second == "If it still fires when the window ends, at T+02:00:00, it is placed then."
    assert report.incident is None
    later = run_drill(msgspec.structs.replace(scenario, at=CHRISTMAS + timedelta(hours=2)), rules)
    assert later.incident is not None
    other = run_drill(msgspec.structs.replace(scenario, alert="DiskFull"), rules)
    assert other.incident is not None
