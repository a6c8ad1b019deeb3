"""`tocsin show` and `tocsin check` on a terminal that is a pipe."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tests.playbook.golden import HARBOUR, harbour
from tocsin.base.limits import playbook_bytes_max
from tocsin.faces.cli import document
from tocsin.faces.cli.errors import PlainErrors
from tocsin.playbook.present import to_document


def run(*arguments: str, given: bytes = b"") -> Result:
    app = typer.Typer(cls=PlainErrors)
    document.register(app)
    return CliRunner().invoke(app, list(arguments), input=given)


def test_show_as_json_is_the_whole_document_and_always_the_same() -> None:
    first = run("show", str(HARBOUR), "--json")
    assert json.loads(first.stdout) == to_document(harbour())
    assert run("show", str(HARBOUR), "--json").stdout == first.stdout
    assert list(json.loads(first.stdout)["severities"][0]) == [
        "level",
        "rank",
        "name",
        "description",
        "respond_within",
        "update_every",
        "examples",
    ]


def test_show_draws_everything_and_cuts_nothing() -> None:
    said = run("show", str(HARBOUR)).stdout
    assert "\x1b" not in said
    assert "…" not in said
    for words in (
        "Trouble at the Harbour",
        "Norm: H.7 — What to do when the port stands still",
        "S1      Standstill",
        "1 level less severe",
        "PLANNER SILENT",
        "destroy",
        "├── unresolved for 25 min → Shift Chief (S2)",
        "└── not acknowledged → Port Director",
        "S1, S2, about infrastructure",
        "Findings: ",
    ):
        assert words in said
    assert max(len(line) for line in said.split("\n")) <= 100


def test_show_says_what_was_not_understood(tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    file.write_text("# T\n\n## Coffee\n\nFloor 2.\n", encoding="utf-8")
    said = run("show", str(file)).stdout
    assert "Not understood, kept as text" in said
    assert "Coffee" in said


def test_check_tells_line_code_weight_and_mend() -> None:
    result = run("check", str(HARBOUR))
    assert result.exit_code == 1
    lines = result.stdout.split("\n")
    told = next(line for line in lines if "PB043" in line)
    assert told == f"{HARBOUR}:76: PB043 warning `docker stats` never ends by itself; it needs `--no-stream`."
    assert lines[lines.index(told) + 1] == "    Let it print once and end."


def test_check_without_errors_exits_with_0(tmp_path: Path) -> None:
    file = tmp_path / "small.md"
    file.write_text("# T\n\n**Alert:** `X`\n\n## Diagnosis\n\n```bash\nuptime\n```\n", encoding="utf-8")
    result = run("check", str(file))
    assert (result.exit_code, result.stdout) == (0, "Nothing was found.\n")


def test_check_as_sarif_and_as_json() -> None:
    log = json.loads(run("check", str(HARBOUR), "--format", "sarif").stdout)
    results = log["runs"][0]["results"]
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert log["version"] == "2.1.0"
    assert len(results) == len(harbour().findings)
    assert all(rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in results)
    assert {each["level"] for each in results} == {"error", "warning", "note"}
    listed = json.loads(run("check", str(HARBOUR), "--format", "json").stdout)
    assert [each["code"] for each in listed] == [each["ruleId"] for each in results]


def test_check_with_a_roster(tmp_path: Path) -> None:
    roster = tmp_path / "roster.toml"
    roster.write_text(
        '[people.anna]\nname = "Anna"\nzone = "Europe/Paris"\nemail = "anna@example.org"\n'
        'methods = [{ kind = "outbox", address = "anna" }]\n\n[roles."Duty Engineer"]\npeople = ["anna"]\n',
        encoding="utf-8",
    )
    result = run("check", str(HARBOUR), "--roster", str(roster))
    if "PB071" not in result.stdout:
        pytest.fail(result.output)
    assert "PB075" not in result.stdout
    assert "The role Duty Engineer" not in result.stdout


@pytest.mark.parametrize("command", ["show", "check"])
def test_a_file_that_cannot_be_read_is_one_line_and_exit_2(command: str, tmp_path: Path) -> None:
    large = tmp_path / "large.md"
    large.write_bytes(b"a" * (playbook_bytes_max + 1))
    for file in (tmp_path / "missing.md", tmp_path, large):
        result = run(command, str(file))
        assert result.exit_code == 2
        assert result.stdout == ""
        assert result.stderr.startswith(str(file))
        assert result.stderr.count("\n") == 1


def test_standard_input() -> None:
    result = run("check", "-", given=b"# T\n\n**Alert:** `X`\n")
    assert result.exit_code == 0
