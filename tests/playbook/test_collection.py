"""A folder of documents: what each is for, where an alert goes, and what is wrong between them."""

import random
import time

import pytest

from tocsin.alerts.matchers import parse_matchers
from tocsin.playbook.collection import (
    Collection,
    Kind,
    choose,
    is_document,
    kind_of,
    read_collection,
    runbooks_of,
)
from tocsin.playbook.read import read_playbook

LEVELS = "| Level | Response time |\n|---|---|\n| {0}1 | 15 min |\n| {0}2 | 1 h |\n"


def book(*routes: str, levels: str = "P") -> bytes:
    front = "---\ntocsin:\n  routes:\n" + "".join(f"    - '{each}'\n" for each in routes) + "---\n"
    return f"{front if routes else ''}# Book\n\n{LEVELS.format(levels)}".encode()


def runbook(*alerts: str) -> bytes:
    named = ", ".join(f"`{alert}`" for alert in alerts)
    return f"# Runbook\n\n**Alert:** {named}\n\n## Diagnosis\n\n```bash\nuptime\n```\n".encode()


def rules(*alerts: str) -> bytes:
    listed = "".join(f"      - alert: {alert}\n        expr: up == 0\n" for alert in alerts)
    return f"groups:\n  - name: x\n    rules:\n      - record: a:b\n        expr: up\n{listed}".encode()


def told(found: Collection) -> list[tuple[str, str]]:
    return [(each.code, each.file) for each in found.findings]


def test_what_each_document_is_for() -> None:
    files = [
        ("notes.md", b"# Notes\n\nWords.\n"),
        ("README.md", b"# Read me\n"),
        ("vault.md", runbook("VaultSealed")),
        ("security.md", book('team="security"')),
        ("main.md", book()),
    ]
    found = read_collection(files)
    assert {each.name: each.kind for each in found.members} == {
        "README.md": Kind.REFERENCE,
        "notes.md": Kind.REFERENCE,
        "vault.md": Kind.RUNBOOK,
        "security.md": Kind.PLAYBOOK,
        "main.md": Kind.PLAYBOOK,
    }
    assert found.default is not None
    assert found.default.name == "main.md"
    assert found.findings == ()
    random.Random(1).shuffle(files)
    assert read_collection(files) == found


def test_the_only_playbook_takes_everything() -> None:
    found = read_collection([("a.md", book('team="a"'))])
    assert found.default is not None
    assert found.findings == ()


def test_without_a_default_or_with_two() -> None:
    none = read_collection([("a.md", book('team="a"')), ("b.md", book('team="b"'))])
    assert told(none) == [("PB111", "")]
    two = read_collection([("a.md", book()), ("b.md", book())])
    assert told(two) == [("PB112", "b.md")]
    assert "a.md" in two.findings[0].message
    assert two.default is None
    everything = read_collection([("a.md", book("{}")), ("b.md", book('team="b"'))])
    assert everything.findings == ()
    assert told(read_collection([("v.md", runbook("X"))])) == [("PB110", "")]


@pytest.mark.parametrize(
    ("one", "two", "code"),
    [
        ('team="a"', '{team="a"}', "PB113"),
        ('team="a",env="p"', 'env="p", team="a"', "PB113"),
        ('team="a"', 'env="p"', "PB114"),
        ('team="a"', 'team=~"a|b", env!="q"', "PB114"),
        ('team=~"a|b"', 'team=~"b|c"', "PB114"),
        ('team="a"', 'team="a",env="p"', None),
        ('team="a"', 'team="b"', None),
        ('team=~"a|b"', 'team!~"a|b"', None),
        ('team=~"(a+)+$"', 'team="aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"', None),
    ],
)
def test_routes_that_two_playbooks_share(one: str, two: str, code: str | None) -> None:
    found = read_collection([("a.md", book(one)), ("b.md", book(two)), ("c.md", book())])
    assert told(found) == ([(code, "b.md")] if code else [])


def test_the_narrowest_route_wins_then_the_first() -> None:
    wide, narrow = parse_matchers('team="a"'), parse_matchers('team="a",env="p"')
    assert choose([[wide], [narrow]], {"team": "a", "env": "p"}) == 1
    assert choose([[wide], [narrow]], {"team": "a"}) == 0
    assert choose([[wide], [wide]], {"team": "a"}) == 0
    assert choose([[wide]], {"team": "b"}) is None
    assert choose([[parse_matchers("{}")]], {"team": "b"}) is None


def test_a_runbook_is_found_by_the_name_of_its_alert() -> None:
    books = [read_playbook(runbook(name), "x.md") for name in ("VaultSealed", "vaultsealed", "disk-full")]
    assert runbooks_of("VaultSealed", books) == (0,)
    assert runbooks_of("VAULTSEALED", books) == (0, 1)
    assert runbooks_of("DiskFull", books) == (2,)
    assert runbooks_of("Other", books) == ()


def test_runbooks_against_rule_files() -> None:
    files = [("main.md", book()), ("v.md", runbook("VaultSealed", "Gone")), ("w.md", runbook("VaultSealed"))]
    found = read_collection(files, [("rules.yml", rules("VaultSealed", "DiskFull"))])
    assert told(found) == [("PB117", "w.md"), ("PB116", "rules.yml"), ("PB115", "v.md")]
    assert found.findings[1].line == 8
    assert "Gone" in found.findings[2].message
    as_resource = b"apiVersion: v1\nkind: PrometheusRule\nspec:\n  " + rules("VaultSealed", "Gone").replace(
        b"\n", b"\n  "
    )
    assert told(read_collection(files, [("r.yml", as_resource)])) == [("PB117", "w.md")]


@pytest.mark.parametrize(
    "content", [b"\xff", b"a: [", b"groups: 3", b"x", b"- 1", b"[" * 3000, b"&a [*a]", b"a" * 3_000_000]
)
def test_a_rule_file_that_is_none_says_so_and_nothing_else(content: bytes) -> None:
    found = read_collection([("main.md", book()), ("v.md", runbook("X"))], [("rules.yml", content)])
    assert told(found) == [("PB119", "rules.yml")]


def test_levels_that_playbooks_call_differently() -> None:
    found = read_collection([("a.md", book()), ("b.md", book('team="b"', levels="SEV"))])
    assert told(found) == [("PB118", "b.md")]


def test_which_files_are_documents() -> None:
    assert is_document(["a.md"])
    assert is_document(["deep", "b.MARKDOWN"])
    assert is_document(["c.txt"])
    assert not is_document([".hidden.md"])
    assert not is_document([".git", "a.md"])
    assert not is_document(["node_modules", "a.md"])
    assert not is_document(["policy.toml"])


def test_many_documents_with_many_routes_take_no_age() -> None:
    routes = [[f'team="t{n}-{m}", env=~"a|b|c"' for m in range(60)] for n in range(40)]
    files = [(f"b{n}.md", book(*each)) for n, each in enumerate(routes)]
    started = time.perf_counter()
    read_collection([*files, ("main.md", book())])
    assert time.perf_counter() - started < 20


def test_the_checklists_of_a_service_runbook() -> None:
    text = (
        "# Runbook: X\n\n**Alert:** `X`\n\n## Diagnosis\n\n- [ ] Look at the graph\n\n## Resolution\n\n"
        "Common causes:\n\n1. Too little memory\n\n### Step 1\n\n"
        "1. **Restart** — and wait\n\n## Verification\n\n"
        "- [ ] Orders come in\n\n## Escalation\n\n1. Call somebody\n"
    )
    playbook = read_playbook(text.encode(), "x.md")
    assert [(each.name, [item.title for item in each.checklist]) for each in playbook.phases] == [
        ("Diagnosis", ["Look at the graph"]),
        ("Resolution", ["Restart"]),
        ("Verification", ["Orders come in"]),
    ]


def at_lines(found: Collection) -> list[tuple[str, str, int]]:
    return [(each.code, each.file, each.line) for each in found.findings]


TABLE = LEVELS.format("P")


def with_front(front: str, levels: str = TABLE) -> bytes:
    return f"---\n{front}---\n\n# T\n\n{levels}".encode()


def test_findings_about_routes_stand_at_the_line_of_the_route() -> None:
    one = with_front("tocsin:\n  routes:\n    - 'team=\"a\"'\n    - 'team=\"b\"'\n")
    two = with_front('owner: x\ntocsin:\n  group_by: [a]\n  routes:\n    - \'team="c"\'\n    - team="b"\n')
    found = read_collection([("a.md", one), ("b.md", two), ("c.md", with_front(""))])
    assert at_lines(found) == [("PB113", "b.md", 7)]
    crossing = with_front("tocsin: {routes: ['team=\"c\"',\n  'env=\"p\"']}\n")
    found = read_collection([("a.md", one), ("b.md", crossing), ("c.md", with_front(""))])
    assert {(code, file, line) for code, file, line in at_lines(found)} == {("PB114", "b.md", 3)}
    everything = with_front("tocsin:\n  routes:\n    - '{}'\n")
    found = read_collection([("a.md", with_front("")), ("b.md", everything)])
    assert at_lines(found) == [("PB112", "b.md", 3)]


def test_a_bad_entry_of_the_front_matter_is_told_at_its_own_line() -> None:
    text = with_front(
        "tocsin:\n  routes:\n    - 'team=\"a\"'\n    - 'team='\n  severity:\n    'a=\"b\"': P9\n"
    )
    found = read_playbook(text + b"\nseverity: nothing\n", "x.md").findings
    assert [(each.code, each.line) for each in found if each.code == "PB008"] == [("PB008", 5), ("PB008", 7)]


def test_findings_about_a_runbook_stand_at_the_line_that_names_its_alert() -> None:
    text = b"# Vault\n\n**Owner:** x\n**Alert:** `VaultSealed`\n\n## Resolution\n\nText.\n"
    files = [("main.md", with_front("")), ("v.md", text), ("w.md", b"\n\n" + text)]
    found = read_collection(files, [("rules.yml", rules("DiskFull"))])
    told_at = {(code, file, line) for code, file, line in at_lines(found) if code in ("PB115", "PB117")}
    assert told_at == {("PB117", "w.md", 6), ("PB115", "v.md", 4), ("PB115", "w.md", 6)}
    in_front = b"---\nowner: x\nalert: VaultSealed\n---\n\n# V\n\nText.\n"
    assert read_playbook(in_front, "v.md").places["alert"] == 3


def test_other_levels_stand_at_the_table_of_levels() -> None:
    other = with_front("tocsin:\n  routes: ['a=\"b\"']\n", LEVELS.format("SEV"))
    found = read_collection([("a.md", with_front("")), ("b.md", other)])
    assert at_lines(found) == [("PB118", "b.md", 10)]


STEPS = "## Resolution\n\n```bash\n# Unseal\nvault operator unseal\n```\n"


@pytest.mark.parametrize(
    ("more", "is_runbook"),
    [
        ("", True),
        ("## Verification\n\n- [ ] It answers\n", True),
        ("## Contacts\n\n| Role | Trigger |\n|---|---|\n| On-call | All alerts |\n", False),
        ("## Phase 1: Detect (0-5 minutes)\n\n## Phase 2: Mitigate (5-60 minutes)\n\nText.\n", False),
    ],
)
def test_steps_without_levels_contacts_or_clocks_are_a_runbook_for_no_alert(
    more: str, is_runbook: bool
) -> None:
    read = read_playbook(f"\n# Vault is sealed\n\n{STEPS}\n{more}".encode(), "v.md")
    found = {each.code: each for each in read.findings}
    assert ("PB095" in found) == is_runbook
    assert ("PB090" in found) != is_runbook
    if is_runbook:
        assert found["PB095"].line == 2
        assert "PB091" not in found
        assert kind_of(read) is Kind.REFERENCE


def test_a_playbook_that_says_where_alerts_go_still_needs_levels() -> None:
    text = f"---\ntocsin:\n  routes: ['a=\"b\"']\n---\n# Vault\n\n{STEPS}"
    assert "PB090" in {each.code for each in read_playbook(text.encode(), "v.md").findings}
