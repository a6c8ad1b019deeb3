"""Annotations of steps: `#@ effect=destroy approvals=2` and `bash {timeout=60s}`. Strict: what is not
known is an error, and nothing that was decided can be loosened."""

import re
from collections.abc import Mapping

import msgspec

from tocsin.base.times import parse_duration
from tocsin.playbook.model import Effect

_PAIR = re.compile(r'\s*(?P<key>[A-Za-z_][\w-]*)(?:=(?:"(?P<quoted>[^"\n]*)"|(?P<bare>[^\s"{}]*)))?(?=\s|$)')
_BRACES = re.compile(r"\{(?P<inner>[^{}]*)\}")
_SLUG = re.compile(r"[a-z0-9][a-z0-9._/-]*")
_NAME = re.compile(r"[\w.:/@-]+")
_NUMBERS = re.compile(r"\d{1,3}(?:,\d{1,3})*")
_ANY = re.compile(r".+")

_KEYS: dict[str, re.Pattern[str] | None] = {
    "id": _SLUG,
    "title": _ANY,
    "effect": re.compile("read|change|destroy"),
    "risk": re.compile("read|low|medium|high|critical"),
    "approvals": re.compile("[0-3]"),
    "approve": re.compile("[0-3]"),
    "approver": _ANY,
    "run": re.compile("guided|auto|never"),
    "timeout": None,
    "grace": None,
    "cooldown": None,
    "idempotent": re.compile("yes|no|check"),
    "check": _SLUG,
    "dryrun": _SLUG,
    "verify": _SLUG,
    "rollback": _SLUG,
    "runner": _NAME,
    "target": _NAME,
    "lock": _NAME,
    "cwd": _NAME,
    "choice": _NAME,
    "params": _ANY,
    "secrets": _ANY,
    "env": _ANY,
    "exit_ok": _NUMBERS,
    "expect": _ANY,
    "capture": re.compile("[A-Z][A-Z0-9_]*"),
    "max_output": re.compile(r"\d+(?:[kKmM]i?B)?"),
    "sensitive": re.compile("output|yes|no"),
    "when": _ANY,
    "once": re.compile("incident"),
    "interactive": re.compile("no"),
    "evidence": re.compile("yes|no"),
}
_FENCE_ONLY = {"group": _ANY}
"""What can be said of a whole block alone."""

_FLAGS = frozenset(["sensitive", "evidence"])
_STRICTER: dict[str, tuple[str, ...]] = {
    "effect": ("read", "change", "destroy"),
    "risk": ("read", "low", "medium", "high", "critical"),
    "approvals": ("0", "1", "2", "3"),
    "approve": ("0", "1", "2", "3"),
    "run": ("auto", "guided", "never"),
}
"""The values of keys that can be strict, the loosest first."""

_EFFECTS = {"low": Effect.CHANGE, "medium": Effect.CHANGE, "high": Effect.DESTROY, "critical": Effect.DESTROY}


class Annotations(msgspec.Struct, frozen=True):
    """Keys with their values, and what is wrong in plain words."""

    values: dict[str, str]
    faults: tuple[str, ...] = ()


def read_annotations(text: str, on_fence: bool = False) -> Annotations:
    """Read `key=value key="a value" flag`. A key twice, an unknown key or a bad value is a fault."""
    known = {**_KEYS, **_FENCE_ONLY} if on_fence else _KEYS
    values: dict[str, str] = {}
    faults: list[str] = []
    position = 0
    while position < len(text.rstrip()):
        found = _PAIR.match(text, position)
        if not found:
            faults.append(f"{text[position:].strip()[:40]!r} is no key=value")
            break
        position = found.end()
        key = found["key"]
        value = found["quoted"] if found["quoted"] is not None else found["bare"]
        fault = _fault(key, value, values, known)
        if fault:
            faults.append(fault)
        else:
            values[key] = value if value is not None else "yes"
    return Annotations(values, tuple(faults))


def _fault(
    key: str, value: str | None, before: dict[str, str], known: Mapping[str, re.Pattern[str] | None]
) -> str:
    if key in _FENCE_ONLY and key not in known:
        return f"{key!r} is said of a whole block, behind its opening ticks"
    if key not in known:
        return f"{key!r} is no key of an annotation"
    if key in before:
        return f"{key!r} is given twice"
    if value is None:
        return "" if key in _FLAGS else f"{key!r} has no value"
    pattern = known[key]
    good = pattern.fullmatch(value) if pattern else parse_duration(value[:40]) is not None
    return "" if good else f"{key}={value[:40]!r} is not a value that the key takes"


def of_info(info: str) -> Annotations:
    """The annotations of a fence's info string: what stands in its braces."""
    found = _BRACES.search(info)
    return read_annotations(found["inner"], on_fence=True) if found else Annotations({})


def merged(block: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The annotations of a step under those of its block. The step's own stand over the block's, except
    that neither loosens what the other made strict."""
    both = {**block, **own}
    for key, order in _STRICTER.items():
        if key in block and key in own:
            both[key] = max(block[key], own[key], key=order.index)
    return both


def tightened(effect: Effect, values: Mapping[str, str]) -> tuple[Effect, str]:
    """The effect after the annotations, and what is wrong where they would loosen it."""
    order = list(Effect)
    asked = [values[key] for key in ("effect", "risk") if key in values]
    wanted = [_EFFECTS.get(each) or Effect(each) for each in asked]
    if not wanted:
        return effect, ""
    strictest = max(wanted, key=order.index)
    if order.index(strictest) < order.index(effect):
        said = f"the step is {effect.value}, and an annotation cannot loosen it to {asked[0]}"
        return effect, f"{said}; that takes the policy file"
    return strictest, ""
