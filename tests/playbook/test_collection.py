"""A folder of documents: what each is for, where an alert goes, and what is wrong between them."""

import random
import time

import pytest

from tocsin.alerts.matchers import parse_matchers
from tocsin.playbook.collection import Collection, Kind, choose, is_document, read_collection, runbooks_of
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
