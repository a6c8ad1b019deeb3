"""The commit hook and the action that are shipped: both are read, and their commands are run."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.playbook.golden import HARBOUR
from tocsin.playbook.kinds import Profile

ROOT = Path(__file__).resolve().parents[2]
GOOD = ROOT / "src" / "tocsin" / "examples" / "playbook.md"
SOURCE = str(ROOT / "src")


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which `tocsin` is this project."""
    program = tmp_path / "bin" / "tocsin"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tocsin "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": SOURCE}


def test_the_hook_checks_the_files_that_it_is_given(environment: dict[str, str]) -> None:
    (hook,) = read(".pre-commit-hooks.yaml")
    assert (hook["id"], hook["language"], hook["types"]) == ("tocsin-check", "python", ["markdown"])
    for file, code in ((GOOD, 0), (HARBOUR, 1)):
        command = [*shlex.split(hook["entry"]), str(file)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr


@pytest.mark.parametrize(
    ("path", "is_chosen"),
    [
        ("docs/runbook.md", True),
        ("RUNBOOKS/vault.md", True),
        ("ops/Incident-Play-Book.markdown", True),
        ("README.md", False),
        ("runbook.txt", False),
    ],
)
def test_the_hook_chooses_by_name(path: str, is_chosen: bool) -> None:
    (hook,) = read(".pre-commit-hooks.yaml")
    assert bool(re.search(hook["files"], path)) is is_chosen


def test_the_action_hands_its_inputs_on_as_variables() -> None:
    action = read("action.yml")
    assert action["runs"]["using"] == "composite"
    assert action["inputs"]["profile"]["default"] in list(Profile)
    scripts = [step for step in action["runs"]["steps"] if "run" in step]
    assert all("${{" not in step["run"] and step["shell"] == "bash" for step in scripts)
    used = re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text(encoding="utf-8"))
    assert set(used) == set(action["inputs"])
    install = next(step for step in scripts if step["name"] == "Install")
    assert "requirements.lock" in install["run"]
    assert '--no-deps "$TOCSIN_SOURCE"' in install["run"]


@pytest.mark.parametrize(
    ("paths", "profile", "code"),
    [(f"{GOOD}\n", "run", 0), (f"{GOOD}\n\n{HARBOUR}\n", "read", 1), ("$(touch hit)\n", "run", 2)],
)
def test_the_action_runs_its_check(
    environment: dict[str, str], tmp_path: Path, paths: str, profile: str, code: int
) -> None:
    step = next(one for one in read("action.yml")["runs"]["steps"] if one.get("name") == "Check")
    given = {"TOCSIN_PATHS": paths, "TOCSIN_PROFILE": profile, "TOCSIN_ROSTER": ""}
    assert set(step["env"]) == set(given)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        env={**environment, **given},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert ("::error file=" in done.stdout) is (code == 1)
    assert not (tmp_path / "hit").exists()


def test_the_guide_names_every_input() -> None:
    guide = (ROOT / "docs" / "guide" / "check.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in guide for name in read("action.yml")["inputs"])
    assert "id: tocsin-check" in guide
