"""Code blocks become steps: cut at their comments, unchanged, each with its effect and its names."""

import pytest

from tests.playbook.golden import codes, read
from tocsin.playbook.effects import effect_of_powershell, effect_of_script
from tocsin.playbook.model import Action, ActionRole, Effect, ParameterType, Playbook
from tocsin.playbook.parameters import looks_secret, parameter
from tocsin.playbook.shell import read_script
from tocsin.playbook.splitting import split_block
from tocsin.playbook.sql import effect_of_sql


def block(body: str, info: str = "bash") -> Playbook:
    return read(f"# T\n\n### Phase 1: Mitigate\n\n#### Group\n\n````{info}\n{body}\n````\n")


def only(body: str, info: str = "bash") -> Action:
    actions = block(body, info).actions
    assert len(actions) == 1
    return actions[0]


def test_comments_at_the_start_of_a_paragraph_open_steps() -> None:
    found = split_block("# First\none\n# not a title\ntwo\n\n# 2. Second:\nthree # nor this\n\nfour", "bash")
    assert [(each.title, each.is_numbered, each.script, each.row) for each in found] == [
        ("First", False, "one\n# not a title\ntwo", 1),
        ("Second", True, "three # nor this\n\nfour", 6),
    ]


def test_a_block_without_comments_is_one_step_with_the_name_of_its_label() -> None:
    action = only("uptime\ndf -h")
    assert (action.title, action.group, action.order) == ("Group", "Group", 1)


def test_here_documents_quotes_and_loops_stay_whole() -> None:
    body = (
        "# Write\ncat <<'EOF' > /tmp/x\n# not a title\n\n# nor this\nEOF\n\n# Loop\nfor each in a b; do\n\n"
        '  # inner\n  echo "$each"\ndone\n\n# Query\npsql -c "\n\n# in quotes\nSELECT 1"'
    )
    assert [each.title for each in split_block(body, "bash")] == ["Write", "Loop", "Query"]


def test_comments_without_commands_go_with_the_next_step_or_the_last() -> None:
    found = split_block("# About this block\n\n# Do it\nrun\n\n# The end", "bash")
    assert [each.title for each in found] == ["Do it"]
    assert found[0].script == "# About this block\n\nrun\n\n# The end"


def test_a_shebang_is_no_title() -> None:
    assert [each.title for each in split_block("#!/bin/bash\nset -e\nrun", "bash")] == [""]


def test_a_console_session_keeps_its_commands_only() -> None:
    found = split_block("$ uptime\n up 3 days\n$ ls \\\n> -l\ntotal 0\n", "console")
    assert found[0].script.split() == ["uptime", "ls", "\\", "-l"]


def test_sql_is_cut_at_comments_between_statements() -> None:
    body = "-- Count\nSELECT count(*)\n-- inside\nFROM t;\n\n-- Stop\nSELECT pg_cancel_backend(1), '-- text';"
    found = split_block(body, "sql")
    assert [each.title for each in found] == ["Count", "Stop"]
    assert found[0].script == "SELECT count(*)\n-- inside\nFROM t;"
    actions = block(body, "sql").actions
    assert [each.effect for each in actions] == [Effect.READ, Effect.CHANGE]


def test_powershell_is_cut_at_comments() -> None:
    body = '# 1. Look\nGet-Service spooler\n\n# 2. Stop\nStop-Service spooler\n$x = @"\n# text\n"@'
    actions = block(body, "powershell").actions
    assert [(each.title, each.effect) for each in actions] == [
        ("Look", Effect.READ),
        ("Stop", Effect.DESTROY),
    ]


@pytest.mark.parametrize(
    ("script", "effect"),
    [
        ("curl -s https://x.example/health | jq .", "read"),
        ("curl -X POST https://x.example", "change"),
        ("curl -d a=b https://x.example", "change"),
        ("curl --request DELETE https://x.example/1", "destroy"),
        ("curl -o file https://x.example", "change"),
        ("curl -X GET https://x.example", "read"),
        ("docker stats --no-stream", "read"),
        ("docker compose -f a.yml ps", "read"),
        ("docker compose -f a.yml up -d", "change"),
        ("docker compose down -v", "destroy"),
        ("docker-compose -f a.yml exec app vault status", "read"),
        ("docker exec -it app rm -rf /data", "destroy"),
        ("kubectl get pods -n x", "read"),
        ("kubectl -n x logs pod", "read"),
        ("kubectl rollout undo deployment/x", "change"),
        ("kubectl delete pod x", "destroy"),
        ("kubectl exec -n a pod -- vault operator unseal x", "change"),
        ("git log -3", "read"),
        ("git revert --no-edit abc", "change"),
        ("git push origin main", "destroy"),
        ("vault audit list", "read"),
        ("vault kv put secret/a b=c", "destroy"),
        ("vault write -force auth/token/revoke-self", "destroy"),
        ("gh run list --limit 5", "read"),
        ("gh run delete 5", "destroy"),
        ("sudo systemctl status nginx", "read"),
        ("sudo -u root systemctl restart nginx", "change"),
        ("timeout 5 ls", "read"),
        ("xargs rm", "destroy"),
        ("npx wrangler rollback", "change"),
        ("echo hello", "read"),
        ("echo hello > file", "change"),
        ("ls 2>&1 >/dev/null", "read"),
        ("echo $(rm x)", "destroy"),
        ("bash -c 'rm -rf x'", "destroy"),
        ("rm x", "destroy"),
        ("find . -name x -delete", "destroy"),
        ("sed -i s/a/b/ x", "change"),
        ("redis-cli FLUSHALL", "destroy"),
        ("aws ec2 describe-instances", "read"),
        ("aws ec2 terminate-instances --instance-ids x", "destroy"),
        ("frobnicate --all", "change"),
        ("eval x", "change"),
        ('psql "$DB_URL" -c "SELECT 1"', "read"),
        ('psql "$DB_URL" -c "DROP TABLE x"', "destroy"),
        ("psql -f x.sql", "change"),
        ("psql <<EOF\nDELETE FROM x;\nEOF", "destroy"),
        ("if true; then rm x; fi", "destroy"),
        ("(", "change"),
        ("git branch", "read"),
        ("git branch new-name", "change"),
        ("git remote add x y", "change"),
        ("az vm list", "read"),
        ("az vm create --name list", "change"),
        ("gcloud compute instances delete list", "destroy"),
        ("vault read database/creds/app", "change"),
        ("sed -n 1p x", "read"),
        ("sed --in-place s/a/b/ x", "change"),
        ("sort -o x x", "change"),
        ("date --set 12:00", "change"),
        ("awk 'BEGIN { system(\"reboot\") }'", "change"),
        ("perl -e 1", "change"),
        ("trap 'rm x' EXIT", "change"),
        ("curl -s x | sh", "change"),
        ('psql "$DB_URL" -c "$QUERY"', "change"),
        ("$TOOL --all", "change"),
        ("nc x 80", "change"),
        ("/bin/rm x", "destroy"),
        ("docker exec app sh -c 'rm x'", "destroy"),
    ],
)
def test_effects_of_commands(script: str, effect: str) -> None:
    assert effect_of_script(read_script(script)).value == effect


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("SELECT * FROM t WHERE a = 'DROP'", "read"),
        ("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", "destroy"),
        ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity", "destroy"),
        ("SELECT pg_cancel_backend(1)", "change"),
        ("UPDATE t SET a = 1", "change"),
        ("SELECT 1; TRUNCATE t", "destroy"),
        ("EXPLAIN SELECT 1", "read"),
        ("SHOW max_connections", "read"),
        ("SELECT a INTO b FROM t", "change"),
        ("VACUUM t", "change"),
        ("'unclosed", "change"),
    ],
)
def test_effects_of_sql(text: str, effect: str) -> None:
    assert effect_of_sql(text).value == effect


def test_effects_of_powershell() -> None:
    assert effect_of_powershell("Get-Process | Sort-Object CPU") is Effect.READ
    assert effect_of_powershell("Restart-Service x") is Effect.CHANGE
    assert effect_of_powershell("Remove-Item x") is Effect.DESTROY
    assert effect_of_powershell("something") is Effect.CHANGE


def test_placeholders_variables_and_needs() -> None:
    action = only(
        "X=1\nkubectl -n {namespace} logs <pod-name> --since \"$SINCE\" | awk '{print}'; echo $X $HOME"
    )
    assert [each.name for each in action.parameters] == ["namespace", "pod-name"]
    assert action.env == ("SINCE",)
    assert action.needs == ("kubectl", "awk")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SUSPICIOUS_IP", ParameterType.IP),
        ("ALLOWED_CIDR", ParameterType.CIDR),
        ("DB_HOST", ParameterType.HOSTNAME),
        ("callback_url", ParameterType.URL),
        ("replicas", ParameterType.INTEGER),
        ("pod-name", ParameterType.IDENTIFIER),
        ("UNSEAL_KEY", ParameterType.TEXT),
        ("what happened", ParameterType.TEXT),
    ],
)
def test_types_of_placeholders(name: str, kind: ParameterType) -> None:
    assert parameter(name).type is kind


def test_credentials_by_their_names() -> None:
    secret = [
        "CF_API_TOKEN",
        "DATABASE_URL",
        "dbPassword",
        "AWS_SECRET_ACCESS_KEY",
        "REDIS_URL",
        "PGPASSWORD_DSN",
    ]
    public = ["CF_ZONE_ID", "HOST", "API_URL", "SSH_PUBLIC_KEY", "AWS_ACCESS_KEY_ID", "KEYBOARD"]
    assert [name for name in secret if not looks_secret(name)] == []
    assert [name for name in public if looks_secret(name)] == []


def test_annotations_tighten_and_never_loosen() -> None:
    body = (
        '# Look\n#@ id=look/now effect=change approvals=1 timeout=30s title="Look now"\nuptime\n\n'
        "# Kill\n#@ effect=read\nrm x"
    )
    playbook = block(body)
    look, kill = playbook.actions
    assert (look.id, look.title, look.effect, look.script) == (
        "look/now",
        "Look now",
        Effect.CHANGE,
        "uptime",
    )
    assert look.annotations["timeout"] == "30s"
    assert kill.effect is Effect.DESTROY
    assert codes(playbook).count("PB007") == 1


@pytest.mark.parametrize(
    "words", ["efect=read", "timeout=soon", "id=a id=b", "approvals=9", "id", "=x", "run=wild"]
)
def test_bad_annotations_are_errors(words: str) -> None:
    playbook = block(f"# Look\n#@ {words}\nuptime")
    assert [each.line for each in playbook.findings if each.code == "PB007"] == [9]


def test_annotations_of_a_whole_block() -> None:
    actions = block("# A\nuptime\n\n# B\nuptime", "bash {timeout=60s runner=prod}").actions
    assert [each.annotations for each in actions] == [{"timeout": "60s", "runner": "prod"}] * 2
    assert "PB007" in codes(block("uptime", "bash {wrong=1}"))


def test_roles_by_phase_and_heading() -> None:
    text = (
        "# Runbook: X\n\n**Alert:** `Broken`\n\n## Diagnosis\n\n```bash\nuptime\n```\n\n## Resolution\n\n"
        "### Step 1: Start it\n\n```bash\nsystemctl start x\n```\n\n### Step 2: "
        "Verify\n\n```bash\nuptime\n```\n"
    )
    playbook = read(text)
    assert playbook.alerts == ("Broken",)
    assert [each.role for each in playbook.actions] == [
        ActionRole.DIAGNOSTIC,
        ActionRole.MITIGATION,
        ActionRole.VERIFICATION,
    ]


def test_steps_with_the_same_title_have_ids_of_their_own() -> None:
    playbook = block("# A\nuptime\n\n# A\nls")
    assert [each.id for each in playbook.actions] == ["group/a", "group/a-2"]


def test_a_block_inside_a_list_and_a_nested_fence() -> None:
    playbook = read("# T\n\n## Diagnosis\n\n1. Look:\n\n   ```bash\n   # Look\n   uptime\n   ```\n")
    assert [(each.title, each.line) for each in playbook.actions] == [("Look", 9)]
    nested = read("# T\n\n## Notes\n\n````markdown\n```bash\nrm -rf /\n```\n````\n")
    assert nested.actions == ()


def test_languages_that_are_only_shown() -> None:
    assert block("a: 1", "yaml").actions == ()
    assert block("plain", "").actions == ()
