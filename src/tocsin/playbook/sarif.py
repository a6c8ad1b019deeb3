"""Findings as SARIF 2.1.0."""

from collections.abc import Sequence
from typing import Any

from tocsin import __version__
from tocsin.base.problems import Problem, Weight
from tocsin.playbook.codes import CODES

_LEVELS = {Weight.ERROR: "error", Weight.WARNING: "warning", Weight.INFO: "note"}


def sarif(findings: Sequence[Problem], file: str) -> dict[str, Any]:
    """The findings as a SARIF 2.1.0 log, for code hosts that show them at their lines. `file` is the path
    of the document with forward slashes."""
    used = sorted({each.code for each in findings})
    rules = [
        {
            "id": code,
            "shortDescription": {"text": CODES[code].what},
            "help": {"text": CODES[code].mend},
            "defaultConfiguration": {"level": _LEVELS[CODES[code].weight]},
        }
        for code in used
    ]
    results = [
        {
            "ruleId": each.code,
            "ruleIndex": used.index(each.code),
            "level": _LEVELS[each.severity],
            "message": {"text": f"{each.message} {each.mend}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": file},
                        "region": {"startLine": max(each.line, 1)},
                    }
                }
            ],
        }
        for each in findings
    ]
    driver = {"name": "tocsin", "version": __version__, "rules": rules}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }
