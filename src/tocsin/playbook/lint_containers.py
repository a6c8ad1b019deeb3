"""Rules about containers and services: which file, which version, what a restart costs, endless logs."""

import re
from collections.abc import Iterator
from itertools import pairwise

from tocsin.base.problems import Problem
from tocsin.playbook.codes import problem
from tocsin.playbook.effects import program_of
from tocsin.playbook.model import ActionRole
from tocsin.playbook.shell import Command
from tocsin.playbook.subject import Rule, Shelled, Subject, compose_arguments, shown, verb_of

_ROLLBACK = re.compile(
    r"\broll(?:s|ing)?[\s-]?back|\brevert|\bprevious (?:version|image|release|docker)", re.IGNORECASE
)
_VERSION = re.compile(
    r"[\w./-]+:[\w.$<{-]+|@sha256:|--to-revision|--version|--image|\btag\b|_TAG\b|\$\{?\w", re.IGNORECASE
)


def hollow_rollback(subject: Subject) -> Iterator[Problem]:
    """A rollback that starts the same version again."""
    for each in subject.shelled:
        if not _ROLLBACK.search(each.action.title) or each.slots or _VERSION.search(each.action.script):
            continue
        for command in each.calls():
            compose = compose_arguments(command)
            starts = compose is not None and {"up", "restart", "start", "pull"} & set(compose)
            starts = starts or (
                program_of(command) == "systemctl" and {"restart", "start"} & set(command.arguments)
            )
            if starts:
                said = (
                    f"the title {each.action.title!r} says rollback, but no earlier image or version is named"
                )
                yield problem("PB040", each.action.line, said)
                break


def compose_files(subject: Subject) -> Iterator[Problem]:
    """Compose commands without the file that the others name, and version 1 of the program."""
    named: dict[str, None] = {}
    bare: list[tuple[int, str]] = []
    old: list[int] = []
    for each in subject.shelled:
        for command in each.calls():
            compose = compose_arguments(command)
            if compose is None:
                continue
            files = [after for word, after in pairwise(compose) if word in ("-f", "--file")]
            files += [word.partition("=")[2] for word in compose if word.startswith("--file=")]
            verb = next(
                (at for at, word in enumerate(compose) if not word.startswith("-") and word not in files), 0
            )
            if files and compose.index(files[0]) < max(verb, 2):
                named.setdefault(files[0])
            else:
                bare.append((each.line(command), shown(command)))
            if program_of(command) == "docker-compose":
                old.append(each.line(command))
    if named:
        wanted = next(iter(named))
        for line, words in bare:
            yield problem(
                "PB023", line, f"`{words}` names no compose file, although the others use `-f {wanted}`"
            )
    if old:
        times = f"{len(old)} commands use" if len(old) > 1 else "a command uses"
        yield problem(
            "PB041", old[0], f"{times} `docker-compose`, whose version 1 has reached its end of life"
        )


_RESTARTS = {
    "docker": frozenset(["restart", "kill", "rm", "stop"]),
    "podman": frozenset(["restart", "kill", "rm", "stop"]),
    "docker-compose": frozenset(["restart", "down", "rm", "kill", "stop"]),
    "systemctl": frozenset(["restart", "stop", "kill"]),
    "pm2": frozenset(["restart", "delete"]),
    "supervisorctl": frozenset(["restart", "stop"]),
}
_KEEPS = frozenset(["logs", "inspect", "cp", "export", "commit", "describe", "dump", "events"])
_LOG_ENDS = re.compile(r"^(?:--tail|--since|--until|--since-time|--limit-bytes|--lines|-n\d*|-S)(?:=|$)")
_HEADS = frozenset(["head", "tail"])


def lost_evidence(subject: Subject) -> Iterator[Problem]:
    """Restarts in a mitigation before which nothing is kept; one finding a group."""
    kept: set[str] = set()
    for each in subject.shelled:
        group = each.action.group
        if group in kept or each.action.role is not ActionRole.MITIGATION:
            continue
        if _keeps(each):
            kept.add(group)
        for command in each.calls() if group not in kept else ():
            if _restarts(command):
                kept.add(group)
                said = (
                    f"`{shown(command)}` destroys evidence, and no step before it in {group!r} keeps the logs"
                )
                yield problem("PB045", each.line(command), said)
                break


def _keeps(each: Shelled) -> bool:
    if each.action.annotations.get("evidence") == "yes":
        return True
    return any(
        program_of(command) == "journalctl" or verb_of(command) in _KEEPS or command.into_file
        for command in each.calls()
    )


def _restarts(command: Command) -> bool:
    name, verb = program_of(command), verb_of(command)
    if name in ("kubectl", "oc"):
        words = [word for word in command.arguments if not word.startswith("-")]
        is_pod = verb == "delete" and any(re.match(r"pods?(?:/|$)|po(?:/|$)", word) for word in words)
        return is_pod or (verb == "rollout" and "restart" in words)
    if name == "service":
        return "restart" in command.arguments[1:2]
    if compose_arguments(command) is not None:
        name = "docker-compose"
    return verb in _RESTARTS.get(name, ())


def scaling(subject: Subject) -> Iterator[Problem]:
    """`--scale` with no step that tells the count before and none that takes it back."""
    looked = {
        each.action.group
        for each in subject.shelled
        if any(verb_of(command) in ("ps", "ls") for command in each.calls())
    }
    for each in subject.shelled:
        for command in each.calls():
            compose = compose_arguments(command)
            if compose is None or not any(word.startswith("--scale") for word in compose):
                continue
            if each.action.group not in looked and "rollback" not in each.action.annotations:
                said = (
                    f"`{shown(command)}` is undone by the next `up`, fails where ports or names are fixed,"
                    " and no step shows the count before"
                )
                yield problem("PB042", each.line(command), said)
                break


def whole_logs(subject: Subject) -> Iterator[Problem]:
    """Commands that print all of a log; one finding a step."""
    for each in subject.shelled:
        ended = {
            pipe.commands[0].row
            for pipe in each.syntax.pipes
            if any(program_of(command) in _HEADS for command in pipe.commands[1:])
        }
        for command in each.calls():
            if command.row not in ended and _is_whole_log(command):
                yield problem("PB025", each.line(command), f"`{shown(command)}` prints all of the log")
                break


def _is_whole_log(command: Command) -> bool:
    name, arguments = program_of(command), command.arguments
    if name == "journalctl":
        ends = any(re.match(r"-[A-Za-z]*[nbS]|--(?:lines|since|boot|disk-usage)", word) for word in arguments)
        return not ends and "--vacuum" not in " ".join(arguments)
    if name not in ("docker", "docker-compose", "podman", "kubectl", "oc") or verb_of(command) != "logs":
        return False
    by_label = name in ("kubectl", "oc") and any(word in ("-l", "--selector") for word in arguments)
    return not by_label and not any(_LOG_ENDS.match(word) for word in arguments)


CONTAINER_RULES: tuple[Rule, ...] = (
    hollow_rollback,
    compose_files,
    lost_evidence,
    scaling,
    whole_logs,
)
"""The rules about containers and services."""
