"""How findings are printed: for people, for programs, and for the pages of a code host."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from tocsin.base.problems import Problem, Weight
from tocsin.faces.cli.paper import clean, one_line, write, write_json

_NAMES = {Weight.ERROR: "error", Weight.WARNING: "warning", Weight.INFO: "remark"}
_STYLES = {Weight.ERROR: "bold red", Weight.WARNING: "yellow", Weight.INFO: "cyan"}
_COMMANDS = {Weight.ERROR: "error", Weight.WARNING: "warning", Weight.INFO: "notice"}


class Format(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def tell(findings: Sequence[Problem], form: Format) -> None:
    """Print findings on standard output. The `file` of each is the path as the caller wrote it."""
    match form:
        case Format.JSON:
            write_json([_as_json(each) for each in findings])
        case Format.SARIF:
            from tocsin.playbook.sarif import sarif

            write_json(sarif(findings))
        case Format.GITHUB:
            for each in findings:
                write(workflow_command(each))
            write(summary(findings))
        case Format.TEXT if sys.stdout.isatty():
            _draw(findings)
            write(summary(findings))
        case Format.TEXT:
            for each in findings:
                place = f"{each.file}:{each.line}" if each.line else each.file
                write(one_line(f"{place}: {each.code} {each.severity.value} {each.message}"))
                write(f"    {one_line(each.mend)}")
            write(summary(findings))


def summary(findings: Sequence[Problem]) -> str:
    """How many findings of each weight there are, in words."""
    counts = [(weight, sum(1 for each in findings if each.severity is weight)) for weight in Weight]
    parts = [f"{count} {_NAMES[weight]}{'s' if count != 1 else ''}" for weight, count in counts if count]
    return ", ".join(parts) if parts else "Nothing was found."


def workflow_command(problem: Problem) -> str:
    """A finding as the line by which a workflow of GitHub Actions shows it beside the code."""
    place = f"file={_property(problem.file)},line={max(problem.line, 1)},title={_property(problem.code)}"
    text = f"{one_line(problem.message)}\n{one_line(problem.mend)}"
    return f"::{_COMMANDS[problem.severity]} {place}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(clean(text)).replace(":", "%3A").replace(",", "%2C")


def _as_json(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "code": problem.code,
        "severity": problem.severity.value,
        "message": problem.message,
        "mend": problem.mend,
    }


def _draw(findings: Sequence[Problem]) -> None:
    """Findings in columns under the name of their file, on a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    for file in dict.fromkeys(each.file for each in findings):
        drawn = Table.grid(padding=(0, 2))
        drawn.add_column(justify="right", style="dim")
        drawn.add_column(no_wrap=True)
        drawn.add_column(no_wrap=True, style="dim")
        drawn.add_column(overflow="fold")
        for each in findings:
            if each.file == file:
                words = Text(one_line(each.message))
                words.append(f"\n{one_line(each.mend)}", style="dim")
                weight = Text(each.severity.value, style=_STYLES[each.severity])
                drawn.add_row(str(each.line or ""), weight, each.code, words)
        console.print(Text(one_line(file), style="bold"))
        console.print(drawn)
        console.print()
