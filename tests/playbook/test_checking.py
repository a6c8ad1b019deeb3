"""`tocsin check`: profiles, formats, several files, exit codes."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from tests.playbook.golden import HARBOUR, harbour
from tocsin.base.limits import playbook_bytes_max
from tocsin.base.problems import Problem, Weight
from tocsin.faces.cli import checking, document
from tocsin.faces.cli.errors import PlainErrors
from tocsin.faces.cli.telling import summary, workflow_command
from tocsin.playbook.codes import CODES, problem, shown_in
from tocsin.playbook.kinds import Code, Profile
from tocsin.playbook.sarif import help_uri, sarif

SMALL = "# T\n\n**Owner:** Me\n**Alert:** `X`\n\n## Diagnosis\n\n```bash\nuptime\n```\n"
LEVELS = "# T\n\n## L\n\n| Level | Response time |\n|---|---|\n| P1 | 5 min |\n| P2 | 1 h |\n"


class Clocked:
    """The services of the command line of which a check needs only the clock."""

    def clock(self) -> "Clocked":
        return self

    def now(self) -> datetime:
        return datetime(2026, 11, 24, 12, tzinfo=UTC)


def run(*arguments: str | Path, given: bytes = b"") -> Result:
    app = typer.Typer(cls=PlainErrors)
    services: Any = Clocked()
    document.register(app, services)
    checking.register(app, services)
    return CliRunner().invoke(app, [str(each) for each in arguments], input=given)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_check_tells_line_code_weight_and_mend() -> None:
    result = run("check", str(HARBOUR))
    assert result.exit_code == 1
    lines = result.stdout.split("\n")
    told = next(line for line in lines if "PB043" in line)
    assert told == f"{HARBOUR}:76: PB043 warning `docker stats` never ends by itself; it needs `--no-stream`."
    assert lines[lines.index(told) + 1] == "    Let it print once and end."


def test_check_without_errors_exits_with_0(tmp_path: Path) -> None:
    file = tmp_path / "small.md"
    file.write_text(SMALL, encoding="utf-8")
    result = run("check", str(file))
    assert (result.exit_code, result.stdout) == (0, "Nothing was found.\n")


def test_check_as_sarif_and_as_json() -> None:
    log = json.loads(run("check", str(HARBOUR), "--format", "sarif").stdout)
    results = log["runs"][0]["results"]
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert log["version"] == "2.1.0"
    assert len(results) == len(shown_in(harbour().findings, Profile.RUN))
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


def test_standard_input() -> None:
    assert run("check", "-", given=b"# T\n\n**Alert:** `X`\n").exit_code == 0


def test_a_file_that_cannot_be_read_is_one_line_and_exit_2(tmp_path: Path) -> None:
    large = tmp_path / "large.md"
    large.write_bytes(b"a" * (playbook_bytes_max + 1))
    for file in (tmp_path / "missing.md", tmp_path / "none", large):
        result = run("check", file)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert result.stderr.startswith(str(file))
        assert result.stderr.count("\n") == 1


def test_a_folder_without_documents_cannot_be_read(tmp_path: Path) -> None:
    result = run("check", tmp_path)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_several_files_and_folders(tmp_path: Path) -> None:
    write(tmp_path / "books" / "a.md", LEVELS)
    write(tmp_path / "books" / "deep" / "b.markdown", SMALL)
    write(tmp_path / "books" / "notes.md", "# Notes\n\nNothing.\n")
    write(tmp_path / "books" / ".hidden" / "c.md", LEVELS)
    write(tmp_path / "books" / "node_modules" / "d.md", LEVELS)
    single = write(tmp_path / "single.md", "# S\n")
    result = run("check", tmp_path / "books", single)
    files = {
        Path(found[1]).name
        for found in re.finditer(r"^(\S+?\.(?:md|markdown))(?::\d+)?: PB", result.stdout, re.M)
    }
    assert files == {"a.md", "single.md"}
    assert result.stdout.endswith("1 file holds no part of a playbook, and was left out.\n")
    assert result.exit_code == 1


def test_one_unreadable_file_keeps_no_other_from_being_checked(tmp_path: Path) -> None:
    result = run("check", tmp_path / "missing.md", write(tmp_path / "single.md", "# S\n"))
    assert "PB090" in result.stdout
    assert result.exit_code == 2


def test_a_profile_holds_those_before_it() -> None:
    found = [
        {
            each["code"]
            for each in json.loads(run("check", HARBOUR, "--profile", name, "--format", "json").stdout)
        }
        for name in ("read", "run", "audit")
    ]
    assert found[0] < found[1] < found[2]
    usual = {each["code"] for each in json.loads(run("check", HARBOUR, "--format", "json").stdout)}
    assert usual == found[1]


def test_a_code_of_another_part_is_always_shown() -> None:
    other = Problem(code="roster-x", message="M.", mend="M.")
    assert shown_in([other, problem("PB094", 1)], Profile.READ) == (other,)


def test_the_day_decides_what_is_old(tmp_path: Path) -> None:
    file = write(tmp_path / "a.md", f"# T\n\n**Last updated:** 2024-11-24\n{LEVELS.removeprefix('# T')}")
    told = run("check", file, "--profile", "audit").stdout
    assert f"{file}:3: PB003 warning Last updated is 2024-11-24, 730 days ago." in told


def test_a_roster_answers_the_question_who_is_reached(tmp_path: Path) -> None:
    roster = write(tmp_path / "roster.toml", "")
    assert "PB079" in run("check", HARBOUR).stdout
    assert "PB079" not in run("check", HARBOUR, "--roster", roster).stdout


def test_commands_for_a_workflow() -> None:
    odd = Problem(code="PB010", message="100% of\nall: a, b.", mend="Mend.", file="a,b:c.md", line=0)
    assert workflow_command(odd) == (
        "::error file=a%2Cb%3Ac.md,line=1,title=PB010::100%25 of all: a, b.%0AMend."
    )
    lines = run("check", HARBOUR, "--format", "github").stdout.splitlines()
    shown = shown_in(harbour().findings, Profile.RUN)
    assert len(lines) == len(shown) + 1
    pattern = r"::(error|warning|notice) file=[^,:]+,line=\d+,title=PB\d{3}::[^\r\n]+%0A[^\r\n]+"
    assert all(re.fullmatch(pattern, line) for line in lines[:-1])
    assert lines[-1] == summary(shown)


def test_no_control_character_reaches_the_terminal(tmp_path: Path) -> None:
    file = write(tmp_path / "a.md", "# T\n\n## Esc\x1b[31m\u202e\n\nWords.\n")
    for form in ("text", "github"):
        assert not re.search("[\x1b\u202e]", run("check", file, "--format", form).stdout)


def check_against_the_structure(log: dict[str, Any]) -> None:
    """What SARIF 2.1.0 demands of the parts that are used here."""
    assert set(log) == {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    for one in log["runs"]:
        driver = one["tool"]["driver"]
        assert driver["name"]
        ids = [rule["id"] for rule in driver["rules"]]
        assert len(ids) == len(set(ids))
        for rule in driver["rules"]:
            assert rule["shortDescription"]["text"]
            assert rule["help"]["text"]
            assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note", "none")
        for result in one["results"]:
            assert ids[result["ruleIndex"]] == result["ruleId"]
            assert result["level"] in ("error", "warning", "note", "none")
            assert result["message"]["text"]
            for each in result["locations"]:
                place = each["physicalLocation"]
                assert re.fullmatch(r"[\w.~!$&'()*+,;=:@%/-]+", place["artifactLocation"]["uri"])
                assert place["region"]["startLine"] >= 1


def test_the_structure_of_sarif(tmp_path: Path) -> None:
    file = write(tmp_path / "with space.md", "# S\n")
    log = json.loads(run("check", HARBOUR, file, "--format", "sarif", "--profile", "audit").stdout)
    check_against_the_structure(log)
    uris = {
        each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for each in log["runs"][0]["results"]
    }
    assert {uri.rpartition("/")[2] for uri in uris} == {"harbour.md", "with%20space.md"}
    for rule in log["runs"][0]["tool"]["driver"]["rules"]:
        assert rule["helpUri"] == help_uri(rule["id"])
        assert rule["properties"]["tags"] == [CODES[rule["id"]].profile.value]
    check_against_the_structure(sarif([]))
    check_against_the_structure(sarif([Problem(code="other", message="M.", mend="M.", file="x.md")]))


def test_kinds_by_themselves() -> None:
    assert Code(Weight.INFO, "a", "B.").profile is Profile.READ
    assert [Profile.RUN.holds(each) for each in Profile] == [True, True, False]
