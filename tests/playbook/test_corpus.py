"""Public playbooks by other hands, where they are at hand: what each really says is understood."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tocsin.base.times import parse_duration
from tocsin.playbook.model import Playbook
from tocsin.playbook.read import read_playbook

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
NAMES = (
    "01-sev-phases",
    "02-service-runbook",
    "03-short-numbered",
    "04-down-arrows",
    "05-criteria-tables",
    "06-transposed-sla",
)

pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="playbooks by other hands are not a part of the project; CI has them at hand"
)


def load(name: str) -> tuple[Playbook, dict[str, Any]]:
    expected = json.loads((CORPUS / f"{name}.expected.json").read_text(encoding="utf-8"))
    return read_playbook((CORPUS / f"{name}.md").read_bytes(), f"{name}.md"), expected


@pytest.mark.parametrize("name", NAMES)
def test_title_severities_and_phases(name: str) -> None:
    playbook, expected = load(name)
    assert playbook.title == expected["title"]
    found = [
        (each.level, each.rank, each.name, each.respond_within, each.update_every)
        for each in playbook.severities
    ]
    wanted = [
        (
            each["level"],
            each["rank"],
            each["name"],
            parse_duration(each["respond_within"]),
            parse_duration(each["update_every"] or ""),
        )
        for each in expected.get("severities", [])
    ]
    assert found == wanted
    assert [each.name for each in playbook.phases] == expected.get("phases", [])
    for phase in playbook.phases:
        if window := expected.get("phase_windows", {}).get(phase.name):
            assert [phase.starts_after, phase.ends_after] == [parse_duration(each) for each in window]
        if count := expected.get("checklists", {}).get(phase.name):
            assert len(phase.checklist) == count


@pytest.mark.parametrize("name", NAMES)
def test_escalation_and_postmortem(name: str) -> None:
    playbook, expected = load(name)
    if wanted := expected.get("escalation"):
        assert [(each.source, each.to) for each in playbook.escalation] == [
            (each["from"], each["to"]) for each in wanted
        ]
        for edge, each in zip(playbook.escalation, wanted, strict=True):
            if "condition" in each:
                assert edge.condition.category == each["condition"]["category"]
    for level, rungs in expected.get("escalation_by_level", {}).items():
        own = [edge for edge in playbook.escalation if level in edge.levels]
        assert {edge.source for edge in own} == set(rungs[0][1])
        assert [(edge.condition.unresolved_for, edge.to) for edge in own] == [
            (parse_duration(offset), role) for offset, roles in rungs[1:] for role in roles
        ]
    if wanted := expected.get("postmortem"):
        assert playbook.postmortem is not None
        assert playbook.postmortem.due_within == parse_duration(wanted.get("due_within", ""))
        assert playbook.postmortem.due_by_level == {
            level: parse_duration(span) for level, span in wanted.get("due_by_level", {}).items()
        }
        assert bool(playbook.postmortem.template) == wanted.get("template", False)


def test_the_runbook_of_a_service() -> None:
    playbook, expected = load("02-service-runbook")
    assert playbook.alerts == (expected["alert"],)
    roles = Counter(each.role.value for each in playbook.actions)
    assert len(playbook.actions) >= expected["actions"]["at_least"]
    assert all(
        roles[role] >= expected["actions"][role] for role in ("diagnostic", "mitigation", "verification")
    )
    assert set(expected["actions"]["titles"]) <= {each.title for each in playbook.actions}
    named = {each.name for action in playbook.actions for each in action.parameters}
    assert named == set(expected["parameters"])
    assert {name for action in playbook.actions for name in action.secrets} == set(expected["secrets"])
    for script, effect in expected["effects"].items():
        first = next(each for each in playbook.actions if each.script.startswith(script))
        assert first.effect.value == effect


def test_diagnostics_and_reclassification() -> None:
    playbook, expected = load("05-criteria-tables")
    titles = [each.title for each in playbook.actions if each.role.value == "diagnostic"]
    assert set(expected["actions"]["diagnostic"]) <= set(titles)
    assert len(playbook.templates) >= len(expected["templates_at_least"])
    assert {"PB015", "PB043"} <= {each.code for each in playbook.findings}
    playbook, expected = load("06-transposed-sla")
    rules = {each.question: each for each in playbook.triage}
    for wanted in expected["triage_shifts"]:
        rule = rules[wanted["trigger"]]
        assert (rule.sets, rule.shifts) == (wanted.get("sets"), wanted.get("shifts"))
    kinds = {(each.level, each.kind.value) for each in playbook.templates}
    assert kinds == {("P1", "initial"), ("P2", "update"), ("P3", "update"), ("P4", "update")}
