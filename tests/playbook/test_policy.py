"""Annotations as they are carried out, and the policy over them."""

import hashlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.playbook.golden import codes, read
from tocsin.base.problems import ProblemsError
from tocsin.playbook.model import Action, Effect, Handling, ParameterType, Playbook, RunMode
from tocsin.playbook.policy import Policy, apply_policy, lint_policy, read_policy
from tocsin.playbook.present import to_document

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HEAD = "# T\n\n## Mitigation\n\n### Group\n\n"


def block(body: str, info: str = "bash", front: str = "") -> Playbook:
    return read(f"{front}{HEAD}```{info}\n{body}\n```\n")


def step(words: str, command: str = "uptime") -> Action:
    (found,) = block(f"# Look\n#@ {words}\n{command}").actions
    return found


def policy(text: str) -> Policy:
    return read_policy(text.encode(), "policy.toml")


def ruled(playbook: Playbook, text: str, at: datetime = NOW) -> tuple[Action, list[str]]:
    """The first step under a policy, and the codes of what is wrong with the policy."""
    over = policy(text)
    found = lint_policy([("a.md", playbook)], over, at)
    return apply_policy(playbook, over, at, "a.md").actions[0], [each.code for each in found]


def test_the_defaults_by_effect() -> None:
    look, restart, kill = block("# A\nuptime\n\n# B\nsystemctl restart x\n\n# C\nrm -rf /x").actions
    assert [(each.effect, each.approvals, each.run) for each in (look, restart, kill)] == [
        (Effect.READ, 0, RunMode.GUIDED),
        (Effect.CHANGE, 1, RunMode.GUIDED),
        (Effect.DESTROY, 2, RunMode.GUIDED),
    ]
    assert [each.handling.timeout for each in (look, restart)] == [
        timedelta(seconds=60),
        timedelta(seconds=300),
    ]
    assert [each.handling.idempotent for each in (look, restart)] == ["yes", "no"]
    assert look.handling.output_bytes_max == 1024 * 1024
    assert look.runnable


def test_every_key_has_its_value() -> None:
    found = step(
        'timeout=30s grace=5s cooldown=10m approver="Team Lead" lock=db cwd=ops exit_ok=0,1 '
        'expect="up \\d+" capture=LOAD max_output=64KiB sensitive=output evidence=yes once=incident '
        "idempotent=check when=sev<=P2 runner=prod target=db-1 env=REGION,API_TOKEN run=never rollback=none"
    )
    assert not found.faults
    shown = to_document(block("# Look\n#@ timeout=30s cooldown=10m exit_ok=0,1 lock=db\nuptime"))["actions"][
        0
    ]
    assert list(shown["handling"]) == [field.name for field in msgspec.structs.fields(Handling)]
    assert {key: shown["handling"][key] for key in ("timeout", "grace", "cooldown", "exit_ok", "lock")} == {
        "timeout": "PT30S",
        "grace": "PT10S",
        "cooldown": "PT10M",
        "exit_ok": [0, 1],
        "lock": "db",
    }
    assert msgspec.json.encode(shown), "plain values only"
    handling = found.handling
    assert (handling.timeout, handling.grace, handling.cooldown) == (
        timedelta(seconds=30),
        timedelta(seconds=5),
        timedelta(minutes=10),
    )
    assert (handling.approver, handling.lock, handling.cwd, handling.rollback) == (
        "Team Lead",
        "db",
        "ops",
        "",
    )
    assert (handling.exit_ok, handling.expect, handling.capture) == ((0, 1), "up \\d+", "LOAD")
    assert (handling.output_bytes_max, handling.sensitive, handling.evidence) == (65_536, True, True)
    assert (handling.once, handling.when, handling.runner) == (True, "sev<=P2", "prod")
    assert "REGION" in found.env
    assert found.secrets == ("API_TOKEN",)
    assert found.run is RunMode.NEVER
    assert not found.runnable


@pytest.mark.parametrize(
    "words",
    [
        "run=auto",
        "timeout=0s",
        "timeout=3d",
        "cwd=../x",
        "cwd=/etc",
        "exit_ok=300",
        'expect="("',
        "max_output=900MiB",
        "when=later",
        "dryrun=no/such-step",
        "verify=group/look",
        "params=IP:ip",
        "env=9x",
        "group=x",
        "efect=read",
        "once=incident idempotent=yes",
    ],
)
def test_a_step_with_a_fault_is_shown_and_never_run(words: str) -> None:
    playbook = block(f"# Look\n#@ {words}\nuptime")
    assert [each.line for each in playbook.findings if each.code == "PB007"] == [9]
    assert playbook.actions[0].faults
    assert not playbook.actions[0].runnable
    over, _ = ruled(playbook, '[steps."group/look"]\nrun="auto"\nreason="r"\nowner="o"')
    assert not over.runnable


def test_fewer_approvals_and_loose_types_are_faults() -> None:
    assert step("approvals=1", "rm x").faults
    assert step("approvals=3", "rm x").approvals == 3
    typed = block('# Ban\n#@ params=SUSPICIOUS_IP:text\nban "<SUSPICIOUS_IP>"').actions[0]
    assert typed.faults
    narrowed = block('# Ban\n#@ params=REASON:integer\nban "<REASON>"').actions[0]
    assert narrowed.parameters[0].type is ParameterType.INTEGER


def test_a_step_never_loosens_its_block() -> None:
    body = "# A\n#@ effect=change approvals=1 run=guided\nuptime"
    (found,) = block(body, "bash {effect=destroy approvals=3 run=never group=Other}").actions
    assert (found.effect, found.approvals, found.run) == (Effect.DESTROY, 3, RunMode.NEVER)
    assert found.group == "Other"
    (both,) = block("# A\n#@ effect=read risk=critical\nuptime").actions
    assert both.effect is Effect.DESTROY


def test_ids_and_references_between_steps() -> None:
    twice = block("# A\n#@ id=x\nuptime\n\n# B\n#@ id=x\nls")
    assert [bool(each.faults) for each in twice.actions] == [True, True]
    good = block("# A\n#@ id=look\nuptime\n\n# B\n#@ verify=look dryrun=look\nrm x")
    assert not any(each.faults for each in good.actions)
    bad = block("# A\n#@ id=kill\nrm x\n\n# B\n#@ verify=kill\nls")
    assert bad.actions[1].faults == ("verify=kill: that step is destroy, and must only read",)


def test_comments_speak_only_where_they_are_heard() -> None:
    assert "PB007" in codes(read('# T\n\nText <!-- tocsin: when={a="b"} --> here\n'))
    assert "PB007" in codes(read("# T\n\n<!-- tocsin: kind=contacts -->\n\nText\n"))
    assert "PB007" not in codes(read("# T\n\nText <!-- anything else -->\n"))
    shown = read(f"{HEAD}<!-- tocsin: ignore -->\n\n```bash\nrm x\n```\n")
    assert shown.actions == ()
    assert "PB007" not in codes(shown)


def test_a_policy_loosens_with_reason_and_owner() -> None:
    playbook = block("# Look\nmystery --show")
    loosening = '[steps."group/look"]\neffect="read"\nrun="auto"\napprovals=0\n'
    kept, found = ruled(playbook, loosening)
    assert (kept, found) == (playbook.actions[0], ["PB121"])
    made, found = ruled(playbook, f'{loosening}reason="It prints"\nowner="platform"\nexpires=2027-01-01')
    assert found == []
    assert (made.effect, made.approvals, made.run) == (Effect.READ, 0, RunMode.AUTO)
    assert made.policy == "effect change → read, approvals 1 → 0, run guided → auto (platform: It prints)"
    later, found = ruled(
        playbook,
        f'{loosening}reason="It prints"\nowner="platform"\nexpires=2027-01-01',
        datetime(2027, 1, 1, tzinfo=UTC),
    )
    assert (later.policy, found) == ("", ["PB122"])


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("systemctl restart x", 'run="auto"'),
        ("rm x", "approvals=1"),
        ("rm x", "approvals=0"),
        ('curl "https://<DOMAIN>/"', 'run="auto"'),
        ("uptime", 'run="auto"\napprovals=1'),
    ],
)
def test_what_no_policy_can_allow(command: str, words: str) -> None:
    playbook = block(f"# Look\n{command}")
    kept, found = ruled(playbook, f'[steps."group/look"]\n{words}\nreason="r"\nowner="o"')
    assert found == ["PB123"]
    assert kept == playbook.actions[0]


def test_a_document_can_keep_all_its_steps_from_running_by_themselves() -> None:
    text = '[steps."group/look"]\nrun="auto"\nreason="r"\nowner="o"'
    front = "---\ntocsin:\n  auto_run: false\n---\n"
    assert ruled(block("# Look\nuptime"), text)[0].run is RunMode.AUTO
    assert ruled(block("# Look\nuptime", front=front), text)[1] == ["PB123"]


def test_a_policy_tightens_without_a_reason_and_holds_for_one_script() -> None:
    playbook = block("# Look\nuptime")
    made, found = ruled(playbook, '[steps."group/look"]\neffect="destroy"')
    assert (made.effect, made.approvals, found) == (Effect.DESTROY, 2, [])
    digest = hashlib.sha256(playbook.actions[0].script.encode()).hexdigest()
    entry = '[steps."group/look"]\nrun="never"\nscript_sha256="{}"'
    assert ruled(playbook, entry.format(digest))[1] == []
    assert ruled(playbook, entry.format("0" * 64))[1] == ["PB125"]
    assert ruled(playbook, '[steps."group/other"]\nrun="never"')[1] == ["PB120"]


def test_everything_wrong_with_a_policy_is_told_at_once() -> None:
    text = (
        '[steps.a]\nrun="wild"\nefect="read"\napprovals=9\nexpires="soon"\n'
        '\n[steps.b]\nreason="x"\n\n[more]\n'
    )
    with pytest.raises(ProblemsError) as refused:
        policy(text)
    told = [(each.line, each.code) for each in refused.value.problems]
    assert sorted(told) == [
        (2, "bad-run"),
        (3, "unknown-key"),
        (4, "out-of-range"),
        (5, "bad-date"),
        (7, "says-nothing"),
        (10, "unknown-key"),
    ]
    for bad in (b"\xff", b"a" * 3_000_000, b"[["):
        with pytest.raises(ProblemsError):
            read_policy(bad, "policy.toml")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_policy_or_problems(content: bytes) -> None:
    with suppress(ProblemsError):
        assert read_policy(content, "policy.toml").name == "policy.toml"


@given(st.text(alphabet='abcdefimnoprstuv=,"{}<>/.0123 -_', max_size=60))
def test_annotations_never_loosen(words: str) -> None:
    (found,) = block(f"# Look\n#@ {words}\nrm x").actions
    assert found.effect is Effect.DESTROY
    assert found.approvals >= 2
    assert found.run is not RunMode.AUTO
