"""`tocsin drill` as it is typed: what it reads, what it prints, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest

from tocsin.__main__ import Services

NIGHT = "2026-12-25T03:00+01:00"

PLAYBOOK = """# Night Watch

| Level | Response Time | Examples |
|---|---|---|
| P1 | 15 minutes | Vault sealed |
| P2 | 1 hour | Slow |

## Key Contacts
| Role | Responsibility | Escalation Trigger |
|---|---|---|
| Watch | First | All alerts |
| Captain | Command | P1 incidents |
"""

ROSTER = """
[people.ann]
name = "Ann"
methods = [{ kind = "outbox", address = "ann" }]

[roles]
"Watch" = { people = ["ann"] }
"""


@pytest.fixture
def drill(terminal: Any, tmp_path: Path) -> Any:
    """Types a drill in a directory that holds a playbook and a roster."""
    terminal.services = Services()
    terminal.env["TOCSIN_URL"] = terminal.env["TOCSIN_TOKEN"] = None
    (tmp_path / "playbook.md").write_text(PLAYBOOK, encoding="utf-8")
    (tmp_path / "roster.toml").write_text(ROSTER, encoding="utf-8")
    return lambda *words, **given: terminal("drill", *words, **given)


def test_the_example_is_rehearsed_without_any_file(drill: Any) -> None:
    result = drill("--alert", "CheckoutDown", "--label", "severity=critical", "--at", NIGHT)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("Drill of 'Lantern Books")
    assert lines[0].endswith("beginning Fri 25 Dec 2026, 03:00 UTC+01:00")
    assert lines[1].split() == ["OFFSET", "TIME", "(UTC+01:00)", "WHAT", "WORDS"]
    assert lines[2].split()[:3] == ["T+00:00:00", "03:00:00", "Opened"]
    assert lines[-2].startswith("Paged: ")


def test_a_playbook_without_a_roster_has_stand_ins(drill: Any) -> None:
    lines = drill("--playbook", "playbook.md", "--alert", "VaultSealed", "--at", NIGHT).stdout.splitlines()
    assert lines[0] == "No roster was given: one made-up person stands in for each role (Watch, Captain)."
    assert any("Paging Captain (Captain)" in line for line in lines)


def test_a_role_that_nobody_fills_is_shown_with_its_reason(drill: Any) -> None:
    both = ("--playbook", "playbook.md", "--roster", "roster.toml", "--alert", "VaultSealed", "--at", NIGHT)
    said = drill(*both).stdout
    assert "NobodyReachable" in said
    assert "Nobody could be reached for Captain:" in said.splitlines()[-2]


def test_what_people_do(drill: Any) -> None:
    words = ("--playbook", "playbook.md", "--roster", "roster.toml", "--alert", "VaultSealed", "--at", NIGHT)
    said = drill(*words, "--ack-after", "12m", "--resolve-after", "3h", "--brief").stdout
    assert "T+00:12:00  03:12:00          Acknowledged" in said
    assert "T+03:00:00  06:00:00          Resolved" in said
    assert "Delivered" not in said
    assert "Ann acknowledged at T+00:12:00." in said


def test_json_is_one_document(drill: Any) -> None:
    document = json.loads(drill("--alert", "Down", "--label", "a=b", "--at", NIGHT, "--json").stdout)
    assert document["alert"] == {"name": "Down", "labels": {"a": "b"}}
    assert document["lines"][0]["offset"] == "T+00:00:00"
    assert set(document) == {
        "playbook", "alert", "at", "until", "notes", "lines", "verdict", "incident", "runbooks",
    }  # fmt: skip


def test_without_a_time_it_begins_now_in_the_local_zone(drill: Any) -> None:
    assert " CE" in drill("--alert", "Down").stdout.splitlines()[0], "CET or CEST"


def test_the_settings_count(drill: Any, tmp_path: Path) -> None:
    (tmp_path / "tocsin.toml").write_text(
        'playbook = "playbook.md"\nroster = "roster.toml"\n[clocks]\nnext_role_after = 0.2\n',
        encoding="utf-8",
    )
    said = drill("--alert", "Slow", "--at", NIGHT).stdout
    assert said.startswith("Drill of 'Night Watch'")
    (tmp_path / "tocsin.toml").write_text("port = 0\n", encoding="utf-8")
    refused = drill("--alert", "Slow")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("tocsin.toml:1: ")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--nobody", "--ack-after", "1m"), 2, "--nobody is against"),
        (("--ack-by", "ann"), 2, "--ack-by needs --ack-after."),
        (("--ack-after", "soon"), 2, "--ack-after 'soon' is no duration."),
        (("--at", "midnight"), 2, "--at 'midnight' is no time."),
        (("--at", "2026-12-25T03:00"), 2, "has no time zone."),
        (("--label", "severity"), 2, "--label 'severity' is no name and value."),
        (("--playbook", "none.md"), 2, "none.md cannot be read: No such file or directory."),
        (("--roster", "playbook.md"), 1, "playbook.md:"),
        (("--config", "none.toml"), 2, "none.toml cannot be read: No such file or directory."),
    ],
)
def test_what_is_refused(words: tuple[str, ...], code: int, said: str, drill: Any) -> None:
    result = drill("--alert", "Down", *words)
    assert (result.exit_code, said in result.stderr) == (code, True), result.stderr
    assert result.stdout == ""
