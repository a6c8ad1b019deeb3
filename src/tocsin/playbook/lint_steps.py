"""Rules about single steps: what goes wrong when they are run as they are written."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise

from tocsin.base.problems import Problem
from tocsin.playbook.blocks import Listing
from tocsin.playbook.codes import problem
from tocsin.playbook.effects import program_of
from tocsin.playbook.model import ParameterType
from tocsin.playbook.parameters import looks_secret
from tocsin.playbook.programs import BUILTINS
from tocsin.playbook.shell import Command, Slot, placeholder_name, placeholders, read_script
from tocsin.playbook.subject import Rule, Shelled, Subject, compose_arguments, shown

_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
_SQL_WORDS = frozenset(["SELECT", "INSERT", "UPDATE", "DELETE", "ALTER", "DROP", "CREATE", "SHOW", "EXPLAIN"])
_HARMLESS = frozenset([ParameterType.INTEGER, ParameterType.HOSTNAME, ParameterType.IDENTIFIER])
"""Types whose values hold no character that means something in JSON, SQL or a rule language."""

_ROLLBACK = re.compile(
    r"\broll(?:s|ing)?[\s-]?back|\brevert|\bprevious (?:version|image|release|docker)", re.IGNORECASE
)
_VERSION = re.compile(
    r"[\w./-]+:[\w.$<{-]+|@sha256:|--to-revision|--version|--image|\btag\b|_TAG\b|\$\{?\w", re.IGNORECASE
)
_OWN_TOKEN = re.compile(r"revoke-self|-self\b")
_SECRET_PAIR = re.compile(r"^(?:-{1,2})?(?P<name>[\w.-]+)=(?P<value>.+)$", re.DOTALL)
_VARIABLE = re.compile(r"\$\{?(?P<name>[A-Za-z_]\w*)")


def unresolved_placeholders(subject: Subject) -> Iterator[Problem]:
    """Placeholders to which no variable gives a value, where the shell or the data would suffer."""
    for each in subject.shelled:
        for slot in each.slots:
            if slot.name in subject.playbook.options.vars or not (code := _placeholder_code(each, slot)):
                continue
            why = {
                "PB010": "and outside quotes the shell reads redirections in it",
                "PB011": "and it stands in quoted data whose meaning a value could change",
            }
            said = f"the placeholder {slot.text} has no value, {why[code]}"
            yield problem(code, each.action.line + slot.row, said)


def _placeholder_code(each: Shelled, slot: Slot) -> str:
    """What is wrong with a placeholder's place; "" for one in a place that is safe."""
    if not slot.is_quoted and slot.text.startswith("<"):
        return "PB010"
    kind = next((one.type for one in each.action.parameters if one.name == slot.name), ParameterType.TEXT)
    return "PB011" if slot.is_data and kind not in _HARMLESS else ""


def undefined_names(subject: Subject) -> Iterator[Problem]:
    """Variables and placeholders that nothing defines, each once, at its first use."""
    known = set(subject.playbook.options.vars)
    told = {slot.name for each in subject.shelled for slot in each.slots if _placeholder_code(each, slot)}
    for action in subject.playbook.actions:
        for name in (*action.env, *(each.name for each in action.parameters)):
            if name not in known and name not in told:
                known.add(name)
                kind = "variable" if name in action.env else "placeholder"
                yield problem("PB012", action.line, f"the {kind} {name} is used, and nothing defines it")


def unparsed(subject: Subject) -> Iterator[Problem]:
    """Scripts in which the parser found an error, and SQL that stands among commands."""
    for each in subject.shelled:
        for command in each.script.commands:
            if program_of(command).upper() in _SQL_WORDS and program_of(command).isupper():
                yield problem("PB015", each.line(command))
                break
        else:
            if not each.script.parses:
                said = f"the step {each.action.title!r} cannot be parsed as a shell script, so it is not run"
                yield problem("PB014", each.action.line, said)


def invisible(subject: Subject) -> Iterator[Problem]:
    """Characters in scripts that nobody sees."""
    for action in subject.playbook.actions:
        found = _INVISIBLE.search(action.script)
        if found:
            line = action.line + action.script.count("\n", 0, found.start())
            yield problem("PB004", line, f"the script holds the invisible character U+{ord(found[0]):04X}")


def links(subject: Subject) -> Iterator[Problem]:
    """`open URL` is a link."""
    for action in subject.playbook.actions:
        if action.opens:
            yield problem(
                "PB044", action.line, f"`{action.script.split()[0]}` shows {action.opens}; it is a link"
            )


def endless(subject: Subject) -> Iterator[Problem]:
    """Commands that go on until somebody stops them, in steps and in the inline code of lists."""
    for each in subject.shelled:
        for command in each.calls():
            if mend := _goes_on(command):
                yield problem("PB043", each.line(command), f"`{shown(command)}` never ends by itself; {mend}")
    for section in subject.document.sections():
        for block in section.blocks:
            for item in block.items if isinstance(block, Listing) else ():
                for code in (code for line in item.lines for code in line.code if len(code) < 200):
                    for command in read_script(code).commands:
                        if mend := _goes_on(command):
                            yield problem(
                                "PB043", item.line, f"`{shown(command)}` never ends by itself; {mend}"
                            )


def _goes_on(command: Command) -> str:
    """How to make an endless command end; "" for one that ends."""
    name, arguments = program_of(command), set(command.arguments)
    compose = compose_arguments(command)
    follows = bool(arguments & {"-f", "--follow", "-F"})
    words = command.arguments if compose is None else compose
    first = next((word for word in words if not word.startswith("-")), "")
    if (
        name in ("docker", "podman", "docker-compose")
        and "stats" in arguments
        and "--no-stream" not in arguments
    ):
        return "it needs `--no-stream`"
    if name in ("tail", "journalctl") and follows:
        return f"leave out {'`-f`' if '-f' in arguments else 'following'}"
    if "logs" in arguments and (
        "--follow" in arguments
        or (
            compose is None
            and name in ("kubectl", "docker", "podman")
            and first == "logs"
            and "-f" in arguments
        )
        or (compose is not None and "-f" in compose[compose.index("logs") :])
    ):
        return "leave out `-f` and say how many lines are wanted"
    if name == "kubectl" and arguments & {"-w", "--watch"}:
        return "leave out watching"
    if name in ("top", "htop", "iotop", "atop") and not any(
        re.match(r"-\w*[bnl]", each) for each in arguments
    ):
        return "it needs `-b -n 1`" if name == "top" else "use `top -b -n 1`"
    if name == "watch":
        return "run the command itself"
    if name == "ping" and not any(each.startswith("-c") for each in arguments):
        return "it needs `-c 4`"
    return ""


def reverting(subject: Subject) -> Iterator[Problem]:
    """`git revert` that waits in an editor."""
    for each in subject.shelled:
        for command in each.calls():
            is_revert = program_of(command) == "git" and "revert" in command.arguments[:1]
            if is_revert and not {"--no-edit", "-n", "--no-commit"} & set(command.arguments):
                said = f"`{shown(command)}` opens an editor for its message; it needs `--no-edit`"
                yield problem("PB062", each.line(command), said)


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
            if secret and name not in BUILTINS:
                said = f"{secret} stands on the command line of `{name}`, where the process list shows it"
                yield problem("PB024", each.line(command), said)
                break


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


def killing_everybody(subject: Subject) -> Iterator[Problem]:
    """Terminating sessions without saying whose."""
    for action in subject.playbook.actions:
        text = action.script.casefold()
        at = text.find("pg_terminate_backend")
        narrowed = "datname" in text and ("usename" in text or "backend_type" in text)
        is_query = re.search(r"pg_stat_activity", text)
        if at >= 0 and is_query and not narrowed:
            yield problem("PB050", action.line + action.script.count("\n", 0, at))


def cloudflare_endpoint(subject: Subject) -> Iterator[Problem]:
    """The firewall rules endpoint that is no more."""
    for action in subject.playbook.actions:
        found = re.search(r"api\.cloudflare\.com\S*/firewall/(?:access_)?rules\b", action.script)
        if found:
            yield problem("PB030", action.line + action.script.count("\n", 0, found.start()))


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


STEP_RULES: tuple[Rule, ...] = (
    unresolved_placeholders,
    undefined_names,
    unparsed,
    invisible,
    links,
    endless,
    reverting,
    hollow_rollback,
    self_revocation,
    replaced_keys,
    secrets_on_command_lines,
    killing_everybody,
    cloudflare_endpoint,
    compose_files,
)
"""The rules about steps, each on its own."""
