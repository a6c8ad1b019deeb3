"""Webhooks of GitHub: what pages, what clears, what nobody need hear of, and who is let in."""

import asyncio
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlencode

import pytest

from tests.sources.recorded import changed, recorded
from tocsin.adapters.sources.github import GitHubSource, Table, sources
from tocsin.alerts.model import Alert, AlertStatus
from tocsin.base.problems import ProblemsError
from tocsin.config import load_settings
from tocsin.engine.sources import Parsed, Source
from tocsin.testing.sources import SourceContract, arrival, parse, refused

SECRETS = (b"new secret", b"old secret")
RUN = recorded("github_workflow_run")
SUITE = recorded("github_check_suite")
CHECK = recorded("github_check_run")
DEPLOYMENT = recorded("github_deployment_status")


def source(**table: Any) -> GitHubSource:
    return GitHubSource(Table(secret_ref="env:X", **table), SECRETS)


def ask(event: str, body: dict[str, Any], **table: Any) -> Parsed:
    headers = {"x-github-event": event, "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"}
    return parse(source(**table), body, headers)


def alert_of(event: str, body: dict[str, Any], **table: Any) -> Alert:
    parsed = ask(event, body, **table)
    assert parsed.problems == ()
    (alert,) = parsed.alerts
    return alert


def nothing(event: str, body: dict[str, Any], **table: Any) -> str:
    """What is said of an event that changes nothing."""
    parsed = ask(event, body, **table)
    assert parsed.alerts == ()
    assert parsed.problems == ()
    assert parsed.said.startswith("Nothing to do: ")
    return parsed.said


class TestContract(SourceContract):
    good: ClassVar[Any] = RUN
    headers: ClassVar[dict[str, str]] = {"x-github-event": "workflow_run"}

    @pytest.fixture
    def source(self) -> Source:
        return source(branches=("*",))


class TestContractOfChecks(SourceContract):
    good: ClassVar[Any] = SUITE
    headers: ClassVar[dict[str, str]] = {"x-github-event": "check_suite"}

    @pytest.fixture
    def source(self) -> Source:
        return source(branches=("*",))


class TestContractOfDeployments(SourceContract):
    good: ClassVar[Any] = DEPLOYMENT
    headers: ClassVar[dict[str, str]] = {"x-github-event": "deployment_status"}

    @pytest.fixture
    def source(self) -> Source:
        return source(environments=("*",))


def test_a_run_that_failed() -> None:
    parsed = ask("workflow_run", RUN)
    assert parsed.delivery == "72d3162e-cc78-11e3-81ab-4c9367dc0958"
    (alert,) = parsed.alerts
    assert alert.labels == {
        "alertname": "WorkflowFailed",
        "repository": "harbour/shop",
        "workflow": "Build and test",
        "branch": "main",
        "sender": "ines",
    }
    assert alert.summary == "Build and test failed on main of harbour/shop"
    assert alert.annotations["commit"] == "Round prices to cents"
    assert alert.annotations["actor"] == "ines"
    assert alert.generator_url == alert.annotations["link"] == RUN["workflow_run"]["html_url"]
    assert (alert.status, alert.starts_at) == (
        AlertStatus.FIRING,
        datetime(2026, 3, 2, 9, 0, 12, tzinfo=UTC),
    )


def test_a_later_success_of_the_same_workflow_clears() -> None:
    bad = alert_of("workflow_run", RUN)
    fields = {"workflow_run__conclusion": "success", "workflow_run__updated_at": "2026-03-02T09:20:00Z"}
    good = alert_of("workflow_run", changed(RUN, **fields))
    assert (good.status, good.ends_at) == (AlertStatus.RESOLVED, datetime(2026, 3, 2, 9, 20, tzinfo=UTC))
    assert good.fingerprint == bad.fingerprint
    assert good.summary == "Build and test succeeded on main of harbour/shop"
    for other in (
        {"workflow__path": ".github/workflows/other.yml"},
        {"workflow_run__head_branch": "release/1"},
        {"repository__full_name": "harbour/till", "workflow_run__head_repository__full_name": "harbour/till"},
    ):
        elsewhere = alert_of("workflow_run", changed(RUN, **other), branches=("*",))
        assert elsewhere.fingerprint != bad.fingerprint


def test_runs_are_in_order_by_number_then_attempt() -> None:
    def order(**values: object) -> str:
        named = {f"workflow_run__{name}": value for name, value in values.items()}
        return ask("workflow_run", changed(RUN, **named)).sequence

    assert order(run_number=9) < order(run_number=10)
    assert order(run_number=10) < order(run_number=10, run_attempt=2) < order(run_number=11)
    # A run of old that is tried again is of an older commit than the one that failed.
    assert order(run_number=9, run_attempt=3) < order(run_number=10)
    assert order(run_number=None) < order(run_number=None, id=9876543211)


@pytest.mark.parametrize("conclusion", ["cancelled", "skipped", "neutral", "stale", "action_required", None])
def test_what_is_neither_failure_nor_success_changes_nothing(conclusion: str | None) -> None:
    for event, body, place in (
        ("workflow_run", RUN, "workflow_run"),
        ("check_suite", SUITE, "check_suite"),
    ):
        said = nothing(event, changed(body, **{f"{place}__conclusion": conclusion}))
        assert (conclusion or "not there yet") in said


def test_which_conclusions_are_failures_can_be_set() -> None:
    waits = changed(RUN, workflow_run__conclusion="action_required")
    alert = alert_of("workflow_run", waits, failures=("failure", "action_required"))
    assert alert.summary == "Build and test waits for somebody to act on main of harbour/shop"
    for conclusion, words in (("timed_out", "ran out of time"), ("startup_failure", "could not start")):
        body = changed(RUN, workflow_run__conclusion=conclusion)
        assert words in alert_of("workflow_run", body).summary
        nothing("workflow_run", body, failures=("failure",))


@pytest.mark.parametrize("action", ["requested", "in_progress", None])
def test_what_is_under_way_changes_nothing(action: str | None) -> None:
    nothing("workflow_run", changed(RUN, action=action))


def test_other_branches_page_nobody_unless_the_settings_say_so() -> None:
    feature = changed(RUN, workflow_run__head_branch="round-prices")
    nothing("workflow_run", feature)
    nothing("workflow_run", feature, branches=("main", "release/*"))
    assert alert_of("workflow_run", feature, branches=("round-*",)).labels["branch"] == "round-prices"
    release = changed(RUN, workflow_run__head_branch="release/2")
    assert alert_of("workflow_run", release, branches=("main", "release/*"))
    nothing("workflow_run", RUN, branches=("release/*",))
    trunk = changed(RUN, repository__default_branch="trunk", workflow_run__head_branch="trunk")
    assert alert_of("workflow_run", trunk).labels["branch"] == "trunk"


def test_a_fork_pages_nobody_whatever_its_branch_is_called() -> None:
    fork = changed(RUN, workflow_run__head_repository__full_name="stranger/shop")
    nothing("workflow_run", fork, branches=("*",))
    for event in ("pull_request", "pull_request_target"):
        nothing("workflow_run", changed(RUN, workflow_run__event=event), branches=("*",))
    nothing("check_suite", changed(SUITE, check_suite__head_branch=None), branches=("*",))


def test_checks_of_other_apps() -> None:
    alert = alert_of("check_suite", SUITE)
    assert alert.labels["workflow"] == "Deep Scan"
    assert alert.summary == "Deep Scan ran out of time on main of harbour/shop"
    assert alert.annotations["commit"] == "Update the README"
    again = changed(SUITE, check_suite__conclusion="success", check_suite__updated_at="2026-03-02T09:30:00Z")
    good = ask("check_suite", again)
    assert good.alerts[0].fingerprint == alert.fingerprint
    assert good.sequence > ask("check_suite", SUITE).sequence
    nothing("check_run", CHECK)
    single = alert_of("check_run", CHECK, events=("check_run",))
    assert single.labels["workflow"] == "License scan"
    assert single.fingerprint != alert.fingerprint


def test_a_workflow_does_not_page_a_second_time_by_its_checks() -> None:
    own = changed(SUITE, check_suite__app__slug="github-actions")
    nothing("check_suite", own)
    assert alert_of("check_suite", own, events=("check_suite",))


def test_a_deployment_that_failed() -> None:
    alert = alert_of("deployment_status", DEPLOYMENT)
    assert alert.labels == {
        "alertname": "DeploymentFailed",
        "repository": "harbour/shop",
        "workflow": "Deployment",
        "branch": "main",
        "environment": "production",
        "sender": "deployer[bot]",
    }
    assert alert.summary == "Deployment failed in production of harbour/shop"
    assert alert.annotations["description"] == "The health check did not pass"
    assert alert.generator_url == "https://deploy.example/runs/77/log"
    # Another branch that is deployed to the same place mends it.
    mended = changed(DEPLOYMENT, deployment_status__state="success", deployment__ref="hotfix")
    assert alert_of("deployment_status", mended).fingerprint == alert.fingerprint
    for state in ("pending", "queued", "in_progress", "inactive", "waiting"):
        nothing("deployment_status", changed(DEPLOYMENT, deployment_status__state=state))
    assert alert_of("deployment_status", changed(DEPLOYMENT, deployment_status__state="error"))


def test_which_environments_page() -> None:
    preview = changed(
        DEPLOYMENT,
        deployment_status__environment="preview-7",
        deployment__environment="preview-7",
        deployment__production_environment=False,
    )
    nothing("deployment_status", preview)
    assert alert_of("deployment_status", preview, environments=("preview-*",))
    nothing("deployment_status", DEPLOYMENT, environments=("staging",))
    plain = changed(DEPLOYMENT, deployment__production_environment=None)
    assert alert_of("deployment_status", plain).labels["environment"] == "production"


def test_ping_and_other_events() -> None:
    parsed = ask("ping", recorded("github_ping"))
    assert (parsed.alerts, parsed.said) == ((), "Tocsin hears you.")
    nothing("push", {"ref": "refs/heads/main"})
    nothing("check_run", CHECK, events=("workflow_run",))


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"workflow_run": "x"}, ("workflow_run", "wrong-type")),
        ({"repository": None}, ("repository.full_name", "missing-field")),
        ({"repository__full_name": 7}, ("repository.full_name", "wrong-type")),
        ({"workflow_run__run_number": "9"}, ("workflow_run.run_number", "wrong-type")),
        ({"workflow_run__run_number": 10**30}, ("workflow_run.run_number", "bad-number")),
        ({"workflow_run__run_number": -1}, ("workflow_run.run_number", "bad-number")),
        ({"workflow_run__updated_at": "9999-12-31T23:59:59-05:00"}, ("workflow_run.updated_at", "bad-time")),
        ({"workflow_run__head_branch": "x" * 600}, ("workflow_run.head_branch", "too-long")),
        ({"workflow_run__head_commit": [1]}, ("workflow_run.head_commit", "wrong-type")),
    ],
)
def test_what_is_no_event_of_github(fields: dict[str, object], wanted: tuple[str, str]) -> None:
    headers = {"x-github-event": "workflow_run"}
    assert refused(source(branches=("*",)), changed(RUN, **fields), headers) == [wanted]


def test_an_event_must_have_a_name() -> None:
    assert refused(source(), RUN) == [("X-GitHub-Event", "missing-field")]


def test_the_form_that_github_sends_by_default() -> None:
    body = urlencode({"payload": json.dumps(RUN)}).encode()
    form = {"content-type": "application/x-www-form-urlencoded", "x-github-event": "workflow_run"}
    assert parse(source(), body, form).alerts == parse(source(), RUN, form | {"content-type": "x"}).alerts
    for bad in (b"payload=", b"load=1", b"\xff", b"payload=%ff", b"a=1&b=2&c=3&d=4&e=5"):
        assert refused(source(), bad, form)


def sign(body: bytes, secret: bytes) -> str:
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def test_who_is_let_in() -> None:
    body = json.dumps(RUN).encode()

    def admitted(signature: str | None, sent: bytes = body) -> bool:
        headers = {} if signature is None else {"x-hub-signature-256": signature}
        return asyncio.run(source().admit(arrival(sent, headers)))

    for secret in SECRETS:
        assert admitted(sign(body, secret))
    good = sign(body, SECRETS[0])
    assert not admitted(good, body + b" ")
    for bad in (None, "", good[:-1], good.removeprefix("sha256="), good.upper(), "sha256=é", sign(body, b"")):
        assert not admitted(bad)


def test_the_documented_example_of_a_signature() -> None:
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    known = GitHubSource(Table(secret_ref="env:X"), [b"It's a Secret to Everybody"])
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert asyncio.run(known.admit(arrival(b"Hello, World!", {"x-hub-signature-256": signature})))


def test_the_settings() -> None:
    text = '[sources.github]\nsecret_ref = "env:A"\nprevious_secret_ref = "env:B"\nbranches = ["main"]\n'
    (made,) = sources(load_settings({}, {}, text, "tocsin.toml"), lambda ref, field: f"{ref} {field}")
    assert isinstance(made, GitHubSource)
    assert made._secrets == (b"env:A sources.github.secret_ref", b"env:B sources.github.previous_secret_ref")
    assert sources(load_settings({}, {}, "", "tocsin.toml"), lambda ref, field: "") == ()
    for bad in ('secret_ref = "env:A"\nevents = ["push"]', "", 'secret_ref = "env:A"\nbranch = "main"'):
        with pytest.raises(ProblemsError) as caught:
            sources(
                load_settings({}, {}, f"[sources.github]\n{bad}\n", "tocsin.toml"), lambda ref, field: ref
            )
        assert caught.value.problems[0].field.startswith("sources.github")
