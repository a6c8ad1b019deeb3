"""The life of an incident, told minute by minute."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.core.sample import (
    ANNA,
    BEN,
    CARA,
    CHIEF,
    P1,
    P2,
    P3,
    P4,
    ROSTER,
    RULES,
    SEC,
    START,
    Life,
    alert,
    minutes,
)
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident.evolve import fold
from tocsin.incident.outgoing import Cancel, RaiseAlert, Send
from tocsin.incident.settle import deadlines, next_due_at
from tocsin.incident.state import State
from tocsin.oncall.model import RoleFill
from tocsin.playbook.model import MessageKind


def test_a_p1_that_nobody_answers_is_paged_up_the_ladder_and_goes_overdue() -> None:
    life = Life().opened("VaultSealed").at(120)
    assert life.inc.level == P1
    assert life.pages() == [
        (0, "anna", "On-Call Engineer"),
        (0, "cara", "Team Lead"),
        (5, "ben", "Senior Engineer"),
        (10, "cara", "Team Lead"),
        (30, "ben", "Senior Engineer"),
        (90, "cara", "Team Lead"),
    ]
    overdue = life.happened(e.ResponseOverdue)
    assert [entry.at for entry in overdue] == [START + minutes(15)]
    fired = [entry.event for entry in life.happened(e.Escalated)]
    assert [(event.source, event.to) for event in fired if isinstance(event, e.Escalated)] == [
        ("On-Call Engineer", "Senior Engineer"),
        ("Senior Engineer", "Team Lead"),
    ]


def test_every_reason_is_acted_on_once() -> None:
    life = Life().opened("VaultSealed").at(400)
    keys = [
        reason.key
        for entry in life.entries
        if isinstance(entry.event, e.Paged | e.PageWidened | e.NobodyReachable)
        for reason in entry.event.reasons
    ]
    assert len(keys) == len(set(keys))


def test_a_page_walks_all_methods_and_comes_again_until_acknowledged() -> None:
    life = Life().opened("VaultSealed").at(11)
    steps = [
        ((entry.at - START).total_seconds() / 60, entry.event.method)
        for entry in life.happened(e.PageStepped)
        if isinstance(entry.event, e.PageStepped) and entry.event.person == ANNA
    ]
    assert steps == [(0, "outbox-1"), (2, "email-2"), (5, "outbox-1"), (7, "email-2"), (10, "outbox-1")]
    life.do(c.Acknowledge(person=ANNA))
    life.at(29)
    later = [
        entry
        for entry in life.happened(e.PageStepped)
        if isinstance(entry.event, e.PageStepped) and entry.event.person == ANNA
    ]
    assert len(later) == len(steps)


def test_the_acknowledgement_cancels_what_waits_and_asks_for_a_commander() -> None:
    life = Life().opened("VaultSealed").at(12)
    decided = life.do(c.Acknowledge(person=ANNA))
    cancelled = [effect for effect in decided.effects if isinstance(effect, Cancel)]
    assert {page for effect in cancelled for page in effect.pages} == {"INC-1/p1", "INC-1/p2", "INC-1/p3"}
    assert life.inc.state is State.ACKNOWLEDGED
    assert life.inc.commander is None
    asked = life.pages()[-1]
    assert asked == (12, "cara", "team lead"), "the highest role that may command a P1 is paged for it"
    life.do(c.Acknowledge(person=CARA))
    assert life.inc.commander == CARA


def test_an_entitled_first_acknowledger_commands_at_once() -> None:
    life = Life().opened("VaultSealed").at(6)
    life.do(c.Acknowledge(person=BEN))
    assert life.inc.commander == BEN
    assert not life.inc.open_pages


def test_a_second_acknowledgement_is_answered_with_who_was_first() -> None:
    life = Life().opened("WorkerFailing").at(3)
    life.do(c.Acknowledge(person=ANNA))
    again = life.do(c.Acknowledge(person=BEN))
    assert again.entries == ()
    assert again.said == "Anna acknowledged INC-1 first, at Mon 02 Mar 2026, 10:03 CET."
    assert "You acknowledged INC-1 before" in life.do(c.Acknowledge(person=ANNA)).said


def test_an_unresolved_incident_escalates_after_it_was_acknowledged() -> None:
    life = Life().opened("VaultSealed").at(6)
    life.do(c.Acknowledge(person=BEN))
    life.at(100)
    assert (30, "ben", "Senior Engineer") in life.pages()
    assert (90, "cara", "Team Lead") in life.pages()


def test_mitigation_stops_the_escalation() -> None:
    life = Life().opened("VaultSealed").at(6)
    life.do(c.Acknowledge(person=BEN))
    life.do(c.Mitigate(summary="unsealed"))
    paged = len(life.pages())
    life.at(200)
    assert len(life.pages()) == paged


@pytest.mark.parametrize(
    ("name", "annotations", "level"),
    [
        ("VaultSealed", {}, P1),
        ("DatabaseUnreachable", {}, P1),
        ("AuthBypassDetected", {}, P1),
        ("ServiceDown", {}, P1),
        ("HighErrorRate", {"value": "7.2%"}, P2),
        ("HighErrorRate", {"value": "0.072"}, P2),
        ("HighErrorRate", {"value": "2%"}, P3),
        ("AgentFailure", {}, P2),
        ("WorkerFailing", {}, P3),
        ("SomethingElse", {}, P3),
        ("UiGlitch", {}, P4),
    ],
)
def test_the_level_follows_the_words_of_the_playbook(
    name: str, annotations: dict[str, str], level: str
) -> None:
    life = Life()
    fired = replace(alert(name), annotations=annotations)
    life.do(c.OpenByAlert(alert=fired, group_key="", because="first"))
    assert life.inc.level == level
    opened = life.entries[0].event
    assert isinstance(opened, e.Opened)
    assert opened.evidence.rule in ("example", "default")


def test_the_alerts_own_label_stands_over_its_words() -> None:
    assert Life().opened("VaultSealed", severity="P4").inc.level == P4
    assert Life().opened("SomethingElse", severity="critical").inc.level == P1


def test_the_checklist_recomputes_the_level_and_the_workaround_comes_last() -> None:
    life = Life().opened("SomethingElse")
    life.do(c.AnswerTriage(rule="workaround", answer="yes"))
    assert life.inc.level == P4
    life.do(c.AnswerTriage(rule="down", answer="yes"))
    assert life.inc.level == P2, "down is P1, and the workaround lowers it by one"
    life.do(c.AnswerTriage(rule="workaround", answer="no"))
    assert life.inc.level == P1


def test_a_breach_is_never_lowered_by_a_workaround() -> None:
    life = Life().opened("SomethingElse")
    life.do(c.AnswerTriage(rule="breach", answer="yes"))
    life.do(c.AnswerTriage(rule="workaround", answer="yes"))
    assert life.inc.level == P1
    assert "security" in life.inc.categories


def test_a_persons_word_stands_over_every_rule() -> None:
    life = Life().opened("SomethingElse")
    life.do(c.SetSeverity(level=P2, reason="customers call"))
    life.do(c.AnswerTriage(rule="down", answer="yes"))
    assert life.inc.level == P2
    assert life.refused(c.SetSeverity(level=P1, reason=" ")).code == "missing"


def test_a_rise_in_severity_counts_the_response_time_from_the_opening() -> None:
    life = Life().opened("SomethingElse").at(14)
    assert next(d.at for d in deadlines(life.inc, RULES) if d.kind == "respond-by") == START + minutes(240)
    life.do(c.SetSeverity(level=P1, reason="it is worse"))
    paged = {(person, role) for _, person, role in life.pages()}
    assert {("cara", "Team Lead"), ("ben", "Senior Engineer")} <= paged
    assert next(d.at for d in deadlines(life.inc, RULES) if d.kind == "respond-by") == START + minutes(15)


def test_a_category_pages_its_contacts_and_the_hop_behind_only_if_unanswered() -> None:
    life = Life().opened("SomethingElse")
    life.do(c.AddCategory(category="Security"))
    assert (0, "sec", "Security Engineer") in life.pages()
    assert CHIEF not in {person for _, person, _ in life.pages()}
    life.at(241)
    assert CHIEF in {person for _, person, _ in life.pages()}, "nobody answered within the response time"
    answered = Life().opened("SomethingElse")
    answered.do(c.AddCategory(category="security"))
    answered.do(c.Acknowledge(person=SEC))
    answered.at(500)
    assert CHIEF not in {person for _, person, _ in answered.pages()}


def test_a_breach_reaches_the_ciso_without_waiting_for_the_path() -> None:
    life = Life().opened("SomethingElse").at(1)
    life.do(c.AddCategory(category="data breach"))
    assert (1, "chief", "CISO") in life.pages()


def test_a_role_that_nobody_fills_is_said_and_the_next_one_is_paged_at_once() -> None:
    roster = replace(ROSTER, roles=ROSTER.roles[1:])
    life = Life(replace(RULES, roster=roster)).opened("SomethingElse")
    missing = life.happened(e.NobodyReachable)[0].event
    assert isinstance(missing, e.NobodyReachable)
    assert missing.role == "On-Call Engineer"
    assert life.pages() == [(0, "ben", "Senior Engineer")]
    sent = [effect for decision in life.decisions for effect in decision.effects]
    assert any(isinstance(effect, RaiseAlert) for effect in sent)
    assert any(isinstance(effect, Send) and effect.address == "everybody@example.org" for effect in sent)


def test_a_person_whose_methods_all_fail_is_given_up_on_and_the_fallback_is_used() -> None:
    life = Life().opened("WorkerFailing").at(2)
    for step in life.inc.pages[0].steps:
        life.do(
            c.RecordDelivery(
                key=step.key, channel="x", to="Anna", delivered=False, detail="mail server down", final=True
            )
        )
    lost = [entry.event for entry in life.happened(e.NobodyReachable)]
    assert [event.because for event in lost if isinstance(event, e.NobodyReachable)] == [
        "every contact method of Anna fails"
    ]


def test_an_outage_is_followed_by_one_step_of_each_page_and_by_every_missed_escalation() -> None:
    life = Life().opened("VaultSealed")
    life.now = START + minutes(200)
    life.do(c.Tick(), e.CLOCK)
    steps = [entry.event for entry in life.happened(e.PageStepped) if entry.at == life.now]
    people = [event.person for event in steps if isinstance(event, e.PageStepped)]
    assert sorted(people) == sorted(set(people))
    assert len(life.happened(e.ResponseOverdue)) == 1
    assert next_due_at(life.inc, RULES) > life.now


def test_a_clock_that_steps_back_fires_nothing_early_and_keeps_the_timeline_in_order() -> None:
    life = Life().opened("VaultSealed").at(6)
    life.now = START - timedelta(hours=1)
    before = len(life.entries)
    life.do(c.Tick(), e.CLOCK)
    assert len(life.entries) == before
    life.do(c.AddNote(text="clock went back"))
    times = [entry.at for entry in life.entries]
    assert times == sorted(times)


def test_resolution_needs_cause_and_fix_and_starts_the_clock_of_the_post_mortem() -> None:
    life = Life().opened("VaultSealed").at(12)
    life.do(c.Acknowledge(person=ANNA))
    assert life.refused(c.Resolve(root_cause="", fix="restarted")).code == "missing"
    life.at(180)
    life.do(c.Resolve(root_cause="expired certificate", fix="renewed it"))
    assert life.inc.state is State.RESOLVED
    assert life.inc.postmortem_due_at == START + minutes(180) + timedelta(hours=48)
    assert not life.inc.open_pages
    assert life.refused(c.Close()).code == "no-postmortem"
    life.at(180 + 48 * 60)
    assert len(life.happened(e.PostmortemOverdue)) == 1
    life.do(c.PublishPostmortem(text="what happened"))
    life.do(c.Close())
    assert life.inc.state is State.CLOSED
    assert next_due_at(life.inc, RULES) is None


def test_an_alert_that_comes_back_reopens_and_pages_afresh() -> None:
    life = Life().opened("VaultSealed").at(1)
    life.do(c.Resolve(root_cause="a", fix="b"))
    life.at(10)
    life.do(c.AttachAlert(alert=alert("VaultSealed", life.now), because="came back"))
    assert life.inc.state is State.OPEN
    assert life.pages()[-2:] == [(10, "anna", "On-Call Engineer"), (10, "cara", "Team Lead")]
    assert next(d.at for d in deadlines(life.inc, RULES) if d.kind == "respond-by") == START + minutes(25)


def test_hand_over_is_an_offer_that_the_receiver_accepts() -> None:
    life = Life().opened("VaultSealed").at(6)
    life.do(c.Acknowledge(person=BEN))
    life.do(c.OfferCommand(to=ANNA))
    assert life.inc.commander == BEN
    life.do(c.Acknowledge(person=ANNA))
    assert life.inc.commander == ANNA


def test_who_fills_no_commanding_role_cannot_take_command() -> None:
    life = Life().opened("VaultSealed").at(6)
    refusal = life.refused(c.TakeCommand(person=ANNA))
    assert refusal.code == "not-entitled"
    assert "Senior Engineer or team lead" in refusal.message


def test_escalation_by_hand_pages_and_says_why() -> None:
    life = Life().opened("WorkerFailing").at(1)
    life.do(c.Escalate(to="CISO", reason="the press calls"))
    assert life.pages()[-1] == (1, "chief", "CISO")
    assert life.refused(c.Escalate(to="Gardener")).code == "unknown-role"


def test_the_message_clock_runs_from_the_last_message() -> None:
    life = Life().opened("VaultSealed").at(16)
    due = [entry.event for entry in life.happened(e.UpdateDue)]
    assert [event.message for event in due if isinstance(event, e.UpdateDue)] == [MessageKind.INITIAL]
    refusal = life.refused(c.SendMessage(kind=MessageKind.INITIAL))
    assert "Impact" in refusal.message
    sent = life.do(
        c.SendMessage(kind=MessageKind.INITIAL, values={"Impact": "nobody can sign in", "Commander": "Ben"})
    )
    texts = [effect.letter for effect in sent.effects if isinstance(effect, Send)]
    assert any("nobody can sign in" in " ".join(letter.lines) for letter in texts)
    assert "[" not in life.entries[-1].event.text  # type: ignore[union-attr]


def test_merging_stops_the_pages_and_answers_where_to_go() -> None:
    life = Life().opened("VaultSealed")
    life.do(c.Merge(into=c.IncidentId("INC-2")))
    assert not life.inc.open_pages
    assert "INC-2" in life.refused(c.Mitigate()).message


@pytest.mark.parametrize("level", [P1, P2, P3, P4])
def test_an_unacknowledged_incident_always_waits_for_something(level: str) -> None:
    life = Life()
    life.do(c.Declare(title="broken", level=level))  # type: ignore[arg-type]
    for hour in range(1, 60):
        life.at(hour * 60)
        assert life.inc.open_pages
        assert next_due_at(life.inc, RULES) is not None


def test_folding_the_entries_gives_the_state_again() -> None:
    life = Life().opened("VaultSealed").at(12)
    life.do(c.Acknowledge(person=ANNA))
    life.do(c.SetSeverity(level=P2, reason="less bad"))
    life.at(240)
    life.do(c.Resolve(root_cause="a", fix="b"))
    life.do(c.Reopen(reason="not over"))
    life.at(300)
    assert fold(life.entries) == life.inc
    assert life.inc.level != P3


def test_two_people_in_one_role_are_tried_in_order() -> None:
    roles = (RoleFill(role="On-Call Engineer", people=(BEN, ANNA)), *ROSTER.roles[1:])
    life = Life(replace(RULES, roster=replace(ROSTER, roles=roles))).opened("WorkerFailing")
    assert life.pages() == [(0, "ben", "On-Call Engineer")]
