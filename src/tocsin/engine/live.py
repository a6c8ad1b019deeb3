"""Whether a playbook fits the real world: which questions follow from it, and what the answers mean."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import msgspec

from tocsin.base.problems import Problem, Weight
from tocsin.base.times import in_zone
from tocsin.engine.outside import World
from tocsin.oncall.model import ContactMethod, Roster
from tocsin.oncall.resolve import on_call
from tocsin.playbook import shell
from tocsin.playbook.compose import compose_calls
from tocsin.playbook.model import Action, Playbook

SECONDS_MAX = 3.0
"""How long each question may take."""

AT_ONCE_MAX = 16
QUESTIONS_MAX = 2_000
SCHEDULE_SPAN = timedelta(days=30)
_TURNS_MAX = 5_000


class LiveCode(msgspec.Struct, frozen=True):
    """A kind of finding: its weight, what is wrong, and what to do about it."""

    weight: Weight
    what: str
    mend: str


LIVE_CODES: dict[str, LiveCode] = {
    "PL001": LiveCode(
        Weight.WARNING, "a program is not on the PATH of this machine", "Install it where the steps are run."
    ),
    "PL002": LiveCode(Weight.WARNING, "a compose file cannot be read", "Name a file that is there."),
    "PL003": LiveCode(
        Weight.ERROR,
        "a compose file does not define a service that a step names",
        "Name a service that the file defines, or the file that defines it.",
    ),
    "PL004": LiveCode(
        Weight.WARNING,
        "a host does not answer",
        "Look whether its name is still right, and whether it is up.",
    ),
    "PL005": LiveCode(
        Weight.ERROR, "a contact method cannot be used", "Mend it in the roster, or set its channel up."
    ),
    "PL006": LiveCode(
        Weight.ERROR,
        "nobody is on call for a role",
        "Fill the time in the roster, by a rotation or an override.",
    ),
    "PL007": LiveCode(
        Weight.ERROR, "a secret of the settings cannot be read", "Set the variable or the file that it names."
    ),
    "PL008": LiveCode(
        Weight.WARNING,
        "a name that a step uses has no value in the environment",
        "Set it where the steps are run, or give it a value under `tocsin: vars:`.",
    ),
    "PL009": LiveCode(
        Weight.WARNING, "a question could not be answered in time", "Ask again, or look at it by hand."
    ),
}
"""The codes of the findings that only the real world gives."""

Progress = Callable[[int, int, str], None]
"""Told after each answer: how many there are, how many there will be, and what was asked."""

_URL = re.compile(r"\bhttps?://[^\s\"'`<>\\|)]{1,2000}", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
_RESERVED = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|net|org))?|invalid|test)$", re.IGNORECASE)


class Question(msgspec.Struct, frozen=True):
    """One thing to ask. `what` tells it in the progress; `ask` gives findings."""

    what: str
    line: int
    ask: Callable[[World], Awaitable[Sequence[Problem]]]


def found(code: str, line: int, message: str, field: str = "") -> Problem:
    """A finding of the real world; `message` is a sentence without a full stop."""
    known = LIVE_CODES[code]
    return Problem(
        code=code,
        message=f"{message[:1].upper()}{message[1:].rstrip('.')}.",
        mend=known.mend,
        line=line,
        field=field,
        severity=known.weight,
    )


def questions(playbook: Playbook, roster: Roster | None, world: World) -> tuple[Question, ...]:
    """Everything to ask, each thing once, in the order of the document."""
    asked: list[Question] = [*_programs(playbook), *_compose(playbook), *_hosts(playbook), *_names(playbook)]
    if roster is not None:
        asked += _contacts(roster)
    asked += [_secret(reference, field) for reference, field in world.references()]
    return tuple(asked[:QUESTIONS_MAX])


async def ask(asked: Sequence[Question], world: World, progress: Progress) -> tuple[Problem, ...]:
    """Ask all, some at once; each has its own limit of time. In the order of the questions."""
    gate = asyncio.Semaphore(AT_ONCE_MAX)
    done = 0

    async def one(question: Question) -> Sequence[Problem]:
        nonlocal done
        async with gate:
            try:
                answer = await asyncio.wait_for(question.ask(world), SECONDS_MAX)
            except TimeoutError:
                said = f"{question.what} gave no answer in {SECONDS_MAX:g} s"
                answer = [found("PL009", question.line, said)]
        done += 1
        progress(done, len(asked), question.what)
        return answer

    answers = await asyncio.gather(*(one(question) for question in asked))
    return tuple(dict.fromkeys(each for answer in answers for each in answer))


def _said(
    code: str, line: int, words: str, answer: Awaitable[str], field: str = ""
) -> Awaitable[list[Problem]]:
    async def told() -> list[Problem]:
        wrong = await answer
        return [found(code, line, f"{words}: {wrong}", field)] if wrong else []

    return told()


def _programs(playbook: Playbook) -> Iterator[Question]:
    first: dict[str, int] = {}
    for action in playbook.actions:
        for name in action.needs:
            first.setdefault(name, action.line)
    for name, line in first.items():
        yield Question(
            f"program {name}",
            line,
            lambda world, name=name, line=line: _said(
                "PL001", line, f"the program {name}", world.program(name)
            ),
        )


def _compose(playbook: Playbook) -> Iterator[Question]:
    wanted: dict[tuple[str, ...], dict[str, int]] = {}
    for action in playbook.actions:
        if action.language != "bash" or "docker" not in action.script:
            continue
        for call in compose_calls(shell.read_script(action.script)):
            named = wanted.setdefault(call.files, {})
            for service in call.services:
                named.setdefault(service, action.line + call.row)
            named.setdefault("", action.line + call.row)
    for files, services in wanted.items():
        line = services.pop("")
        name = ", ".join(files) or "the usual compose file"
        yield Question(
            f"services of {name}",
            line,
            lambda world, files=files, services=services, line=line: _services(world, files, services, line),
        )


async def _services(
    world: World, files: tuple[str, ...], services: dict[str, int], line: int
) -> list[Problem]:
    defined: set[str] = set()
    for file in files or ("",):
        try:
            own = await world.services(file)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            return [found("PL002", line, f"the compose file {file} cannot be read: {why}")]
        if own is None:
            return []
        defined |= own
    there = ", ".join(sorted(defined)[:20]) or "none"
    name = " and ".join(files) or "the compose file"
    return [
        found("PL003", at, f"{name} defines no service {service}; it defines {there}")
        for service, at in services.items()
        if service not in defined
    ]


def _hosts(playbook: Playbook) -> Iterator[Question]:
    first: dict[tuple[str, int], int] = {}
    for action in playbook.actions:
        for place, line in _places(action):
            first.setdefault(place, line)
    for (host, port), line in first.items():
        yield Question(
            f"host {host}:{port}",
            line,
            lambda world, host=host, port=port, line=line: _said(
                "PL004", line, f"the host {host}:{port}", world.reach(host, port)
            ),
        )


def _places(action: Action) -> Iterator[tuple[tuple[str, int], int]]:
    """The hosts of literal URLs. One that holds a placeholder or a variable, or a name reserved for
    documentation, is never asked."""
    for row, text in enumerate([action.opens] if action.opens else action.script.split("\n")):
        for match in _URL.finditer(text):
            authority = re.split(r"[/?#]", match[0].partition("://")[2])[0]
            end = match.end()
            if re.search(r"[${}%@*]", authority) or (
                text[end : end + 1] == "<" and len(match[0]) == len(authority) + match[0].index("://") + 3
            ):
                continue
            try:
                parts = urlsplit(match[0].rstrip(".,;:"))
                host, port = parts.hostname or "", parts.port
            except ValueError:
                continue
            if _HOST.fullmatch(host) and not _RESERVED.search(host):
                yield (host, port or (443 if parts.scheme.lower() == "https" else 80)), action.line + row


def _names(playbook: Playbook) -> Iterator[Question]:
    first: dict[str, int] = {}
    for action in playbook.actions:
        for name in (*action.env, *action.secrets):
            if name not in playbook.options.vars:
                first.setdefault(name, action.line)
    placeholders = {each.name for action in playbook.actions for each in action.parameters}
    for name, line in first.items():
        if name not in placeholders:
            yield Question(
                f"name {name}",
                line,
                lambda world, name=name, line=line: _said(
                    "PL008", line, f"the name {name}", world.variable(name)
                ),
            )


def _contacts(roster: Roster) -> Iterator[Question]:
    listed: list[tuple[str, ContactMethod]] = [
        (each.name or each.id, method) for each in roster.people for method in each.methods
    ]
    listed += [(f"the audience {each.name}", method) for each in roster.audiences for method in each.methods]
    listed += [("the fallback", method) for method in roster.fallback]
    for owner, method in listed:
        words = f"the contact method {method.id} ({method.kind}) of {owner}"
        yield Question(
            words,
            0,
            lambda world, method=method, words=words: _said(
                "PL005", 0, words, world.contact(method.kind, method.address)
            ),
        )


def _secret(reference: str, field: str) -> Question:
    return Question(
        f"secret of {field}",
        0,
        lambda world: _said("PL007", 0, f"the setting {field}", world.secret(reference, field), field),
    )


def schedule_gaps(roster: Roster, now: datetime) -> tuple[Problem, ...]:
    """When, in the next 30 days from `now` (UTC), nobody is on call for a role, or only somebody who has no
    contact method. One finding for each stretch."""
    problems: list[Problem] = []
    end = now + SCHEDULE_SPAN
    for fill in roster.roles:
        turns = fill.turns
        zone = turns.layers[-1].rotation.zone if turns and turns.layers else "UTC"
        at, turns = now, 0
        while at < end and turns < _TURNS_MAX:
            turns += 1
            answer = on_call(roster, fill.role, at)
            until = min(answer.until or end, end)
            why = answer.because or "nobody is on call"
            if answer.people and not any(person.methods for person in answer.people):
                names = " and ".join(person.name or person.id for person in answer.people)
                why = f"{names} is on call and has no contact method"
            elif answer.people:
                why = ""
            if why:
                span = f"from {in_zone(at, zone)} until {in_zone(until, zone)}"
                problems.append(found("PL006", 0, f"{fill.role}, {span}: {why}", f"roles.{fill.role}"))
            at = until if until > at else end
    return tuple(problems)
