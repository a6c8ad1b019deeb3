"""What becomes of alerts under the rules about noise, through the whole engine."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.core.sample import P1, P3, PLAYBOOK, START, alert, minutes
from tests.engine.house import House, actor, document
from tocsin.alerts.grouping import Because, explain_placement
from tocsin.alerts.holders import Holders
from tocsin.alerts.matchers import parse_matchers
from tocsin.alerts.model import Alert
from tocsin.alerts.recurrence import parse_words
from tocsin.alerts.rules import InhibitRule, NoiseRules, StormRule, Window
from tocsin.alerts.silences import Silence
from tocsin.engine.noise_state import HeldAlert, MutedAlert
from tocsin.engine.ports import StoreUnavailableError
from tocsin.engine.records import AlertRecord, OutboxStatus
from tocsin.incident import events as e
from tocsin.incident.outgoing import Send
from tocsin.incident.state import State
from tocsin.playbook.model import Options

WEEK = timedelta(days=7)


def house_with(**rules: object) -> House:
    options = Options(noise=NoiseRules(**rules))  # type: ignore[arg-type]
    return House(current=document(replace(PLAYBOOK, options=options)))


def now(house: House, name: str, firing: bool = True, **labels: str) -> Alert:
    return alert(name, house.clock.now(), firing, **labels)


async def silence(house: House, matcher: str, lasts: timedelta) -> Silence:
    return await house.engine.silencing.create(
        parse_matchers(matcher).all, None, house.clock.now() + lasts, "we are on it", actor("anna")
    )


async def look(house: House, after: timedelta = timedelta(seconds=6)) -> None:
    """Let time pass, and let what was kept back be looked at beside the intake."""
    house.clock.advance(after)
    async with house.taking():
        await house.engine.replacing.look()


async def record(house: House, what: Alert) -> AlertRecord:
    async with house.memory.reading() as reader:
        found = await reader.alert(what.fingerprint)
    assert found is not None
    return found


async def incidents(house: House) -> list[str]:
    async with house.memory.reading() as reader:
        return [each.id for each in reversed(await reader.incidents(limit=10_000))]


async def waits(house: House) -> int:
    """How many alerts are still kept back."""
    async with house.memory.reading() as reader:
        return len(await reader.all_kept(MutedAlert)) + len(await reader.all_kept(HeldAlert))


async def test_a_silenced_alert_opens_nothing_and_pages_nobody() -> None:
    house = house_with()
    made = await silence(house, 'service="api"', minutes(60))
    quiet, loud = now(house, "Down", service="api"), now(house, "Down", service="web")
    told, other = await house.take(quiet, loud)
    assert told.incident is None
    assert told.because == f"silenced by {made.id} until 2026-03-02 10:00:00 UTC: we are on it (Anna)"
    assert other.incident == "INC-1"
    assert (await record(house, quiet)).because == told.because
    assert {row.effect.incident for row in await house.rows()} == {"INC-1"}


async def test_an_alert_that_is_never_sent_again_is_placed_when_its_silence_ends() -> None:
    house = house_with()
    await silence(house, 'service="api"', minutes(60))
    quiet = now(house, "Down", service="api")
    await house.take(quiet)
    await look(house, minutes(59))
    assert await incidents(house) == []
    await look(house, minutes(2))
    assert await incidents(house) == ["INC-1"]
    assert (await record(house, quiet)).incident == "INC-1"
    assert (await house.entries("INC-1", e.Paged))[0].event.person == "anna"  # type: ignore[union-attr]
    assert await waits(house) == 0
    await look(house, minutes(5))
    assert await incidents(house) == ["INC-1"]


async def test_a_silence_that_is_ended_early_lets_its_alerts_go_at_once() -> None:
    house = house_with()
    made = await silence(house, 'service="api"', WEEK)
    await house.take(now(house, "Down", service="api"))
    await look(house)
    await house.engine.silencing.expire(made.id, actor("anna"))
    await look(house)
    assert await incidents(house) == ["INC-1"]


async def test_another_silence_takes_over_with_its_own_reason() -> None:
    house = house_with()
    first = await silence(house, 'service="api"', minutes(10))
    quiet = now(house, "Down", service="api")
    await house.take(quiet)
    assert first.id in (await record(house, quiet)).because
    second = await silence(house, 'alertname="Down"', minutes(30))
    await look(house, minutes(11))
    assert await incidents(house) == []
    await house.take(now(house, "Down", service="api"))
    assert second.id in (await record(house, quiet)).because
    await look(house, minutes(20))
    assert await incidents(house) == ["INC-1"]


async def test_what_ended_while_silenced_is_not_asked_about_again() -> None:
    house = house_with()
    await silence(house, 'service="api"', minutes(10))
    await house.take(now(house, "Down", service="api"))
    house.clock.advance(minutes(1))
    await house.take(now(house, "Down", firing=False, service="api"))
    assert await waits(house) == 0
    await look(house, minutes(30))
    assert await incidents(house) == []


async def test_a_sender_that_is_faster_than_the_second_look_is_right() -> None:
    house = house_with()
    await silence(house, 'service="api"', minutes(10))
    quiet = now(house, "Down", service="api")
    await house.take(quiet)
    house.clock.advance(minutes(11))
    stored = (await record(house, quiet)).alert
    await house.take(now(house, "Down", firing=False, service="api"))
    # The look has read the alert while it fired, and its request comes after the end.
    house.engine.noise.again([stored])
    (told,) = await house.take(stored)
    assert told.because == Because.NOTHING_TO_CLEAR
    assert await incidents(house) == []
    assert (await record(house, quiet)).alert.status == "resolved"


async def test_an_alert_in_an_incident_stays_in_it_when_it_is_silenced() -> None:
    house = house_with()
    await house.take(now(house, "Down", service="api"))
    await silence(house, 'service="api"', minutes(60))
    (told,) = await house.take(now(house, "Down", service="api"))
    assert (told.incident, told.because) == ("INC-1", Because.SAME_ALERT)
    (told,) = await house.take(now(house, "Slow", service="api"))
    assert told.incident is None


async def test_a_restart_forgets_nothing_that_is_kept_back() -> None:
    house = house_with()
    await silence(house, 'service="api"', minutes(60))
    await house.take(now(house, "Down", service="api"))
    after = house_with()
    after.clock.set(house.clock.now())
    after.engine.replacing = again = type(after.engine.replacing)(
        house.memory, house.clock, house.engine.library, house.engine.noise, house.engine.intake
    )
    house.clock.advance(minutes(61))
    async with house.taking():
        await again.look()
    assert await incidents(house) == ["INC-1"]


async def test_a_maintenance_window_keeps_back_what_falls_into_it_and_lets_it_go_at_its_end() -> None:
    start, lasts = parse_words("every monday 10:00 for 1h")
    window = Window(
        name="backup",
        matchers=parse_matchers('service="db"'),
        start=start,
        lasts=lasts,
        zone="Europe/Paris",
        text="every monday 10:00 for 1h",
    )
    house = house_with(maintenance=(window,))
    quiet = now(house, "Slow", service="db")
    told, other = await house.take(quiet, now(house, "Slow", service="api"))
    assert told.because == "in the maintenance window backup until Mon 02 Mar 2026, 11:00 CET"
    assert other.incident == "INC-1"
    await look(house, minutes(59))
    assert (await record(house, quiet)).incident is None
    await look(house, minutes(1))
    assert (await record(house, quiet)).incident == "INC-2"


def inhibiting() -> House:
    rule = InhibitRule(
        source=parse_matchers('alertname="DatacentreDown"'),
        target=parse_matchers('severity="warning"'),
        equal=("dc",),
    )
    return house_with(inhibit=(rule,))


async def test_an_inhibited_alert_waits_for_the_one_that_explains_it() -> None:
    house = inhibiting()
    cause = now(house, "DatacentreDown", dc="1")
    here = now(house, "Slow", dc="1", severity="warning")
    there = now(house, "Slow", dc="2", severity="warning")
    opened, inhibited, other = await house.take(cause, here, there)
    assert opened.incident == "INC-1"
    assert inhibited.because == f"inhibited by DatacentreDown ({cause.fingerprint}) for as long as that fires"
    assert other.incident == "INC-2"
    await look(house, minutes(10))
    assert (await record(house, here)).incident is None
    await house.take(now(house, "DatacentreDown", firing=False, dc="1"))
    await look(house)
    assert (await record(house, here)).incident is not None
    assert await waits(house) == 0


async def test_a_batch_that_was_undone_inhibits_nothing() -> None:
    house = inhibiting()
    house.fail("commit", *[RuntimeError("the disk is gone")] * 2)
    async with house.taking():
        with pytest.raises(StoreUnavailableError):
            await house.engine.intake.take([now(house, "DatacentreDown", dc="1")])
    house.fail("commit")
    (told,) = await house.take(now(house, "Slow", dc="1", severity="warning"))
    assert told.incident == "INC-1"


async def test_sources_that_fire_already_count_when_the_rule_is_new() -> None:
    house = house_with()
    await house.take(now(house, "DatacentreDown", dc="1"))
    rules = inhibiting().engine.library.current
    await house.engine.reload(rules, house.engine.library.roster)
    (told,) = await house.take(now(house, "Slow", dc="1", severity="warning"))
    assert told.because.startswith("inhibited by DatacentreDown")


async def test_the_alerts_of_a_service_join_the_incident_of_what_it_depends_on() -> None:
    house = house_with(depends_on={"checkout": ("payments",), "payments": ("database",)})
    await house.take(now(house, "DbDown", service="database"))
    (told,) = await house.take(now(house, "Errors", service="checkout"))
    assert told.incident == "INC-1"
    assert told.because == "checkout depends on database, and this incident is about database"
    (told,) = await house.take(now(house, "Errors", service="web"))
    assert told.incident == "INC-2"
    # The other way round nothing follows: what a service depends on may fail without it.
    (told,) = await house_with(depends_on={"checkout": ("database",)}).take(
        now(house, "DbDown", service="database")
    )
    assert told.because == Because.FIRST_OF_GROUP


async def test_an_incident_takes_alerts_of_its_group_for_as_long_as_the_window_says() -> None:
    house = house_with(group_window=minutes(10))
    await house.take(now(house, "Down", service="api", pod="1"))
    house.clock.advance(minutes(9))
    (told,) = await house.take(now(house, "Down", service="api", pod="2"))
    assert told.incident == "INC-1"
    house.clock.advance(minutes(9))
    await house.take(now(house, "Down", service="api", pod="2"))
    (told,) = await house.take(now(house, "Down", service="api", pod="3"))
    assert told.incident == "INC-1"
    house.clock.advance(minutes(10))
    (told,) = await house.take(now(house, "Down", service="api", pod="4"))
    assert told.incident == "INC-2"


async def test_a_flapping_alert_is_not_cleared_until_it_keeps_quiet() -> None:
    house = house_with()
    turns: list[tuple[str | None, str]] = []
    for turn in range(9):
        (told,) = await house.take(now(house, "Down", firing=turn % 2 == 0, service="api"))
        turns.append((told.incident, told.because))
        house.clock.advance(minutes(1))
    assert all(incident == "INC-1" for incident, _ in turns)
    # The fourth change is the fifth message; from there on an end does not count.
    assert turns[1][1] == turns[3][1] == Because.CLEARED
    assert turns[5][1] == turns[7][1]
    assert turns[5][1].startswith("it is flapping (4 changes or more within 10 min)")
    assert len(await house.entries("INC-1", e.AlertCleared)) == 2
    assert len(await house.entries("INC-1", e.AlertAttached)) == 2
    assert len(await house.entries("INC-1", e.Noted)) == 1
    assert len(await house.entries("INC-1", e.Paged)) == 1
    await house.take(now(house, "Down", firing=False, service="api"))
    assert len((await house.incident("INC-1")).firing) == 1
    await look(house, minutes(9))
    assert len((await house.incident("INC-1")).firing) == 1
    await look(house, minutes(2))
    assert (await house.incident("INC-1")).firing == ()
    assert await waits(house) == 0


async def test_an_incident_whose_alerts_are_clear_resolves_itself_where_its_level_allows() -> None:
    house = house_with(auto_resolve={P3: minutes(15)})
    await house.take(now(house, "Worker failing", severity="medium", service="a"))
    await house.take(now(house, "Vault sealed", severity="critical", service="b"))
    await house.take(now(house, "Worker failing", firing=False, severity="medium", service="a"))
    await house.take(now(house, "Vault sealed", firing=False, severity="critical", service="b"))
    assert (await house.incident("INC-1")).level == P3
    house.clock.advance(minutes(14))
    await house.engine.clockwork.pass_time()
    assert (await house.incident("INC-1")).active
    house.clock.advance(minutes(1))
    await house.engine.clockwork.pass_time()
    ended = await house.incident("INC-1")
    assert ended.state is State.RESOLVED
    assert "resolved by itself: its alert has been clear for 15 min" in ended.fix
    assert (await house.incident("INC-2")).active
    assert (await house.incident("INC-2")).level == P1


async def test_ten_thousand_alerts_of_one_outage_are_one_incident_and_one_page_a_person() -> None:
    house = house_with(storm=StormRule(incidents=10, within=minutes(5)))
    every = [
        now(house, "Down" if group % 7 else "VaultSealed", service=f"s{group}", pod=str(number))
        for number in range(50)
        for group in range(200)
    ]
    async with house.taking():
        taken = [
            each
            for at in range(0, len(every), 500)
            for each in await house.engine.intake.take(every[at : at + 500])
        ]
    assert len(taken) == len(every) == 10_000
    async with house.memory.reading() as reader:
        found = await reader.incidents(limit=1_000)
        assert await reader.count_alerts() == 10_000
    major = [each for each in found if each.active]
    assert [each.id for each in major] == ["INC-1"]
    assert len(found) == 10
    assert all(each.merged_into == "INC-1" for each in found if not each.active)
    assert major[0].title.startswith("Storm: 10 incidents within 5 min. First: ")
    assert major[0].level == P1
    assert {each.incident for each in taken} <= {each.id for each in found}
    async with house.memory.reading() as reader:
        assert len(await reader.alerts(20_000, incident=major[0].id)) == 10_000

    await house.deliver()
    letters = [*house.outbox.sent, *house.email.sent]
    people = [each.address for each in letters]
    assert sorted(people) == sorted(set(people))
    assert "anna@example.org" in people
    assert all("Storm: 10 incidents" in each.letter.subject for each in letters)
    # Within what one page may take, nobody hears of it a second time.
    await house.deliver(timedelta(seconds=90))
    assert len(house.outbox.sent) == len({each.address for each in house.outbox.sent})
    pages = [row for row in await house.rows() if isinstance(row.effect, Send) and row.effect.page]
    others = [row for row in pages if row.effect.incident != "INC-1"]
    assert others
    assert all(row.status is OutboxStatus.CANCELLED for row in others)
    assert await house.memory.verify() == []


async def test_what_somebody_works_on_stays_out_of_a_storm() -> None:
    house = house_with(storm=StormRule(incidents=3, within=minutes(5)))
    declared = await house.declare("Something is wrong")
    await house.take(now(house, "Down", service="s0"))
    await house.acknowledge("INC-2")
    await house.take(*(now(house, "Down", service=f"s{number}") for number in range(1, 6)))
    assert (await house.incident(declared.id)).active
    assert (await house.incident("INC-2")).state is State.ACKNOWLEDGED
    assert (await house.incident("INC-3")).title.startswith("Storm: ")
    assert (await house.incident("INC-4")).merged_into == "INC-3"
    assert await incidents(house) == ["INC-1", "INC-2", "INC-3", "INC-4"]


async def test_a_storm_that_somebody_works_on_takes_nothing_new() -> None:
    house = house_with(storm=StormRule(incidents=3, within=minutes(5)))
    await house.take(*(now(house, "Down", service=f"s{number}") for number in range(5)))
    await house.acknowledge("INC-1")
    house.clock.advance(minutes(1))
    (same,) = await house.take(now(house, "Down", service="s1", pod="2"))
    assert same.incident == "INC-1"
    (other,) = await house.take(now(house, "VaultSealed", service="vault"))
    assert other.incident == "INC-4"
    await house.deliver()
    assert any(sent.incident == "INC-4" for sent in house.outbox.sent)


async def test_a_storm_ends_when_no_more_would_be_opened_and_its_groups_stay_with_it() -> None:
    house = house_with(storm=StormRule(incidents=3, within=minutes(5)))
    await house.take(*(now(house, "Down", service=f"s{number}") for number in range(5)))
    house.clock.advance(minutes(4))
    (told,) = await house.take(now(house, "Down", service="s5"))
    assert told.incident == "INC-1"
    house.clock.advance(minutes(5))
    (told,) = await house.take(now(house, "Down", service="s6"))
    assert told.incident == "INC-4"
    (told,) = await house.take(now(house, "Down", service="s1", pod="7"))
    assert (told.incident, told.because) == ("INC-1", "its group was gathered in this incident with a storm")


async def test_a_storm_that_builds_up_over_many_batches_is_paged_once_more_for_all_of_it() -> None:
    house = house_with(storm=StormRule(incidents=3, within=minutes(5)))
    for number in range(3):
        await house.take(now(house, "Down", service=f"s{number}"))
        await house.deliver(timedelta(seconds=20))
    before = len(house.outbox.sent)
    for number in range(3, 40):
        await house.take(now(house, "Down", service=f"s{number}"))
        await house.deliver(timedelta(seconds=1))
    assert len(await incidents(house)) == 3
    assert len(house.outbox.sent) == before + 1
    assert "Storm: 3 incidents" in house.outbox.sent[-1].letter.subject
    assert (await house.incident("INC-1")).opened_at == START


async def test_the_trail_says_what_every_rule_said() -> None:
    house = inhibiting()
    await silence(house, 'service="none"', minutes(5))
    async with house.memory.transaction() as unit:
        await house.engine.noise.refresh(unit)
    placed = house.engine.noise.place(now(house, "Down", service="a"), None, Holders(()), house.clock.now())
    assert explain_placement(placed) == (
        "no active silence matches it",
        "no firing alert inhibits it",
        Because.FIRST_OF_GROUP,
    )


async def test_who_answers_a_page_of_a_merged_incident_takes_on_the_storm() -> None:
    house = house_with(storm=StormRule(incidents=3, within=minutes(5)))
    await house.take(*(now(house, "Down", service=f"s{number}") for number in range(5)))
    assert (await house.incident("INC-2")).merged_into == "INC-1"
    assert (await house.acknowledge("INC-2")).id == "INC-1"
    assert (await house.incident("INC-1")).acknowledged_by == "anna"
    assert (await house.incident("INC-2")).state is State.MERGED
