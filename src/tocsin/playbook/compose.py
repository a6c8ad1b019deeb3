"""Calls of Docker Compose: which files they name, and which services."""

import re
from collections.abc import Iterator

import msgspec

from tocsin.playbook.shell import Script
from tocsin.playbook.subject import compose_arguments

# Options that take a value as a word of its own: before the subcommand, and behind it.
_BEFORE = frozenset(
    """
    -f --file -p --project-name --profile --env-file --project-directory --ansi --progress --parallel -H
    --host -c --context
    """.strip().split()
)
_BEHIND = frozenset(
    """
    --tail -n --since --until --scale -t --timeout -e --env -u --user -w --workdir --index -s --signal --name
    --entrypoint -v --volume --pull --wait-timeout --exit-code-from --filter --format -l --label --publish -p
    --protocol --status --orderby --attach --no-attach --memory --build-arg --policy
    """.strip().split()
)
_MANY = frozenset(
    """
    build create down events images kill logs pause ps pull push restart rm scale start stats stop top unpause
    up wait watch
    """.strip().split()
)
_ONE = frozenset(["exec", "run", "port", "attach"])
_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")


class ComposeCall(msgspec.Struct, frozen=True):
    """A call: the files it names (none: the usual one), the services it names, and its row from 0."""

    files: tuple[str, ...]
    services: tuple[str, ...]
    row: int


def compose_calls(script: Script) -> Iterator[ComposeCall]:
    """The calls in a script whose files are all written out; a variable in one could be any file."""
    for command in script.commands:
        words = compose_arguments(command)
        if words is None:
            continue
        files: list[str] = []
        at = 0
        while at < len(words) and words[at].startswith("-"):
            option, sign, value = words[at].partition("=")
            if not sign and option in _BEFORE:
                at += 1
                value = words[at] if at < len(words) else ""
            if option in ("-f", "--file"):
                files.append(value)
            at += 1
        if at >= len(words) or any(not name or re.search(r"[$<>{}`*]", name) for name in files):
            continue
        services = tuple(dict.fromkeys(_services(words[at], tuple(words[at + 1 :]))))
        yield ComposeCall(tuple(files), services, command.row)


def _services(subcommand: str, words: tuple[str, ...]) -> Iterator[str]:
    if subcommand not in _MANY | _ONE:
        return
    at = 0
    while at < len(words):
        word = words[at]
        option, sign, value = word.partition("=")
        if word.startswith("-"):
            # `--tail` and its like; `-f` follows the log and takes nothing.
            if option in _BEHIND and not sign:
                at += 1
                value = words[at] if at < len(words) else ""
            if option in ("--scale", "--exit-code-from", "--attach"):
                yield from _plain(value.partition("=")[0])
        else:
            yield from _plain(option)
            if subcommand in _ONE:
                return
        at += 1


def _plain(word: str) -> Iterator[str]:
    """A word that can only be a name; one with a variable or a placeholder could be any."""
    if _SERVICE.fullmatch(word):
        yield word
