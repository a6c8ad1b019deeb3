"""The page of findings: every code has its place on it, and its examples are true."""

import re
import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tocsin.base.ids import role_key
from tocsin.base.limits import playbook_bytes_max
from tocsin.playbook.codes import CODES
from tocsin.playbook.collection import read_collection
from tocsin.playbook.lint import lint_with_roster
from tocsin.playbook.policy import lint_policy, read_policy
from tocsin.playbook.read import read_playbook
from tocsin.playbook.sarif import HELP_PAGE, help_uri

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / HELP_PAGE).read_text(encoding="utf-8")
TODAY = date(2026, 11, 24)
SECTION = re.compile(r"^## (?P<code>PB\d{3})\n(?P<body>.*?)(?=^## PB|\Z)", re.MULTILINE | re.DOTALL)
EXAMPLE = re.compile(
    r"^(?P<said>Gives the finding|Does not):\n\n(?P<ticks>`{3,})(?P<language>\w+)\n"
    r"(?P<text>.*?)\n(?P=ticks)$",
    re.MULTILINE | re.DOTALL,
)
WEIGHTS = {"error": "Error", "warning": "Warning", "info": "Remark"}
CREW = """# T

## Levels

| Level | Response time |
|---|---|
| P1 | 5 min |
| P2 | 1 hour |

## Contacts

| Role | Trigger |
|---|---|
| On-Call Engineer | All alerts |
"""

# What no page of text can show.
BYTES = {
    "PB006": ("# Grüße".encode("cp1252"), "# Grüße".encode()),
    "PB029": (
        b"# T\n\n" + (b"```sh\n" + b"uptime\n" * 1_500 + b"```\n\n") * 12,
        b"# T\n\n```sh\nuptime\n```\n",
    ),
    "PB009": (b"a" * (playbook_bytes_max + 1), b"# T"),
}
SECTIONS = {found["code"]: found["body"] for found in SECTION.finditer(PAGE)}


def told(document: bytes) -> set[str]:
    return {each.code for each in read_playbook(document, "x.md", TODAY).findings}


def in_a_step(language: str) -> Callable[[str], set[str]]:
    def codes(text: str) -> set[str]:
        return told(f"# T\n\n## Mitigation\n\n### Example\n\n```{language}\n{text}\n```\n".encode())

    return codes


def with_roster(text: str) -> set[str]:
    filled = frozenset(role_key(role) for role in tomllib.loads(text)["roles"])
    return {each.code for each in lint_with_roster(read_playbook(CREW.encode(), "x.md"), filled)}


def in_a_folder(text: str) -> set[str]:
    """The codes between the files of a folder, which `=== NAME` begins, and of its policy."""
    parts = re.split(r"^=== (\S+)\n", text, flags=re.MULTILINE)[1:]
    held = {name: content.encode() for name, content in zip(parts[::2], parts[1::2], strict=True)}
    documents = [(name, content) for name, content in held.items() if name.endswith(".md")]
    rules = [(name, content) for name, content in held.items() if name.endswith(".yml")]
    read = read_collection(documents, rules)
    policy = read_policy(held.get("policy.toml", b""), "policy.toml")
    members = [(each.name, each.playbook) for each in read.members]
    findings = (*read.findings, *lint_policy(members, policy, datetime(2026, 11, 24, tzinfo=UTC)))
    return {each.code for each in findings}


READERS: dict[str, Callable[[str], set[str]]] = {
    "bash": in_a_step("bash"),
    "sql": in_a_step("sql"),
    "markdown": lambda text: told(text.encode()),
    "toml": with_roster,
    "text": in_a_folder,
}


def examples(code: str) -> dict[str, set[str]]:
    """The codes that each of the two examples of a code gives."""
    return {
        found["said"]: READERS[found["language"]](
            re.sub(r"⟨U\+(\w{4})⟩", lambda point: chr(int(point[1], 16)), found["text"])
        )
        for found in EXAMPLE.finditer(SECTIONS[code])
    }


def test_every_code_has_a_heading_and_every_heading_a_code() -> None:
    assert list(SECTIONS) == sorted(CODES)


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_section_says_weight_profile_and_mend(code: str) -> None:
    known, body = CODES[code], " ".join(SECTIONS[code].split())
    assert f". {WEIGHTS[known.weight.value]}, from profile `{known.profile.value}` on." in body.replace(
        "**", ""
    )
    assert f"To mend it: {known.mend}" in body
    assert help_uri(code) == f"docs/reference/findings.md#{code.casefold()}"


@pytest.mark.parametrize("code", sorted(CODES))
def test_an_example_gives_the_finding_and_a_near_miss_does_not(code: str) -> None:
    if code in BYTES:
        bad, good = (told(each) for each in BYTES[code])
    else:
        found = examples(code)
        bad, good = found["Gives the finding"], found["Does not"]
    assert code in bad
    assert code not in good
