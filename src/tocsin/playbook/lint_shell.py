"""Rules about the structure of scripts: pipes, exit codes, folders, and what a step needs around it."""

import re
from collections.abc import Iterator

from tocsin.base.problems import Problem
from tocsin.playbook.codes import problem
from tocsin.playbook.effects import program_of
from tocsin.playbook.programs import WRAPPERS
from tocsin.playbook.shell import Command
from tocsin.playbook.subject import Rule, Shelled, Subject, shown, verb_of

_FAR = re.compile(
    r"curl|wget|http|https|docker|docker-compose|podman|kubectl|oc|helm|psql"
    r"|mysql|mariadb|mysqldump|pg_dump|redis-cli|mongosh|mongo|vault|consul|"
    r"nomad|aws|gcloud|az|gh|glab|ssh|scp|rsync|journalctl|etcdctl"
)
"""Programs that talk to something else and therefore fail when it is in trouble."""

_SIGNED_IN = {
    "gh": "`gh auth status`",
    "glab": "`glab auth status`",
    "aws": "`aws sts get-caller-identity`",
    "gcloud": "`gcloud auth list`",
    "az": "`az account show`",
    "kubectl": "`kubectl auth whoami`",
    "oc": "`oc whoami`",
    "vault": "`vault token lookup`",
    "wrangler": "`wrangler whoami`",
    "heroku": "`heroku auth:whoami`",
    "flyctl": "`flyctl auth whoami`",
    "fly": "`fly auth whoami`",
    "doctl": "`doctl account get`",
}
_GREPS = frozenset(["grep", "egrep", "fgrep", "rg", "zgrep"])
_FETCHERS = frozenset(["curl", "wget"])
_SHELLS = frozenset(["sh", "bash", "zsh", "dash", "python", "python3", "node", "perl", "ruby"])


def hidden_failures(subject: Subject) -> Iterator[Problem]:
    """Pipes whose first command may fail without anybody seeing it; one finding a step."""
    for each in subject.shelled:
        if each.syntax.pipefail:
            continue
        for pipe in each.syntax.pipes:
            first, last = program_of(pipe.commands[0]), program_of(pipe.commands[-1])
            if _FAR.fullmatch(first) and last not in _GREPS and last not in _SHELLS:
                said = f"a failure of `{shown(pipe.commands[0])}` is hidden by `{last}` behind it in the pipe"
                yield problem("PB016", each.line(pipe.commands[0]), said)
                break


def nothing_found(subject: Subject) -> Iterator[Problem]:
    """Steps that end with `grep`, which fails where all is well."""
    for each in subject.shelled:
        last = each.syntax.last
        if last is None or program_of(last) not in _GREPS or "exit_ok" in each.action.annotations:
            continue
        said = (
            f"`{program_of(last)}` ends the step with 1 where nothing matches, and it then counts as failed"
        )
        yield problem("PB017", each.line(last), said)


def changed_folders(subject: Subject) -> Iterator[Problem]:
    """`cd` on a line of its own."""
    for each in subject.shelled:
        for move in each.syntax.moves:
            line = each.action.line + move.row
            if not move.followed and not move.inner:
                said = "the step changes its folder at its end, and the next step does not start there"
                yield problem("PB060", line, said)
                break
            if not (move.guarded or each.syntax.strict):
                said = "where the folder is missing, the rest of the step runs in the wrong one"
                yield problem("PB060", line, said)
                break


def signing_in(subject: Subject) -> Iterator[Problem]:
    """Programs that need credentials of their own; each once."""
    told: set[str] = set()
    for each in subject.shelled:
        for command in each.calls():
            name = program_of(command)
            if name in _SIGNED_IN and name not in told:
                told.add(name)
                said = f"`{name}` needs to be signed in where the steps are run"
                mend = f"Sign it in there beforehand, and prove it with {_SIGNED_IN[name]}."
                yield problem("PB027", each.line(command), said, mend=mend)


def downloads(subject: Subject) -> Iterator[Problem]:
    """Programs that are fetched in the middle of an incident."""
    for each in subject.shelled:
        for command in each.calls():
            if _fetches(command):
                yield problem("PB064", each.line(command), f"`{shown(command)}` may download what it runs")
        for pipe in each.syntax.pipes:
            names = [program_of(_bare(command)) for command in pipe.commands]
            if names[0] in _FETCHERS and _SHELLS.intersection(names[1:]):
                said = f"`{shown(pipe.commands[0])}` is downloaded and run by `{names[-1]}`"
                yield problem("PB064", each.line(pipe.commands[0]), said)


def _bare(command: Command) -> Command:
    """`sudo bash` as `bash`."""
    words = [word for word in command.arguments if not word.startswith("-")]
    if program_of(command) in WRAPPERS and words:
        return Command(words[0], tuple(words[1:]), command.row)
    return command


def _fetches(command: Command) -> bool:
    arguments = command.arguments
    match program_of(command):
        case "npx":
            return "--no-install" not in arguments and "--no" not in arguments
        case "bunx" | "pnpx" | "uvx":
            return bool(arguments) and "--offline" not in arguments
        case "pipx":
            return arguments[:1] == ("run",)
        case "npm" | "pnpm" | "yarn":
            return arguments[:1] in (("exec",), ("dlx",)) and "--no" not in arguments
        case "docker" | "podman":
            return verb_of(command) == "run" and any(
                re.search(r":latest$", word) for word in arguments if not word.startswith("-")
            )
        case _:
            return False


def logs_with_secrets(subject: Subject) -> Iterator[Problem]:
    """Steps that print logs without saying that they are sensitive; one finding a document."""
    found = [each for each in subject.shelled if _prints_logs(each)]
    if found:
        count = f"{len(found)} steps print" if len(found) > 1 else "a step prints"
        said = f"{count} logs, which may hold credentials and personal data, and output stays on the timeline"
        yield problem("PB026", found[0].action.line, said)


def _prints_logs(each: Shelled) -> bool:
    if "sensitive" in each.action.annotations:
        return False
    return any(
        (program_of(command) == "journalctl" or verb_of(command) == "logs") and not command.into_file
        for command in each.calls()
        if program_of(command) in ("docker", "docker-compose", "podman", "kubectl", "oc", "journalctl")
    )


SHELL_RULES: tuple[Rule, ...] = (
    hidden_failures,
    nothing_found,
    changed_folders,
    signing_in,
    downloads,
    logs_with_secrets,
)
"""The rules about the structure of scripts."""
