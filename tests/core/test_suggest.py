"""Suggested answers: the questions of real playbooks held against what alerts and people say."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.sample import P1, START, alert
from tests.core.test_properties import MANY
from tocsin.alerts.matchers import parse_matchers
from tocsin.incident.meaning import concerns_security
from tocsin.incident.suggest import Suggestion, suggest, witnesses
from tocsin.playbook.model import Playbook, TriageRule
from tocsin.playbook.read import read_playbook

SHARED = Path(__file__).resolve().parents[3] / "shared"
DOWN = "Is the service completely down?"
BREACH = "Is there a security breach or data exposure?"
CORE = "Is a core feature (auth, AI, files) degraded?"
SPEED = "Is performance severely impacted (>5s response)?"
MINOR = "Is a non-core feature impacted?"
ROUND = "Is there a workaround?"


def asked(question: str, summary: str = "", name: str = "Any", value: str = "", **labels: str) -> str:
    """The suggested answer for one alert, "" for none."""
    found = told(question, summary, name, value, **labels)
    return found.answer if found else ""


def told(
    question: str, summary: str = "", name: str = "Any", value: str = "", **labels: str
) -> Suggestion | None:
    annotations = {"summary": summary} | ({"value": value} if value else {})
    alerts = [replace(alert(name, START, **labels), annotations=annotations)]
    rule = TriageRule(id="q", question=question, sets=P1)
    return suggest(rule, witnesses("", "", (), alerts), alerts)


@pytest.mark.parametrize(
    ("question", "name", "summary", "answer"),
    [
        (DOWN, "ServiceDown", "", "yes"),
        (DOWN, "CheckoutDown", "Checkout is down for everybody", "yes"),
        (DOWN, "Outage", "The whole service does not respond", "yes"),
        (DOWN, "WorkerDown", "one worker of six is down", ""),
        (DOWN, "Recovered", "The service is not down", "no"),
        (DOWN, "DiskFull", "disk 91% full", ""),
        (BREACH, "Leak", "customer records leaked to a mailing list", "yes"),
        (BREACH, "AuthBypassDetected", "", "yes"),
        (BREACH, "Login", "unauthorised access to the admin panel", "yes"),
        (BREACH, "Down", "The database is down, no data was exposed", "no"),
        (BREACH, "SLOBreach", "the SLO was breached for an hour", ""),
        (BREACH, "MemoryLeak", "memory leak in the api", ""),
        (BREACH, "Threshold", "breach of the latency threshold, limit breached", ""),
        (BREACH, "Leak", "not only a memory leak: customer data leaked", "yes"),
        (CORE, "AuthDegraded", "sign-in is degraded", "yes"),
        (CORE, "FilesSlow", "files are degraded", "yes"),
        (CORE, "Ui", "a non-core feature is degraded", ""),
        (CORE, "Search", "search is degraded", ""),
        (SPEED, "HighLatency", "p95 response 7.4s", "yes"),
        (SPEED, "HighLatency", "p95 response 7400 ms over a 5m window", "yes"),
        (SPEED, "HighLatency", "response 2.1s, over the limit 2s", "no"),
        (SPEED, "HighLatency", "responses are slow", ""),
        (SPEED, "Backup", "the backup took 40 min", ""),
        (MINOR, "Ui", "A non-core feature is broken", "yes"),
        (MINOR, "Ui", "A core feature is broken", ""),
        (ROUND, "Any", "There is a workaround: use the mirror", "yes"),
        (ROUND, "Any", "no workaround is known", "no"),
        ("Is data at risk?", "Any", "possible data loss on the primary", "yes"),
        ("Are customers unable to pay?", "Any", "customers cannot pay", "yes"),
        ("Are customers unable to pay?", "Any", "nobody can't pay: customers can't pay", "yes"),
        ("Are customers unable to pay?", "Any", "search fails for many customers", ""),
        ("Could somebody have seen data that is not theirs?", "Any", "invoices exposed to others", "yes"),
        ("Do pages take longer than 3 seconds?", "SearchSlow", "Search takes 6 s", "yes"),
        ("Do pages take longer than 3 seconds?", "SearchSlow", "Search takes 1.5 s", "no"),
        ("¿Está caída la tienda?", "TiendaCaida", "", "yes"),
        ("Steht eine Strecke?", "Strecke", "keine Meldung", ""),
    ],
)
def test_what_an_alert_says_to_a_question(question: str, name: str, summary: str, answer: str) -> None:
    assert asked(question, summary, name) == answer


@pytest.mark.parametrize(
    ("value", "answer"),
    [("7.2", "yes"), ("7200ms", "yes"), ("4.9", "no"), ("0.2s", "no"), ("NaN", ""), ("many", "")],
)
def test_a_value_answers_a_question_with_a_limit(value: str, answer: str) -> None:
    assert asked(SPEED, "the response is slow", value=value) == answer


def test_a_bare_ratio_is_a_share() -> None:
    assert asked("Is the error rate above 5 %?", "error rate", value="0.07") == "yes"
    assert asked("Is the error rate above 5 %?", "error rate", value="0.03") == "no"


def test_labels_speak_too() -> None:
    assert told("Is data lost (data loss)?", data_loss="true") == Suggestion(
        answer="yes", because="the label data_loss of Any is true"
    )
    assert told(ROUND, workaround="false") == Suggestion(
        answer="no", because="the label workaround of Any is false"
    )
    assert asked(DOWN, impact="service down") == "yes"
    assert asked(DOWN, instance="service down") == "", "an address is no news"
    assert asked(BREACH, team="data breach") == "", "who minds it is no news"


def test_the_reason_quotes_what_was_said() -> None:
    found = told(DOWN, "Since noon the whole service is down. Somebody looks.", "CheckoutDown")
    assert found == Suggestion(
        answer="yes", because="the alert CheckoutDown says “Since noon the whole service is down”"
    )
    found = told(SPEED, "p95 response 7.4s", "Slow")
    assert found == Suggestion(answer="yes", because="the alert Slow says 7.4s, over 5s")
    long = told(DOWN, f"service {'x' * 300} down everywhere", "Any")
    assert long is not None
    assert len(long.because) < 150


def test_a_report_and_marks_are_facts() -> None:
    rule = TriageRule(id="q", question=BREACH, sets=P1)
    found = suggest(rule, witnesses("Odd mails", "data was exposed", (), ()), ())
    assert found == Suggestion(answer="yes", because="the report says “data was exposed”")
    found = suggest(rule, witnesses("Odd", "", ("data breach",), [alert()]), [alert()])
    assert found == Suggestion(answer="yes", because="the incident is marked as “data breach”")


def test_a_matcher_that_no_alert_meets_suggests_no() -> None:
    rule = TriageRule(id="q", question="Is it winter?", sets=P1, when=parse_matchers('season="winter"'))
    found = suggest(rule, witnesses("", "", (), [alert()]), [alert()])
    assert found == Suggestion(answer="no", because='none of its alerts matches season="winter"')
    assert suggest(rule, witnesses("", "", (), ()), ()) is None


def read(path: str) -> Playbook:
    file = SHARED / path
    if not file.is_file():
        pytest.skip(f"no {path} here")
    return read_playbook(file.read_bytes(), file.name)


@pytest.mark.parametrize(
    ("summary", "answers"),
    [
        ("the whole service is down", {DOWN: "yes"}),
        ("auth is degraded", {CORE: "yes"}),
        ("response takes 9 s, a workaround is known", {SPEED: "yes", ROUND: "yes"}),
        ("security breach, no workaround", {BREACH: "yes", ROUND: "no"}),
        ("a certificate ends in ten days", {}),
    ],
)
def test_the_questions_of_the_first_playbook(summary: str, answers: dict[str, str]) -> None:
    questions = [rule.question for rule in read("seed/incident-response-playbook.txt").triage]
    assert {DOWN, BREACH, CORE, SPEED, MINOR, ROUND} == set(questions)
    found = {question: asked(question, summary, "ResponseAlert") for question in questions}
    assert {question: answer for question, answer in found.items() if answer} == answers


@pytest.mark.parametrize(
    ("summary", "yes"),
    [
        ("Lateral movement from web-3", {"Lateral movement discovered"}),
        ("PII in the public bucket", {"Regulatory data (PII/PHI) involved"}),
        ("nothing of note", set()),
    ],
)
def test_the_questions_of_another_playbook(summary: str, yes: set[str]) -> None:
    questions = [rule.question for rule in read("corpus/06-transposed-sla.md").triage]
    assert len(questions) == 11
    assert {each for each in questions if asked(each, summary) == "yes"} == yes


@pytest.mark.parametrize(
    ("question", "is_security"),
    [
        (BREACH, True),
        ("Could somebody have seen data that is not theirs?", True),
        ("Is data at risk?", True),
        ("Was an account compromised?", True),
        ("Regulatory data (PII/PHI) involved", True),
        ("Lateral movement discovered", True),
        ("Was the SLO breached?", False),
        ("Is there a memory leak?", False),
        (DOWN, False),
        (ROUND, False),
        ("Is there a risk of delay?", False),
    ],
)
def test_which_questions_are_about_security(question: str, is_security: bool) -> None:
    assert concerns_security(question) == is_security


@MANY
@given(
    question=st.text(max_size=200) | st.sampled_from([DOWN, BREACH, CORE, SPEED]),
    summary=st.text(max_size=300),
    labels=st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=4),
)
def test_any_words_at_all_give_a_suggestion_or_none(
    question: str, summary: str, labels: dict[str, str]
) -> None:
    one = replace(alert(), labels={"alertname": "Any", **labels}, annotations={"summary": summary})
    rule = TriageRule(id="q", question=question, sets=P1)
    found = suggest(rule, witnesses("", "", (), [one]), [one])
    assert found is None or found.because
