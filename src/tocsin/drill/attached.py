"""The service runbooks of a rehearsal: which are attached for its alert, with their steps and what each waits
for."""

from typing import Any

import msgspec

from tocsin.drill.gates import gate
from tocsin.incident.rules import Rules
from tocsin.incident.runbooks import actions_of, attached, phases_of
from tocsin.incident.state import Incident
from tocsin.playbook.model import Action, ChecklistItem


class Rehearsed(msgspec.Struct, frozen=True, kw_only=True):
    """A runbook that is attached: the name of its file, its steps as the incident has them, its items."""

    name: str
    title: str
    alerts: tuple[str, ...]
    steps: tuple[Action, ...]
    items: tuple[ChecklistItem, ...]

    @property
    def said(self) -> str:
        """That it is attached, in a sentence."""
        counts = [f"{len(self.steps)} {_noun('step', len(self.steps))}"]
        if self.items:
            counts.append(f"{len(self.items)} {_noun('item', len(self.items))} to tick off")
        return f"Service runbook attached: {self.title} ({self.name}), {', '.join(counts)}."

    def document(self) -> dict[str, Any]:
        """It in the shape of `tocsin drill --json`."""
        return {
            "name": self.name,
            "title": self.title,
            "alerts": list(self.alerts),
            "steps": [
                {
                    "id": each.id,
                    "title": each.title,
                    "group": each.group,
                    "role": each.role.value,
                    "effect": each.effect.value,
                    "waits_for": gate(each),
                    "line": each.line,
                }
                for each in self.steps
            ],
            "checklist": [{"id": each.id, "title": each.title} for each in self.items],
        }


def rehearsed(incident: Incident, rules: Rules) -> tuple[Rehearsed, ...]:
    """The runbooks that are attached to an incident, in the order of their names."""
    actions = actions_of(incident, rules)
    items = [item for phase in phases_of(incident, rules) for item in phase.checklist]
    return tuple(
        Rehearsed(
            name=each.name,
            title=each.playbook.title,
            alerts=each.playbook.alerts,
            steps=tuple(action for action in actions if action.id.startswith(f"{each.key}/")),
            items=tuple(item for item in items if item.id.startswith(f"{each.key}/")),
        )
        for each in attached(incident, rules)
    )


def step_said(action: Action) -> str:
    """A step of a runbook in a sentence."""
    group = f"{action.group}: " if action.group else ""
    return f"{group}{action.title} ({action.effect.value}): {gate(action)}."


def _noun(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
