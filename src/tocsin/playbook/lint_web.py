"""Rules about calls of other people's services: how `curl` fails, and interfaces that are gone."""

import re
from collections.abc import Iterator

import msgspec

from tocsin.base.problems import Problem
from tocsin.playbook.codes import problem
from tocsin.playbook.effects import program_of
from tocsin.playbook.shell import Command
from tocsin.playbook.subject import Rule, Subject, shown

_SHORT = re.compile(r"^-[A-Za-z]*$")


class Gone(msgspec.Struct, frozen=True):
    """An interface that no longer answers: how it is recognised, what happened, and what replaced it."""

    pattern: re.Pattern[str]
    what: str
    mend: str


GONE: tuple[Gone, ...] = (
    Gone(
        re.compile(r"api\.cloudflare\.com\S{0,300}/(?:firewall/rules|filters)\b"),
        "Cloudflare has replaced the firewall rules endpoint by rulesets, and it no longer answers",
        "Add one rule with a POST to the rules of the zone's `http_request_firewall_custom` ruleset; a PUT"
        " of the whole ruleset would replace all rules.",
    ),
    Gone(
        re.compile(r"\bslack\.com/api/files\.upload(?!\w)"),
        "Slack has shut down `files.upload`",
        "Use `files.getUploadURLExternal` and `files.completeUploadExternal`.",
    ),
    Gone(
        re.compile(r"\bwrangler\s+publish\b"),
        "`wrangler publish` was removed from Wrangler",
        "Use `wrangler deploy`.",
    ),
    Gone(
        re.compile(r"\bkubectl\s+rolling-update\b"),
        "`kubectl rolling-update` was removed from kubectl",
        "Use `kubectl rollout` on a Deployment.",
    ),
    Gone(
        re.compile(r"\baws\s+ecr\s+get-login(?![\w-])"),
        "`aws ecr get-login` was removed from version 2 of the AWS command line",
        "Use `aws ecr get-login-password` and hand its output to `docker login --password-stdin`.",
    ),
    Gone(
        re.compile(r"\bhelm\s+(?:delete|del)\b[^\n]{0,300}--purge\b"),
        "`helm delete --purge` belongs to Helm 2, which is no longer maintained",
        "Use `helm uninstall`.",
    ),
    Gone(
        re.compile(r"\bapi\.github\.com\S{0,300}[?&]access_token="),
        "GitHub no longer takes a token from the address",
        "Send it in the `Authorization` header, from a file or standard input.",
    ),
)
"""What is known to be gone. A new entry needs nothing else."""


def gone_interfaces(subject: Subject) -> Iterator[Problem]:
    """Calls of interfaces that no longer answer."""
    for action in subject.playbook.actions:
        for gone in GONE:
            if found := gone.pattern.search(action.script):
                line = action.line + action.script.count("\n", 0, found.start())
                yield problem("PB030", line, gone.what, mend=gone.mend)


def careless_calls(subject: Subject) -> Iterator[Problem]:
    """`curl` that takes an error for success or waits without end; one finding a step."""
    for each in subject.shelled:
        for command in each.calls():
            if program_of(command) == "curl" and (lacks := _lacks(command)):
                why = {
                    "--fail": "takes an error page for success",
                    "--max-time": "waits without end for a server that does not answer",
                }
                said = f"`{shown(command)}` {' and '.join(why[option] for option in lacks)}"
                mend = f"Add `{' '.join(_ADD[option] for option in lacks)}`."
                yield problem("PB031", each.line(command), said, mend=mend)
                break


_ADD = {"--fail": "--fail-with-body", "--max-time": "--max-time 20"}


def _lacks(command: Command) -> list[str]:
    """The options without which a call misleads."""
    arguments = command.arguments
    shorts = "".join(word[1:] for word in arguments if _SHORT.match(word))
    # A script that prints the status or the headers looks at them by itself.
    looks = any(word in ("-w", "--write-out", "-I", "--head", "-i", "--include") for word in arguments)
    looks = looks or bool(set("wIi") & set(shorts))
    fails = looks or "f" in shorts or any(word.startswith("--fail") for word in arguments)
    ends = "m" in shorts or any(word.startswith(("--max-time", "-m")) for word in arguments)
    # Both may stand in a file of options.
    if any(word in ("-K", "--config") for word in arguments) and "-" not in arguments:
        return []
    return [name for name, given in (("--fail", fails), ("--max-time", ends)) if not given]


WEB_RULES: tuple[Rule, ...] = (gone_interfaces, careless_calls)
"""The rules about calls of services."""
