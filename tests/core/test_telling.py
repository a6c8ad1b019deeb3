"""What people read of an incident: sentences, messages, the post-mortem; and that no kind is forgotten."""

from datetime import timedelta
from types import UnionType
from typing import get_args

import msgspec
import pytest
from msgspec.structs import replace

from tests.core.sample import ALICE, ANNA, BEN, INC, P1, PLAYBOOK, RULES, START, Life, alert, minutes
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident.decide import _ANSWERS
from tocsin.incident.messages import draft, facts, hours_and_minutes
from tocsin.incident.report import postmortem
from tocsin.incident.timeline import describe
from tocsin.playbook.model import MessageKind, MessageTemplate, Postmortem

OPENERS = {c.OpenByAlert, c.Declare}


def members(union: UnionType) -> set[type]:
    return set(get_args(union))


EVENTS: tuple[e.AnyEvent, ...] = (
    e.Opened(
        title="t", description="", level=P1, evidence=e.Evidence(rule="person"), playbook="", group_key=""
    ),
    e.AlertAttached(alert=alert(), because="why"),
    e.AlertCleared(fingerprint="f", name="n", ended_at=START, still_firing=0),
    e.AlertsAttached(count=7, sample=(alert(),), because="why", digest="d", alerts=9, firing=8),
    e.AlertsCleared(count=7, ends=(e.AlertEnd(fingerprint="f", ended_at=START),), still_firing=0),
    e.TriageAnswered(rule="r", question="Is it?", answer="yes"),
    e.TriageAssumed(rule="r", question="Is it?", because="the alert X says so"),
    e.SeverityChanged(before=P1, after=P1, evidence=e.Evidence(rule="another", detail="d")),
    e.CategoryAdded(category="security", because="why"),
    e.Paged(page=f"{INC}/p1", person=ANNA, name="Anna", role="r", reasons=(), due_at=START),
    e.PageWidened(page=f"{INC}/p1", person=ANNA, name="Anna", role="r", reasons=(), due_at=START),
    e.PageStepped(page=f"{INC}/p1", person=ANNA, round=1, method="m", channel="ch", key="k", due_at=START),
    e.NobodyReachable(role="r", reasons=(), because="why", fallback_key="k", due_at=START),
    e.Delivered(key="k", channel="ch", to="Anna"),
    e.DeliveryFailed(key="k", channel="ch", to="Anna", detail="d", final=False),
    e.Acknowledged(person=ANNA, name="Anna", via="web"),
    e.PageAcknowledged(person=ANNA, name="Anna", pages=(), via="web"),
    e.CommandOffered(to=ANNA, name="Anna", by="Ben"),
    e.CommanderAssigned(person=ANNA, name="Anna", role="Lead", because="why"),
    e.Noted(text="a note"),
    e.ItemChecked(item="i", title="t", done=False),
    e.Escalated(edge="k", source="a", to="b", because="why"),
    e.ResponseOverdue(level=P1, due_at=START),
    e.UpdateDue(message=MessageKind.UPDATE, due_at=START),
    e.MessageSent(message=MessageKind.UPDATE, number=1, text="t", audiences=("a",)),
    e.PhaseOverdue(phase=1, name="Detect", due_at=START),
    e.MitigationBegan(because="why"),
    e.Mitigated(summary=""),
    e.Resolved(root_cause="a", fix="b", verification="", postmortem_due_at=None),
    e.Reopened(reason="why"),
    e.PostmortemOverdue(due_at=START),
    e.PostmortemPublished(text="t"),
    e.Closed(reason=""),
    e.Dismissed(reason="why"),
    e.MergedInto(into=c.IncidentId("INC-2")),
    e.Absorbed(other=c.IncidentId("INC-2"), title="t", alerts=()),
    e.StormGathered(title="t", before="b", incidents=11, because="why"),
    e.Repinned(before="a", after="b"),
)


def entry(event: e.AnyEvent, late: timedelta = timedelta(0)) -> e.Entry:
    return e.Entry(incident=INC, seq=1, at=START + late, actor=ALICE, event=event)


def test_no_kind_of_event_is_left_out_here() -> None:
    assert {type(event) for event in EVENTS} == members(e.AnyEvent)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_has_a_sentence_and_survives_its_json(event: e.AnyEvent) -> None:
    told = describe(entry(event))
    assert told
    assert told == told.strip()
    assert msgspec.json.decode(msgspec.json.encode(entry(event)), type=e.Entry) == entry(event)


def test_what_comes_late_says_so() -> None:
    overdue = e.ResponseOverdue(level=P1, due_at=START)
    assert "late" not in describe(entry(overdue, timedelta(seconds=59)))
    assert describe(entry(overdue, minutes(90))).endswith("(late by 1 h 30 min)")


def test_every_command_has_an_answer() -> None:
    every = set(c.Command.__subclasses__())
    assert every == members(c.AnyCommand)
    assert every == {*_ANSWERS, *OPENERS}


def test_a_draft_shows_what_is_missing_and_is_never_sent_with_a_bracket() -> None:
    life = Life().opened("VaultSealed")
    drafted = draft(life.inc, MessageKind.INITIAL, {}, RULES, life.now)
    assert drafted is not None
    assert drafted.missing == ("Impact", "Commander")
    assert "[Impact]" in drafted.text
    assert drafted.fields["Brief description"] == "VaultSealed happened"
    refusal = life.refused(c.SendMessage(kind=MessageKind.INITIAL, values={"Impact": " "}))
    assert refusal.message == "Fill in before sending: Impact, Commander."
    life.do(c.Acknowledge(person=BEN))
    sent = life.do(c.SendMessage(kind=MessageKind.INITIAL, values={"impact": "none"})).entries[-1].event
    assert isinstance(sent, e.MessageSent)
    assert sent.text == "P1 INCIDENT: VaultSealed happened\nImpact: none\nCommander: Ben"


def test_brackets_in_a_title_are_no_missing_fields() -> None:
    life = Life()
    life.do(c.Declare(title="[EU] it burns", level=P1))
    drafted = draft(
        life.inc, MessageKind.INITIAL, {"Impact": "all [of] it", "Commander": "B"}, RULES, life.now
    )
    assert drafted is not None
    assert drafted.missing == ()
    assert drafted.text.startswith("P1 INCIDENT: [EU] it burns")


def test_fields_in_another_script_are_kept_apart() -> None:
    template = MessageTemplate(
        level=P1, kind=MessageKind.INITIAL, body="影響: [影響]\n原因: [原因]", fields=("影響", "原因")
    )
    rules = replace(RULES, playbook=replace(PLAYBOOK, templates=(template,)))
    life = Life(rules).opened("VaultSealed")
    drafted = draft(life.inc, MessageKind.INITIAL, {"影響": "なし", "原因": "不明"}, rules, life.now)
    assert drafted is not None
    assert drafted.text == "影響: なし\n原因: 不明"


def test_the_facts_follow_the_incident() -> None:
    life = Life().opened("VaultSealed", service="vault").at(6)
    told = facts(life.inc, RULES, life.now)
    assert told["status"] == "Investigating"
    assert told["cause"] == "Unknown"
    assert told["service"] == "vault"
    assert told["duration"] == "6 minutes"
    assert told["started"] == "09:00 UTC"
    assert told["next_update"] == "09:21 UTC"
    assert "commander" not in told
    life.do(c.Acknowledge(person=BEN))
    life.do(c.Resolve(root_cause="a seal", fix="unsealed"))
    told = facts(life.inc, RULES, life.now + timedelta(days=1))
    assert (told["status"], told["cause"], told["fix"], told["commander"]) == (
        "Resolved",
        "a seal",
        "unsealed",
        "Ben",
    )
    assert told["duration"] == "6 minutes"


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(0), "0 minutes"),
        (timedelta(seconds=-5), "0 minutes"),
        (timedelta(seconds=119), "1 minute"),
        (timedelta(hours=1), "1 hour 0 minutes"),
        (timedelta(days=2, minutes=2), "48 hours 2 minutes"),
    ],
)
def test_hours_and_minutes(span: timedelta, text: str) -> None:
    assert hours_and_minutes(START, START + span) == text


def test_the_post_mortem_has_the_real_times_and_leaves_to_people_what_only_they_know() -> None:
    template = (
        "# [TITLE]\n**Duration:** X hours Y minutes\n## Timeline\n- HH:MM — Alert\n- HH:MM — Resolved\n"
        "## Root cause\n[Why]\n## Lessons\n[What we learned]\n"
    )
    wanted = Postmortem(due_within=timedelta(hours=48), template=template)
    rules = replace(RULES, playbook=replace(PLAYBOOK, postmortem=wanted))
    life = Life(rules).opened("VaultSealed").at(6)
    life.do(c.Acknowledge(person=BEN))
    life.at(190)
    life.do(c.Resolve(root_cause="a seal", fix="unsealed"))
    text = postmortem(life.inc, life.entries, rules)
    assert text.startswith("# INC-1 VaultSealed happened\n**Duration:** 3 hours 10 minutes\n")
    assert "- 09:00 — Alert" in text
    assert "- 12:10 — Resolved" in text
    assert "## Root cause\na seal" in text
    assert "[What we learned]" in text
    assert "Ben acknowledged" in text


def test_a_playbook_without_a_template_has_a_plain_one() -> None:
    life = Life(replace(RULES, playbook=replace(PLAYBOOK, postmortem=None))).opened("VaultSealed")
    life.do(c.Resolve(root_cause="a seal", fix="unsealed"))
    assert life.inc.postmortem_due_at is None
    text = postmortem(life.inc, life.entries, life.rules)
    assert text.startswith("# Post-mortem: INC-1")
    assert "a seal" in text


def test_what_comes_from_outside_without_end_is_refused() -> None:
    life = Life().opened("VaultSealed")
    assert life.refused(c.Acknowledge(person=ANNA, via="x" * 1000)).code == "too-long"
    life.do(c.Resolve(root_cause="a", fix="b"))
    assert life.refused(c.PublishPostmortem(text="t", link="x" * 5000)).code == "too-long"
