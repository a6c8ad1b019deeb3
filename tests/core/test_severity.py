"""Which level an alert or a report gets, and by what evidence: the table of the playbook read closely."""

import pytest
from msgspec.structs import replace

from tests.core.sample import P1, P2, P3, P4, PLAYBOOK, alert
from tocsin.alerts.matchers import parse_matchers
from tocsin.base.ids import LevelId
from tocsin.incident.events import Evidence
from tocsin.incident.severity import (
    Verdict,
    categories_of,
    judge_alert,
    judge_text,
    words_of,
)
from tocsin.incident.triage import judge_answers
from tocsin.playbook.model import Options, Playbook, Severity, SeverityRule, TriageRule


def judge(name: str, playbook: Playbook = PLAYBOOK, value: str = "", **labels: str) -> Verdict:
    annotations = {"value": value} if value else {}
    return judge_alert(replace(alert(name, **labels), annotations=annotations), playbook)


def with_examples(*examples: str) -> Playbook:
    """P2 has these examples, and the rest says nothing."""
    levels = (Severity(level=P1, rank=1), Severity(level=P2, rank=2, examples=examples))
    return Playbook(title="", severities=(*levels, Severity(level=P3, rank=3), Severity(level=P4, rank=4)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("VaultSealed", {"vault", "seal"}),
        ("vault_sealed", {"vault", "seal"}),
        ("vault-sealed", {"vault", "seal"}),
        ("HTTPServerDown", {"http", "server", "down"}),
        ("agent failures", {"agent", "fail"}),
        ("The agent is failing", {"agent", "fail"}),
        ("db", {"databas"}),
        ("Databases", {"databas"}),
        ("database", {"databas"}),
        ("Ausfälle im Größenwahn", {"ausfäll", "im", "grössenwahn"}),
        ("認証サービス", {"認証サービス"}),
        ("", set()),
        ("— !? —", set()),
    ],
)
def test_words_can_be_compared(text: str, words: set[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("VaultSealed", P1),
        ("vault_sealed", P1),
        ("vault-sealed", P1),
        ("VAULT SEALED NOW", P1),
        ("DbUnreachable", P1),
        ("DatabasesUnreachable", P1),
        ("AuthenticationBypass", P1),
        ("AgentsFailing", P2),
        ("agent_failure", P2),
        ("WorkerFailing", P3),
        ("ui_glitches", P4),
        ("UiGlitch", P4),
        ("Vault", P3),
        ("", P3),
        ("火事", P3),
    ],
)
def test_the_examples_are_found_in_any_spelling(name: str, level: LevelId) -> None:
    assert judge(name).level == level


@pytest.mark.parametrize(
    ("example", "value", "holds"),
    [
        ("error rate > 5%", "7%", True),
        ("error rate > 5%", "7.5 %", True),
        ("error rate > 5%", "5%", False),
        ("error rate >= 5%", "5%", True),
        ("error rate ≥ 5%", "5%", True),
        ("error rate < 5%", "5%", False),
        ("error rate ≤ 5%", "5%", True),
        ("error rate > 5%", "0.07", True),
        ("error rate > 5%", "0.03", False),
        ("error rate > 5%", "7", True),
        ("error rate > 0,5%", "0.6%", True),
        ("error rate > 5%", "not a number", True),
        ("error rate > 5%", "", True),
        ("error rate > 5%", "1e-3", False),
        ("error rate > 5s", "5200ms", True),
        ("error rate > 5s", "900ms", False),
        ("error rate > 500 ms", "0.6s", True),
        ("error rate > 500 ms", "0.4s", False),
    ],
)
def test_a_condition_is_read_where_the_alert_carries_a_value(example: str, value: str, holds: bool) -> None:
    found = judge("HighErrorRate", with_examples(example), value)
    assert found.level == (P2 if holds else P3)
    assert found.evidence.rule == ("example" if holds else "default")


def test_a_tie_goes_to_the_more_severe() -> None:
    levels = (
        Severity(level=P2, rank=2, examples=("disk full",)),
        Severity(level=P1, rank=1, examples=("full disk",)),
    )
    assert judge("DiskFull", Playbook(title="", severities=levels)).level == P1


def test_a_matcher_stands_over_the_label_and_the_label_over_the_words() -> None:
    rule = SeverityRule(when=parse_matchers('alertname="VaultSealed", env="test"'), level=P4)
    playbook = replace(PLAYBOOK, options=Options(severity=(rule,), severity_labels={"Page": P2}))
    matched = judge("VaultSealed", playbook, env="test", severity="critical")
    assert matched == Verdict(P4, Evidence(rule="matcher", detail='alertname="VaultSealed", env="test"'))
    assert judge("VaultSealed", playbook, severity="HIGH").level == P2
    assert judge("VaultSealed", playbook, severity="page").level == P2
    assert judge("VaultSealed", playbook, priority="p4").level == P4
    assert judge("VaultSealed", playbook, severity="warning").evidence.rule == "example"


def test_a_question_that_labels_answer_sets_the_worst_of_their_levels() -> None:
    when = parse_matchers('team="sec"')
    triage = (
        TriageRule(id="a", question="Is it minor?", sets=P3, when=when),
        TriageRule(id="b", question="Is it a breach?", sets=P1, when=when),
    )
    found = judge("Anything", replace(PLAYBOOK, triage=triage), team="sec", severity="P4")
    assert found == Verdict(P1, Evidence(rule="checklist", detail="Is it a breach?"))


def test_a_level_is_named_as_its_own_table_names_it() -> None:
    triage = (
        TriageRule(id="a", question="Is it down?", sets=LevelId("p1")),
        TriageRule(id="w", question="w?", shifts=1),
    )
    playbook = replace(PLAYBOOK, triage=triage)
    opening = Verdict(P3, Evidence(rule="opening"))
    assert judge_answers({"a": "yes"}, opening, playbook).level == P1
    assert judge_answers({"a": "yes", "w": "yes"}, opening, playbook).level == P2, "one down from P1"


@pytest.mark.parametrize(
    "question",
    [
        "Is there a security breach?",
        "Is customer data exposed?",
        "Is there data exposure?",
        "Was an account compromised?",
        "Could this compromise keys?",
        "Has a secret leaked?",
    ],
)
def test_no_workaround_lowers_what_concerns_security(question: str) -> None:
    triage = (
        TriageRule(id="s", question=question, sets=P1),
        TriageRule(id="w", question="workaround?", shifts=1),
    )
    opening = Verdict(P3, Evidence(rule="opening"))
    found = judge_answers({"s": "yes", "w": "yes"}, opening, replace(PLAYBOOK, triage=triage))
    assert found.level == P1


def test_shifts_stop_at_both_ends_and_the_evidence_tells_the_way() -> None:
    triage = (
        TriageRule(id="up", question="Up?", shifts=-9),
        TriageRule(id="down", question="Down?", shifts=9),
    )
    playbook = replace(PLAYBOOK, triage=triage)
    opening = Verdict(P3, Evidence(rule="opening", detail="as it began"))
    assert judge_answers({"up": "yes"}, opening, playbook).level == P1
    found = judge_answers({"up": "yes", "down": "yes"}, opening, playbook)
    assert found.level == P4
    assert found.evidence.detail == "as it began; then Up?; then Down?"
    assert judge_answers({"up": "no", "down": "unknown"}, opening, playbook) == opening


def test_without_any_match_it_is_the_second_least_severe() -> None:
    assert judge_text("nothing known", PLAYBOOK).level == P3
    assert judge_text("nothing", Playbook(title="", severities=PLAYBOOK.severities[:1])).level == P1
    assert judge_text("nothing", Playbook(title="")).evidence.detail == "the playbook has no severity levels"


def test_a_report_in_a_persons_words_is_judged_by_the_same_table() -> None:
    assert judge_text("The vault is sealed again!", PLAYBOOK).level == P1


@pytest.mark.parametrize(
    ("labels", "text", "found"),
    [
        ({}, "SecurityBreach", {"security"}),
        ({}, "a data-breach", {"data breach"}),
        ({}, "a breach of data", {"data breach"}),
        ({"category": "Security"}, "Anything", {"security"}),
        ({"type": "data_breach"}, "Anything", {"data breach"}),
        ({"team": "sec"}, "Anything", set()),
        ({}, "insecure", set()),
    ],
)
def test_a_category_is_in_the_words_or_in_a_label(labels: dict[str, str], text: str, found: set[str]) -> None:
    assert set(categories_of(labels, text, ("security", "data breach"), PLAYBOOK)) == found


def test_a_matcher_of_the_front_matter_is_the_only_word_on_its_category() -> None:
    options = Options(categories={"security": parse_matchers('team="sec"')})
    playbook = replace(PLAYBOOK, options=options)
    assert categories_of({"team": "sec"}, "Anything", ("security",), playbook)
    assert not categories_of({}, "SecurityBreach", ("security",), playbook)
