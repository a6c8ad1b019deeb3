"""What the annotations of a step come to: how it is run, who must say yes, and why it is not run at all."""

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta

import msgspec
from msgspec.structs import replace

from tocsin.base.times import parse_duration
from tocsin.playbook.model import Action, Effect, Handling, Parameter, ParameterType, RunMode
from tocsin.playbook.parameters import looks_secret

APPROVALS = {Effect.READ: 0, Effect.CHANGE: 1, Effect.DESTROY: 2}
"""How many people must say yes at the least, the one who asks for it included."""

READ_TIMEOUT = timedelta(seconds=60)
TIMEOUT_MAX = timedelta(hours=24)
OUTPUT_BYTES_MAX = 16 * 1024 * 1024
REFERENCES = ("check", "dryrun", "verify", "rollback")
"""The keys that name another step."""

_NAME = re.compile(r"[A-Za-z_]\w*")
_SIZE = re.compile(r"(?P<count>\d{1,12})(?P<unit>[kKmM]i?B)?")
_WHEN = re.compile(r"(?:sev|level)(?P<operator><=|>=|=)(?P<level>[\w.-]+)")
_UNITS = {"kb": 1000, "kib": 1024, "mb": 1000_000, "mib": 1024 * 1024}
_WORDS = ("approver", *REFERENCES, "runner", "target", "lock", "choice", "capture")


class Handled(msgspec.Struct, frozen=True):
    """A step with its handling, and what its annotations got wrong in plain words."""

    action: Action
    faults: tuple[str, ...]


def handled(action: Action) -> Handled:
    """The step with its annotations carried out. What would loosen it, or cannot be, is a fault."""
    values, faults = action.annotations, list[str]()
    handling = _handling(action, faults)
    run, approvals = _permission(action, faults)
    parameters = _typed(action, faults)
    env = (*action.env, *_names("env", action, faults))
    secrets = (*action.secrets, *_names("secrets", action, faults), *filter(looks_secret, env))
    if values.get("once") and values.get("idempotent") == "yes":
        faults.append("once=incident is against idempotent=yes")
    changed = replace(
        action,
        handling=handling,
        run=run,
        approvals=approvals,
        parameters=parameters,
        env=tuple(dict.fromkeys(env)),
        secrets=tuple(dict.fromkeys(secrets)),
    )
    return Handled(changed, tuple(faults))


def _permission(action: Action, faults: list[str]) -> tuple[RunMode, int]:
    least = APPROVALS[action.effect]
    asked = [int(action.annotations[key]) for key in ("approvals", "approve") if key in action.annotations]
    if asked and max(asked) < least:
        word = "approval" if least == 1 else "approvals"
        faults.append(
            f"the step is {action.effect.value}, which takes {least} {word}; fewer take the policy file"
        )
    run = RunMode(action.annotations.get("run", "guided"))
    if run is RunMode.AUTO:
        faults.append("run=auto loosens, and takes the policy file")
        run = RunMode.GUIDED
    return run, max([least, *asked])


def _handling(action: Action, faults: list[str]) -> Handling:
    values = action.annotations
    is_read = action.effect is Effect.READ
    spans = {
        key: span
        for key in ("timeout", "grace", "cooldown")
        if (span := _span(key, values.get(key), faults)) is not None
    }
    spans.setdefault("timeout", READ_TIMEOUT if is_read else Handling().timeout)
    words = {key: values[key] for key in _WORDS if key in values and values[key] != "none"}
    named = replace(Handling(), **spans, **words)
    return replace(
        named,
        idempotent=values.get("idempotent", "yes" if is_read else "no"),
        cwd=_inside("cwd", values.get("cwd", ""), faults),
        when=_when(values.get("when", ""), faults),
        exit_ok=_exits(values.get("exit_ok", "0"), faults),
        expect=_pattern(values.get("expect", ""), faults),
        output_bytes_max=_size(values.get("max_output", ""), faults),
        sensitive=values.get("sensitive", "no") != "no",
        evidence=values.get("evidence", "no") != "no",
        once="once" in values,
    )


def _span(key: str, text: str | None, faults: list[str]) -> timedelta | None:
    span = parse_duration(text[:40]) if text is not None else None
    if span is not None and not timedelta(0) < span <= TIMEOUT_MAX:
        faults.append(f"{key}={text} is not between a second and 24 hours")
        return None
    return span


def _inside(key: str, path: str, faults: list[str]) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        faults.append(f"{key}={path} leads out of the folder of the document")
        return ""
    return path


def _when(text: str, faults: list[str]) -> str:
    if text and not _WHEN.fullmatch(text):
        faults.append(f"when={text[:40]!r} is no condition; write when=sev<=P2")
        return ""
    return text


def _exits(text: str, faults: list[str]) -> tuple[int, ...]:
    codes = tuple(dict.fromkeys(int(each) for each in text.split(",")))
    if max(codes) > 255:
        faults.append(f"exit_ok={text} names a status above 255")
        return (0,)
    return codes


def _pattern(text: str, faults: list[str]) -> str:
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        faults.append(f"expect={text[:40]!r} is no regular expression: {error}")
        return ""
    return text


def _size(text: str, faults: list[str]) -> int:
    found = _SIZE.fullmatch(text)
    if found is None:
        return Handling().output_bytes_max
    size = int(found["count"]) * (_UNITS[found["unit"].casefold()] if found["unit"] else 1)
    if not 0 < size <= OUTPUT_BYTES_MAX:
        faults.append(f"max_output={text} is not between 1 byte and 16 MiB")
        return Handling().output_bytes_max
    return size


def _names(key: str, action: Action, faults: list[str]) -> Iterable[str]:
    names = [name.strip() for name in action.annotations.get(key, "").split(",") if name.strip()]
    wrong = [name for name in names if not _NAME.fullmatch(name)]
    if wrong:
        faults.append(f"{key}: {wrong[0][:40]!r} is no name of a variable")
    return [name for name in names if name not in wrong]


def _typed(action: Action, faults: list[str]) -> tuple[Parameter, ...]:
    """The parameters with the types of `params=NAME:type,…`; a closed type never becomes free text."""
    wanted: dict[str, ParameterType] = {}
    known = {each.name: each.type for each in action.parameters}
    for part in filter(None, (each.strip() for each in action.annotations.get("params", "").split(","))):
        name, _, kind = part.partition(":")
        if name not in known:
            faults.append(f"params: the step has no placeholder {name[:40]!r}")
        elif kind not in list(ParameterType):
            kinds = ", ".join(ParameterType)
            faults.append(f"params: {kind[:40]!r} is no type; there are {kinds}")
        elif kind == ParameterType.TEXT and known[name] is not ParameterType.TEXT:
            faults.append(f"params: {name} is of the type {known[name].value}, and text would loosen it")
        else:
            wanted[name] = ParameterType(kind)
    return tuple(replace(each, type=wanted.get(each.name, each.type)) for each in action.parameters)


def cross_faults(actions: Sequence[Action], levels: Collection[str]) -> list[tuple[int, str]]:
    """What is wrong between steps, as (place in `actions`, words): an id that is given twice, a reference to
    a step that is not there, a dry run or a check that changes something, a level that is none."""
    by_id: dict[str, Action] = {each.id: each for each in actions}
    given: dict[str, int] = {}
    found: list[tuple[int, str]] = []
    folded = {level.casefold() for level in levels}
    for at, action in enumerate(actions):
        if (own := action.annotations.get("id")) is not None:
            if own in given:
                found += [
                    (each, f"the id {own!r} is given to more than one step") for each in (given[own], at)
                ]
            given.setdefault(own, at)
        for key in REFERENCES:
            name = getattr(action.handling, key)
            if not name:
                continue
            other = by_id.get(name)
            if other is None:
                found.append((at, f"{key}={name[:60]}: there is no such step"))
            elif key in ("check", "dryrun", "verify") and other.effect is not Effect.READ:
                found.append(
                    (at, f"{key}={name[:60]}: that step is {other.effect.value}, and must only read")
                )
            elif other is action:
                found.append((at, f"{key}={name[:60]} is the step itself"))
        level = _WHEN.fullmatch(action.handling.when)
        if level and folded and level["level"].casefold() not in folded:
            found.append((at, f"when={action.handling.when}: there is no level {level['level']!r}"))
    return list(dict.fromkeys(found))
