"""Escalation in the ways in which people write it: the same edges come out of all."""

import pytest

from tests.playbook.golden import codes, hops, minutes, read
from tocsin.playbook.model import Condition

LEVELS = "| Level | Response time |\n|--|--|\n| P1 | 5 m |\n| P2 | 9 m |\n| P3 | 1 h |\n\n"


def path(
    body: str, *, fence: bool = True, heading: str = "## Escalation path"
) -> list[tuple[str, str, object]]:
    inner = f"```\n{body}\n```\n" if fence else body
    return hops(read(f"# T\n\n{LEVELS}{heading}\n\n{inner}"))


TWO_STEMS = """\
On-Call (P3)
|
+-- Not fixed in 20 min -> Senior Engineer (P2)
|                          |
|                          +-- Not fixed in 45 min -> Team Lead (P1)
|                          |                          |
|                          |                          `-- Data breach -> Legal Counsel
|                          |
|                          `-- Network trouble -> Network Lead
|
`-- Security incident -> Security Engineer -> CISO
"""

TWO_STEMS_EDGES = [
    ("On-Call", "Senior Engineer", 20),
    ("Senior Engineer", "Team Lead", 45),
    ("Team Lead", "Legal Counsel", "data breach"),
    ("Senior Engineer", "Network Lead", "network"),
    ("On-Call", "Security Engineer", "security"),
    ("Security Engineer", "CISO", None),
]


def test_a_tree_of_ascii_lines() -> None:
    assert path(TWO_STEMS) == TWO_STEMS_EDGES


def test_the_same_tree_with_windows_line_ends() -> None:
    text = f"# T\n\n{LEVELS}## Escalation path\n\n```\n{TWO_STEMS}```\n".replace("\n", "\r\n")
    assert hops(read(text)) == TWO_STEMS_EDGES


def test_the_same_tree_drawn_with_boxes() -> None:
    drawn = TWO_STEMS.replace("+--", "├──").replace("`--", "└──").replace("|", "│").replace("->", "→")
    assert path(drawn) == TWO_STEMS_EDGES
    damaged = f"# T\n\n{LEVELS}## Escalation path\n\n```\n{drawn}```\n".encode().decode("sloppy-windows-1252")
    assert hops(read(damaged)) == TWO_STEMS_EDGES
    assert "PB001" in codes(read(damaged))


def test_a_tree_of_two_roots_side_by_side() -> None:
    drawn = """\
On-Call Engineer          Duty Manager
│                         │
└── Team Lead             └── Area Director
"""
    assert path(drawn) == [
        ("On-Call Engineer", "Team Lead", None),
        ("Duty Manager", "Area Director", None),
    ]


def test_a_tree_with_tabs() -> None:
    assert path("On-Call\n├── 10 min → Lead\n│\t└── 20 min → Head\n└── Security issue → CISO\n") == [
        ("On-Call", "Lead", 10),
        ("Lead", "Head", 20),
        ("On-Call", "CISO", "security"),
    ]


def test_a_plain_directory_tree() -> None:
    assert path("On-Call Engineer\n├── Team Lead\n│   └── CTO\n└── Security Lead\n") == [
        ("On-Call Engineer", "Team Lead", None),
        ("Team Lead", "CTO", None),
        ("On-Call Engineer", "Security Lead", None),
    ]


def test_a_ladder_of_arrows_down() -> None:
    ladder = """\
On-Call Engineer (15 min)
    ↓
Team Lead (30 min)
    ↓ no response in 5 min
VP Engineering (2 hours)
"""
    assert path(ladder) == [
        ("On-Call Engineer", "Team Lead", 15),
        ("Team Lead", "VP Engineering", "unacknowledged 5"),
    ]


def test_chains_with_a_category_each() -> None:
    chains = "Database Issues → DBA Team → Database Manager\nSecurity Issues → Security Team → CISO\n"
    assert path(chains) == [
        ("DBA Team", "Database Manager", "database"),
        ("Security Team", "CISO", "security"),
    ]


def test_a_chain_in_a_sentence() -> None:
    assert path("On-call engineer → Engineering Lead → CTO\n", fence=False) == [
        ("On-call engineer", "Engineering Lead", None),
        ("Engineering Lead", "CTO", None),
    ]


def test_an_ordered_list_of_roles() -> None:
    playbook = read(
        f"# T\n\n{LEVELS}## Escalation\n\n1. On-call engineer\n2. Team lead: after 30 minutes\n3. CTO\n"
    )
    assert hops(playbook) == [("On-call engineer", "Team lead", 30), ("Team lead", "CTO", None)]


def test_sentences_are_no_roles() -> None:
    text = "If it stays down:\n\n1. Contact the team lead\n2. Retrieve the keys\n3. If lost, start anew\n"
    assert path(text, fence=False) == []


def test_nested_lists() -> None:
    nested = (
        "- On-Call Engineer\n  - after 15 min → Team Lead\n    - after 1 h → CTO\n  - Security issue → CISO\n"
    )
    assert path(nested, fence=False) == [
        ("On-Call Engineer", "Team Lead", 15),
        ("Team Lead", "CTO", 60),
        ("On-Call Engineer", "CISO", "security"),
    ]


def test_a_table_of_rungs() -> None:
    table = (
        "| Level | Contact | When to escalate |\n|--|--|--|\n| L1 | On-Call Engineer | at once |\n"
        "| L2 | Team Lead | unresolved 30 min |\n| L3 | CTO | unresolved 2 h |\n"
    )
    assert path(table, fence=False) == [("On-Call Engineer", "Team Lead", 30), ("Team Lead", "CTO", 120)]


def test_headings_of_levels() -> None:
    text = (
        "### Level 1: On-Call Engineer\n\nTakes the first look.\n\n### Level 2: DevOps Lead\n\n"
        "If Level 1 cannot resolve in 15 minutes.\n\n### Level 3: CTO\n\nIf nobody answers within 1 hour.\n"
    )
    found = path(text, fence=False)
    assert found[0] == ("On-Call Engineer", "DevOps Lead", 15)
    assert found[1][:2] == ("DevOps Lead", "CTO")


def test_ladders_of_offsets_for_each_level() -> None:
    text = (
        "### P1 — Critical\n\n```\n┌───────────────────────────────────┐\n"
        "│  T+0 min   │ Duty Analyst acknowledges │\n"
        "│  T+5 min   │ Escalate → Shift Lead + Manager │\n"
        "│  T+1 hour  │ Notify → CISO / Legal (if data is lost) │\n"
        "└───────────────────────────────────┘\n```\n\n### P2\n\n- T+0 Duty Analyst\n- T+30m: Shift Lead\n"
    )
    playbook = read(f"# T\n\n{LEVELS}## Escalation\n\n{text}")
    assert hops(playbook) == [
        ("Duty Analyst", "Shift Lead", 5),
        ("Duty Analyst", "Manager", 5),
        ("Duty Analyst", "CISO", 60),
        ("Duty Analyst", "Legal", 60),
    ]
    assert {edge.levels for edge in playbook.escalation} == {("P1",)}


def test_a_mermaid_flowchart() -> None:
    text = (
        "```mermaid\nflowchart TD\n  A[On-Call Engineer] -->|15 min| B[Team Lead]\n  B -- 1 hour --> C(CTO)\n"
        "  A -->|Security incident| D[Security Engineer] --> E[CISO]\n```\n"
    )
    assert path(text, fence=False) == [
        ("On-Call Engineer", "Team Lead", 15),
        ("Team Lead", "CTO", 60),
        ("On-Call Engineer", "Security Engineer", "security"),
        ("Security Engineer", "CISO", None),
    ]


def test_a_hop_without_condition_is_told() -> None:
    playbook = read(f"# T\n\n{LEVELS}## Escalation path\n\n1. On-call engineer\n2. Team lead\n")
    assert playbook.escalation[0].condition == Condition()
    assert "PB074" in codes(playbook)


def test_a_time_in_a_bracket_belongs_to_its_role() -> None:
    playbook = read(f"# T\n\n{LEVELS}## Escalation path\n\n1. On-call engineer (10 min)\n2. Team lead\n")
    assert playbook.escalation[0].condition.unresolved_for == minutes(10)


@pytest.mark.parametrize("body", ["├──", "└── \n│", "│\n│\n├── x", "→", "↓\n↓", "T+5 min", "|\n+--"])
def test_broken_drawings_are_survived(body: str) -> None:
    path(body)
