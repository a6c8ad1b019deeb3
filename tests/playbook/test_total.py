"""Reading is total, repeatable and about linear, whatever the bytes."""

import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.playbook.golden import HARBOUR, codes, harbour, read
from tocsin.base.limits import playbook_bytes_max
from tocsin.playbook.lint import lint_with_roster
from tocsin.playbook.model import MessageKind
from tocsin.playbook.present import to_document
from tocsin.playbook.read import read_playbook
from tocsin.playbook.render import PostmortemFacts, fill, fill_postmortem, template_for
from tocsin.playbook.splitting import split_block

SOURCE = HARBOUR.read_bytes()
LINES = SOURCE.decode().split("\n")
SECONDS_MOST = 8.0
"""Far above what linear work takes on a slow machine, far under what quadratic work takes on a fast one."""

calm = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def swallow(source: bytes) -> None:
    """Everything that is done with a playbook, done."""
    playbook = read_playbook(source, "x.md")
    assert to_document(playbook) == to_document(read_playbook(source, "x.md"))
    lint_with_roster(playbook, frozenset())
    for level in playbook.severities:
        for kind in MessageKind:
            if template := template_for(playbook, level.level, kind):
                fill(template, {})
    if playbook.postmortem:
        fill_postmortem(playbook.postmortem.template, PostmortemFacts(title="x"))
    count = len(source.decode("utf-8", "replace").split("\n"))
    assert all(0 <= finding.line <= count + 1 for finding in playbook.findings)


@calm
@given(st.binary(max_size=400))
def test_any_bytes_are_read(source: bytes) -> None:
    swallow(source)


@calm
@given(st.text(alphabet="#-*|`>[](){}<>→│├└─ \t\n\r:1aP\"'\\$&;~=+.@!\x00\u202eâ†’", max_size=300))
def test_any_marks_are_read(text: str) -> None:
    swallow(text.encode())


@calm
@given(st.lists(st.sampled_from(LINES), max_size=120), st.randoms(use_true_random=False))
def test_lines_in_any_order_are_read(lines: list[str], random: object) -> None:
    swallow("\n".join(lines).encode())


@calm
@given(st.data())
def test_a_playbook_with_a_wound_is_read(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(SOURCE)))
    end = data.draw(st.integers(start, min(start + 200, len(SOURCE))))
    swallow(SOURCE[:start] + data.draw(st.binary(max_size=20)) + SOURCE[end:])


CODE_LINES = st.sampled_from(
    [
        "# A title",
        "# 2. Another",
        "run --it",
        "  indented \\",
        "",
        "cat <<EOF",
        "EOF",
        'echo "',
        "#@ id=x",
        "if a; then",
        "fi",
    ]
)


@calm
@given(st.lists(CODE_LINES, max_size=25))
def test_splitting_loses_no_line_of_script(lines: list[str]) -> None:
    steps = split_block("\n".join(lines), "bash")
    kept = [line for step in steps for line in step.script.split("\n") if line.strip()]
    code = [line for line in lines if line.strip() and not line.startswith("#")]
    assert [line for line in kept if not line.startswith("#")] == code
    for step in steps:
        assert "\n".join(lines).split("\n")[step.row] == step.script.split("\n")[0]


def test_line_ends_and_marks_of_windows_change_nothing() -> None:
    text = SOURCE.decode()
    wanted = to_document(harbour())
    assert to_document(read_playbook(text.replace("\n", "\r\n").encode(), "harbour.md")) == wanted
    assert to_document(read_playbook(b"\xef\xbb\xbf" + SOURCE, "harbour.md")) == wanted


def test_text_that_was_encoded_twice_is_repaired_also_in_part() -> None:
    wanted = to_document(harbour())
    damaged = [line.encode().decode("sloppy-windows-1252") for line in LINES]
    mixed = [bad if at % 2 else good for at, (good, bad) in enumerate(zip(LINES, damaged, strict=True))]
    for lines in (damaged, mixed):
        playbook = read_playbook("\n".join(lines).encode(), "harbour.md")
        assert codes(playbook).count("PB001") == 1
        found = to_document(playbook)
        found["findings"] = [each for each in found["findings"] if each["code"] != "PB001"]
        assert found == wanted


def test_other_encodings_are_told() -> None:
    assert "PB006" in codes(read_playbook("# Grüße".encode("cp1252"), "x"))
    utf16 = read_playbook("# Grüße".encode("utf-16"), "x")
    assert (utf16.title, "PB006" in codes(utf16)) == ("Grüße", True)


def test_an_empty_and_an_oversized_file() -> None:
    assert read_playbook(b"", "x.md").title == "x.md"
    assert codes(read_playbook(b"a" * (playbook_bytes_max + 1), "x.md")) == ["PB009"]


HOSTILE: dict[str, Callable[[int], str]] = {
    "deep lists": lambda n: "\n".join("  " * (at % 3000) + "- x" for at in range(n // 10)),
    "deep quotes": lambda n: ">" * n + " x",
    "brackets": lambda n: "[" * n,
    "closing brackets": lambda n: "- [ ] " + "](" * n,
    "stars": lambda n: "**a " * n,
    "a wide table": lambda n: "|a" * (n // 4) + "\n" + "|-" * (n // 4) + "\n" + "|b" * (n // 4),
    "a long table": lambda n: "|Level|Response time|\n|-|-|\n" + "|P1|5 min|\n" * n,
    "many levels": lambda n: (
        "|Level|Response time|\n|-|-|\n" + "".join(f"|P{a % 10}|5 min|\n" for a in range(n))
    ),
    "many fences": lambda n: "## Diagnosis\n\n" + "```bash\n# A\nls <X>\n```\n\n" * (n // 20),
    "a long fence": lambda n: "```bash\n" + "# A\nls <X> '{x}' $Y\n\n" * (n // 4) + "```",
    "deep parentheses": lambda n: "```bash\n" + "(" * n + "\n```",
    "deep substitutions": lambda n: "```bash\necho " + "$(echo " * (n // 8) + "\n```",
    "open quotes": lambda n: "```bash\n" + "echo '\"\n" * (n // 8) + "```",
    "long sql": lambda n: "```sql\n" + "-- a\nSELECT (1);\n" * (n // 4) + "```",
    "a long drawing": lambda n: "## Escalation\n\n```\n" + "│   ├── a → b\n" * n + "```",
    "a wide drawing": lambda n: "## Escalation\n\n```\nlead\n" + "├──" * n + "x\n```",
    "many arrows": lambda n: "## Escalation\n\n" + "lead → " * n,
    "many slots": lambda n: "## Messages\n\n```\n" + "[a] " * n + "\n```",
    "ten thousand lines": lambda n: "\n".join(LINES * 40),
    "long words": lambda n: "a" * n + "\n" + "1" * n + " hours",
    "spaces": lambda n: " " * n + "\n# " + " " * n + "x\n\n**a:**" + " " * n + "\n",
    "mojibake": lambda n: "â€” " * n,
    "front matter": lambda n: "---\n" + "a: [" * (n // 8) + "\n---\n",
    "an endless alias": lambda n: (
        "---\na: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\ntocsin:\n  vars: {q: *c}\n---\n"
    ),
    "many headings": lambda n: "# a\n\n" * n,
    "deep headings": lambda n: "".join("#" * (at % 6 + 1) + " Phase 1: x\n\n" for at in range(n // 4)),
    "many phases": lambda n: "".join(f"## Phase {at % 99}: a\n\n- [ ] b\n\n" for at in range(n // 40)),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_documents_are_read_fast(kind: str) -> None:
    source = HOSTILE[kind](20_000).encode()[:playbook_bytes_max]
    began = time.perf_counter()
    read_playbook(source, "x.md")
    assert time.perf_counter() - began < SECONDS_MOST


def test_front_matter_is_metadata_and_options() -> None:
    text = (
        "---\nname: demo\nowners: [anna, ben]\ntocsin:\n  group_by: [alertname, zone]\n  categories:\n"
        "    network: 'alertname=~\"Net.*\"'\n  severity:\n    'team=\"core\"': P1\n  "
        "severity_labels: {page: P1}\n"
        "  vars: {DOMAIN: example.org}\n  cadence: {P2: 20m}\n  acknowledge: {P1: 3m}\n---\n# T\n\n"
        "| Level | Response time |\n|--|--|\n| P1 | 5 m |\n| P2 | 9 m |\n\n## Diagnosis\n\n"
        "```bash\ncurl https://<DOMAIN>/\n```\n"
    )
    playbook = read(text)
    assert playbook.metadata == {"name": "demo", "owners": "anna, ben"}
    assert playbook.options.group_by == ("alertname", "zone")
    assert playbook.options.categories["network"].matches({"alertname": "NetDown"})
    assert playbook.options.severity[0].level == "P1"
    assert playbook.options.severity_labels == {"page": "P1"}
    assert [str(each.respond_within) for each in playbook.severities] == ["0:03:00", "0:09:00"]
    assert str(playbook.severities[1].update_every) == "0:20:00"
    assert not {"PB008", "PB010", "PB012"} & set(codes(playbook))


@pytest.mark.parametrize(
    ("front", "line"),
    [
        ("a: [1", 2),
        ("a: 1\nb: : :", 3),
        ("- a", 2),
        ("tocsin: x", 1),
        ("tocsin:\n  colour: red", 3),
        ("tocsin:\n  severity:\n    '{a': P1", 3),
        ("tocsin:\n  severity_labels: {a: P9}", 3),
        ("tocsin:\n  vars: [a]", 3),
        ("tocsin:\n  cadence: {P1: soon}", 3),
    ],
)
def test_bad_front_matter_is_told_at_its_line(front: str, line: int) -> None:
    playbook = read(
        f"---\n{front}\n---\n# T\n\n| Level | Response time |\n|--|--|\n| P1 | 5 m |\n| P2 | 9 m |\n"
    )
    assert playbook.title == "T"
    told = [each.line for each in playbook.findings if each.code == "PB008"]
    assert told, codes(playbook)
    assert abs(told[0] - line) <= 1
