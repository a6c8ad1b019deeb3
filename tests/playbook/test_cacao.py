"""The export as CACAO 2.0: well formed, the same every time, and nothing in it that could do harm.

The official schemas are not a part of this repository. Name the folder that holds them in
TOCSIN_CACAO_SCHEMAS (and install `jsonschema`), and the export is validated with them too.
"""

import base64
import copy
import json
import os
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.playbook.golden import HARBOUR, read
from tocsin.playbook.cacao import to_cacao
from tocsin.playbook.cacao_check import check_cacao
from tocsin.playbook.cacao_words import holds_secret, uuid5
from tocsin.playbook.read import read_playbook

EXAMPLE = files("tocsin").joinpath("examples/playbook.md").read_bytes()
SCHEMAS = os.environ.get("TOCSIN_CACAO_SCHEMAS", "")


def export(source: bytes | str, flavor: str = "plain", origin: str = "repo/x.md") -> dict[str, Any]:
    content = source.encode() if isinstance(source, str) else source
    return to_cacao(read_playbook(content, "x.md"), origin=origin, flavor=flavor).document


def fence(*lines: str, title: str = "Service down", front: str = "") -> str:
    return f"{front}# T\n\n## Phase 3: Mitigate\n\n### {title}\n\n```bash\n" + "\n".join(lines) + "\n```\n"


def actions(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [
        step
        for step in document["workflow"].values()
        if any(each["type"] == kind for each in step.get("commands", ()))
    ]


def script(step: dict[str, Any]) -> str:
    made = step["commands"][0]
    return made.get("command") or base64.b64decode(made["command_b64"]).decode()


@pytest.mark.parametrize("flavor", ["plain", "soarca"])
@pytest.mark.parametrize("source", [EXAMPLE, HARBOUR.read_bytes(), b"", b"# T\n"])
def test_an_export_is_sound_and_repeats(source: bytes, flavor: str) -> None:
    document = export(source, flavor)
    assert check_cacao(document) == ()
    assert json.dumps(document) == json.dumps(export(source, flavor))


@pytest.mark.skipif(not SCHEMAS, reason="TOCSIN_CACAO_SCHEMAS names no folder with the official schemas")
@pytest.mark.parametrize("flavor", ["plain", "soarca"])
@pytest.mark.parametrize("source", [EXAMPLE, HARBOUR.read_bytes(), b""])
def test_the_official_schemas_accept_it(source: bytes, flavor: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    referencing = pytest.importorskip("referencing")
    drafts = pytest.importorskip("referencing.jsonschema")
    schemas = [json.loads(path.read_text(encoding="utf-8")) for path in Path(SCHEMAS).rglob("*.json")]
    known = referencing.Registry().with_resources(
        [(each["$id"], referencing.Resource(each, drafts.DRAFT7)) for each in schemas if "$id" in each]
    )
    top = next(each for each in schemas if each.get("title") == "playbook")
    validator = jsonschema.Draft7Validator(top, registry=known)
    assert [each.message for each in validator.iter_errors(export(source, flavor))] == []


def test_the_identifiers_are_those_of_their_names() -> None:
    assert uuid5("a", "b")[14] == "5"
    assert uuid5("a", "b") == uuid5("a", "b") != uuid5("a\x1fc", "b")
    first, second = export(EXAMPLE), export(EXAMPLE, origin="elsewhere/x.md")
    assert first["id"] != second["id"]
    assert not set(first["workflow"]) & set(second["workflow"])


def test_every_action_has_targets_and_a_time_in_milliseconds() -> None:
    document = export(fence("# Restart", "#@ timeout=90s", "systemctl restart x"))
    (step,) = actions(document, "bash")
    assert (step["timeout"], script(step)) == (90_000, "systemctl restart x")
    for each in document["workflow"].values():
        assert each["type"] != "action" or (each["targets"] and each["timeout"] >= 60_000)


def test_numbered_steps_follow_each_other_and_others_are_alternatives() -> None:
    sequence = export(fence("# 1. A", "systemctl stop x", "", "# 2. B", "systemctl start x"))
    assert not [each for each in sequence["workflow"].values() if each["type"] == "switch-condition"]
    choice = export(fence("# A", "systemctl stop x", "", "# B", "systemctl start x"))
    (switch,) = [each for each in choice["workflow"].values() if each["type"] == "switch-condition"]
    assert list(switch["cases"]) == ["a", "b", "default"]
    asked = next(each for each in choice["workflow"].values() if each.get("out_args"))
    assert switch["switch"] == f"{asked['out_args'][0]}:value"


def test_nothing_changes_the_world_before_a_person_agrees() -> None:
    document = export(fence("# Restart", "systemctl restart x"))
    (name,) = [key for key, each in document["workflow"].items() if each in actions(document, "bash")]
    (before,) = [each for each in document["workflow"].values() if each.get("on_success") == name]
    assert before["name"] == "Approve: Restart"
    read_only = export(fence("# Look", "docker ps"))
    assert not [each for each in read_only["workflow"].values() if each.get("name", "").startswith("Approve")]


@pytest.mark.parametrize(
    "lines",
    [
        ["# Block", 'iptables -A INPUT -s "<ADDRESS>" -j DROP'],
        ["# Odd", "echo __x__:value"],
        ["# Broken", "if true; then"],
        ["# By hand", "#@ run=guided", "systemctl restart x"],
        ["# Look", "open https://grafana.example.org/"],
        ["# Log in", "curl -u admin --data password=hunter2222 https://example.org/"],
    ],
)
def test_what_no_machine_may_run_is_for_a_person(lines: list[str]) -> None:
    document = export(fence(*lines))
    assert not actions(document, "bash")
    assert check_cacao(document) == ()


@pytest.mark.parametrize(
    "secret",
    [
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "ghp_" + "a" * 36,
        "postgresql://admin:swordfish@db.example.org/x",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLWhlcmU",
    ],
)
def test_no_secret_leaves_the_house(secret: str) -> None:
    assert holds_secret(secret)
    front = f"---\nkey: {secret}\ntocsin:\n  vars:\n    TARGET: {secret}\n    API_TOKEN: swordfish-1\n---\n"
    document = export(fence("# Call", f'curl "<TARGET>" "<API_TOKEN>" {secret}', front=front))
    assert check_cacao(document) == ()
    texts = json.dumps(document) + "".join(script(each) for each in actions(document, "manual"))
    assert "swordfish" not in texts
    assert secret not in texts


def test_secrets_are_named_and_never_given() -> None:
    document = export(fence("# Call", 'curl --fail -X POST -H "X: $API_TOKEN" https://example.org/'))
    (found,) = document["authentication_info_definitions"].values()
    assert found == {"type": "user-auth", "name": "API_TOKEN", "kms": True, "kms_key_identifier": "API_TOKEN"}


def test_the_flavor_names_the_agents() -> None:
    document = export(fence("# Restart", "systemctl restart x"), "soarca")
    assert not actions(document, "bash")
    (step,) = actions(document, "ssh")
    assert document["agent_definitions"][step["agent"]]["name"] == "soarca-ssh"
    for each in actions(document, "manual"):
        assert document["agent_definitions"][each["agent"]]["name"] == "soarca-manual"


def test_times_are_those_that_the_playbook_tells() -> None:
    text = "# T\n\n**Created:** 2024-02-01\n**Next review:** 2030-01-01\n**Updated:** 2025-03-04\n"
    document = export(text)
    assert document["created"] == "2024-02-01T00:00:00.000Z"
    assert document["modified"] == "2025-03-04T00:00:00.000Z"
    assert to_cacao(read("# T\n"), origin="x").remarks[-1].endswith("1970")


def _step(document: dict[str, Any]) -> dict[str, Any]:
    return next(each for each in document["workflow"].values() if each["type"] == "action")


FAULTS: dict[str, Any] = {
    "does not know": lambda d: d.update(colour="red"),
    "is missing": lambda d: d.pop("created"),
    "is used twice": lambda d: d.update(created_by=d["id"]),
    "version 1 to 5": lambda d: d.update(id="playbook--018f0000-0000-7000-8000-000000000000"),
    "is no step": lambda d: _step(d).update(on_completion="end--00000000-0000-5000-8000-000000000000"),
    "beside on_success": lambda d: _step(d).update(on_success=d["workflow_start"]),
    "reached again": lambda d: _step(d).update(on_completion=d["workflow_start"]),
    "one of command": lambda d: _step(d)["commands"][0].update(command="x", command_b64="eA=="),
    "no targets": lambda d: _step(d).pop("targets"),
    "no timeout": lambda d: _step(d).pop("timeout"),
    "agent that is not": lambda d: d.update(agent_definitions={}),
    "target that is not": lambda d: d.update(target_definitions={}),
    "used and not defined": lambda d: d.update(extension_definitions={}),
    "not declared": lambda d: _step(d).update(description="__nobody__:value"),
    "no name of a variable": lambda d: d["playbook_variables"].update(x={"type": "string"}),
    "before created": lambda d: d.update(modified="1969-01-01T00:00:00.000Z"),
    "three decimals": lambda d: d.update(modified="2025-01-01T00:00:00Z"),
    "does not tell": lambda d: d["playbook_processing_summary"].update(if_logic=True),
    "is in no step": lambda d: d["playbook_activities"].append("map-network"),
    "a secret stands": lambda d: d.update(description="AKIA" + "ABCDEFGHIJKLMNOP"),
    "not exactly one start": lambda d: d.update(workflow_start=next(iter(d["agent_definitions"]))),
    "never reached": lambda d: d["workflow"].update(
        {"end--00000000-0000-5000-8000-000000000000": {"type": "end"}}
    ),
}


@pytest.mark.parametrize("words", FAULTS)
def test_a_planted_fault_is_found(words: str) -> None:
    document = copy.deepcopy(export(EXAMPLE))
    FAULTS[words](document)
    assert any(words in each for each in check_cacao(document)), check_cacao(document)


LINES = EXAMPLE.decode().split("\n")


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(LINES), max_size=80), st.text(max_size=40))
def test_any_playbook_is_exported(lines: list[str], noise: str) -> None:
    text = "\n".join([*lines, noise, "```bash", f"# {noise}", noise, "```"])
    assert check_cacao(export(text.encode("utf-8", "replace"))) == ()
