"""A playbook's actions, checklists and messages as steps of a CACAO workflow."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from tocsin.base.ids import slug
from tocsin.base.times import parse_duration
from tocsin.playbook import shell
from tocsin.playbook.cacao_flow import Branch, Flow, Part
from tocsin.playbook.cacao_words import REFERENCE, Json, command, holds_secret, label, words
from tocsin.playbook.model import (
    Action,
    ActionRole,
    Effect,
    MessageKind,
    MessageTemplate,
    Parameter,
    ParameterType,
    Phase,
    Playbook,
)
from tocsin.playbook.parameters import looks_secret

_READ_TIMEOUT, _CHANGE_TIMEOUT = timedelta(seconds=60), timedelta(seconds=300)
_TYPES = {ParameterType.INTEGER: "integer", ParameterType.URL: "uri"}
_APPROVALS = {Effect.READ: 0, Effect.CHANGE: 1, Effect.DESTROY: 2}
_CASES_CHARS = 60


def milliseconds(span: timedelta) -> int:
    """A duration as the standard counts it; at least one."""
    return max(1, int(span.total_seconds() * 1000))


class Steps:
    """Makes the parts. What could not be exported as a program is told in `remarks`."""

    def __init__(self, playbook: Playbook, flow: Flow) -> None:
        self._playbook = playbook
        self._flow = flow
        self.remarks: list[str] = []
        self.authentication: dict[str, Json] = {}

    def group(self, actions: Sequence[Action]) -> list[Part]:
        """The steps under one heading: numbered ones and those that only read follow each other, others
        are alternatives."""
        is_sequence = len(actions) < 2 or any(each.numbered for each in actions)
        if is_sequence or all(each.effect is Effect.READ for each in actions):
            return [self.action(each) for each in actions]
        cases = {
            answer: (label(each.title, "Step"), [self.action(each)])
            for answer, each in zip(_answers([each.title for each in actions]), actions, strict=True)
        }
        group = label(actions[0].group, "Steps")
        return [self._flow.choice(f"choose/{actions[0].id}", f"{group}: which step?", cases)]

    def groups(self, actions: Sequence[Action]) -> list[Part]:
        """The groups of a phase. Where there are several, the situation decides which one is done."""
        by_group: dict[str, list[Action]] = {}
        for each in actions:
            by_group.setdefault(each.group, []).append(each)
        made = [(name, self.group(own)) for name, own in by_group.items()]
        if len(made) < 2 or all(each.effect is Effect.READ for each in actions):
            return [part for _, parts in made for part in parts]
        answers = _answers([name for name, _ in made])
        cases = {
            answer: (label(name, "Steps"), parts) for answer, (name, parts) in zip(answers, made, strict=True)
        }
        phase = label(actions[0].phase, "Steps")
        return [self._flow.choice(f"situation/{actions[0].id}", f"{phase}: what happened?", cases)]

    def action(self, action: Action) -> Part:
        """One action: a program for an executor where that is safe, else text for a person."""
        why = self._why_by_hand(action)
        extension = {self._flow.extension: _about(action, why)}
        values = [self._value(each) for each in action.parameters]
        env = [self._environment(name) for name in action.env if name not in action.secrets]
        more: Json = {"step_extensions": extension}
        if values or env:
            more["in_args"] = list(dict.fromkeys([*(variable for _, variable in values), *env]))
        if values:
            more["description"] = ", ".join(f"{label(n, 'value')} is {v}:value" for n, v in values)
        if why:
            if action.opens is None:
                self.remarks.append(f"{label(action.title, 'Step')}: {why}, so a person does it")
            text = words(action.opens or action.script)
            return self._flow.manual(f"step/{action.id}", action.title, text, _activity(action), **more)
        return self._gated(action, self._program(action, more))

    def _program(self, action: Action, more: Json) -> Part:
        """A step for a machine. Where reading fails, the path goes on; any other failure is escalated."""

        def build(then: str, branch: Branch) -> str:
            auth = [self._authentication(name) for name in action.secrets]
            runner = action.annotations.get("runner", "")
            agent, target = self._flow.machine(runner, action.language, auth[0] if auth else "")
            kind = "ssh" if self._flow.flavor == "soarca" and action.language == "bash" else action.language
            goes = {"on_completion": then}
            if action.effect is not Effect.READ:
                goes = {"on_success": then, "on_failure": branch.escalate()}
            content: Json = {
                "name": label(action.title, "Step"),
                "commands": [command(kind, action.script, _activity(action))],
                "agent": agent,
                "targets": [target],
                "timeout": milliseconds(_timeout(action)),
                **goes,
                **more,
            }
            return self._flow.add("action", f"step/{action.id}", content)

        return build

    def _gated(self, action: Action, program: Part) -> Part:
        """Nothing that changes the world begins without a person, since the standard knows no approvals."""
        count = int(action.annotations.get("approvals") or action.annotations.get("approve") or 0)
        count = max(count, _APPROVALS[action.effect])
        if not count:
            return program
        people = "one person" if count == 1 else f"{count} people"
        title = label(action.title, "Step")
        text = (
            f"This step is one that {_VERBS[action.effect]}. Approve it by {people}, then it is run: {title}"
        )
        return self._flow.gate(f"approve/{action.id}", f"Approve: {title}", text, program)

    def _why_by_hand(self, action: Action) -> str:
        """Why a step is not exported as a program; "" where it is."""
        if action.opens is not None:
            return "it opens a link"
        if action.annotations.get("run") in ("guided", "never"):
            return f"it is marked run={action.annotations['run']}"
        if action.language == "sql":
            return "no command of the standard runs SQL"
        if action.parameters:
            return "it takes a value, and executors put values into programs as bare text"
        if holds_secret(action.script):
            return "a secret stands in it, which was taken out"
        if REFERENCE.search(action.script):
            return "an executor would put a value into it"
        if action.language == "bash" and not shell.read_script(action.script).parses:
            return "it cannot be parsed"
        return ""

    def _value(self, parameter: Parameter) -> tuple[str, str]:
        given = self._playbook.options.vars.get(parameter.name)
        if given is not None and (looks_secret(parameter.name) or holds_secret(given)):
            given = None
        shown = None if given is None else words(given)
        kind = _TYPES.get(parameter.type, "string")
        about = f"Value of {label(parameter.name, 'a placeholder')} ({parameter.type.value})"
        return parameter.name, self._flow.variables.declare(parameter.name, kind, about, shown)

    def _environment(self, name: str) -> str:
        about = f"The environment name {label(name, 'value')} of the runner"
        return self._flow.variables.declare(name, "string", about)

    def _authentication(self, name: str) -> str:
        """A secret by its name in a key store; never by its value."""
        identifier = self._flow.identifier("user-auth", name)
        self.authentication[identifier] = {
            "type": "user-auth",
            "name": label(name, "secret"),
            "kms": True,
            "kms_key_identifier": label(name, "secret"),
        }
        return identifier

    def checklist(self, phase: Phase) -> list[Part]:
        """The items of a phase, one manual step each."""
        return [
            self._flow.manual(
                f"item/{item.id}",
                item.title,
                words(item.text or item.title),
                "step-sequence",
                step_extensions={
                    self._flow.extension: {"id": item.id, "phase": phase.name, "line": item.line}
                },
            )
            for item in phase.checklist
        ]

    def messages(self, kinds: Sequence[MessageKind]) -> list[Part]:
        """The messages of these kinds, by the level that was decided."""
        by_level: dict[str, list[MessageTemplate]] = {}
        for kind in kinds:
            for each in self._playbook.templates:
                if each.kind is kind:
                    by_level.setdefault(each.level, []).append(each)
        if not by_level:
            return []
        answers = dict(zip(by_level, _answers(list(by_level)), strict=True))
        cases = {answers[level]: [self._message(each) for each in own] for level, own in by_level.items()}
        return [self._flow.switch(f"messages/{kinds[0].value}", self.level(), cases)]

    def level(self) -> str:
        """The variable that holds the level of the incident."""
        return self._flow.variables.answer("severity", "The level of the incident")

    def _message(self, template: MessageTemplate) -> Part:
        every = next(
            (each.update_every for each in self._playbook.severities if each.level == template.level), None
        )
        more: Json = {}
        if template.kind is MessageKind.UPDATE and every:
            more["delay"] = milliseconds(every)
        name = f"{template.level}: send the {template.kind.value} message"
        key = f"message/{template.level}/{template.kind.value}/{template.line}"
        return self._flow.manual(key, name, words(template.body), "deliver-content", **more)


_VERBS = {Effect.READ: "reads", Effect.CHANGE: "changes something", Effect.DESTROY: "cannot be undone"}


def _answers(names: Sequence[str]) -> list[str]:
    """An answer for each name: short, of letters that the standard allows, each once."""
    taken: set[str] = {"default", "none"}
    made: list[str] = []
    for name in names:
        stem = slug(name)[:_CASES_CHARS].strip("-")
        answer, count = stem, 1
        while answer in taken:
            count += 1
            answer = f"{stem}-{count}"
        taken.add(answer)
        made.append(answer)
    return made


def _timeout(action: Action) -> timedelta:
    given = parse_duration(action.annotations.get("timeout", "")[:40])
    return given or (_READ_TIMEOUT if action.effect is Effect.READ else _CHANGE_TIMEOUT)


def _activity(action: Action) -> str:
    title = f"{action.group} {action.title}".casefold()
    if action.effect is Effect.READ or action.role in (ActionRole.DIAGNOSTIC, ActionRole.VERIFICATION):
        return "analyze-collected-data"
    if any(word in title for word in ("rollback", "roll back", "revert")):
        return "revert-system"
    if any(word in title for word in ("block", "revoke", "rotate", "isolate")):
        return "restrict-access"
    return "configure-systems"


def _about(action: Action, why: str) -> Json:
    """What the standard has no place for."""
    kept = ("rollback", "verify", "dryrun", "lock", "once", "approvals", "approver", "idempotent")
    about: Json = {
        "id": action.id,
        "group": action.group,
        "phase": action.phase,
        "role": action.role.value,
        "effect": action.effect.value,
        "needs": list(action.needs),
        "env": list(action.env),
        "secrets": list(action.secrets),
        "line": action.line,
        "sha256": hashlib.sha256(action.script.encode("utf-8", "replace")).hexdigest(),
        **{key: value for key, value in action.annotations.items() if key in kept},
    }
    return {**about, "by_hand": why} if why else about
