"""`tocsin try-source`: what a source makes of a request, without a server and without a secret."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BODIES = Path(__file__).resolve().parents[1] / "sources" / "bodies"
SETTINGS = """
[mappings.deploys]
title = "name"
signature_header = "X-Signature"
signature_ref = "env:NOT_SET_HERE"
[sources.pagerduty.routing_keys.shop]
key_ref = "env:NOR_THIS"
"""


def tocsin(folder: Path, *words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    """The real program, in a folder with settings."""
    (folder / "tocsin.toml").write_text(SETTINGS, encoding="utf-8")
    command = [sys.executable, "-m", "tocsin", "try-source", *words]
    return subprocess.run(
        command, cwd=folder, input=given, capture_output=True, text=True, timeout=60, check=False
    )


def test_an_alert(tmp_path: Path) -> None:
    ran = tocsin(tmp_path, "zabbix", str(BODIES / "zabbix-problem.json"))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("firing: High CPU utilization (over 90% for 5m)\n")
    assert "label component:" in ran.stdout


def test_a_mapping_of_the_settings_as_json(tmp_path: Path) -> None:
    ran = tocsin(tmp_path, "deploys", "-", "--json", given='{"name": "Deploy failed \\u001b[2J"}')
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["alerts"][0]["labels"]["alertname"].startswith("Deploy failed")
    assert found["problems"] == []


@pytest.mark.parametrize(
    ("words", "given", "said"),
    [
        (("deploys", "-"), "{}", "'name' gives nothing"),
        (("deploys", "-"), "{", "The body is no JSON"),
        (("nothing", "-"), "{}", "There is no source 'nothing'"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, words: tuple[str, ...], given: str, said: str) -> None:
    ran = tocsin(tmp_path, *words, given=given)
    assert ran.returncode == 1
    assert said in ran.stdout + ran.stderr


def test_what_holds_no_alert(tmp_path: Path) -> None:
    ran = tocsin(tmp_path, "nagios", "-", given='{"type": "DOWNTIMESTART", "host": "a"}')
    assert (ran.returncode, ran.stdout) == (0, "It is taken, and holds no alert.\n")
    acknowledged = '{"event_action": "acknowledge", "dedup_key": "a"}'
    assert "somebody works on" in tocsin(tmp_path, "pagerduty", "-", given=acknowledged).stdout
