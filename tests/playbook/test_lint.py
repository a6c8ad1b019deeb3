"""The findings: each has a playbook that deserves it and one that does not."""

import re

import pytest

from tests.playbook.golden import codes, harbour, read
from tocsin.base.ids import role_key
from tocsin.base.problems import Weight
from tocsin.playbook.codes import CODES, problem
from tocsin.playbook.lint import lint_with_roster
from tocsin.playbook.model import Playbook


def steps(body: str, language: str = "bash") -> Playbook:
    return read(f"# T\n\n## Diagnosis\n\n```{language}\n{body}\n```\n")


CASES = [
    ("PB004", "echo a\u202eb", "echo ab"),
    ("PB010", "ping -c1 <HOST>", 'ping -c1 "<HOST>"'),
    ("PB011", 'echo \'{"ip": "<BAD_IP>"}\'', "echo '{\"count\": <COUNT>}'"),
    ("PB012", 'echo "$UNHEARD_OF"', 'echo "$HOME"'),
    ("PB014", "if then (", "if a; then b; fi"),
    ("PB015", "SELECT count(*) FROM t;", 'psql -c "SELECT count(*) FROM t"'),
    ("PB020", "vault token revoke -self\nvault audit list", "vault audit list\nvault token revoke -self"),
    ("PB021", "vault kv put secret/x a=b", "vault kv patch secret/x a=b"),
    ("PB023", "docker compose -f a.yml ps\ndocker compose logs x", "docker compose -f a.yml ps"),
    ("PB024", "vault kv patch s/x api_token=abc", "vault kv patch s/x api_token=-"),
    ("PB024", 'curl -H "Authorization: $API_TOKEN" x', "curl --config - x <<E\n$API_TOKEN\nE"),
    ("PB024", 'deploy "<UNSEAL_KEY>"', 'deploy "<HOST>"'),
    (
        "PB030",
        "curl https://api.cloudflare.com/client/v4/zones/1/firewall/rules",
        "curl https://x.example/rules",
    ),
    (
        "PB040",
        "# Roll back to the last version\ndocker compose up -d x",
        "# Roll back\ndocker compose pull x:1.2",
    ),
    ("PB041", "docker-compose ps", "docker compose ps"),
    ("PB043", "docker stats", "docker stats --no-stream"),
    ("PB043", "kubectl logs -f x", "kubectl logs x"),
    ("PB043", "docker compose -f a.yml logs -f x", "docker compose -f a.yml logs x"),
    ("PB043", "tail -f x", "tail -n 5 x"),
    ("PB043", "top -c", "top -b -n 1"),
    ("PB043", "sudo watch ls", "sudo ls"),
    ("PB043", "ping x", "ping -c 3 x"),
    ("PB044", "open https://x.example", "curl https://x.example"),
    ("PB062", "git revert HEAD", "git revert --no-edit HEAD"),
]


@pytest.mark.parametrize(("code", "bad", "good"), CASES)
def test_a_rule_finds_its_fault_and_nothing_else(code: str, bad: str, good: str) -> None:
    assert code in codes(steps(bad))
    assert code not in codes(steps(good))


def test_ending_sessions_of_everybody() -> None:
    everybody = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle';"
    own = everybody.replace("state", "datname = 'shop' AND usename = 'shop' AND state")
    assert "PB050" in codes(steps(everybody, "sql"))
    assert "PB050" not in codes(steps(own, "sql"))


def test_a_command_in_a_list_that_never_ends() -> None:
    playbook = read("# T\n\n## High load\n\n1. Look: `top -c`\n2. Think: `df -h`\n")
    assert [each.line for each in playbook.findings if each.code == "PB043"] == [5]


def test_levels_without_messages_and_what_stands_in() -> None:
    found = next(each for each in harbour().findings if each.code == "PB072")
    assert found.message == "S2, S3 and S4 have no message templates; those of S1 stand in."


def test_parts_that_are_missing() -> None:
    assert {"PB090", "PB091", "PB093"} <= set(codes(read("Nothing here.")))
    assert not {"PB090", "PB091"} & set(codes(read("# T\n\n**Alert:** `X`\n")))


def test_what_is_not_recognised_is_kept_and_told() -> None:
    playbook = read("# T\n\n## Coffee\n\nThe machine is on floor 2.\n\n## Empty\n")
    assert [(each.title, each.text, each.line) for each in playbook.reference] == [
        ("Coffee", "The machine is on floor 2.", 3)
    ]
    assert [each.line for each in playbook.findings if each.code == "PB092"] == [3]


def roles_of(playbook: Playbook) -> frozenset[str]:
    named = [each.role for each in playbook.contacts]
    named += [role for edge in playbook.escalation for role in (edge.source, edge.to)]
    return frozenset(role_key(role) for role in named)


def test_a_full_roster_has_nothing_to_tell() -> None:
    playbook = harbour()
    assert lint_with_roster(playbook, roles_of(playbook)) == ()


def test_a_role_that_nobody_fills() -> None:
    playbook = harbour()
    found = lint_with_roster(playbook, roles_of(playbook) - {"lawyer"})
    assert [(each.code, each.severity) for each in found] == [("PB071", Weight.WARNING)]
    assert "Lawyer" in found[0].message


def test_levels_for_which_nobody_can_be_reached() -> None:
    playbook = harbour()
    found = [each for each in lint_with_roster(playbook, frozenset()) if each.code == "PB075"]
    assert [re.findall(r"S\d", each.message) for each in found] == [["S1"], ["S2"], ["S3"], ["S4"]]
    only_captain = lint_with_roster(playbook, frozenset(["security-officer"]))
    assert [each.code for each in only_captain].count("PB075") == 4


def test_every_code_has_words() -> None:
    for code, known in CODES.items():
        assert re.fullmatch(r"PB\d{3}", code)
        assert re.fullmatch(r".+[^.]", known.what)
        assert re.fullmatch(r"[A-Z].+\.", known.mend)
        told = problem(code, 3)
        assert (told.severity, told.line, told.message[-1]) == (known.weight, 3, ".")


def test_findings_come_by_line_and_name_the_file() -> None:
    found = harbour().findings
    assert [each.line for each in found] == sorted(each.line for each in found)
    assert {each.file for each in found} == {"harbour.md"}
