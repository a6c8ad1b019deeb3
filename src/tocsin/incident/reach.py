"""Who is to be paged, why, and when: the part of the deadlines that is about people."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction

import msgspec

from tocsin.base import limits
from tocsin.base.ids import role_key
from tocsin.base.times import humane
from tocsin.incident import path
from tocsin.incident.deadlines import Deadline, DeadlineKind
from tocsin.incident.evolve import LADDER, LOST
from tocsin.incident.rules import Rules
from tocsin.incident.state import Incident, Page, State
from tocsin.oncall.model import ContactMethod, Person
from tocsin.playbook.model import Edge

ANYBODY = "anybody"
"""Stands for the role that nobody has named."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A reason to page a role at a time (UTC). `edge` is set where a hop of the path is the reason."""

    key: str
    role: str
    at: datetime
    text: str
    edge: Edge | None = None


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """A page under way that no contact method can carry any more, for one of the roles that it is about."""

    key: str
    page: Page
    role: str
    because: str


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
    found = [*_ladder(incident, rules), *_again(incident, rules), *_command(incident, rules)]
    if incident.state is not State.MITIGATED:
        found += [*_contacts(incident, rules), *_owners(incident, rules), *_edges(incident, rules)]
    known = set(incident.reasons)
    fresh: dict[str, Wanted] = {}
    for each in sorted(found, key=lambda each: each.at):
        if each.key not in known:
            fresh.setdefault(each.key, each)
    return list(fresh.values())


def key(incident: Incident, what: str) -> str:
    """A reason's key: the same before and after a restart, another after a reopening."""
    return f"{incident.generation}:{what}"


def _ladder(incident: Incident, rules: Rules) -> Iterator[Wanted]:
    """While nobody acknowledges: the first role at once, the next one up after a third of the response
    time, everyone above after two thirds; without delay past roles that nobody fills."""
    if incident.state is not State.OPEN:
        return
    start, within = incident.clock_from, path.response_time(incident, rules)
    roles = _ladder_roles(incident, rules)
    if not roles:
        text = "neither the playbook nor the roster names a role"
        yield Wanted(key=key(incident, LADDER), role=ANYBODY, at=start, text=text)
    skipped = True
    for place, role in enumerate(roles):
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


def _ladder_roles(incident: Incident, rules: Rules) -> list[str]:
    return [role for role in (path.first_role(rules), *path.ladder(incident, rules)) if role]


def _again(incident: Incident, rules: Rules) -> Iterator[Wanted]:
    """While nobody acknowledges and nobody could be paged either: another look from time to time, as the
    roster may have been mended, or a rotation have begun."""
    tried_at = incident.unreachable_at
    if incident.state is not State.OPEN or tried_at is None or next_steps(incident, rules):
        return
    prefix = key(incident, f"{LADDER}again:")
    tries = sum(1 for reason in incident.reasons if reason.startswith(prefix))
    every = _repeat_every(incident, rules)
    at = tried_at + (every if tries < limits.page_rounds_max else max(every, rules.clocks.repeat_late))
    roles = _ladder_roles(incident, rules) or [ANYBODY]
    role = next((role for role in roles if path.people_for(role, rules, at)[0]), roles[0])
    yield Wanted(
        key=f"{prefix}{tries}", role=role, at=at, text="nobody has acknowledged, and nobody could be reached"
    )


def _contacts(incident: Incident, rules: Rules) -> Iterator[Wanted]:
    rows: Counter[str] = Counter()
    for contact in rules.playbook.contacts:
        # A role in several rows has several triggers, and each of them is a reason of its own.
        row = f"contact:{role_key(contact.role)}"
        rows[row] += 1
        name = key(incident, row if rows[row] == 1 else f"{row}+{rows[row]}")
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
    # Whoever hears of every incident first stands at a beginning of the path, wherever it is drawn.
    roots = {role_key(role) for role in (path.first_role(rules), *path.root_roles(rules))}
    for edge, name in path.keyed_edges(rules):
        if not path.edge_applies(edge, incident):
            continue
        found = _edge_time(edge, incident, rules, roots)
        if found:
            at, text = found
            yield Wanted(key=key(incident, name), role=edge.to, at=at, text=text, edge=edge)


def _edge_time(edge: Edge, incident: Incident, rules: Rules, roots: set[str]) -> tuple[datetime, str] | None:
    condition, source = edge.condition, role_key(edge.source)
    if condition.category is not None:
        since = path.category_since(condition.category, incident)
        return (since, f"{condition.category}: {edge.source} escalates to {edge.to}") if since else None
    entered = incident.clock_from if source in roots else incident.entered.get(source)
    if entered is None:
        return None
    if condition.unresolved_for is not None:
        text = f"{edge.source} has not resolved it in {humane(condition.unresolved_for)}"
        return entered + condition.unresolved_for, text
    answered = any(
        page.answered and page.at >= incident.clock_from and source in map(role_key, page.roles)
        for page in incident.pages
    )
    if answered or (source in roots and incident.state is not State.OPEN):
        return None
    wait = condition.unacknowledged_for
    wait = path.response_time(incident, rules) if wait is None else wait
    return entered + wait, f"{edge.source} has not acknowledged in {humane(wait)}"


def _command(incident: Incident, rules: Rules) -> Iterator[Wanted]:
    """Once acknowledged, an incident whose commander is missing or not entitled at its level asks for one."""
    if incident.acknowledged_at is None or incident.state is State.OPEN:
        return
    if not path.roles_that_command(incident.level, rules) or _is_asked(incident, rules):
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


def _is_asked(incident: Incident, rules: Rules) -> bool:
    """Whether somebody is being asked to take command who can be reached at all."""
    person = rules.roster.person(incident.offered_to) if incident.offered_to else None
    return person is not None and bool(person.methods)


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
    every = _repeat_every(incident, rules)
    early = min(turn, limits.page_rounds_max)
    return every * early + max(every, rules.clocks.repeat_late) * (turn - early)


def _repeat_every(incident: Incident, rules: Rules) -> timedelta:
    clocks = rules.clocks
    return max(_share(path.response_time(incident, rules), clocks.repeat_share), clocks.repeat_least)


def _share(span: timedelta, share: Fraction) -> timedelta:
    return span * share.numerator / share.denominator


def lost_pages(incident: Incident, rules: Rules) -> list[Lost]:
    """Pages under way that no contact method can carry any more; for each of their roles told once."""
    lost: list[Lost] = []
    for page in incident.open_pages if incident.active else ():
        because = _why_lost(page, rules)
        for place, role in enumerate(page.roles if because else ()):
            name = f"{LOST}{page.id}" if place == 0 else f"{LOST}{page.id}:{role_key(role)}"
            if key(incident, name) not in incident.reasons:
                lost.append(Lost(key=key(incident, name), page=page, role=role, because=because))
    return lost


def _why_lost(page: Page, rules: Rules) -> str:
    person = rules.roster.person(page.person)
    if person is None or not person.methods:
        return f"{page.person} has no contact method in the roster any more"
    failed = len(page.steps) >= len(person.methods) and all(
        step.result in ("failed", "failing") for step in page.steps[-len(person.methods) :]
    )
    return f"every contact method of {person.name} fails" if failed else ""


def deputies(lost: Lost, incident: Incident, rules: Rules, now: datetime) -> tuple[Person, ...]:
    """Who else is on call for the role of a page that reaches its person no more, the first to try first."""
    gone = {page.person for page in incident.open_pages if _why_lost(page, rules)}
    people, _ = path.people_for(lost.role, rules, now)
    return tuple(person for person in people if person.id not in gone)


def page_deadlines(incident: Incident, rules: Rules) -> Iterator[Deadline]:
    """The above as deadlines for people to see and for the clockwork to wait for."""
    for want in wanted(incident, rules):
        kind = DeadlineKind.ESCALATE if want.edge else DeadlineKind.PAGE
        yield Deadline(
            at=want.at, kind=kind, key=want.key, role=want.role, text=f"Page {want.role}: {want.text}"
        )
    for step in next_steps(incident, rules):
        name = rules.roster.name_of(step.page.person)
        yield Deadline(
            at=step.at,
            kind=DeadlineKind.PAGE_STEP,
            key=f"{step.page.id}/{len(step.page.steps)}",
            role=step.page.role,
            text=f"Try {name} again by {step.method.kind}"
            if step.page.steps
            else f"Reach {name} by {step.method.kind}",
        )
    for lost in lost_pages(incident, rules):
        at = lost.page.at
        yield Deadline(at=at, kind=DeadlineKind.PAGE, key=lost.key, role=lost.role, text=lost.because)
