"""`tocsin show` on a terminal that is a pipe."""

import json
from pathlib import Path
from typing import Any

import msgspec
import typer
from typer.testing import CliRunner, Result

from tests.playbook.golden import HARBOUR, harbour
from tocsin.adapters.clock import SystemClock
from tocsin.base.limits import playbook_bytes_max
from tocsin.faces.cli import document
from tocsin.faces.cli.errors import PlainErrors
from tocsin.playbook.codes import shown_in
from tocsin.playbook.kinds import Profile
from tocsin.playbook.present import to_document


class SystemClocked:
    """The services of the command line of which `show` needs only the clock."""

    def clock(self) -> SystemClock:
        return SystemClock()


def run(*arguments: str, given: bytes = b"") -> Result:
    app = typer.Typer(cls=PlainErrors)
    # One command alone would be the whole program, and lose its name.
    app.callback()(lambda: None)
    services: Any = SystemClocked()
    document.register(app, services)
    return CliRunner().invoke(app, list(arguments), input=given)


def test_show_as_json_is_the_whole_document_and_always_the_same() -> None:
    first = run("show", str(HARBOUR), "--json")
    shown = msgspec.structs.replace(harbour(), findings=shown_in(harbour().findings, Profile.READ))
    assert json.loads(first.stdout) == to_document(shown)
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


def test_show_tells_the_findings_of_a_profile() -> None:
    counts = [
        len(json.loads(run("show", str(HARBOUR), "--json", "--profile", profile).stdout)["findings"])
        for profile in ("read", "run", "audit")
    ]
    assert counts == sorted(set(counts))
    assert counts[-1] == len(harbour().findings)


def test_show_says_what_was_not_understood(tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    file.write_text("# T\n\n## Coffee\n\nFloor 2.\n", encoding="utf-8")
    said = run("show", str(file)).stdout
    assert "Not understood, kept as text" in said
    assert "Coffee" in said


def test_a_file_that_cannot_be_read_is_one_line_and_exit_2(tmp_path: Path) -> None:
    large = tmp_path / "large.md"
    large.write_bytes(b"a" * (playbook_bytes_max + 1))
    for file in (tmp_path / "missing.md", tmp_path, large):
        result = run("show", str(file))
        assert result.exit_code == 2
        assert result.stdout == ""
        assert result.stderr.startswith(str(file))
        assert result.stderr.count("\n") == 1
