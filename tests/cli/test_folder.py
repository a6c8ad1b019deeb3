"""A folder of documents at the command line, as the program itself reads it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.test_documents import FILES, MAIN

RULES = "groups:\n  - name: x\n    rules:\n      - alert: VaultSealed\n      - alert: DiskFull\n"


def tocsin(*arguments: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "tocsin", *(str(each) for each in arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "books" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "books"


def test_check_tells_what_is_wrong_between_documents(folder: Path) -> None:
    (folder / "second.md").write_text(MAIN, encoding="utf-8")
    rules = folder.parent / "rules.yml"
    rules.write_text(RULES, encoding="utf-8")
    policy = folder.parent / "policy.toml"
    policy.write_text('[steps.look]\nrun = "auto"\n', encoding="utf-8")
    found = tocsin("check", folder, "--rules", rules, "--policy", policy, "--format", "json")
    assert found.returncode == 1, found.stderr
    told = {(each["code"], each["file"], each["line"]) for each in json.loads(found.stdout)}
    assert ("PB112", f"{folder.as_posix()}/second.md", 1) in told
    assert ("PB116", rules.as_posix(), 5) in told
    assert ("PB121", policy.as_posix(), 1) in told


def test_show_marks_what_the_policy_changed(folder: Path) -> None:
    policy = folder.parent / "policy.toml"
    policy.write_text('[steps.look]\nrun = "never"\n', encoding="utf-8")
    runbook = folder / "runbooks" / "vault.md"
    shown = tocsin("show", runbook, "--policy", policy, "--json")
    look = json.loads(shown.stdout)["actions"][0]
    assert (look["run"], look["policy"], look["runnable"]) == ("never", "run guided → never", False)
    assert "by the policy: run guided" in tocsin("show", runbook, "--policy", policy).stdout


def test_a_drill_follows_the_route_of_its_alert(folder: Path) -> None:
    def playbook(*labels: str) -> str:
        drill = ("drill", "--playbook", folder, "--alert", "Breach", "--nobody", "--until", "1m", "--json")
        found = tocsin(*drill, *(word for label in labels for word in ("--label", label)))
        assert found.returncode == 0, found.stderr
        return str(json.loads(found.stdout)["playbook"])

    assert playbook() == "Main"
    assert playbook("team=security") == "Security"


def test_a_drill_attaches_the_runbook_of_its_alert_with_its_steps(folder: Path) -> None:
    drill = ("drill", "--playbook", folder, "--nobody", "--until", "1m", "--alert")
    found = json.loads(tocsin(*drill, "VaultSealed", "--json").stdout)
    (runbook,) = found["runbooks"]
    assert (runbook["name"], runbook["title"]) == ("runbooks/vault.md", "Vault sealed")
    assert [(each["id"], each["effect"]) for each in runbook["steps"]] == [
        ("runbooks-vault/look", "read"),
        ("runbooks-vault/resolution/unseal", "change"),
    ]
    assert "waits for a responder" in runbook["steps"][1]["waits_for"]
    assert [each["title"] for each in runbook["checklist"]] == ["Services answer"]
    kinds = [each["kind"] for each in found["lines"]]
    assert kinds[kinds.index("Runbook") :][:3] == ["Runbook", "Step", "Step"]
    said = tocsin(*drill, "VaultSealed").stdout
    assert "Service runbook attached: Vault sealed (runbooks/vault.md), 2 steps, 1 item to tick off." in said
    assert "Resolution: Unseal (change): waits for a responder to confirm it." in said
    other = tocsin(*drill, "DiskFull").stdout
    assert "No service runbook names the alert DiskFull." in other
    assert json.loads(tocsin(*drill, "DiskFull", "--json").stdout)["runbooks"] == []


def test_a_server_refuses_a_folder_and_a_policy_with_every_reason(folder: Path) -> None:
    (folder / "second.md").write_text(MAIN, encoding="utf-8")
    policy = folder.parent / "policy.toml"
    policy.write_text('[steps.look]\nrun = "wild"\n', encoding="utf-8")
    typed = ("serve", "--playbook", folder, "--policy", policy, "--data", folder.parent / "data")
    found = tocsin(*typed)
    assert found.returncode != 0
    for words in (
        "either main.md nor second.md has routes",
        "Choose of auto, guided, never",
        "needs a roster",
    ):
        assert words in found.stderr
