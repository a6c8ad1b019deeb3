"""What an incident does by itself: it resolves when its alerts stay clear, and it stands for a storm."""

from msgspec.structs import replace

from tests.core.sample import ALICE, P1, P2, P3, PLAYBOOK, RULES, Life, alert, minutes
from tocsin.alerts.rules import NoiseRules
from tocsin.base import limits
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident.deadlines import DeadlineKind
from tocsin.incident.rules import Rules
from tocsin.incident.settle import deadlines
from tocsin.incident.state import State
from tocsin.playbook.model import Options


def rules() -> Rules:
    noise = NoiseRules(auto_resolve={P3: minutes(15)})
    return replace(RULES, playbook=replace(PLAYBOOK, options=Options(noise=noise)))


def cleared(life: Life, name: str = "Worker failing", **labels: str) -> Life:
    life.do(c.ClearAlert(alert=alert(name, life.now, firing=False, **labels)))
    return life


def opened(name: str = "Worker failing", **labels: str) -> Life:
    return Life(rules()).opened(name, severity="medium", **labels)


def test_it_resolves_when_all_alerts_have_been_clear_long_enough() -> None:
    life = opened()
    life.do(c.AttachAlert(alert=alert("Other", life.now), because="same group"))
    cleared(life.at(1), severity="medium")
    assert life.inc.cleared_at is None
    cleared(life.at(4), "Other")
    (due,) = [each for each in deadlines(life.inc, life.rules) if each.kind is DeadlineKind.AUTO_RESOLVE]
    assert due.at == life.start + minutes(19)
    life.at(18.9)
    assert life.inc.active
    life.at(19)
    assert life.inc.state is State.RESOLVED
    entry = life.happened(e.Resolved)[0]
    assert entry.actor.kind is e.ActorKind.CLOCK
    assert life.inc.root_cause == "not known, since it resolved by itself"
    assert life.inc.fix.endswith("resolved by itself: all of its 2 alerts have been clear for 15 min")
    assert life.inc.open_pages == ()


def test_an_alert_that_fires_again_begins_the_wait_anew() -> None:
    life = cleared(opened(), severity="medium").at(10)
    life.do(c.AttachAlert(alert=alert("Worker failing", life.now, severity="medium"), because="again"))
    life.at(60)
    assert life.inc.active
    cleared(life, severity="medium").at(74)
    assert life.inc.active
    life.at(75)
    assert life.inc.state is State.RESOLVED


def test_after_an_outage_nobody_is_paged_for_what_is_over() -> None:
    life = cleared(opened(), severity="medium")
    pages = len(life.pages())
    life.now = life.start + minutes(600)
    life.do(c.Tick(), e.CLOCK)
    assert life.inc.state is State.RESOLVED
    assert len(life.pages()) == pages
    assert life.inc.open_pages == ()
    assert len(life.happened(e.ResponseOverdue)) == 1


def test_where_it_never_resolves_by_itself() -> None:
    other_level = Life(rules()).opened("Vault sealed")
    cleared(other_level, "Vault sealed")
    security = cleared(opened(category="security"), severity="medium", category="security")
    declared = Life(rules())
    declared.do(c.Declare(title="Worker failing", level=P3))
    joined = Life(rules())
    joined.do(c.Declare(title="Worker failing", level=P3))
    joined.do(c.AttachAlert(alert=alert("Worker failing", severity="medium"), because="by hand"))
    cleared(joined, severity="medium")
    reopened = cleared(opened(), severity="medium").at(20)
    assert reopened.inc.state is State.RESOLVED
    reopened.do(c.Reopen(reason="it is not over"))
    firing = opened()
    for life in (other_level, security, declared, joined, reopened, firing):
        assert not [d for d in deadlines(life.inc, life.rules) if d.kind is DeadlineKind.AUTO_RESOLVE]
        assert life.at(3_000).inc.state is State.OPEN


def test_a_storm_has_a_title_the_worst_level_and_pages_anew() -> None:
    life = opened()
    before = life.inc
    decided = life.do(c.GatherStorm(incidents=11, within=minutes(5), levels=(P2, P1, P3), because="many"))
    assert life.inc.level == P1
    assert life.inc.evidence.rule == "storm"
    assert life.inc.title == "Storm: 11 incidents within 5 min. First: Worker failing happened"
    assert life.inc.clock_from == before.clock_from
    assert all(page.ended_at for page in life.inc.pages[: len(before.pages)])
    assert {page.person for page in before.open_pages} <= {page.person for page in life.inc.open_pages}
    letters = [each.letter.subject for each in decided.effects if hasattr(each, "letter")]
    assert letters
    assert all("Storm: 11 incidents" in each for each in letters)


def test_a_level_that_a_person_chose_stands_in_a_storm() -> None:
    life = opened()
    life.do(c.SetSeverity(level=P2, reason="as I see it"), ALICE)
    life.do(c.GatherStorm(incidents=3, within=minutes(5), levels=(P1,), because="many"))
    assert life.inc.level == P2
    life.do(c.Resolve(root_cause="a", fix="b"))
    assert (
        "resolved"
        in life.refused(c.GatherStorm(incidents=3, within=minutes(5), levels=(P1,), because="many")).message
    )


def test_the_end_of_a_flapping_alert_changes_nothing() -> None:
    life = opened()
    ended = alert("Worker failing", life.now, firing=False, severity="medium")
    assert life.do(c.AttachAlert(alert=ended, because="it is flapping")).entries == ()
    assert len(life.inc.firing) == 1


def test_an_incident_of_many_alerts_waits_for_those_that_it_does_not_list() -> None:
    life = opened()
    many = limits.incident_alerts_whole + 5
    for number in range(many):
        life.do(c.AttachAlert(alert=alert("Worker failing", life.now, pod=str(number)), because="group"))
    assert len(life.inc.alerts) < life.inc.alert_count
    for each in life.inc.alerts:
        life.do(c.ClearAlert(alert=replace(each, ends_at=life.now)))
    assert life.inc.firing == ()
    assert life.inc.firing_count
    assert not [d for d in deadlines(life.inc, life.rules) if d.kind is DeadlineKind.AUTO_RESOLVE]
    life.do(c.AttachAlerts(new=(), tally=c.Tally(life.inc.alert_count, 0)))
    assert [d for d in deadlines(life.inc, life.rules) if d.kind is DeadlineKind.AUTO_RESOLVE]
