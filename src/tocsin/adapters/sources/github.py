"""The source `github`: webhooks of GitHub about workflows, checks and deployments.

The formats are those of https://docs.github.com/en/webhooks/webhook-events-and-payloads, the signature
that of https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Literal, cast
from urllib.parse import parse_qsl

import msgspec

from tocsin.adapters.alertjson import Fields, RefusedAlert, decode, few, problem, refuse, wrong_type
from tocsin.adapters.webhooks import first_line, is_one_of, labels_of, number, secrets_of, within
from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.base import limits
from tocsin.base.problems import Problem
from tocsin.base.times import require_utc
from tocsin.config import Secrets, Settings
from tocsin.config.tables import read_table
from tocsin.engine.sources import Arrival, Parsed, PlainSource, Source, SourceError

KIND = "github"
BODY_BYTES_MAX = 25 * 1024 * 1024
"""GitHub sends no more."""

SIGNATURE_CHARS = len("sha256=") + 64
ID_CHARS_MAX = 128
NAME_CHARS_MAX = 512
ACTIONS = "github-actions"

Event = Literal["workflow_run", "check_suite", "check_run", "deployment_status"]
Conclusion = Literal["failure", "timed_out", "startup_failure", "action_required"]

_SAID = {
    "failure": "failed",
    "error": "failed",
    "timed_out": "ran out of time",
    "startup_failure": "could not start",
    "action_required": "waits for somebody to act",
    "success": "succeeded",
}


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[sources.github]`. `branches` and `environments` may hold `*`; without any, the branch is
    the repository's default, and the environments are those that GitHub marks as production."""

    secret_ref: str
    previous_secret_ref: str = ""
    branches: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    events: tuple[Event, ...] = ("workflow_run", "check_suite", "deployment_status")
    failures: tuple[Conclusion, ...] = ("failure", "timed_out", "startup_failure")


def sources(settings: Settings, secret: Secrets) -> Sequence[Source]:
    """The source, where the settings give it a secret.

    Raises:
        ProblemsError: its table is wrong, or a secret is missing.
    """
    if KIND not in settings.sources:
        return ()
    table = read_table(settings.sources[KIND], Table, f"sources.{KIND}")
    return (GitHubSource(table, secrets_of(KIND, table.secret_ref, table.previous_secret_ref, secret)),)


class _Nothing(Exception):  # noqa: N818 - it never leaves this module
    """The event is none that anybody need hear of; the text says why."""


class _Happening(msgspec.Struct, kw_only=True):
    """What an event tells: something failed or succeeded. `sequence` sorts as runs began."""

    alertname: str
    conclusion: str
    workflow: str
    key: str
    sequence: str
    at: datetime | None
    url: str
    branch: str = ""
    environment: str = ""
    commit: str = ""
    description: str = ""
    sha: str = ""
    actor: str = ""


class GitHubSource(PlainSource):
    """Reads one event. It takes JSON and the form that GitHub sends where that is chosen."""

    kind = KIND
    json_only = False
    proves_itself = True
    body_bytes_max = BODY_BYTES_MAX

    def __init__(self, table: Table, secrets: Sequence[bytes]) -> None:
        self._table = table
        self._secrets = tuple(secrets)

    async def admit(self, arrival: Arrival) -> bool:
        """Whether the body is signed with one of the secrets."""
        given = arrival.headers.get("x-hub-signature-256", "").encode(errors="replace")
        if len(given) != SIGNATURE_CHARS:
            return False
        signed = (hmac.new(each, arrival.body, hashlib.sha256).hexdigest() for each in self._secrets)
        return is_one_of(given, [f"sha256={each}".encode() for each in signed])

    async def parse(self, arrival: Arrival) -> Parsed:
        """Read a request.

        Raises:
            SourceError: it is no event of GitHub, or it lacks what its kind must have.
        """
        require_utc(arrival.received_at)
        event = arrival.headers.get("x-github-event", "")
        if not event:
            mend = "Add this address as a webhook of a repository or an organization on GitHub."
            message = "There is no header X-GitHub-Event."
            raise SourceError([problem("missing-field", "X-GitHub-Event", message, mend)])
        if event == "ping":
            return Parsed(alerts=(), said="Tocsin hears you.")
        reader = _READERS.get(event)
        if reader is None or event not in self._table.events:
            return Parsed(alerts=(), said="Nothing to do: events of this kind are not looked at.")
        notes: list[Problem] = []
        try:
            fields = Fields(_document(arrival), "", notes)
            happening = reader(fields, self._table)
            alert = self._alert(fields, happening, arrival.received_at)
        except RefusedAlert as error:
            raise SourceError(few([error.problem, *notes])) from None
        except _Nothing as nothing:
            return Parsed(alerts=(), said=f"Nothing to do: {nothing}.")
        delivery = arrival.headers.get("x-github-delivery", "")[:ID_CHARS_MAX]
        return Parsed(alerts=(alert,), problems=few(notes), delivery=delivery, sequence=happening.sequence)

    def _alert(self, fields: Fields, happening: _Happening, received_at: datetime) -> Alert:
        ended = happening.conclusion == "success"
        if not ended and happening.conclusion not in (*self._table.failures, "error"):
            raise _Nothing(f"the conclusion is {happening.conclusion[:40] or 'not there yet'}")
        repository = _repository(fields)
        labels = labels_of(
            {
                "alertname": happening.alertname,
                "repository": repository,
                "workflow": happening.workflow,
                "branch": happening.branch,
                "environment": happening.environment,
                "sender": within(fields, "sender").text("login", NAME_CHARS_MAX),
            }
        )
        where = f"in {happening.environment}" if happening.environment else f"on {happening.branch}"
        said = _SAID[happening.conclusion]
        annotations = labels_of(
            {
                "summary": f"{happening.workflow} {said} {where} of {repository}",
                "description": happening.description,
                "commit": happening.commit,
                "sha": happening.sha,
                "actor": happening.actor,
                "link": happening.url,
            }
        )
        identity = {
            "": KIND,
            "repository": repository,
            "workflow": happening.key,
            "branch": happening.environment or happening.branch,
        }
        at = happening.at or received_at
        return Alert(
            fingerprint=fingerprint(identity),
            status=AlertStatus.RESOLVED if ended else AlertStatus.FIRING,
            labels=labels,
            annotations=annotations,
            starts_at=at,
            received_at=received_at,
            source=KIND,
            ends_at=at if ended else None,
            generator_url=happening.url,
        )


def _document(arrival: Arrival) -> dict[str, object]:
    """The event, whichever of GitHub's two content types it comes in."""
    body = arrival.body
    if arrival.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        try:
            form = dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=4))
        except (ValueError, UnicodeDecodeError):
            form = {}
        body = form.get("payload", "").encode(errors="replace")
    document = decode(body)
    if not isinstance(document, dict):
        raise SourceError([wrong_type("the body", document, "an event of GitHub")])
    return cast("dict[str, object]", document)


def _repository(fields: Fields) -> str:
    repository = within(fields, "repository")
    return _needed(repository, "full_name")


def _needed(fields: Fields, key: str) -> str:
    text = fields.text(key, NAME_CHARS_MAX)
    if not text:
        where = fields.at(key)
        raise refuse("missing-field", where, f"{where} is missing.", "Send the event as GitHub does.")
    return text


def _only_pages_for(fields: Fields, table: Table, branch: str) -> None:
    """Stop at branches that nobody is paged for."""
    if not branch:
        raise _Nothing("it is of no branch of this repository")
    wanted = table.branches or (within(fields, "repository").text("default_branch", NAME_CHARS_MAX),)
    if not any(fnmatchcase(branch, each) for each in wanted):
        raise _Nothing("its branch is none that the settings name")


def _only_completed(fields: Fields) -> None:
    if fields.text("action", NAME_CHARS_MAX) != "completed":
        raise _Nothing("it is not completed")


def _commit(fields: Fields) -> str:
    return first_line(within(fields, "head_commit").prose("message", limits.annotation_chars_max))


def _workflow_run(fields: Fields, table: Table) -> _Happening:
    _only_completed(fields)
    run, workflow = within(fields, "workflow_run"), within(fields, "workflow")
    branch = run.text("head_branch", NAME_CHARS_MAX)
    repository = _repository(fields)
    # A fork may call its branch as ours is called.
    home = within(run, "head_repository").text("full_name", NAME_CHARS_MAX) or repository
    if home != repository or run.text("event", NAME_CHARS_MAX).startswith("pull_request"):
        raise _Nothing("it is of a pull request")
    _only_pages_for(fields, table, branch)
    path = workflow.text("path", NAME_CHARS_MAX) or run.text("path", NAME_CHARS_MAX)
    name = workflow.text("name", NAME_CHARS_MAX) or run.text("name", NAME_CHARS_MAX) or path
    if not name:
        name = _needed(run, "name")
    order = number(run, "run_number") or number(run, "id")
    return _Happening(
        alertname="WorkflowFailed",
        conclusion=run.text("conclusion", NAME_CHARS_MAX),
        workflow=name,
        key=path or name,
        sequence=f"{order:018d}.{number(run, 'run_attempt'):018d}" if order else "",
        at=run.instant("updated_at") or run.instant("run_started_at"),
        url=run.url("html_url"),
        branch=branch,
        commit=_commit(run),
        sha=run.text("head_sha", NAME_CHARS_MAX),
        actor=within(run, "triggering_actor").text("login", NAME_CHARS_MAX)
        or within(run, "actor").text("login", NAME_CHARS_MAX),
    )


def _check_suite(fields: Fields, table: Table) -> _Happening:
    _only_completed(fields)
    suite = within(fields, "check_suite")
    return _check(fields, table, suite, suite, "")


def _check_run(fields: Fields, table: Table) -> _Happening:
    _only_completed(fields)
    run = within(fields, "check_run")
    return _check(fields, table, run, within(run, "check_suite"), _needed(run, "name"))


def _check(fields: Fields, table: Table, check: Fields, suite: Fields, name: str) -> _Happening:
    """A suite of checks, or the single one that has a name."""
    app = within(check, "app")
    if app.text("slug", NAME_CHARS_MAX) == ACTIONS and "workflow_run" in table.events:
        raise _Nothing("its workflow tells of it")
    # GitHub gives no branch where the commit came from a fork.
    branch = suite.text("head_branch", NAME_CHARS_MAX)
    _only_pages_for(fields, table, branch)
    workflow = name or _needed(app, "name")
    order = number(check, "id")
    at = check.instant("updated_at") or check.instant("completed_at")
    return _Happening(
        alertname="CheckFailed",
        conclusion=check.text("conclusion", NAME_CHARS_MAX),
        workflow=workflow,
        key=f"check:{workflow}",
        sequence=f"{order:018d}.{at:%Y%m%d%H%M%S}" if order and at else "",
        at=at,
        url=check.url("html_url") or within(fields, "repository").url("html_url"),
        branch=branch,
        commit=_commit(suite),
        sha=check.text("head_sha", NAME_CHARS_MAX),
        actor=within(fields, "sender").text("login", NAME_CHARS_MAX),
    )


def _deployment_status(fields: Fields, table: Table) -> _Happening:
    status, deployment = within(fields, "deployment_status"), within(fields, "deployment")
    environment = (
        status.text("environment", NAME_CHARS_MAX)
        or deployment.text("environment", NAME_CHARS_MAX)
        or _needed(deployment, "environment")
    )
    if table.environments:
        paged = any(fnmatchcase(environment, each) for each in table.environments)
    else:
        marked = deployment.values.get("production_environment") is True
        paged = marked or environment.casefold() == "production"
    if not paged:
        raise _Nothing("its environment is none that the settings name")
    order, state = number(deployment, "id"), status.text("state", NAME_CHARS_MAX)
    return _Happening(
        alertname="DeploymentFailed",
        conclusion="error" if state == "failure" else state,
        workflow=within(fields, "workflow").text("name", NAME_CHARS_MAX) or "Deployment",
        key="deployment",
        sequence=f"{order:018d}.{number(status, 'id'):018d}" if order else "",
        at=status.instant("updated_at") or status.instant("created_at"),
        url=status.url("log_url")
        or status.url("target_url")
        or within(fields, "workflow_run").url("html_url"),
        branch=deployment.text("ref", NAME_CHARS_MAX),
        environment=environment,
        description=first_line(status.prose("description", limits.annotation_chars_max)),
        sha=deployment.text("sha", NAME_CHARS_MAX),
        actor=within(deployment, "creator").text("login", NAME_CHARS_MAX),
    )


_READERS: dict[str, Callable[[Fields, Table], _Happening]] = {
    "workflow_run": _workflow_run,
    "check_suite": _check_suite,
    "check_run": _check_run,
    "deployment_status": _deployment_status,
}
