"""Durations, levels, windows and triggers in the many words that people use."""

from datetime import timedelta

import pytest

from tests.playbook.golden import codes, minutes, read
from tocsin.base.ids import LevelId
from tocsin.playbook.contacts import read_trigger
from tocsin.playbook.hops import read_condition
from tocsin.playbook.levels import Known, split_level
from tocsin.playbook.spans import read_rhythm, read_span, read_window

P = Known([LevelId(f"P{n}") for n in (1, 2, 3, 4)], [(LevelId("P1"), "Critical"), (LevelId("P2"), "High")])
SEV = Known([LevelId(f"SEV-{n}") for n in (1, 2, 3)])
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("< 15 minutes", minutes(15)),
        ("within 1 hour", minutes(60)),
        ("15m", minutes(15)),
        ("48h", 2 * DAY),
        ("Within 15 minutes; on-call + escalation", minutes(15)),
        ("Immediate; all-hands war room", timedelta(0)),
        ("Next business day", DAY),
        ("2 business days", 2 * DAY),
        ("≤ 8 hours", minutes(480)),
        ("48-72 hours", 3 * DAY),
        ("Within 1 week", 7 * DAY),
        ("as soon as we can", None),
        ("99999999999999999999999 days", None),
        ("", None),
    ],
)
def test_spans(text: str, span: timedelta | None) -> None:
    assert read_span(text) == span


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("Every 30 minutes", minutes(30)),
        ("Daily", DAY),
        ("hourly", minutes(60)),
        ("As needed", None),
        ("N/A", None),
    ],
)
def test_rhythms(text: str, span: timedelta | None) -> None:
    assert read_rhythm(text) == span


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("0-5 minutes", (minutes(0), minutes(5))),
        ("1–24 hours", (minutes(60), DAY)),
        ("30 min to 2 h", (minutes(30), minutes(120))),
        ("Within 48 hours", (None, 2 * DAY)),
        ("Within 48-72 hours", (None, 3 * DAY)),
        ("Variable", (None, None)),
    ],
)
def test_windows(text: str, window: tuple[timedelta | None, timedelta | None]) -> None:
    assert read_window(text) == window


@pytest.mark.parametrize(
    ("known", "text", "levels"),
    [
        (P, "P1", "P1"),
        (P, "P2+", "P1 P2"),
        (P, "P3 and above", "P1 P2 P3"),
        (P, "P1/P2", "P1 P2"),
        (P, "P2–P4 — Status Update", "P2 P3 P4"),
        (P, "P1 or P3", "P1 P3"),
        (P, "Critical incidents", "P1"),
        (P, "high and above", "P1 P2"),
        (P, "P2 - 15 minutes", "P2"),
        (P, "P9", ""),
        (P, "the highlight", ""),
        (SEV, "SEV-1/2", "SEV-1 SEV-2"),
        (SEV, "sev1 or Sev 3", "SEV-1 SEV-3"),
        (SEV, "severity 2", "SEV-2"),
    ],
)
def test_level_sets(known: Known, text: str, levels: str) -> None:
    assert " ".join(known.find(text)) == levels


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("🔴 P1 — Critical", ("P1", "Critical")),
        ("SEV-2", ("SEV-2", None)),
        ("SEV1 (Critical)", ("SEV1", "Critical")),
        ("Critical (P1)", ("P1", "Critical")),
        ("S3: Annoying", ("S3", "Annoying")),
        ("Major", ("Major", None)),
        ("Something else entirely", None),
        ("", None),
    ],
)
def test_level_cells(text: str, parts: tuple[str, str | None] | None) -> None:
    assert split_level(text) == parts


@pytest.mark.parametrize(
    ("text", "levels", "category", "after"),
    [
        ("All alerts", "", None, None),
        ("Every incident", "", None, None),
        ("P1 incidents", "P1", None, None),
        ("P2+ unresolved > 30 min", "P1 P2", None, 30),
        ("unresolved for more than 1 hour, P1 or P2", "P1 P2", None, 60),
        ("Infra-related P1/P2", "P1 P2", "infrastructure", None),
        ("P1 and P2 related to infrastructure", "P1 P2", "infrastructure", None),
        ("Any security alert", "", "security", None),
        ("Any data breach", "", "data breach", None),
        ("Security incidents open > 15 minutes", "", "security", 15),
        ("P1–P3", "P1 P2 P3", None, None),
        ("Critical incidents", "P1", None, None),
    ],
)
def test_triggers(text: str, levels: str, category: str | None, after: int | None) -> None:
    trigger = read_trigger(text, P)
    assert trigger.readable
    assert " ".join(trigger.levels) == levels
    assert trigger.category == category
    assert trigger.unresolved_for == (None if after is None else minutes(after))


@pytest.mark.parametrize(
    "text", ["", "—", "As needed", "On request of the lead", "Whenever the moon looks odd tonight"]
)
def test_triggers_that_cannot_be_read(text: str) -> None:
    assert not read_trigger(text, P).readable


def test_an_unreadable_trigger_is_told_at_its_line() -> None:
    playbook = read("# T\n\n| Role | Paged for |\n|--|--|\n| Lead | As needed |\n")
    assert [each.line for each in playbook.findings if each.code == "PB073"] == [5]


@pytest.mark.parametrize(
    ("text", "unresolved", "unacknowledged", "category"),
    [
        ("Cannot resolve in 30 min", 30, None, None),
        ("no response within 10 minutes", None, 10, None),
        ("unacknowledged for 5m", None, 5, None),
        ("Data breach", None, None, "data breach"),
        ("Infrastructure issue", None, None, "infrastructure"),
        ("If database issues are suspected", None, None, "database"),
        ("", None, None, None),
    ],
)
def test_conditions(
    text: str, unresolved: int | None, unacknowledged: int | None, category: str | None
) -> None:
    found = read_condition(text)
    assert found.unresolved_for == (None if unresolved is None else minutes(unresolved))
    assert found.unacknowledged_for == (None if unacknowledged is None else minutes(unacknowledged))
    assert found.category == category


SEVERITY_SHAPES = {
    "columns in another order": (
        "| Acknowledge within | What | Severity |\n|--|--|--|\n| 5 min | all down | SEV1 |\n| 1 h | "
        "slow | SEV2 |\n",
        ["SEV1", "SEV2"],
        [5, 60],
    ),
    "words only": (
        "| Level | Response time |\n|--|--|\n| Minor | 1 day |\n| Critical | 10 min |\n| Major | 1 h |\n",
        ["Critical", "Major", "Minor"],
        [10, 60, 1440],
    ),
    "levels as columns": (
        "| | P1 | P2 |\n|--|--|--|\n| Acknowledgement | ≤ 5 min | ≤ 15 min |\n| Resolution | 4 h | 8 h |\n",
        ["P1", "P2"],
        [5, 15],
    ),
    "headings with lines": (
        "## Severity levels\n\n### SEV-1: Critical\n\n**Response Time:** 15 minutes\n\n### SEV-2: High\n\n"
        "**Response Time:** 1 hour\n",
        ["SEV-1", "SEV-2"],
        [15, 60],
    ),
    "bullets": (
        "## Severities\n\n- **SEV1 (Critical):** all is down, respond within 15 minutes\n"
        "- **SEV2 (Major):** half is down, respond within 1 hour\n",
        ["SEV1", "SEV2"],
        [15, 60],
    ),
    "setext headings": (
        "Title\n=====\n\nPriorities\n----------\n\n| Priority | Response |\n|--|--|\n| S1 | 5m |\n| "
        "S2 | 9m |\n",
        ["S1", "S2"],
        [5, 9],
    ),
}


@pytest.mark.parametrize("shape", SEVERITY_SHAPES)
def test_severities_in_other_shapes(shape: str) -> None:
    text, levels, times = SEVERITY_SHAPES[shape]
    playbook = read(text)
    assert [each.level for each in playbook.severities] == levels
    assert [each.rank for each in playbook.severities] == list(range(1, len(levels) + 1))
    assert [each.respond_within for each in playbook.severities] == [minutes(each) for each in times]


def test_swapped_response_times_are_told() -> None:
    playbook = read("| Level | Response time |\n|--|--|\n| P1 | 4 h |\n| P2 | 1 h |\n")
    assert "PB078" in codes(playbook)


def test_reclassification_as_a_table() -> None:
    playbook = read(
        "| Level | Response time |\n|--|--|\n| P1 | 5 m |\n| P2 | 9 m |\n\n"
        "| Trigger | Action |\n|--|--|\n| Data left | Upgrade to P1 |\n| It spreads | Upgrade one level |\n"
        "| It is contained | Downgrade by two levels |\n"
    )
    assert [(each.sets, each.shifts) for each in playbook.triage] == [("P1", None), (None, -1), (None, 2)]


def test_a_triage_rule_that_answers_itself() -> None:
    text = "| Level | Response time |\n|--|--|\n| P1 | 5 m |\n| P2 | 9 m |\n\n"
    text += '- [ ] Down? → **P1** <!-- tocsin: when={alertname=~"Down|Gone"} -->\n'
    text += "- [ ] Slow? → P2 <!-- tocsin: when={x -->\n"
    playbook = read(text)
    assert playbook.triage[0].when is not None
    assert playbook.triage[0].when.matches({"alertname": "Gone"})
    assert playbook.triage[1].when is None
    assert "PB007" in codes(playbook)


def test_an_item_that_leads_to_no_level() -> None:
    text = "| Level | Response time |\n|--|--|\n| P1 | 5 m |\n| P2 | 9 m |\n\n"
    playbook = read(text + "- [ ] Down? → P1\n- [ ] Odd? → P7\n- [ ] Slow? → P2\n")
    assert [each.sets for each in playbook.triage] == ["P1", "P2"]
    assert [each.line for each in playbook.findings if each.code == "PB076"] == [7]
