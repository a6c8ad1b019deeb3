"""A roster of stand-ins, so that a playbook can be rehearsed before anybody has written a roster."""

import msgspec

from tocsin.base.ids import PersonId, role_key
from tocsin.drill.run import run_drill
from tocsin.drill.scenario import DrillReport, Scenario
from tocsin.engine.queries import all_roles
from tocsin.incident.rules import Rules
from tocsin.oncall.model import Audience, ContactMethod, Person, RoleFill, Roster
from tocsin.playbook.model import Playbook

CHANNEL = "outbox"


def stand_in_roster(playbook: Playbook) -> Roster:
    """One made-up person for each role that the playbook names, called like the role, and one audience."""
    named = all_roles(Rules(playbook=playbook, playbook_hash="", roster=Roster()))
    roles = {role_key(role): role for role in named}
    people = tuple(
        Person(
            id=PersonId(key),
            name=role,
            methods=(ContactMethod(id=CHANNEL, kind=CHANNEL, address=key),),
        )
        for key, role in roles.items()
    )
    fills = tuple(RoleFill(role=role, people=(PersonId(key),)) for key, role in roles.items())
    stakeholders = ContactMethod(id=CHANNEL, kind=CHANNEL, address="stakeholders")
    return Roster(
        people=people, roles=fills, audiences=(Audience(name="stakeholders", methods=(stakeholders,)),)
    )


def rehearse_with_stand_ins(scenario: Scenario, rules: Rules, notes: tuple[str, ...] = ()) -> DrillReport:
    """Rehearse with stand-ins in place of the rules' roster, which the first of the notes then says."""
    roster = stand_in_roster(rules.playbook)
    names = ", ".join(each.name for each in roster.people) or "the playbook names no role"
    said = f"No roster was given: one made-up person stands in for each role ({names})."
    return run_drill(scenario, msgspec.structs.replace(rules, roster=roster), (said, *notes))
