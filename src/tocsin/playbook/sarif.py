"""Findings as SARIF 2.1.0."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from tocsin import __version__
from tocsin.base.problems import Problem, Weight
from tocsin.playbook.codes import CODES

HELP_PAGE = "docs/reference/findings.md"
"""Where each code is explained, from the root of this project."""

_LEVELS = {Weight.ERROR: "error", Weight.WARNING: "warning", Weight.INFO: "note"}


def help_uri(code: str) -> str:
    """The place at which a code is explained, relative to the root of this project."""
    return f"{HELP_PAGE}#{code.casefold()}"


def sarif(findings: Sequence[Problem]) -> dict[str, Any]:
    """The findings as a SARIF 2.1.0 log, for code hosts that show them at their lines. The `file` of each
    is the path of its document with forward slashes."""
    used = sorted({each.code for each in findings})
    at = {code: place for place, code in enumerate(used)}
    driver = {"name": "tocsin", "version": __version__, "rules": [_rule(code, findings) for code in used]}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(each, at[each.code]) for each in findings],
            }
        ],
    }


def _rule(code: str, findings: Sequence[Problem]) -> dict[str, Any]:
    """A rule of the log. A finding of another part of Tocsin tells its rule by itself."""
    known = CODES.get(code)
    example = next(each for each in findings if each.code == code)
    rule: dict[str, Any] = {
        "id": code,
        "shortDescription": {"text": known.what if known else example.message},
        "help": {"text": known.mend if known else example.mend},
        "defaultConfiguration": {"level": _LEVELS[known.weight if known else example.severity]},
    }
    if known:
        rule["helpUri"] = help_uri(code)
        rule["properties"] = {"tags": [known.profile.value]}
    return rule


def _result(problem: Problem, rule: int) -> dict[str, Any]:
    return {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": _LEVELS[problem.severity],
        "message": {"text": f"{problem.message} {problem.mend}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(problem.file)},
                    "region": {"startLine": max(problem.line, 1)},
                }
            }
        ],
    }
