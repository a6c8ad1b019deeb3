"""Rules about credentials: where they are shown, and how they are taken back."""

import re
from bisect import bisect_right
from collections.abc import Iterator

from tocsin.base.problems import Problem
from tocsin.playbook.codes import problem
from tocsin.playbook.effects import program_of
from tocsin.playbook.parameters import looks_secret
from tocsin.playbook.programs import BUILTINS
from tocsin.playbook.shell import Command, placeholder_name, placeholders
from tocsin.playbook.subject import Rule, Subject, shown

_OWN_TOKEN = re.compile(r"revoke-self|-self\b")
_SECRET_PAIR = re.compile(r"^(?:-{1,2})?(?P<name>[\w.-]+)=(?P<value>.+)$", re.DOTALL)
_VARIABLE = re.compile(r"\$\{?(?P<name>[A-Za-z_]\w*)")


def self_revocation(subject: Subject) -> Iterator[Problem]:
    """Revoking the caller's own token before the last step that needs it."""
    needing: dict[str, list[int]] = {}
    for at, each in enumerate(subject.shelled):
        if any(program_of(command) == "vault" for command in each.script.commands):
            needing.setdefault(each.action.group, []).append(at)
    for at, each in enumerate(subject.shelled):
        asks = [command for command in each.script.commands if program_of(command) == "vault"]
        own = next(
            (n for n, command in enumerate(asks) if _OWN_TOKEN.search(" ".join(command.arguments))), None
        )
        if own is None:
            continue
        others = needing.get(each.action.group, [])
        later = others[bisect_right(others, at) :][:3]
        if later or own < len(asks) - 1:
            titles = ", ".join(subject.shelled[place].action.title for place in later)
            after = f" ({titles})" if titles else ""
            said = f"`{shown(asks[own])}` revokes the caller's own token, so the later steps{after} must fail"
            yield problem("PB020", each.line(asks[own]), said)


def replaced_keys(subject: Subject) -> Iterator[Problem]:
    """`vault kv put`, which drops every key that it does not name."""
    for each in subject.shelled:
        for command in each.calls():
            if program_of(command) == "vault" and command.arguments[:2] == ("kv", "put"):
                yield problem("PB021", each.line(command))


def secrets_on_command_lines(subject: Subject) -> Iterator[Problem]:
    """Credentials among the arguments of a program; one finding a step."""
    for each in subject.shelled:
        for command in each.script.commands:
            name = program_of(command)
            secret = next((said for word in command.arguments if (said := _secret_in(word))), "")
            secret = secret or _secret_by_place(command)
            if secret and name not in BUILTINS:
                said = f"{secret} stands on the command line of `{name}`, where the process list shows it"
                yield problem("PB024", each.line(command), said)
                break


_BY_PLACE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bvault operator unseal(?: -\S+)* (?!-)\S"), "an unseal key"),
    (re.compile(r"\bvault login(?: -\S+)* (?!-)(?!\w+=)\S"), "a token"),
    (re.compile(r"^(?:mysql|mariadb|mysqldump|mysqladmin)\b.{0,200}? -p[^\s-]"), "a password"),
    (re.compile(r"^redis-cli\b.{0,200}? -a \S"), "a password"),
    (re.compile(r"^sshpass\b.{0,80}? -p ?\S"), "a password"),
    (re.compile(r"^(?:docker|podman|helm)\b.{0,80}? login\b.{0,200}? (?:-p|--password) \S"), "a password"),
    (re.compile(r"^curl\b.{0,400}? (?:-u|--user) [^\s:]+:\S"), "a password"),
)
"""Credentials that are known by their place, whatever they are called."""


def _secret_by_place(command: Command) -> str:
    text = " ".join([program_of(command), *command.arguments])[:1000]
    return next((what for pattern, what in _BY_PLACE if pattern.search(text)), "")


def _secret_in(word: str) -> str:
    pair = _SECRET_PAIR.match(word)
    if (
        pair
        and looks_secret(pair["name"])
        and pair["value"] not in ("-", "@-")
        and not pair["value"].startswith("@")
    ):
        return f"the value of {pair['name']}"
    for found in _VARIABLE.finditer(word):
        if looks_secret(found["name"]):
            return f"${found['name']}"
    for slot in placeholders(word):
        if looks_secret(placeholder_name(slot[0])):
            return slot[0]
    return ""


SECRET_RULES: tuple[Rule, ...] = (self_revocation, replaced_keys, secrets_on_command_lines)
"""The rules about credentials."""
