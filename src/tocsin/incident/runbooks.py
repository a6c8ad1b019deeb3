"""The service runbooks of an incident: those of its pinned set whose alert has fired in it."""

from msgspec.structs import replace

from tocsin.incident.rules import Rules, Runbook
from tocsin.incident.state import Incident
from tocsin.playbook.collection import runbooks_of
from tocsin.playbook.handling import REFERENCES
from tocsin.playbook.model import Action, ChecklistItem, Phase


def attached(incident: Incident, rules: Rules) -> tuple[Runbook, ...]:
    """The runbooks for the incident's alerts, in the order of their names. A runbook stays when its alert
    has ended, because its verification is then still to be done."""
    playbooks = [each.playbook for each in rules.runbooks]
    found = {at for name in {each.name for each in incident.alerts} for at in runbooks_of(name, playbooks)}
    return tuple(rules.runbooks[at] for at in sorted(found))


def actions_of(incident: Incident, rules: Rules) -> tuple[Action, ...]:
    """The steps of the playbook, then those of each attached runbook, whose title is their phase. The ids of
    a runbook's steps begin with its key, so that no two steps of an incident have the same."""
    found = list(rules.playbook.actions)
    for runbook in attached(incident, rules):
        found += [_action(action, runbook) for action in runbook.playbook.actions]
    return tuple(found)


def phases_of(incident: Incident, rules: Rules) -> tuple[Phase, ...]:
    """The phases of the playbook, then the checklists of each attached runbook as phases without clocks."""
    found = list(rules.playbook.phases)
    for runbook in attached(incident, rules):
        for phase in runbook.playbook.phases:
            items = tuple(replace(each, id=f"{runbook.key}/{each.id}") for each in phase.checklist)
            if items:
                name = f"{runbook.playbook.title}: {phase.name}"
                number = len(found) + 1
                found.append(Phase(number=number, name=name, checklist=items, line=phase.line))
    return tuple(found)


def item_of(incident: Incident, rules: Rules, item: str) -> tuple[str, ChecklistItem] | None:
    """The item of a checklist by its id, behind the name of its phase; None where there is none of it."""
    every = ((phase.name, each) for phase in phases_of(incident, rules) for each in phase.checklist)
    return next(((phase, each) for phase, each in every if each.id == item), None)


def _action(action: Action, runbook: Runbook) -> Action:
    named = {key: name for key in REFERENCES if (name := getattr(action.handling, key))}
    moved = {key: f"{runbook.key}/{name}" for key, name in named.items()}
    return replace(
        action,
        id=f"{runbook.key}/{action.id}",
        phase=runbook.playbook.title,
        handling=replace(action.handling, **moved),
    )
