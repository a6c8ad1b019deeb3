"""The policy file: what a team's own owner of risk says about single steps, over what their document says.

A document can only make a step stricter. This file can also loosen one, for a reason, under a name, until
a day; and it can make any step stricter than its document does.
"""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime

import msgspec
from msgspec.structs import replace

from tocsin.base.limits import playbook_bytes_max
from tocsin.base.problems import Problem, ProblemsError
from tocsin.base.times import require_utc
from tocsin.base.tomlines import TomlLines, toml_lines
from tocsin.base.tomlread import Table, read_toml
from tocsin.playbook.codes import problem
from tocsin.playbook.handling import APPROVALS
from tocsin.playbook.model import Action, Effect, Playbook, RunMode

_KEYS = ("run", "effect", "approvals", "reason", "owner", "expires", "document", "script_sha256")
_EFFECTS, _RUNS = list(Effect), list(RunMode)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy says of one step, by its id; None where it says nothing.

    It holds until the day `expires` begins in UTC. `document` names the file where several have a step
    of that id; with `script_sha256` it holds only for exactly that script.
    """

    step: str
    effect: Effect | None = None
    approvals: int | None = None
    run: RunMode | None = None
    reason: str = ""
    owner: str = ""
    expires: date | None = None
    document: str = ""
    script_sha256: str = ""
    line: int = 0


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy file. The empty one changes nothing."""

    name: str = ""
    entries: tuple[Entry, ...] = ()


class _Ruling(msgspec.Struct, frozen=True):
    """What an entry makes of a step: the step after it, or the finding that says why it does nothing."""

    action: Action
    code: str = ""
    why: str = ""


def read_policy(content: bytes, name: str) -> Policy:
    """Read a policy file of UTF-8 bytes. `name` is that of the file, for the problems.

    Raises:
        ProblemsError: everything that is wrong, in the order of the lines.
    """
    if len(content) > playbook_bytes_max:
        mend = f"Keep it under {playbook_bytes_max} bytes."
        raise ProblemsError(
            [Problem(code="too-large", message=f"The policy has {len(content)} bytes.", mend=mend, file=name)]
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"Byte {error.start} is not UTF-8."
        raise ProblemsError(
            [Problem(code="not-text", message=message, mend="Save the file as UTF-8.", file=name, line=line)]
        ) from error
    root, lines = read_toml(text, name), toml_lines(text)
    root.only("steps")
    steps = root.table("steps")
    entries = [_entry(step, table, lines) for step, table in (steps.each_table() if steps else ())]
    root.report.refuse_if_any()
    return Policy(name=name, entries=tuple(entries))


def _entry(step: str, table: Table, lines: TomlLines) -> Entry:
    table.only(*_KEYS)
    if not {"run", "effect", "approvals"} & set(table.values):
        mend = "Say one of effect, approvals and run, or remove the entry."
        table.refuse(None, "says-nothing", f"The entry for {step!r} changes nothing.", mend)
    effects, runs = ", ".join(Effect), ", ".join(RunMode)
    return Entry(
        step=step,
        effect=table.parsed(
            "effect", "bad-effect", lambda value: Effect(str(value)), f"Choose of {effects}."
        ),
        run=table.parsed("run", "bad-run", lambda value: RunMode(str(value)), f"Choose of {runs}."),
        approvals=table.whole("approvals", 0, 3),
        reason=table.text("reason") or "",
        owner=table.text("owner") or "",
        expires=table.parsed("expires", "bad-date", _day, "Write a day without quotes: 2027-01-01."),
        document=table.text("document") or "",
        script_sha256=table.parsed("script_sha256", "bad-hash", _digest, "`sha256sum` prints one.") or "",
        line=lines.line(("steps", step)),
    )


def _day(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError("it is no day")


def _digest(value: object) -> str:
    text = str(value).casefold()
    if len(text) == 64 and all(each in "0123456789abcdef" for each in text):
        return text
    raise ValueError("it is not 64 hexadecimal digits")


def apply_policy(playbook: Playbook, policy: Policy, at: datetime, document: str = "") -> Playbook:
    """The playbook as the policy has it at a time: each step's effect, approvals and run, with `policy`
    saying what was changed. `document` is the name of the playbook's file. An entry that may not hold (see
    `lint_policy`) changes nothing.
    """
    entries = [each for each in policy.entries if each.document in ("", document)]
    if not entries:
        return playbook
    by_step = {each.step: each for each in entries}
    actions = tuple(
        _rule(action, by_step[action.id], playbook, at).action if action.id in by_step else action
        for action in playbook.actions
    )
    return replace(playbook, actions=actions)


def lint_policy(
    documents: Sequence[tuple[str, Playbook]], policy: Policy, at: datetime
) -> tuple[Problem, ...]:
    """Every entry that changes nothing, with the reason: no such step or several, no reason or owner for
    loosening, expired, or against what holds for all steps. `documents` are (file name, playbook)."""
    found: list[Problem] = []
    for entry in policy.entries:
        holding = [
            (name, playbook, action)
            for name, playbook in documents
            if entry.document in ("", name)
            for action in playbook.actions
            if action.id == entry.step
        ]
        if not holding:
            where = f" in {entry.document}" if entry.document else ""
            found.append(_told(policy, entry, "PB120", f"there is no step {entry.step!r}{where}"))
        elif len(holding) > 1:
            names = ", ".join(name for name, _, _ in holding)
            said = f"the step {entry.step!r} is in several documents ({names}), and the entry names none"
            found.append(_told(policy, entry, "PB124", said))
        else:
            _, playbook, action = holding[0]
            ruling = _rule(action, entry, playbook, at)
            if ruling.code:
                found.append(_told(policy, entry, ruling.code, f"{entry.step}: {ruling.why}"))
    return tuple(found)


def ambiguous(documents: Sequence[tuple[str, Playbook]], policy: Policy) -> Policy:
    """The policy without the entries whose step several documents have, while they name none of them."""
    counts: dict[str, int] = {}
    for _, playbook in documents:
        for action in playbook.actions:
            counts[action.id] = counts.get(action.id, 0) + 1
    kept = tuple(each for each in policy.entries if each.document or counts.get(each.step, 0) < 2)
    return replace(policy, entries=kept)


def _told(policy: Policy, entry: Entry, code: str, said: str) -> Problem:
    return replace(problem(code, entry.line, said, field=entry.step), file=policy.name)


def _rule(action: Action, entry: Entry, playbook: Playbook, at: datetime) -> _Ruling:
    if entry.expires is not None and require_utc(at).date() >= entry.expires:
        return _Ruling(action, "PB122", f"the entry expired on {entry.expires.isoformat()}")
    if entry.script_sha256 and entry.script_sha256 != script_digest(action):
        return _Ruling(action, "PB125", f"the script is another one: its SHA-256 is {script_digest(action)}")
    effect = entry.effect or action.effect
    asked_more = action.approvals > APPROVALS[action.effect]
    kept = action.approvals if asked_more else APPROVALS[effect]
    approvals = kept if entry.approvals is None else entry.approvals
    run = entry.run or action.run
    loosened = _loosened(action, effect, approvals, run)
    lacking = [key for key in ("reason", "owner") if not getattr(entry, key)]
    if loosened and lacking:
        return _Ruling(action, "PB121", f"it loosens {loosened} without {' and '.join(lacking)}")
    if approvals < APPROVALS[effect]:
        said = f"a step that is {effect.value} takes {APPROVALS[effect]} approvals, and it says {approvals}"
        return _Ruling(action, "PB123", said)
    if run is RunMode.AUTO and (why := _not_by_itself(action, effect, approvals, playbook)):
        return _Ruling(action, "PB123", f"it cannot run by itself: {why}")
    changed = _changes(action, effect, approvals, run)
    if not changed:
        return _Ruling(action)
    by = f" ({entry.owner}: {entry.reason})" if entry.owner and entry.reason else ""
    words = f"{', '.join(changed)}{by}"
    return _Ruling(replace(action, effect=effect, approvals=approvals, run=run, policy=words))


def _loosened(action: Action, effect: Effect, approvals: int, run: RunMode) -> str:
    if _EFFECTS.index(effect) < _EFFECTS.index(action.effect):
        return "the effect"
    if approvals < action.approvals:
        return "the approvals"
    return "the run" if _RUNS.index(run) < _RUNS.index(action.run) else ""


def _not_by_itself(action: Action, effect: Effect, approvals: int, playbook: Playbook) -> str:
    if not playbook.options.auto_run:
        return "its document says `auto_run: false`"
    if effect is not Effect.READ:
        return f"it is {effect.value}, and only what reads does"
    if approvals:
        return "it waits for approvals"
    if missing := [each.name for each in action.parameters if each.name not in playbook.options.vars]:
        return f"{missing[0]} has no value"
    return "it is a link" if action.opens else ""


def _changes(action: Action, effect: Effect, approvals: int, run: RunMode) -> list[str]:
    pairs: list[tuple[str, object, object]] = [
        ("effect", action.effect.value, effect.value),
        ("approvals", action.approvals, approvals),
        ("run", action.run.value, run.value),
    ]
    return [f"{name} {before} → {after}" for name, before, after in pairs if before != after]


def script_digest(action: Action) -> str:
    """The SHA-256 of a step's script as UTF-8, in hexadecimal."""
    return hashlib.sha256(action.script.encode(errors="surrogatepass")).hexdigest()
