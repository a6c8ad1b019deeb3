"""The findings: each has a playbook that deserves it and one that does not."""

import re
from datetime import date

import pytest

from tests.playbook.golden import codes, harbour, read
from tocsin.base.ids import role_key
from tocsin.base.problems import Weight
from tocsin.playbook.codes import CODES, problem
from tocsin.playbook.dates import parse_day
from tocsin.playbook.lint import lint_with_roster
from tocsin.playbook.model import Playbook
from tocsin.playbook.read import read_playbook
from tocsin.playbook.syntax import read_quoted


def steps(body: str, language: str = "bash") -> Playbook:
    return read(f"# T\n\n## Diagnosis\n\n```{language}\n{body}\n```\n")


CASES = [
    ("PB004", "echo a\u202eb", "echo ab"),
    ("PB010", "ping -c1 <HOST>", 'ping -c1 "<HOST>"'),
    ("PB011", 'echo \'{"ip": "<BAD_IP>"}\'', "echo '{\"count\": <COUNT>}'"),
    ("PB012", 'echo "$UNHEARD_OF"', 'echo "$HOME"'),
    ("PB014", "if then (", "if a; then b; fi"),
    ("PB014", "a" + " | a" * 501, "a" + " | a" * 500),
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


MISSES = [
    ("PB016", "ps aux | sort | head"),
    ("PB016", "curl --fail x | grep ok"),
    ("PB016", "set -euo pipefail\ncurl x | jq ."),
    ("PB017", "grep error x || true"),
    ("PB017", "if grep -q error x; then uptime; fi"),
    ("PB017", "grep error x | head -n 5"),
    ("PB020", "vault token revoke -accessor abc\nvault audit list"),
    ("PB022", "# Check the audit log\nvault read sys/audit"),
    ("PB022", "# Rotate the key\nvault kv patch secret/x key_version=2\nvault token revoke -accessor a"),
    ("PB024", "vault login -method=oidc"),
    ("PB024", "vault operator unseal"),
    ("PB024", "mysql -u shop -p shop -e 'SELECT 1'"),
    ("PB024", "curl -u shop: https://x.example"),
    ("PB025", "docker logs x | tail -n 20"),
    ("PB025", "kubectl logs -l app=shop"),
    ("PB025", "journalctl -u shop --since -1h"),
    ("PB025", "journalctl -xeu shop -n50"),
    ("PB025", "cat docker logs"),
    ("PB030", "curl https://api.cloudflare.com/client/v4/zones/1/firewall/access_rules/rules"),
    ("PB030", "aws ecr get-login-password"),
    ("PB030", "wrangler deploy"),
    ("PB031", "curl -fsSLm 5 https://x.example"),
    ("PB031", "curl -sS --max-time 5 -o /dev/null -w '%{http_code}' https://x.example"),
    ("PB031", "curl --fail-with-body -m5 https://x.example"),
    ("PB031", "curl --config call.conf"),
    ("PB042", "docker compose up -d shop"),
    ("PB045", "docker compose logs --tail 9 x > x.log\ndocker compose restart x"),
    ("PB045", "systemctl reload nginx"),
    ("PB045", "kubectl delete deployment x"),
    ("PB051", 'psql -c "SELECT pg_size_pretty(pg_database_size(1))"'),
    ("PB052", "psql -c 'SELECT 1'"),
    ("PB052", "psql -v ON_ERROR_STOP=1 <<E\nSELECT 1;\nE"),
    ("PB053", 'psql -c "SELECT update, delete FROM words"'),
    ("PB060", "(cd x && git status)\nuptime"),
    ("PB060", "set -e\ncd x\ngit status"),
    ("PB060", "cd x || exit 1\ngit status"),
    ("PB061", "helm rollback shop 4"),
    ("PB061", "wrangler rollback abc-1"),
    ("PB064", "npx --no-install wrangler whoami"),
    ("PB064", "curl x | jq ."),
    ("PB065", "git revert --no-edit abc123"),
    ("PB066", "git push origin HEAD:fix/main-menu"),
    ("PB066", "git push"),
    ("PB004", "echo '👨\u200d🚒'"),
    ("PB005", "echo 'größer – “ja”'"),
    ("PB005", "echo Привет"),
    ("PB005", "# – später\nls -l"),
]


@pytest.mark.parametrize(("code", "script"), MISSES)
def test_what_is_well_is_left_alone(code: str, script: str) -> None:
    playbook = read(f"# T\n\n## Mitigation\n\n```bash\n{script}\n```\n")
    assert len(playbook.actions) >= 1
    assert code not in codes(playbook)


HITS = [
    ("PB016", "docker compose logs --tail 5 x | tee out"),
    ("PB017", "docker logs --tail 5 x 2>&1 | grep -i error"),
    ("PB024", "redis-cli -h cache -a hunter2 ping"),
    ("PB024", "mysql -u shop -phunter2 shop"),
    ("PB024", "curl -u shop:hunter2 https://x.example"),
    ("PB024", "docker exec vault vault operator unseal abcdef"),
    ("PB025", "kubectl logs deploy/x"),
    ("PB030", "curl https://api.cloudflare.com/client/v4/zones/1/filters"),
    ("PB045", "kubectl rollout restart deploy/x"),
    ("PB045", "kubectl delete pod x-1"),
    ("PB045", "sudo systemctl restart x"),
    ("PB051", 'psql -c "SELECT pg_reload_conf()"'),
    ("PB052", "psql shop <<E\nSELECT 1;\nE"),
    ("PB053", 'psql -c "UPDATE carts SET old = true"'),
    ("PB061", "npx wrangler rollback"),
    ("PB064", "sudo curl -s x | sudo bash"),
    ("PB066", "git push --force origin master"),
    ("PB005", "docker compose –tail 5"),
    ("PB005", "echo “hello”"),
    ("PB005", "curl https://shоp.example"),
]


@pytest.mark.parametrize(("code", "script"), HITS)
def test_the_other_ways_to_write_it(code: str, script: str) -> None:
    assert code in codes(read(f"# T\n\n## Mitigation\n\n```bash\n{script}\n```\n"))


def test_a_prompt_is_no_variable() -> None:
    found = steps("$ kubectl get pods\n$ uptime").findings
    assert [each.line for each in found if each.code == "PB014"] == [6]
    assert "PB012" not in {each.code for each in found}
    assert not {"PB012", "PB014"} & set(codes(steps("$ kubectl get pods", "console")))


def test_steps_that_only_look_are_no_alternatives() -> None:
    body = "# One\nunheard-of a\n\n# Two\nunheard-of b"
    assert "PB063" in codes(read(f"# T\n\n## Mitigation\n\n```bash\n{body}\n```\n"))
    assert "PB063" not in codes(steps(body))


def test_a_statement_is_told_at_its_own_line() -> None:
    script = 'psql "$DB" -c "\nSELECT 1;\nDELETE FROM carts;\n"'
    found = read(f"# T\n\n## Mitigation\n\n```bash\n{script}\n```\n").findings
    assert [each.line for each in found if each.code == "PB053"] == [8]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-14", date(2026, 3, 14)),
        ("2026/3/4", date(2026, 3, 4)),
        ("2026-03", date(2026, 3, 1)),
        ("2026-03-14T10:00:00Z", date(2026, 3, 14)),
        ("14.03.2026", date(2026, 3, 14)),
        ("14 March 2026", date(2026, 3, 14)),
        ("March 14, 2026", date(2026, 3, 14)),
        ("14. März 2026", date(2026, 3, 14)),
        ("14 de março de 2026", date(2026, 3, 14)),
        ("1er mars 2026", date(2026, 3, 1)),
        ("Oct 2026", date(2026, 10, 1)),
        ("14-Mar-2026", date(2026, 3, 14)),
        ("31/01/2026", date(2026, 1, 31)),
        ("01/31/2026", date(2026, 1, 31)),
        ("03/04/2026", None),
        ("2026-02-30", None),
        ("YYYY-MM-DD", None),
        ("[date]", None),
        ("last week", None),
        ("", None),
    ],
)
def test_days(text: str, day: date | None) -> None:
    assert parse_day(text) == day


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Send it to <link> or <DOMAIN>.", set()),
        ("`<script>alert(1)</script>` is a tag", set()),
        ("a < b and c > d", set()),
        ("one<br>two", set()),
        ("<details open>", {"PB018"}),
        ("<b>bold</b>", {"PB018"}),
        ('<a href="javascript:x()">x</a>', {"PB013", "PB018"}),
        ('<img src="x" onerror="x()">', {"PB013"}),
        ('<iframe src="https://x.example"></iframe>', {"PB013"}),
        ("\u0420\u0031 is a level", {"PB005"}),
        ("page\x1b[2J them", {"PB019"}),
    ],
)
def test_html_and_false_letters_in_prose(line: str, expected: set[str]) -> None:
    told = set(codes(read(f"# T\n\nWords.\n\n{line}\n")))
    assert told & {"PB005", "PB013", "PB018", "PB019"} == expected


def test_numbers_of_controls_count_only_where_the_standard_is_named() -> None:
    assert "PB002" not in codes(read("# T\n\nSee room A.16.1.5.\n"))
    assert "PB002" in codes(read("# T\n\nISO 27001:2013 asks for it.\n"))
    assert "PB002" not in codes(read("# T\n\nISO 27001:2022, control A.5.26.\n"))


def test_a_date_that_is_still_to_come() -> None:
    playbook = read_playbook(b"# T\n\n**Last Reviewed:** 2027-01-01\n", "x.md", date(2026, 11, 24))
    assert [each.line for each in playbook.findings if each.code == "PB003"] == [3]


def test_what_was_quoted_stands_where_the_parser_says() -> None:
    quoted = read_quoted("echo 'é' x # y")
    assert [quoted.holds(at) for at in (0, 5, 6, 9, 10, 14)] == [False, True, True, False, False, True]
