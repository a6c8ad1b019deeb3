"""What holds for every playbook, roster and course of events, found out by trying many."""

import os
from datetime import datetime, timedelta
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core import strategies as some
from tests.core.sample import ALICE, INC, START, Life, minutes
from tocsin.base.ids import PersonId
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident.answer import Refused
from tocsin.incident.choices import possible
from tocsin.incident.decide import Decision, handle
from tocsin.incident.evolve import fold
from tocsin.incident.messages import draft
from tocsin.incident.reach import next_steps
from tocsin.incident.report import postmortem
from tocsin.incident.rules import Rules
from tocsin.incident.settle import deadlines, next_due_at
from tocsin.incident.state import Incident, State
from tocsin.incident.timeline import describe
from tocsin.playbook.model import MessageKind

MANY = settings(
    max_examples=int(os.environ.get("TOCSIN_EXAMPLES", "50")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
STEPS = (timedelta(0), timedelta(seconds=30), minutes(5), minutes(31), timedelta(hours=5), timedelta(days=4))
OPEN = {e.Opened, e.Reopened}
STATE_REFUSALS = {"ended", "resolved", "not-resolved"}


def check(life: Life, decided: Decision | Refused, before: Incident | None) -> None:
    """What must hold after every command."""
    if isinstance(decided, Refused):
        assert decided.code
        assert decided.message
        return
    incident = decided.incident
    assert fold(life.entries) == incident
    for entry in decided.entries:
        assert describe(entry)
        raw = msgspec.json.encode(entry)
        assert msgspec.json.decode(raw, type=e.Entry) == entry
        due: datetime | None = getattr(entry.event, "due_at", None)
        assert due is None or due <= entry.at, entry
    assert msgspec.json.decode(msgspec.json.encode(incident), type=Incident) == incident
    for effect in decided.effects:
        assert msgspec.json.decode(msgspec.json.encode(effect), type=type(effect)) == effect
    check_waits(incident, life.rules, life.now)


def check_waits(incident: Incident, rules: Rules, now: datetime) -> None:
    """Time was let do all that is due, and an incident that nobody took on waits for something."""
    due = next_due_at(incident, rules)
    assert due is None or due > now
    if incident.state is State.OPEN:
        told = [key for key in incident.fallbacks if key.split(":")[1] == str(incident.generation)]
        assert next_steps(incident, rules) or told
        assert due is not None, "nobody would ever be paged again"


def check_reasons(entries: list[e.Entry]) -> None:
    """Nobody is paged twice for one reason, and no page goes on after its end."""
    ended: set[str] = set()
    open_pages: set[str] = set()
    reasons: list[str] = []
    for entry in entries:
        event = entry.event
        match event:
            case e.Paged() | e.PageWidened() | e.NobodyReachable():
                reasons += [reason.key for reason in event.reasons]
                if not isinstance(event, e.NobodyReachable):
                    assert event.page not in ended
                    open_pages.add(event.page)
            case e.PageStepped():
                assert event.page not in ended
            case e.PageAcknowledged():
                ended.update(event.pages)
            case (
                e.Acknowledged() | e.Mitigated() | e.Resolved() | e.Closed() | e.Dismissed() | e.MergedInto()
            ):
                ended |= open_pages
            case _:
                pass
    assert len(reasons) == len(set(reasons))
    edges = [entry.event.edge for entry in entries if isinstance(entry.event, e.Escalated)]
    assert len(edges) == len(set(edges))


def step_keys(life: Life) -> tuple[str, ...]:
    return tuple(step.key for page in life.inc.pages for step in page.steps)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """An incident after a random course of events, checked at every step of it."""
    life = Life(draw(some.rules()), START)
    opened = life.ask(draw(some.openings))
    check(life, opened, None)
    if isinstance(opened, Refused):
        check(life, life.ask(c.Declare(title="it burns")), None)
    for _ in range(draw(st.integers(0, 12))):
        if draw(st.integers(0, 9)) == 0:
            life.rules = replace(life.rules, roster=draw(some.rosters()))
        life.now += draw(st.sampled_from(STEPS))
        if draw(st.integers(0, 15)) == 0:
            life.now -= minutes(50)
        who = draw(some.people)
        before = life.inc
        command = draw(some.commands(step_keys(life)))
        check(life, life.ask(command, e.Actor(e.ActorKind.PERSON, who, who.title())), before)
    return life


@MANY
@given(life=lives())
def test_any_course_of_events_keeps_the_invariants(life: Life) -> None:
    check_reasons(life.entries)
    times = [entry.at for entry in life.entries]
    assert times == sorted(times)


@MANY
@given(life=lives(), data=st.data())
def test_every_command_is_answered_in_every_state(life: Life, data: Any) -> None:
    command = data.draw(some.commands(step_keys(life)))
    decided = handle(life.inc, command, ALICE, life.rules, life.now, INC)
    again = handle(life.inc, command, ALICE, life.rules, life.now, INC)
    assert decided == again, "the same question has the same answer"
    if isinstance(decided, Refused) and type(command) in possible(life.inc):
        assert decided.code not in STATE_REFUSALS, "what is offered is not refused for the state alone"
    if isinstance(decided, Decision):
        resting = handle(decided.incident, c.Tick(), e.CLOCK, life.rules, life.now, INC)
        assert isinstance(resting, Decision)
        assert resting.entries == (), "nothing is left over for the same moment"


@MANY
@given(life=lives())
def test_whatever_is_shown_can_be_made_of_any_incident(life: Life) -> None:
    assert postmortem(life.inc, life.entries, life.rules)
    for kind in MessageKind:
        drafted = draft(life.inc, kind, {}, life.rules, life.now)
        assert drafted is None or drafted.missing or "[Impact]" not in drafted.text
    found = deadlines(life.inc, life.rules)
    assert list(found) == sorted(found, key=lambda each: (each.at, each.key))
    assert len({each.key for each in found}) == len(found)


def decided_by(rules: Rules, opening: c.Command, ticks: list[datetime]) -> dict[str, str]:
    """The reasons to page, each with whom it went to, after these ticks."""
    life = Life(rules, START)
    if isinstance(life.ask(opening), Refused):
        life.do(c.Declare(title="it burns"))
    for life.now in ticks:
        life.do(c.Tick(), e.CLOCK)
    found: dict[str, str] = {}
    for entry in life.entries:
        if isinstance(entry.event, e.Paged | e.PageWidened):
            found |= {reason.key: entry.event.person for reason in entry.event.reasons}
        elif isinstance(entry.event, e.NobodyReachable):
            found |= {reason.key: "" for reason in entry.event.reasons}
    return found


@MANY
@given(
    rules=some.rules(rotating=False),
    opening=some.openings,
    minutes_=st.lists(st.integers(1, 300), min_size=1, max_size=8, unique=True),
)
def test_a_late_tick_decides_nothing_that_more_ticks_would_not(
    rules: Rules, opening: c.Command, minutes_: list[int]
) -> None:
    ticks = sorted(START + minutes(each) for each in minutes_)
    many, one = decided_by(rules, opening, ticks), decided_by(rules, opening, ticks[-1:])
    assert one.items() <= many.items()


@MANY
@given(rules=some.rules(rotating=False), opening=some.openings)
def test_nobody_answers_and_paging_goes_on(rules: Rules, opening: c.Command) -> None:
    life = Life(rules, START)
    if isinstance(life.ask(opening), Refused):
        life.do(c.Declare(title="it burns"))
    for _ in range(60):
        due = next_due_at(life.inc, rules)
        assert due is not None
        assert due > life.now
        life.now = due
        assert life.do(c.Tick(), e.CLOCK).entries, "a deadline came and nothing happened"
    check_reasons(life.entries)
    assert fold(life.entries) == life.inc


@MANY
@given(life=lives(), person=st.sampled_from(some.PEOPLE))
def test_after_the_acknowledgement_no_page_of_before_goes_on(life: Life, person: PersonId) -> None:
    if life.inc.state is not State.OPEN or life.rules.roster.person(person) is None:
        return
    decided = life.do(c.Acknowledge(person=person))
    later = list(decided.entries)
    before = {page.id for page in life.inc.pages if page.at < decided.entries[0].at}
    for hours in (1, 5, 30):
        life.now += timedelta(hours=hours)
        later += life.do(c.Tick(), e.CLOCK).entries
    stepped = {entry.event.page for entry in later if isinstance(entry.event, e.PageStepped)}
    assert not stepped & before
