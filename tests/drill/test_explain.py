"""What a playbook makes happen, in words and as a drawing: computed by the core, and safe to show."""

import re
import xml.etree.ElementTree as ET
from datetime import timedelta
from itertools import pairwise

import pytest

from tests.playbook.golden import harbour, minutes, read
from tocsin.base.ids import LevelId
from tocsin.drill.explain import Explanation, explain
from tocsin.drill.explain_page import WIDTH, as_lines, as_page
from tocsin.drill.foresee import foresee
from tocsin.drill.standin import stand_in_roster
from tocsin.incident.rules import Rules
from tocsin.oncall.model import Roster
from tocsin.playbook.model import Playbook
from tocsin.playbook.picture import escalation_svg, lay_out

SVG = "{http://www.w3.org/2000/svg}"


def rules_of(playbook: Playbook) -> Rules:
    return Rules(playbook=playbook, playbook_hash="", roster=stand_in_roster(playbook))


def explained(playbook: Playbook) -> Explanation:
    levels = [each.level for each in playbook.severities]
    return explain(rules_of(playbook), levels, has_roster=False)


def test_who_is_paged_when_if_nobody_answers() -> None:
    seen = foresee(LevelId("S1"), rules_of(harbour()))
    # Ten minutes to respond: the next role up is paged after a third of them, all above after two thirds.
    assert seen.respond_within == minutes(10)
    assert [(call.after, call.role) for call in seen.unanswered] == [
        (timedelta(0), "Duty Engineer"),
        (timedelta(0), "Harbour Captain"),
        (minutes(10) / 3, "Shift Chief"),
        (minutes(20) / 3, "Harbour Captain"),
        (minutes(25), "Shift Chief"),
        (minutes(115), "Harbour Captain"),
    ]


def test_an_acknowledgement_ends_the_ladder_and_not_the_path() -> None:
    seen = foresee(LevelId("S1"), rules_of(harbour()))
    assert [(call.after, call.role) for call in seen.answered] == [
        (minutes(25), "Shift Chief"),
        (minutes(115), "Harbour Captain"),
    ]


def test_what_a_category_changes() -> None:
    seen = foresee(LevelId("S3"), rules_of(harbour()))
    assert set(seen.by_category) == {"manifest leak", "infrastructure", "security"}
    assert seen.by_category["security"][0].role == "Security Officer"
    assert {call.role for call in seen.by_category["manifest leak"]} == {"Port Director", "Lawyer"}


def test_messages_phases_and_postmortem_come_from_the_core() -> None:
    seen = foresee(LevelId("S1"), rules_of(harbour()))
    assert [(each.kind.value, each.after) for each in seen.messages] == [
        ("initial", minutes(20)),
        ("update", minutes(20)),
        ("resolution", minutes(20)),
    ]
    assert seen.postmortem_after == minutes(3600)
    assert seen.phases[3] == minutes(50)
    # A level whose response time is longer than the window has no such phase.
    assert 3 not in foresee(LevelId("S3"), rules_of(harbour())).phases


def test_a_role_that_nobody_fills_is_told() -> None:
    playbook = harbour()
    rules = Rules(playbook=playbook, playbook_hash="", roster=Roster())
    seen = foresee(LevelId("S1"), rules)
    assert seen.unanswered
    assert not any(call.reached for call in seen.unanswered)
    text = "\n".join(as_lines(explain(rules, [LevelId("S1")])))
    assert "nobody can be reached" in text


def test_the_words() -> None:
    lines = list(as_lines(explained(harbour())))
    text = "\n".join(lines)
    assert lines[0] == "Trouble at the Harbour: what happens when"
    assert all(len(line) <= WIDTH for line in lines)
    for said in (
        "S1 (Standstill)",
        "Somebody must acknowledge within 10 min of the opening.",
        "Command: Harbour captain or shift chief, whoever acknowledges first.",
        "the response time has run out",
        "No step runs by itself",
        "for a second person to approve",
        "Post-mortem S1, S2, S3,",
        "at the resolution",
    ):
        assert said in " ".join(text.split()), said


def test_a_playbook_without_anything() -> None:
    said = list(as_lines(explained(read("# Nothing\n\nAt all.\n"))))
    assert said[0] == "Nothing: what happens when"
    assert any("no severities" in line for line in said)
    assert "<svg" not in as_page(explained(read("# Nothing\n")))


def test_the_drawing_has_a_title_a_description_and_no_overlap() -> None:
    edges = harbour().escalation
    drawn = ET.fromstring(escalation_svg(edges))
    assert drawn.find(f"{SVG}title") is not None
    described = drawn.findtext(f"{SVG}desc") or ""
    assert all(f"{edge.source} to {edge.to}" in described for edge in edges)
    boxes = [
        tuple(float(each.attrib[name]) for name in ("x", "y", "width", "height"))
        for each in drawn.iter(f"{SVG}rect")
    ]
    assert len(boxes) == 8
    rows = [y for _, y, _, _ in boxes]
    assert rows == sorted(set(rows))
    assert all(below - above > boxes[0][3] for above, below in pairwise(rows))
    wide, high = (float(drawn.attrib[name]) for name in ("width", "height"))
    assert all(x >= 0 and x + w <= wide and y + h <= high for x, y, w, h in boxes)


def test_a_path_in_a_circle_is_drawn_once() -> None:
    playbook = read(
        "# T\n\n## Escalation\n\n| From | Escalate to | When |\n|--|--|--|\n"
        "| Lead | Manager | 10 min |\n| Manager | Lead | 20 min |\n"
    )
    assert [box.role for box in lay_out(playbook.escalation)] == ["Lead", "Manager", "Lead"]


HOSTILE = '<script>alert(1)</script>"&\u202e'


@pytest.mark.parametrize("render", [as_page, lambda each: escalation_svg(each.escalation)])
def test_nothing_of_a_playbook_is_markup(render: object) -> None:
    playbook = read(
        f"# A {HOSTILE}\n\n| Level | Response time | Examples |\n|--|--|--|\n| P1 | 5 m | {HOSTILE} |\n"
        f"| P2 | 9 m | b |\n\n## Escalation\n\n1. On-call {HOSTILE} engineer\n2. Team lead `{HOSTILE}`\n\n"
        f"## Diagnosis\n\n```bash\n# {HOSTILE}\nls\n```\n"
    )
    assert callable(render)
    page = str(render(explained(playbook)))
    assert "<script" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page


def test_the_page_needs_nothing_else() -> None:
    page = as_page(explained(harbour()))
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|\son\w+=", page)
    outside = set(re.findall(r"https?://[^\s\"'<]+", page)) - {"http://www.w3.org/2000/svg"}
    assert not {each for each in outside if f'"{each}"' in page}
    assert page.startswith("<!doctype html>")
    assert page.count("<h1>") == 1
    assert "prefers-color-scheme: dark" in page
