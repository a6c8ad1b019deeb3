"""Who is paged in the odd cases: roles that share a person, people who go, playbooks that say little."""

from datetime import date, time, timedelta

import pytest
from msgspec.structs import replace

from tests.core.sample import (
    ANNA,
    BEN,
    CARA,
    CHIEF,
    DEV,
    INC,
    P1,
    P2,
    P4,
    PLAYBOOK,
    ROSTER,
    RULES,
    SEC,
    START,
    Life,
    alert,
    minutes,
)
from tocsin.base import limits
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident.outgoing import Cancel, EffectKind, Send
from tocsin.incident.rules import Rules
from tocsin.incident.settle import deadlines, next_due_at
from tocsin.incident.state import State
from tocsin.oncall.model import ContactMethod, RoleFill, Roster, Rotation
from tocsin.playbook.model import (
    CommandRule,
    Condition,
    Contact,
    Edge,
    MessageKind,
    Playbook,
    Severity,
    Trigger,
)


def with_roster(**changes: object) -> Rules:
    return replace(RULES, roster=replace(ROSTER, **changes))


def with_playbook(**changes: object) -> Rules:
    return replace(RULES, playbook=replace(PLAYBOOK, **changes))


def nobody(life: Life) -> list[str]:
    return [entry.event.role for entry in life.entries if isinstance(entry.event, e.NobodyReachable)]


def fail_all(life: Life, person: str) -> None:
    """Every contact method of somebody is refused for good."""
    for page in life.inc.pages:
        for step in page.steps if page.person == person else ():
            life.do(
                c.RecordDelivery(
                    key=step.key, channel="x", to=person, delivered=False, detail="no", final=True
                )
            )


def both_roles(*roles: str) -> tuple[RoleFill, ...]:
    """The sample's roles with Anna in all of these."""
    return tuple(
        RoleFill(role=fill.role, people=(ANNA,)) if fill.role in roles else fill for fill in ROSTER.roles
    )


# Little to go by


def test_with_no_playbook_and_no_roster_at_all_the_fallback_is_used() -> None:
    fallback = (ContactMethod(id="outbox-1", kind="outbox", address="all@example.org"),)
    rules = Rules(playbook=Playbook(title=""), playbook_hash="ab" * 32, roster=Roster(fallback=fallback))
    life = Life(rules)
    decided = life.do(c.Declare(title="it burns"))
    assert nobody(life) == ["anybody"]
    assert [effect.address for effect in decided.effects if isinstance(effect, Send)] == ["all@example.org"]


def test_a_command_rule_without_roles_and_roles_in_circles_still_page_somebody() -> None:
    edges = (
        Edge(source="A", to="B", condition=Condition(unresolved_for=minutes(10))),
        Edge(source="B", to="A", condition=Condition()),
    )
    playbook = Playbook(title="", escalation=edges, command=(CommandRule(levels=(), roles=()),))
    roster = Roster(
        people=ROSTER.people, roles=(RoleFill(role="A", people=(ANNA,)), RoleFill(role="B", people=(BEN,)))
    )
    life = Life(Rules(playbook=playbook, playbook_hash="", roster=roster))
    life.do(c.Declare(title="it burns"))
    life.at(300)
    assert {person for _, person, _ in life.pages()} == {ANNA, BEN}
    assert (10, "ben", "B") in life.pages(), "the first to hear of it stand at the beginning of the circle"


def test_roles_in_other_scripts_are_kept_apart() -> None:
    roles = (RoleFill(role="当番", people=(ANNA,)), RoleFill(role="責任者", people=(BEN,)))
    edges = (Edge(source="当番", to="責任者", condition=Condition(unresolved_for=minutes(10))),)
    rules = Rules(
        playbook=Playbook(title="", escalation=edges),
        playbook_hash="",
        roster=Roster(people=ROSTER.people, roles=roles),
    )
    life = Life(rules)
    life.do(c.Declare(title="火事"))
    assert life.pages() == [(0, "anna", "当番")]
    life.at(11)
    assert (10, "ben", "責任者") in life.pages()


def test_immediate_response_and_no_levels_have_the_settings_times() -> None:
    now = Severity(level=P1, rank=1, respond_within=timedelta(0))
    life = Life(with_playbook(severities=(now,)))
    life.do(c.Declare(title="it burns"))
    assert next(d.at for d in deadlines(life.inc, life.rules) if d.kind == "respond-by") == START + minutes(5)
    life = Life(with_playbook(severities=(), triage=()))
    life.do(c.Declare(title="it burns"))
    assert next(d.at for d in deadlines(life.inc, life.rules) if d.kind == "respond-by") == START + minutes(
        60
    )


def test_two_rows_of_one_role_are_two_reasons() -> None:
    rows = (
        Contact(role="Security Engineer", responsibility="", trigger=Trigger(text="P1", levels=(P1,))),
        Contact(
            role="Security Engineer", responsibility="", trigger=Trigger(text="breach", category="security")
        ),
    )
    contacts = (PLAYBOOK.contacts[0], *rows)
    life = Life(with_playbook(contacts=contacts, escalation=())).opened("VaultSealed")
    life.do(c.Acknowledge(person=BEN))
    life.now += minutes(1)
    life.do(c.AddCategory(category="security"))
    assert [minute for minute, person, _ in life.pages() if person == SEC] == [0, 1]


def test_an_edge_that_is_drawn_twice_fires_once() -> None:
    twice = (PLAYBOOK.escalation[0], *PLAYBOOK.escalation)
    life = Life(with_playbook(escalation=twice)).opened("VaultSealed").at(40)
    keys = [reason.key for page in life.inc.pages for reason in page.reasons]
    assert len(keys) == len(set(keys))


def test_an_edge_keeps_its_key_when_the_playbook_gets_another_one_before_it() -> None:
    more = (Edge(source="Team Lead", to="Press"), *PLAYBOOK.escalation)
    life = Life().opened("VaultSealed").at(31)
    before = len(life.pages())
    life.rules = with_playbook(escalation=more)
    life.do(c.Tick(), e.CLOCK)
    assert len(life.pages()) == before


# One person in several roles


def test_whoever_is_paged_for_two_roles_has_answered_for_both() -> None:
    life = Life(with_roster(roles=both_roles("On-Call Engineer", "Security Engineer")))
    life.opened("SomethingElse").do(c.AddCategory(category="security"))
    life.do(c.Acknowledge(person=ANNA))
    life.at(600)
    assert CHIEF not in {person for _, person, _ in life.pages()}


def test_the_hop_behind_a_role_fires_although_its_person_was_paged_for_another_role_first() -> None:
    late = Edge(
        source="Team Lead", to="Security Engineer", condition=Condition(unresolved_for=timedelta(days=9))
    )
    path = (*PLAYBOOK.escalation[:2], late, PLAYBOOK.escalation[-1])
    life = Life(
        Rules(
            playbook=replace(PLAYBOOK, escalation=path, triage=()),
            playbook_hash="",
            roster=replace(ROSTER, roles=both_roles("On-Call Engineer", "Security Engineer")),
        )
    )
    life.opened("SecurityBreach")
    assert life.pages() == [(0, "anna", "On-Call Engineer")], "one page tells both reasons"
    life.do(c.Acknowledge(person=BEN))
    life.at(241)
    assert CHIEF in {person for _, person, _ in life.pages()}


def test_the_letter_names_the_role_of_each_reason() -> None:
    life = Life(with_roster(roles=both_roles("On-Call Engineer", "Team Lead")))
    life.opened("VaultSealed")
    letters = [effect.letter for effect in life.decisions[0].effects if isinstance(effect, Send)]
    assert any(line.startswith("You are paged as Team Lead: key contact") for line in letters[0].lines)


def test_an_answer_of_before_the_reopening_does_not_count_after_it() -> None:
    life = Life().opened("SomethingElse")
    life.do(c.AddCategory(category="security"))
    life.do(c.Acknowledge(person=SEC))
    life.now += minutes(5)
    life.do(c.Resolve(root_cause="a", fix="b"))
    life.do(c.Reopen(reason="not over"))
    life.do(c.Acknowledge(person=ANNA))
    life.at(500)
    assert CHIEF in {person for _, person, _ in life.pages()}


# People who cannot be reached, or go


def test_the_second_of_a_role_is_paged_when_the_first_cannot_be_reached() -> None:
    roles = (RoleFill(role="On-Call Engineer", people=(BEN, ANNA)), *ROSTER.roles[2:])
    life = Life(with_roster(roles=roles)).opened("WorkerFailing").at(2)
    fail_all(life, BEN)
    assert life.pages() == [(0, "ben", "On-Call Engineer"), (2, "anna", "On-Call Engineer")]
    assert nobody(life) == []
    fail_all(life, ANNA)
    life.at(4.5)
    fail_all(life, ANNA)
    assert "On-Call Engineer" in nobody(life)


def test_when_somebody_leaves_while_being_paged_whoever_takes_the_role_is_paged() -> None:
    life = Life().opened("WorkerFailing").at(1)
    roles = (RoleFill(role="On-Call Engineer", people=(DEV,)), *ROSTER.roles[1:])
    people = tuple(person for person in ROSTER.people if person.id != ANNA)
    life.rules = with_roster(people=people, roles=roles)
    life.do(c.Tick(), e.CLOCK)
    assert life.pages() == [(0, "anna", "On-Call Engineer"), (1, "dev", "On-Call Engineer")]


def test_a_lost_page_is_told_for_each_of_its_roles() -> None:
    life = Life(with_roster(roles=both_roles("On-Call Engineer", "Team Lead"))).opened("VaultSealed").at(2)
    fail_all(life, ANNA)
    assert nobody(life)[:2] == ["On-Call Engineer", "Team Lead"]
    told = next(entry for entry in life.entries if isinstance(entry.event, e.NobodyReachable))
    assert isinstance(told.event, e.NobodyReachable)
    assert told.event.due_at == told.at, "it is not late: nobody knew before"


def test_a_roster_that_is_mended_pages_the_incident_that_nobody_heard_of() -> None:
    life = Life(with_roster(people=(), roles=())).opened("VaultSealed").at(1)
    assert life.pages() == []
    assert nobody(life)
    life.rules = RULES
    life.at(6)
    assert life.pages()[0] == (5, "anna", "On-Call Engineer")


def test_a_rotation_that_begins_later_is_paged_when_it_has_begun() -> None:
    rotation = Rotation(people=(ANNA,), starts_on=date(2026, 3, 2), handover=time(10), zone="UTC")
    fill = RoleFill(role="On-Call Engineer", rotation=rotation)
    life = Life(with_roster(roles=(fill,))).opened("VaultSealed").at(59)
    assert life.pages() == []
    life.at(91)
    assert life.pages()[0][1] == ANNA


def test_the_fallback_comes_again_while_nobody_can_be_reached_but_is_no_storm() -> None:
    life = Life(with_roster(people=(), roles=())).opened("VaultSealed").at(24 * 60)
    assert 40 < len(nobody(life)) < 80
    assert next_due_at(life.inc, life.rules) is not None
    quiet = Life(with_roster(people=(), roles=())).opened("VaultSealed")
    quiet.now = START + timedelta(days=30)
    quiet.do(c.Tick(), e.CLOCK)
    assert len(nobody(quiet)) < 12, "an outage is followed by one of it"


def test_an_acknowledgement_cancels_the_fallback_that_still_waits() -> None:
    later = (ContactMethod(id="outbox-1", kind="outbox", address="all", after=minutes(10)),)
    life = Life(with_roster(people=ROSTER.people[1:2], roles=(), fallback=later)).opened("VaultSealed")
    sent = [each for decision in life.decisions for each in decision.effects if isinstance(each, Send)]
    waiting = {each.page for each in sent if each.kind is EffectKind.FALLBACK}
    assert waiting
    decided = life.do(c.Acknowledge(person=BEN))
    cancelled = {page for each in decided.effects if isinstance(each, Cancel) for page in each.pages}
    assert waiting <= cancelled


# Command


def test_an_offer_is_accepted_by_acknowledging_also_before_anybody_has() -> None:
    life = Life().opened("VaultSealed")
    life.do(c.OfferCommand(to=ANNA))
    life.do(c.Acknowledge(person=ANNA))
    assert life.inc.commander == ANNA


def test_an_offer_ends_with_the_pages_and_a_commander_is_asked_for_again() -> None:
    life = Life().opened("VaultSealed")
    life.do(c.OfferCommand(to=SEC))
    life.do(c.Acknowledge(person=ANNA))
    assert life.inc.offered_to is None
    assert life.pages()[-1] == (0, "cara", "team lead")
    assert life.do(c.OfferCommand(to=SEC)).entries, "it can be offered again"


def test_an_offer_to_somebody_who_left_does_not_keep_others_from_being_asked() -> None:
    life = Life().opened("VaultSealed")
    life.do(c.Acknowledge(person=ANNA))
    life.do(c.OfferCommand(to=SEC))
    life.do(c.Mitigate())
    life.do(c.OfferCommand(to=SEC))
    life.rules = with_roster(people=tuple(each for each in ROSTER.people if each.id != SEC))
    life.do(c.SetSeverity(level=P2, reason="less"))
    asked = [role for _, _, role in life.pages()]
    assert asked[-1].casefold() in ("team lead", "senior engineer")


def test_whoever_takes_command_ends_the_search_for_a_commander() -> None:
    life = Life().opened("VaultSealed").at(1)
    life.do(c.Acknowledge(person=ANNA))
    assert [page.person for page in life.inc.open_pages] == [CARA]
    decided = life.do(c.TakeCommand(person=BEN))
    assert life.inc.open_pages == ()
    cancelled = {page for each in decided.effects if isinstance(each, Cancel) for page in each.pages}
    assert {page.id for page in life.inc.pages if page.person == CARA} & cancelled


def test_a_page_that_asks_for_more_than_a_commander_goes_on_under_another_one() -> None:
    life = Life().opened("VaultSealed").at(1)
    life.do(c.Acknowledge(person=ANNA))
    life.do(c.Escalate(to="Team Lead", reason="please look"))
    life.do(c.TakeCommand(person=BEN))
    assert [page.person for page in life.inc.open_pages] == [CARA]


# Levels


def test_an_answer_to_the_checklist_never_undoes_what_a_worse_alert_said() -> None:
    life = Life().opened("SomethingElse")
    life.do(c.AttachAlert(alert=alert("DatabaseUnreachable", severity="P1"), because="same group"))
    assert life.inc.level == P1
    life.do(c.AnswerTriage(rule="minor", answer="no"))
    assert life.inc.level == P1


def test_a_level_that_is_confirmed_starts_no_clock_again() -> None:
    life = Life().opened("VaultSealed").at(6)
    life.do(c.Acknowledge(person=BEN))
    life.do(c.OfferCommand(to=ANNA))
    life.do(c.Acknowledge(person=ANNA))
    since, pages = life.inc.level_since, len(life.pages())
    life.now += minutes(1)
    life.do(c.SetSeverity(level=P1, reason="yes, it is"))
    assert life.inc.level_since == since
    assert len(life.pages()) == pages


def test_a_merge_brings_the_level_and_the_categories_of_its_alerts() -> None:
    life = Life().opened("UiGlitch")
    assert life.inc.level == P4
    taken = (alert("SecurityBreach", severity="P1"), alert("WorkerFailing", firing=False))
    life.do(c.Absorb(other=c.IncidentId("INC-2"), title="worse", alerts=taken))
    assert life.inc.level == P1
    assert "security" in life.inc.categories
    assert SEC in {person for _, person, _ in life.pages()}
    assert len(life.inc.firing) == 2


def test_nothing_is_merged_into_what_is_resolved() -> None:
    life = Life().opened("UiGlitch")
    life.do(c.Resolve(root_cause="a", fix="b"))
    assert life.refused(c.Absorb(other=c.IncidentId("INC-2"), title="x", alerts=())).code == "resolved"


# Time


def test_the_clock_of_the_path_is_not_set_back_by_an_escalation_by_hand() -> None:
    life = Life().opened("WorkerFailing").at(20)
    life.do(c.Escalate(to="On-Call Engineer", reason="wake up"))
    life.at(31)
    fired = [entry.at for entry in life.happened(e.Escalated) if entry.event.due_at]  # type: ignore[union-attr]
    assert fired == [START + minutes(30)]


def test_a_page_that_is_asked_for_after_the_clock_was_set_back_leaves_at_once() -> None:
    life = Life().opened("VaultSealed").at(60)
    life.do(c.Acknowledge(person=BEN))
    life.now -= minutes(50)
    decided = life.do(c.Escalate(to="CISO", reason="now"))
    sent = [effect for effect in decided.effects if isinstance(effect, Send)]
    assert [effect.due_at for effect in sent] == [life.now]


def test_a_thousand_alerts_in_one_incident_are_no_trouble() -> None:
    life = Life().opened("VaultSealed")
    for number in range(1000):
        life.do(c.AttachAlert(alert=alert("VaultSealed", pod=str(number)), because="same group"))
    assert life.inc.alert_count == 1001
    assert len(life.inc.alerts) == limits.incident_alerts_whole
    life.do(c.ClearAlert(alert=alert("VaultSealed", firing=False, pod="7")))
    assert life.inc.firing_count == 1000
    page = next(each for each in life.do(c.Escalate(to="CISO")).effects if isinstance(each, Send))
    assert len(page.letter.lines) < 20


def test_a_rehearsal_says_so_in_every_letter() -> None:
    life = Life()
    life.do(c.Declare(title="it burns", level=P1, drill=True))
    life.at(16)
    life.do(c.Acknowledge(person=BEN))
    life.do(c.SendMessage(kind=MessageKind.INITIAL, text="we look"))
    life.do(c.Resolve(root_cause="a", fix="b"))
    life.at(4 * 24 * 60)
    letters = [each for decision in life.decisions for each in decision.effects if isinstance(each, Send)]
    assert {each.kind for each in letters} == {EffectKind.PAGE, EffectKind.MESSAGE, EffectKind.NOTICE}
    assert all(each.letter.subject.startswith("DRILL: ") for each in letters)
    alone = Life(with_roster(people=(), roles=()))
    decided = alone.do(c.Declare(title="it burns", drill=True))
    fallback = [each for each in decided.effects if isinstance(each, Send)]
    assert all(each.letter.subject.startswith("DRILL: ") for each in fallback)


def test_a_title_is_one_line() -> None:
    life = Life()
    life.do(c.Declare(title=" it burns\nBcc: all@example.org "))
    assert life.inc.title == "it burns Bcc: all@example.org"


@pytest.mark.parametrize("state", [State.MITIGATED, State.ACKNOWLEDGED])
def test_ids_of_pages_follow_each_other(state: State) -> None:
    life = Life().opened("VaultSealed").at(30)
    life.do(c.Acknowledge(person=BEN))
    if state is State.MITIGATED:
        life.do(c.Mitigate())
    life.do(c.Escalate(to="CISO"))
    assert [page.id for page in life.inc.pages] == [f"{INC}/p{n}" for n in range(1, len(life.inc.pages) + 1)]
