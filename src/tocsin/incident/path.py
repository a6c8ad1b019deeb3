"""Who stands where on the playbook's escalation path, and which edges and triggers hold."""

from collections import Counter, deque
from datetime import datetime, timedelta

from tocsin.base.ids import LevelId, PersonId, role_key, slug
from tocsin.incident.rules import Rules
from tocsin.incident.state import Incident
from tocsin.oncall.model import Person
from tocsin.oncall.resolve import may_fill, on_call
from tocsin.playbook.model import Edge, Severity, Trigger


def severity(incident: Incident, rules: Rules) -> Severity:
    """The incident's severity in its playbook; a stand-in of that name where a playbook has lost it."""
    return level_of(incident.level, rules)


def level_of(level: LevelId, rules: Rules) -> Severity:
    """The severity of this level; a level that the playbook does not know counts as its least severe."""
    return rules.playbook.severity(level) or Severity(level=level, rank=len(rules.playbook.severities) + 1)


def response_time(incident: Incident, rules: Rules) -> timedelta:
    """How long the level gives to acknowledge, with the settable times where the playbook leaves it open."""
    within = severity(incident, rules).respond_within
    if within is None:
        return rules.clocks.default_respond_within
    return within or rules.clocks.immediate_means


def respond_by(incident: Incident, rules: Rules) -> datetime:
    """When the incident must be acknowledged by (UTC), counted from its opening or reopening."""
    return incident.clock_from + response_time(incident, rules)


def keyed_edges(rules: Rules) -> list[tuple[Edge, str]]:
    """The hops, each with a name that is unique in the playbook and outlives a change elsewhere in it."""
    counts: Counter[str] = Counter()
    found: list[tuple[Edge, str]] = []
    for edge in rules.playbook.escalation:
        name = f"edge:{slug(edge.source)}>{slug(edge.to)}"
        found.append((edge, f"{name}:{counts[name]}"))
        counts[name] += 1
    return found


def first_role(rules: Rules) -> str:
    """The role that hears of every incident first: the contact for all alerts, else the root of the
    escalation path, else the last role that may command, else the first of the roster; "" with none."""
    for contact in rules.playbook.contacts:
        if contact.trigger.readable and is_for_everything(contact.trigger):
            return contact.role
    if roots := root_roles(rules):
        return roots[0]
    for rule in reversed(rules.playbook.command):
        if rule.roles:
            return rule.roles[-1]
    return rules.roster.roles[0].role if rules.roster.roles else ""


def is_for_everything(trigger: Trigger) -> bool:
    """Whether the trigger is "all alerts", without any condition."""
    return not trigger.levels and trigger.category is None and trigger.unresolved_for is None


def root_roles(rules: Rules) -> list[str]:
    """The roles at which the escalation path begins, in the order of the document."""
    targets = {role_key(edge.to) for edge in rules.playbook.escalation}
    found = {role_key(edge.source): edge.source for edge in rules.playbook.escalation}
    return [role for key, role in found.items() if key not in targets]


def ladder(incident: Incident, rules: Rules) -> list[str]:
    """The roles above the first one, nearest first, as far as the incident's level and categories reach."""
    first = role_key(first_role(rules))
    above: dict[str, str] = {}
    queue = deque([first])
    while queue:
        here = queue.popleft()
        for edge in rules.playbook.escalation:
            key = role_key(edge.to)
            leads_on = role_key(edge.source) == here and key != first and key not in above
            if (
                leads_on
                and edge_applies(edge, incident)
                and _category_holds(edge.condition.category, incident)
            ):
                above[key] = edge.to
                queue.append(key)
    if above:
        return list(above.values())
    return [
        contact.role
        for contact in rules.playbook.contacts
        if contact.trigger.readable
        and role_key(contact.role) != first
        and level_holds(contact.trigger.levels, incident.level)
        and _category_holds(contact.trigger.category, incident)
    ]


def edge_applies(edge: Edge, incident: Incident) -> bool:
    """Whether the hop is for the incident's level."""
    return level_holds(edge.levels, incident.level)


def level_holds(levels: tuple[LevelId, ...], level: LevelId) -> bool:
    """Whether a set of levels takes in this one; the empty set takes in all."""
    return not levels or level.casefold() in {each.casefold() for each in levels}


def _category_holds(category: str | None, incident: Incident) -> bool:
    return category is None or category_since(category, incident) is not None


def category_since(category: str, incident: Incident) -> datetime | None:
    """Since when the incident is of this category (UTC); None where it is not."""
    wanted = slug(category)
    return next((since for name, since in incident.categories.items() if slug(name) == wanted), None)


def known_categories(rules: Rules) -> tuple[str, ...]:
    """Every category that the playbook speaks of, in order of its first mention."""
    playbook = rules.playbook
    named = [edge.condition.category for edge in playbook.escalation]
    named += [contact.trigger.category for contact in playbook.contacts]
    named += list(playbook.options.categories)
    return tuple({slug(name): name for name in named if name}.values())


def roles_that_command(level: LevelId, rules: Rules) -> tuple[str, ...]:
    """The roles that may command at this level, in the playbook's order; empty where it has no rule."""
    return tuple(
        role for rule in rules.playbook.command if level_holds(rule.levels, level) for role in rule.roles
    )


def commanding_role(person: PersonId, level: LevelId, rules: Rules) -> str | None:
    """The role by which this person may command at this level; None where none entitles them.

    Where the playbook names no commanding roles, whoever acknowledges commands.
    """
    roles = roles_that_command(level, rules)
    if not roles:
        return "responder"
    return next((role for role in roles if may_fill(rules.roster, role, person)), None)


def highest_commander(incident: Incident, rules: Rules) -> list[str]:
    """The roles that may command now, the highest on the escalation path first."""
    height = {role_key(role): place for place, role in enumerate(ladder(incident, rules), start=1)}
    roles = roles_that_command(incident.level, rules)
    return sorted(roles, key=lambda role: -height.get(role_key(role), 0))


def people_for(role: str, rules: Rules, at: datetime) -> tuple[tuple[Person, ...], str]:
    """The people on call for a role who have a way to be reached; with none, the reason in plain words."""
    duty = on_call(rules.roster, role, at)
    reachable = tuple(person for person in duty.people if person.methods)
    if reachable:
        return reachable, ""
    if duty.people:
        names = ", ".join(person.name for person in duty.people)
        return (), f"{names} has no contact method in the roster"
    return (), duty.because or f"nobody fills the role {role}"
