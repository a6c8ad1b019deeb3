"""Who is to be paged, why, and when: the part of the deadlines that is about people."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction

import msgspec

from tocsin.base import limits
from tocsin.base.ids import role_key
from tocsin.base.times import humane
from tocsin.incident import path
from tocsin.incident.deadlines import Deadline, DeadlineKind
from tocsin.incident.evolve import LADDER
from tocsin.incident.rules import Rules
from tocsin.incident.state import Incident, Page, State
from tocsin.oncall.model import ContactMethod
from tocsin.playbook.model import Edge


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A reason to page a role at a time (UTC). `edge` is set where a hop of the path is the reason."""

    key: str
    role: str
    at: datetime
    text: str
    edge: Edge | None = None


class NextStep(msgspec.Struct, frozen=True, kw_only=True):
    """The next contact method of a page that is under way."""

    page: Page
    round: int
    method: ContactMethod
    at: datetime


def wanted(incident: Incident, rules: Rules) -> list[Wanted]:
    """Every reason to page that was not yet acted on, with its time, in order of time."""
    if not incident.active:
        return []
    found = [*_ladder(incident, rules), *_command(incident, rules)]
    if incident.state is not State.MITIGATED:
        found += [*_contacts(incident, rules), *_owners(incident, rules), *_edges(incident, rules)]
    fresh = [each for each in found if each.key not in incident.reasons]
    return sorted(fresh, key=lambda each: each.at)


def key(incident: Incident, what: str) -> str:
    """A reason's key: the same before and after a restart, another after a reopening."""
    return f"{incident.generation}:{what}"


def _ladder(incident: Incident, rules: Rules) -> Iterator[Wanted]:
    """While nobody acknowledges: the first role at once, the next one up after a third of the response
    time, everyone above after two thirds; without delay past roles that nobody fills."""
    if incident.state is not State.OPEN:
        return
    start, within = incident.clock_from, path.response_time(incident, rules)
    roles = [path.first_role(rules), *path.ladder(incident, rules)]
    skipped = True
    for place, role in enumerate(role for role in roles if role):
        share = (Fraction(0), rules.clocks.next_role_after, rules.clocks.everyone_after)[min(place, 2)]
        delay = timedelta(0) if skipped else _share(within, share)
        text = (
            f"first to hear of every incident ({role})"
            if place == 0
            else f"nobody has acknowledged after {humane(delay)}"
            if not skipped
            else "nobody could be reached before them"
        )
        yield Wanted(key=key(incident, f"{LADDER}{role_key(role)}"), role=role, at=start + delay, text=text)
        skipped = skipped and role_key(role) in incident.unreachable


def _contacts(incident: Incident, rules: Rules) -> Iterator[Wanted]:
    for contact in rules.playbook.contacts:
        trigger = contact.trigger
        if not trigger.readable or path.is_for_everything(trigger):
            continue
        if not path.level_holds(trigger.levels, incident.level):
            continue
        since = incident.clock_from
        if trigger.levels:
            since = max(since, incident.level_since)
        if trigger.category is not None:
            category = path.category_since(trigger.category, incident)
            if category is None:
                continue
            since = max(since, category)
        if trigger.unresolved_for is not None:
            since = max(since, incident.clock_from + trigger.unresolved_for)
        name = key(incident, f"contact:{role_key(contact.role)}")
        yield Wanted(key=name, role=contact.role, at=since, text=f"key contact for: {trigger.text}")


def _owners(incident: Incident, rules: Rules) -> Iterator[Wanted]:
    """Who owns the level on the escalation path, and for whom the contacts name no moment of their own."""
    spoken_for = {role_key(contact.role) for contact in rules.playbook.contacts if contact.trigger.readable}
    spoken_for.add(role_key(path.first_role(rules)))
    for edge in rules.playbook.escalation:
        for role, owns in ((edge.source, edge.owns), (edge.to, edge.to_owns)):
            if owns and path.level_holds(owns, incident.level) and role_key(role) not in spoken_for:
                spoken_for.add(role_key(role))
                at = max(incident.clock_from, incident.level_since)
                name = key(incident, f"owner:{role_key(role)}")
                yield Wanted(key=name, role=role, at=at, text=f"owns {incident.level} on the escalation path")


def _edges(incident: Incident, rules: Rules) -> Iterator[Wanted]:
    roots = {role_key(role) for role in path.root_roles(rules)}
    for edge in rules.playbook.escalation:
        if not path.edge_applies(edge, incident):
            continue
        found = _edge_time(edge, incident, rules, roots)
        if found:
            at, text = found
            name = key(incident, path.edge_key(edge, rules))
            yield Wanted(key=name, role=edge.to, at=at, text=text, edge=edge)


def _edge_time(edge: Edge, incident: Incident, rules: Rules, roots: set[str]) -> tuple[datetime, str] | None:
    condition, source = edge.condition, role_key(edge.source)
    if condition.category is not None:
        since = path.category_since(condition.category, incident)
        return (since, f"{condition.category}: {edge.source} escalates to {edge.to}") if since else None
    entered = incident.entered.get(source) or (incident.clock_from if source in roots else None)
    if entered is None:
        return None
    entered = max(entered, incident.clock_from)
    if condition.unresolved_for is not None:
        text = f"{edge.source} has not resolved it in {humane(condition.unresolved_for)}"
        return entered + condition.unresolved_for, text
    answered = any(page.answered for page in incident.pages if role_key(page.role) == source)
    if answered or (source in roots and incident.state is not State.OPEN):
        return None
    wait = condition.unacknowledged_for
    wait = path.response_time(incident, rules) if wait is None else wait
    return entered + wait, f"{edge.source} has not acknowledged in {humane(wait)}"


def _command(incident: Incident, rules: Rules) -> Iterator[Wanted]:
    """Once acknowledged, an incident whose commander is missing or not entitled at its level asks for one."""
    if incident.acknowledged_at is None or incident.state is State.OPEN:
        return
    if not path.roles_that_command(incident.level, rules) or incident.offered_to:
        return
    commander = incident.commander
    if commander and path.commanding_role(commander, incident.level, rules):
        return
    if commander and incident.level_since <= incident.acknowledged_at:
        return
    at = max(incident.acknowledged_at, incident.level_since)
    for role in path.highest_commander(incident, rules):
        yield Wanted(
            key=key(incident, f"command:{incident.level}:{role_key(role)}"),
            role=role,
            at=at,
            text=f"{incident.level} needs an incident commander",
        )
        if role_key(role) not in incident.unreachable:
            return


def next_steps(incident: Incident, rules: Rules) -> list[NextStep]:
    """The next contact method of each page under way; pages whose person has none left are left out."""
    steps: list[NextStep] = []
    for page in incident.open_pages if incident.active else ():
        person = rules.roster.person(page.person)
        methods = sorted(person.methods, key=lambda method: method.after) if person else []
        if methods:
            steps.append(_next_step(page, methods, incident, rules))
    return steps


def _next_step(page: Page, methods: list[ContactMethod], incident: Incident, rules: Rules) -> NextStep:
    count = len(page.steps)
    turn, place = divmod(count, len(methods))
    planned = _round_starts(turn, incident, rules) + methods[place].after
    at = page.at + planned
    if count:
        # Counted from the step before, so that an outage is followed by one step and not by all it missed.
        turn_before, place_before = divmod(count - 1, len(methods))
        before = _round_starts(turn_before, incident, rules) + methods[place_before].after
        last = page.steps[-1].at
        at = last + max(planned - before, timedelta(0))
        if page.widened_at is not None and page.widened_at > last:
            # New reasons are told soon, yet never as a storm of their own.
            at = min(at, max(page.widened_at, last + rules.clocks.repeat_least))
    return NextStep(page=page, round=turn, method=methods[place], at=at)


def _round_starts(turn: int, incident: Incident, rules: Rules) -> timedelta:
    clocks = rules.clocks
    every = max(_share(path.response_time(incident, rules), clocks.repeat_share), clocks.repeat_least)
    early = min(turn, limits.page_rounds_max)
    return every * early + max(every, clocks.repeat_late) * (turn - early)


def _share(span: timedelta, share: Fraction) -> timedelta:
    return span * share.numerator / share.denominator


def lost_pages(incident: Incident, rules: Rules) -> list[tuple[Page, str]]:
    """Pages under way that no contact method can carry any more, each with the reason, told once."""
    lost: list[tuple[Page, str]] = []
    for page in incident.open_pages if incident.active else ():
        person = rules.roster.person(page.person)
        because = ""
        if person is None or not person.methods:
            because = f"{page.person} has no contact method in the roster any more"
        elif len(page.steps) >= len(person.methods) and all(
            step.result in ("failed", "failing") for step in page.steps[-len(person.methods) :]
        ):
            because = f"every contact method of {person.name} fails"
        if because and key(incident, f"lost:{page.id}") not in incident.reasons:
            lost.append((page, because))
    return lost


def page_deadlines(incident: Incident, rules: Rules) -> Iterator[Deadline]:
    """The above as deadlines for people to see and for the clockwork to wait for."""
    for want in wanted(incident, rules):
        kind = DeadlineKind.ESCALATE if want.edge else DeadlineKind.PAGE
        yield Deadline(
            at=want.at, kind=kind, key=want.key, role=want.role, text=f"Page {want.role}: {want.text}"
        )
    for step in next_steps(incident, rules):
        person = rules.roster.person(step.page.person)
        name = person.name if person else step.page.person
        yield Deadline(
            at=step.at,
            kind=DeadlineKind.PAGE_STEP,
            key=f"{step.page.id}/{len(step.page.steps)}",
            role=step.page.role,
            text=f"Try {name} again by {step.method.kind}"
            if step.page.steps
            else f"Reach {name} by {step.method.kind}",
        )
    for page, because in lost_pages(incident, rules):
        name = key(incident, f"lost:{page.id}")
        yield Deadline(at=page.at, kind=DeadlineKind.PAGE, key=name, role=page.role, text=because)
