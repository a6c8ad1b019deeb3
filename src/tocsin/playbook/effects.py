"""What running a step does to the world: read, change or destroy."""

import re
from collections.abc import Sequence

from tocsin.playbook.model import Effect
from tocsin.playbook.programs import BUILTINS, OPENERS, PROGRAMS, WRAPPERS, WRITING_OPTIONS
from tocsin.playbook.shell import Command, Script, read_script
from tocsin.playbook.sql import effect_of_sql

WRAPPED_MAX = 8
"""How many commands may stand inside each other as arguments before the effect counts as unknown."""

_VALUED = frozenset(
    [
        "-f",
        "--file",
        "-n",
        "--namespace",
        "-c",
        "--context",
        "--profile",
        "--region",
        "-u",
        "--user",
        "-H",
        "--host",
        "-p",
        "--project",
        "-C",
        "--tail",
        "--since",
        "--repo",
        "-R",
        "--limit",
        "-L",
        "-o",
        "--output",
        "--kubeconfig",
        "--cluster",
        "--project-directory",
        "--env-file",
        "-l",
        "--selector",
        "--log-level",
    ]
)
_HTTP_BODY = re.compile(r"^(?:-d|-F|-T|--data(?:-\w+)?|--form(?:-\w+)?|--upload-file|--json)(?:=|$)")
_HTTP_SHORT = re.compile(r"^-[a-zA-Z]*[dFT]$")
_HTTP_FILE = re.compile(r"^(?:-o|-O|--output|--remote-name|-J)$")
_METHOD = re.compile(r"^(?:-X|--request)(?:=)?(?P<method>[A-Za-z]*)$|^--method=(?P<named>[A-Za-z]+)$")
_CMDLET = re.compile(r"\b(?P<verb>[A-Z][a-z]+)-[A-Z]\w+|\b(?P<alias>rm|del|kill|taskkill|shutdown)\b")
_CMDLET_READS = frozenset(
    [
        "Get",
        "Test",
        "Select",
        "Where",
        "Sort",
        "Format",
        "Measure",
        "Find",
        "Search",
        "Show",
        "Resolve",
        "Compare",
        "Write",
        "Foreach",
        "ForEach",
        "Group",
        "Convertto",
        "ConvertTo",
        "ConvertFrom",
        "Import",
        "Read",
        "Trace",
        "Join",
        "Split",
        "Wait",
    ]
)
_CMDLET_DESTROYS = frozenset(
    ["Remove", "Clear", "Stop", "Revoke", "Reset", "Uninstall", "Disable", "Format"]
) - {"Format"}
_RUNS_TEXT = frozenset(["eval", "source", ".", "exec", "trap"])
_ORDER = (Effect.READ, Effect.CHANGE, Effect.DESTROY)


def worst(effects: Sequence[Effect]) -> Effect:
    """The gravest of the effects; reading where there are none."""
    return max(effects, key=_ORDER.index, default=Effect.READ)


def effect_of_script(script: Script) -> Effect:
    """What a bash script does: the gravest of its commands."""
    effects = [effect_of(command) for command in script.commands]
    if script.too_deep or not script.parses:
        # What the parser could not follow might do anything; it is not taken for harmless.
        effects.append(Effect.CHANGE)
    return worst(effects)


def effect_of_powershell(text: str) -> Effect:
    """What a PowerShell script does, by the verbs of its cmdlets."""
    effects: list[Effect] = []
    for found in _CMDLET.finditer(text):
        verb = found["verb"]
        if found["alias"] or verb in _CMDLET_DESTROYS:
            effects.append(Effect.DESTROY)
        elif verb not in _CMDLET_READS:
            effects.append(Effect.CHANGE)
        else:
            effects.append(Effect.READ)
    return worst(effects) if effects else Effect.CHANGE


def effect_of(command: Command, depth: int = 0) -> Effect:
    """What one command does. A program that is not in the table counts as changing something."""
    name = program_of(command)
    own = Effect.CHANGE if command.into_file else Effect.READ
    if depth > WRAPPED_MAX:
        return Effect.CHANGE
    if not name or name in OPENERS:
        return own
    if name in WRAPPERS:
        inner = unwrapped(command)
        return worst([own, effect_of(inner, depth + 1) if inner else Effect.READ])
    if inner := _handed_on(name, command):
        return worst([own, *(effect_of(each, depth + 1) for each in inner)])
    return worst([own, _own_effect(name, command)])


def program_of(command: Command) -> str:
    """The program's name without its path."""
    return command.program.rsplit("/", 1)[-1]


def unwrapped(command: Command) -> Command | None:
    """The command behind `sudo`, `timeout 5`, `npx --no-install` and the like; None without one."""
    arguments = list(command.arguments)
    while arguments and (arguments[0].startswith("-") or "=" in arguments[0] or arguments[0][:1].isdigit()):
        option = arguments.pop(0)
        if option in ("-u", "-n", "-I", "-P", "-L", "-k", "-s") and arguments:
            arguments.pop(0)
    if not arguments:
        return None
    return Command(arguments[0], tuple(arguments[1:]), command.row)


def _handed_on(name: str, command: Command) -> tuple[Command, ...]:
    """The commands that a program runs for its caller elsewhere: in a container, in a shell."""
    arguments = command.arguments
    if name in ("bash", "sh", "zsh", "dash", "ash") and "-c" in arguments[:-1]:
        return read_script(arguments[arguments.index("-c") + 1]).commands
    if name == "kubectl" and "exec" in arguments and "--" in arguments:
        rest = arguments[arguments.index("--") + 1 :]
        return (Command(rest[0], rest[1:], command.row),) if rest else ()
    if name in ("docker", "docker-compose", "podman") and "exec" in arguments:
        rest = [each for each in _without_values(arguments[arguments.index("exec") + 1 :]) if each]
        return (Command(rest[1], tuple(rest[2:]), command.row),) if len(rest) > 1 else ()
    return ()


def _without_values(arguments: Sequence[str]) -> list[str]:
    """The arguments up to the container's name without options; those behind it stay."""
    kept: list[str] = []
    waiting = list(arguments)
    while waiting:
        each = waiting.pop(0)
        if kept or not each.startswith("-"):
            return [each, *waiting]
        if each in ("-e", "--env", "-u", "--user", "-w", "--workdir", "--index") and waiting:
            waiting.pop(0)
    return kept


def _own_effect(name: str, command: Command) -> Effect:
    match name:
        case "curl" | "wget" | "http" | "https":
            return _http(name, command.arguments)
        case "psql" | "mysql" | "mariadb":
            return _database(command)
        case "gh" if command.arguments[:1] == ("api",):
            return _http("curl", command.arguments[1:])
        case "find" if {"-delete", "-exec", "-execdir", "-ok"} & set(command.arguments):
            return (
                Effect.DESTROY
                if "-delete" in command.arguments or "rm" in command.arguments
                else Effect.CHANGE
            )
        case "docker" if command.arguments[:1] == ("compose",):
            return _own_effect("docker-compose", Command(name, command.arguments[1:], command.row))
        case "podman":
            return _own_effect("docker", command)
        case _:
            return _by_table(name, command.arguments)


def _by_table(name: str, arguments: Sequence[str]) -> Effect:
    known = PROGRAMS.get(name)
    writes = WRITING_OPTIONS.get(name)
    if writes and writes.search(" ".join(arguments)):
        return Effect.CHANGE
    if known is None:
        return Effect.READ if name in BUILTINS and name not in _RUNS_TEXT else Effect.CHANGE
    if known.looks:
        return Effect.READ
    words, options = _words(arguments)
    text = " ".join(words or options)
    if known.destroys and known.destroys.match(text):
        return Effect.DESTROY
    return Effect.READ if known.reads and known.reads.match(text) else Effect.CHANGE


def _words(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words of a command line without its options and their values, and the options."""
    words: list[str] = []
    options: list[str] = []
    is_value = False
    for each in arguments:
        if is_value:
            is_value = False
        elif each.startswith("-"):
            options.append(each)
            is_value = each in _VALUED and not words
        else:
            words.append(each)
    return words, options


def _http(name: str, arguments: Sequence[str]) -> Effect:
    method = ""
    has_body = False
    for at, each in enumerate(arguments):
        if found := _METHOD.match(each):
            method = (found["method"] or found["named"] or "".join(arguments[at + 1 : at + 2])).upper()
        has_body = has_body or bool(_HTTP_BODY.match(each) or (name == "curl" and _HTTP_SHORT.match(each)))
    if method == "DELETE":
        return Effect.DESTROY
    if method:
        return Effect.READ if method in ("GET", "HEAD", "OPTIONS") else Effect.CHANGE
    config = any(each in ("--config", "-K") for each in arguments)
    saves = name == "wget" or any(_HTTP_FILE.match(each) for each in arguments)
    return Effect.CHANGE if has_body or saves or config else Effect.READ


def _database(command: Command) -> Effect:
    """A database client by the SQL it is given; by what it may be asked, where it is given none."""
    given = given_sql(command)
    if any(each in ("-l", "--list", "--version", "-V") for each in command.arguments):
        return Effect.READ
    return worst([effect_of_sql(each) for each in given]) if given else Effect.CHANGE


def given_sql(command: Command) -> list[str]:
    """The SQL that a database client is given on its command line or in a here-document."""
    arguments = command.arguments
    given = [
        arguments[at + 1]
        for at, each in enumerate(arguments[:-1])
        if each in ("-c", "-e", "--command", "--execute")
    ]
    given += [each.partition("=")[2] for each in arguments if each.startswith(("--command=", "--execute="))]
    if command.input:
        given.append(re.sub(r"^<<-?\s*\S+[^\n]*\n|\n\S+$", "", command.input).removeprefix("<<<"))
    return given
