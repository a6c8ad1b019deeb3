"""The checklist of an incident: what its answers make the level, what is assumed, what stands over what."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core import strategies as some
from tests.core.sample import P1, P2, P3, P4, PLAYBOOK, RULES, START, Life, alert
from tests.core.test_properties import MANY
from tocsin.alerts.matchers import parse_matchers
from tocsin.base.ids import LevelId
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident.answer import Refused
from tocsin.incident.meaning import concerns_security
from tocsin.incident.rules import Rules
from tocsin.incident.severity import Verdict
from tocsin.incident.timeline import describe
from tocsin.incident.triage import Checklist, Question, judge_answers
from tocsin.playbook.model import Options, Playbook, SeverityRule, TriageRule

OPENING = Verdict(P3, e.Evidence(rule="opening"))


def opened(summary: str, rules: Rules = RULES, name: str = "Any", **labels: str) -> Life:
    """An incident of an alert that says this."""
    life = Life(rules)
    said = replace(alert(name, START, **labels), annotations={"summary": summary})
    life.do(c.OpenByAlert(alert=said, group_key=name, because="first"))
    return life


def question(life: Life, rule: str) -> Question:
    return next(each for each in Checklist(life.inc, life.rules).questions() if each.id == rule)


def answer(life: Life, rule: str, given: Any) -> str:
    life.do(c.AnswerTriage(rule=rule, answer=given))
    return life.inc.level


def with_rules(playbook: Playbook) -> Rules:
    return replace(RULES, playbook=playbook)


def test_the_worst_is_assumed_until_somebody_answers() -> None:
    life = opened("customer records exposed in the log")
    assert life.inc.level == P1
    kinds = [type(entry.event) for entry in life.entries[:3]]
    assert kinds == [e.Opened, e.TriageAssumed, e.SeverityChanged]
    assert describe(life.entries[1]) == (
        "Checklist: Is there a security breach or data exposure? Counts as yes until somebody answers: "
        "the alert Any says “customer records exposed in the log”."
    )
    assert describe(life.entries[2]) == (
        "Severity changed from P3 to P1. Level assumed until somebody answers: Is there a security breach or "
        "data exposure? The alert Any says “customer records exposed in the log”."
    )
    shown = question(life, "breach")
    assert (shown.answer, shown.suggested, shown.assumed) == ("", "yes", True)
    assert shown.becomes == {"yes": P1, "no": P3, "unknown": P1}
    assert answer(life, "breach", "no") == P3, "a person knows better"
    assert answer(life, "breach", "unknown") == P1, "unknown is no answer"
    assert answer(life, "breach", "yes") == P1


def test_an_assumption_keeps_up_a_level_that_another_answer_would_lower() -> None:
    life = opened("Vault sealed, service completely down", name="VaultSealed")
    assert life.inc.level == P1
    assert answer(life, "minor", "yes") == P1
    assert answer(life, "down", "no") == P3


def test_what_an_alert_says_of_itself_stands_except_where_it_speaks_of_a_breach() -> None:
    assert opened("the whole service is down", severity="P4").inc.level == P4
    assert opened("customer data leaked", severity="P4").inc.level == P1
    shown = question(opened("the whole service is down", severity="P4"), "down")
    assert (shown.suggested, shown.assumed) == ("yes", False)
    assert shown.becomes["yes"] == P1


def test_a_matcher_of_the_playbook_stands_over_what_is_assumed() -> None:
    rule = SeverityRule(when=parse_matchers('env="test"'), level=P4)
    life = opened(
        "customer data leaked", with_rules(replace(PLAYBOOK, options=Options(severity=(rule,)))), env="test"
    )
    assert life.inc.level == P4
    assert not life.inc.assumed
    assert answer(life, "core", "no") == P4
    assert answer(life, "breach", "yes") == P1, "but not over what a person answers"


def test_only_questions_of_the_two_highest_levels_are_assumed() -> None:
    life = opened("a minor feature impacted, there is a workaround")
    assert life.inc.level == P3
    assert not life.inc.assumed
    assert question(life, "minor").suggested == "yes"
    assert question(life, "workaround").suggested == "yes"


def test_a_further_alert_raises_by_what_it_makes_assumed() -> None:
    life = opened("disk is filling")
    assert life.inc.level == P3
    second = replace(alert("Other", START), annotations={"summary": "unauthorised access to the database"})
    decided = life.do(c.AttachAlert(alert=second, because="same group"))
    assert [type(entry.event) for entry in decided.entries[:3]] == [
        e.AlertAttached,
        e.TriageAssumed,
        e.SeverityChanged,
    ]
    assert life.inc.level == P1
    assert life.inc.level_at_opening == P3, "what is assumed can be taken back"
    assert answer(life, "breach", "no") == P3
    third = replace(alert("Third", START), annotations={"summary": "data leaked again"})
    assert len(life.do(c.AttachAlert(alert=third, because="same group")).entries) == 1, "it was answered"
    assert life.inc.level == P3


def test_a_report_in_a_persons_words_is_assumed_the_worst_of_too() -> None:
    life = Life()
    life.do(c.Declare(title="Odd mails", description="somebody stole customer data"))
    assert life.inc.level == P1
    assert life.inc.assumed.keys() == {"breach"}
    life = Life()
    life.do(c.Declare(title="Customer data was stolen", level=P4))
    assert life.inc.level == P4, "a person's word stands"


def test_a_persons_word_stands_over_answers_and_alerts() -> None:
    life = opened("customer data leaked")
    life.do(c.SetSeverity(level=P4, reason="a test of the alarm"))
    assert question(life, "breach").becomes == {}
    assert answer(life, "breach", "yes") == P4
    second = replace(alert("Other", START), annotations={"summary": "the whole service is down"})
    life.do(c.AttachAlert(alert=second, because="same group"))
    assert life.inc.level == P4


def test_a_workaround_does_not_lower_a_breach_whatever_else_was_answered() -> None:
    life = Life().opened("Nothing")
    assert answer(life, "down", "yes") == P1
    assert answer(life, "breach", "yes") == P1
    assert answer(life, "workaround", "yes") == P1
    assert answer(life, "breach", "no") == P2, "without the breach the workaround counts"


def test_a_workaround_does_not_lower_what_only_the_facts_say_is_a_breach() -> None:
    assert answer(opened("customer data leaked"), "workaround", "yes") == P1
    life = Life().opened("Nothing")
    life.do(c.SetSeverity(level=P3, reason="so"))
    marked = Life().opened("VaultSealed")
    marked.do(c.AddCategory(category="data breach"))
    assert answer(marked, "workaround", "yes") == P1
    decided = marked.happened(e.TriageAnswered)
    assert decided
    plain = Life().opened("VaultSealed")
    assert answer(plain, "workaround", "yes") == P2
    no_question = with_rules(replace(PLAYBOOK, triage=PLAYBOOK.triage[-1:]))
    assert answer(opened("auth bypass", no_question, "AuthBypass"), "workaround", "yes") == P1


def test_the_evidence_tells_that_a_breach_was_not_lowered() -> None:
    found = judge_answers({"breach": "yes", "workaround": "yes"}, OPENING, PLAYBOOK)
    assert found.level == P1
    assert found.evidence == e.Evidence(
        rule="checklist",
        detail="Is there a security breach or data exposure?; then Is there a workaround? (lowers no breach)",
    )


def test_a_level_above_that_of_the_breach_may_sink_to_it() -> None:
    triage = (
        TriageRule(id="down", question="Down?", sets=P1),
        TriageRule(id="breach", question="Any breach?", sets=P2),
        TriageRule(id="round", question="Workaround?", shifts=2),
    )
    answers = {"down": "yes", "breach": "yes", "round": "yes"}
    assert judge_answers(answers, OPENING, replace(PLAYBOOK, triage=triage)).level == P2


def test_labels_answer_a_question_that_shifts() -> None:
    when = parse_matchers('workaround="yes"')
    triage = (*PLAYBOOK.triage[:-1], replace(PLAYBOOK.triage[-1], when=when))
    rules = with_rules(replace(PLAYBOOK, triage=triage))
    life = opened("Vault sealed", rules, "VaultSealed", workaround="yes")
    assert life.inc.level == P2
    assert life.inc.level_at_opening == P1
    assert answer(life, "workaround", "no") == P1


def test_an_alert_answers_a_question_that_was_answered_unknown() -> None:
    when = parse_matchers('team="sec"')
    triage = (replace(PLAYBOOK.triage[0], when=when), *PLAYBOOK.triage[1:])
    life = opened("disk is filling", with_rules(replace(PLAYBOOK, triage=triage)))
    assert answer(life, "down", "unknown") == P3
    life.do(c.AttachAlert(alert=alert("Second", START, team="sec"), because="same group"))
    assert life.inc.answers["down"] == "yes"
    assert life.inc.level == P1


def test_absorbing_takes_over_what_is_to_be_assumed() -> None:
    life = opened("disk is filling")
    other = replace(alert("Other", START), annotations={"summary": "customer data leaked"})
    life.do(c.Absorb(other=life.inc.id, title="Other", alerts=(other,)))
    assert life.inc.level == P1
    assert set(life.inc.assumed) == {"breach"}


@pytest.mark.parametrize("given", ["yes", "no", "unknown"])
def test_the_level_shown_before_answering_is_the_level_after(given: Any) -> None:
    for rule in PLAYBOOK.triage:
        for summary in ("customer data leaked", "service down", "nothing"):
            life = opened(summary)
            foretold = question(life, rule.id).becomes[given]
            assert answer(life, rule.id, given) == foretold


some_questions = st.lists(
    st.builds(
        TriageRule,
        id=st.sampled_from(["a", "b", "c", "d"]),
        question=st.sampled_from(
            [
                "Is there a breach?",
                "Was data exposed?",
                "Is it down?",
                "Is it slow?",
                "Is there a workaround?",
            ]
        ),
        sets=st.sampled_from([None, P1, P2, P3, P4]),
        shifts=st.sampled_from([None, 1, 2, -1]),
    ).filter(lambda rule: (rule.sets is None) != (rule.shifts is None)),
    max_size=4,
    unique_by=lambda rule: rule.id,
).map(tuple)
some_answers = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]), st.sampled_from(["yes", "no", "unknown"])
)
levels = st.sampled_from([P1, P2, P3, P4])


def rank(level: LevelId) -> int:
    return [P1, P2, P3, P4].index(level)


@MANY
@given(triage=some_questions, answers=some_answers, level=levels, breach=st.booleans())
def test_no_answer_lowers_what_a_security_question_set(
    triage: tuple[TriageRule, ...], answers: dict[str, str], level: LevelId, breach: bool
) -> None:
    playbook = replace(PLAYBOOK, triage=triage)
    found = judge_answers(answers, Verdict(level, OPENING.evidence), playbook, is_breach=breach)
    for rule in triage:
        is_yes = answers.get(rule.id) == "yes"
        if is_yes and rule.sets is not None and concerns_security(rule.question):
            assert rank(found.level) <= rank(rule.sets)
    if breach and not any(rule.sets for rule in triage if answers.get(rule.id) == "yes"):
        assert rank(found.level) <= rank(level)


@MANY
@given(triage=some_questions, answers=some_answers, assumed=st.sets(st.sampled_from(["a", "b", "c", "d"])))
def test_unknown_counts_as_unanswered_and_assuming_never_lowers(
    triage: tuple[TriageRule, ...], answers: dict[str, str], assumed: set[str]
) -> None:
    playbook = replace(PLAYBOOK, triage=triage)
    because = dict.fromkeys(assumed, "so it is said")
    known = {rule: given for rule, given in answers.items() if given != "unknown"}
    found = judge_answers(answers, OPENING, playbook, because)
    assert found == judge_answers(known, OPENING, playbook, because)
    assert rank(found.level) <= rank(judge_answers(answers, OPENING, playbook).level)


@MANY
@given(
    rules=some.rules(),
    opening=some.openings,
    asked=st.lists(
        st.tuples(st.sampled_from(["q1", "q2"]), st.sampled_from(["yes", "no", "unknown"])), max_size=4
    ),
)
def test_answers_are_idempotent_and_their_order_does_not_matter(
    rules: Rules, opening: c.Command, asked: list[tuple[str, Any]]
) -> None:
    ends: list[Any] = []
    last = dict(asked)
    for order in (list(last.items()), list(reversed(last.items()))):
        life = Life(rules)
        if isinstance(life.ask(opening), Refused):
            life.do(c.Declare(title="it burns"))
        for rule, given_answer in order:
            life.ask(c.AnswerTriage(rule=rule, answer=given_answer))
            again = life.ask(c.AnswerTriage(rule=rule, answer=given_answer))
            assert isinstance(again, Refused) or again.entries == ()
        ends.append((life.inc.level, life.inc.answers))
    assert ends[0] == ends[1]
