"""The rules about noise one by one: inhibition, dependencies, flapping, storms, silences."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.sample import START, alert, minutes
from tocsin.alerts import flapping, storms
from tocsin.alerts.dependencies import all_parents, cycle, service_of
from tocsin.alerts.flapping import CHANGES_KEPT, changed, flaps
from tocsin.alerts.holders import Holder, Holders
from tocsin.alerts.inhibition import Inhibitor, InhibitSource
from tocsin.alerts.matchers import Matcher, Operator, parse_matchers
from tocsin.alerts.model import AlertStatus
from tocsin.alerts.placing import Silences, silenced
from tocsin.alerts.rules import Flapping, InhibitRule, StormRule
from tocsin.alerts.silences import Silence, silencing
from tocsin.alerts.storms import Storm
from tocsin.base.ids import IncidentId

VALUES = st.sampled_from(["", "1", "2"])
LABELS = st.fixed_dictionaries({"a": VALUES, "b": VALUES, "dc": VALUES}).map(
    lambda each: {name: value for name, value in each.items() if value}
)


def rule(source: str, target: str, *equal: str) -> InhibitRule:
    return InhibitRule(source=parse_matchers(source), target=parse_matchers(target), equal=equal)


def source(number: int, labels: Mapping[str, str]) -> InhibitSource:
    return InhibitSource(fingerprint=f"f{number:03}", name="n", labels=dict(labels))


RULES = (rule('a="1"', 'b="1"', "dc"), rule('a=~"1|2"', 'b!=""'), rule('b="2"', 'a="2"', "dc", "a"))


@settings(max_examples=300)
@given(st.lists(LABELS, max_size=6), LABELS, st.sets(st.integers(0, 5)), st.sampled_from(RULES))
def test_inhibition_is_alertmanagers(
    firing: list[dict[str, str]], labels: dict[str, str], ended: set[int], one: InhibitRule
) -> None:
    inhibitor = Inhibitor((one,))
    sources = [source(number, each) for number, each in enumerate(firing)]
    for each in sources:
        inhibitor.put(each)
    for number in ended:
        inhibitor.drop(f"f{number:03}")
    left = [each for number, each in enumerate(sources) if number not in ended]

    def inhibits(each: InhibitSource) -> bool:
        if not (one.source.matches(each.labels) and one.target.matches(labels)):
            return False
        both = one.source.matches(labels) and one.target.matches(each.labels)
        return not both and all(each.labels.get(name, "") == labels.get(name, "") for name in one.equal)

    wanted = next((each for each in left if inhibits(each)), None)
    assert inhibitor.inhibiting(labels) == wanted


def test_an_alert_does_not_inhibit_itself() -> None:
    inhibitor = Inhibitor((rule('severity="critical"', 'alertname=~".+"', "dc"),))
    labels = {"alertname": "Down", "severity": "critical", "dc": "1"}
    inhibitor.put(source(1, labels))
    assert inhibitor.concerns(labels)
    assert inhibitor.inhibiting(labels) is None
    assert inhibitor.inhibiting({**labels, "severity": "warning"}) == source(1, labels)
    inhibitor.clear()
    assert inhibitor.inhibiting({**labels, "severity": "warning"}) is None


def test_what_a_service_depends_on_is_found_through_others_the_nearest_first() -> None:
    depends_on = {"checkout": ("payments", "cache"), "payments": ("database",), "cache": ("database", "net")}
    assert all_parents(depends_on)["checkout"] == ("payments", "cache", "database", "net")
    assert all_parents(depends_on)["payments"] == ("database",)
    assert cycle(depends_on) == ()
    assert cycle({**depends_on, "database": ("checkout",)}) == ("checkout", "cache", "database", "checkout")
    assert cycle({"a": ("a",)}) == ("a", "a")


@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3).map(tuple), max_size=6
    )
)
def test_a_circle_is_found_where_there_is_one(depends_on: dict[str, tuple[str, ...]]) -> None:
    found = cycle(depends_on)
    for child, parent in pairwise(found):
        assert parent in depends_on[child]
    reach = {each: {each} for each in "abcdef"}
    for _ in range(6):
        for child, parents in depends_on.items():
            for parent in parents:
                reach[child] |= reach[parent]
    circular = any(child in reach[parent] for child, parents in depends_on.items() for parent in parents)
    assert bool(found) == circular
    for service, parents in all_parents(depends_on).items():
        assert set(parents) == set().union(*(reach[each] for each in depends_on[service])) - {service}


def test_the_service_of_an_alert_is_its_first_label_that_says_so() -> None:
    assert service_of({"service": "api", "job": "j"}, ("service", "job")) == "api"
    assert service_of({"service": "", "job": "j"}, ("service", "job")) == "j"
    assert service_of({}, ("service", "job")) == ""


FLAPPING = Flapping(changes=4, within=minutes(10))


@pytest.mark.parametrize(
    ("at", "now", "wanted"),
    [
        ([0, 1, 2], 3, False),
        ([0, 1, 2, 3], 3, True),
        ([0, 1, 2, 3], 12.9, True),
        ([0, 1, 2, 3], 13, False),
        ([0, 4, 8, 11], 11, False),
        ([0, 3, 6, 10], 10, True),
        # Once it flaps, it does so until it has kept quiet for as long, however slow it has become.
        ([0, 1, 2, 3, 11, 20], 21, True),
        ([0, 1, 2, 3, 13], 14, False),
        ([0, 1, 2, 3, 30, 31, 32], 33, False),
        ([0, 1, 2, 3, 30, 31, 32, 33], 33, True),
    ],
)
def test_flapping_case_by_case(at: list[float], now: float, wanted: bool) -> None:
    assert flaps([START + minutes(each) for each in at], START + minutes(now), FLAPPING) is wanted


@given(st.lists(st.integers(0, 2_000), max_size=40), st.lists(st.booleans(), min_size=40, max_size=40))
def test_changes_are_bounded_in_order_and_only_of_changes(steps: list[int], firing: list[bool]) -> None:
    changes: tuple[datetime, ...] = ()
    was: AlertStatus | None = None
    now, turns = START, 0
    for step, fires in zip(steps, firing, strict=False):
        now += timedelta(seconds=step)
        message = alert("Down", now, firing=fires)
        before, changes = changes, changed(changes, was, message)
        is_turn = was is not None and was is not message.status
        turns += is_turn
        assert (changes != before) is is_turn
        assert list(changes) == sorted(changes)
        assert len(changes) == min(turns, CHANGES_KEPT)
        assert not (changes and flaps(changes, changes[-1] + FLAPPING.within, FLAPPING))
        was = message.status


def test_changes_of_before_the_clock_was_set_back_are_forgotten() -> None:
    ahead = [START + minutes(each) for each in (60, 61, 62)]
    assert changed(ahead, AlertStatus.FIRING, alert("Down", START, firing=False)) == (START,)
    assert "4 changes or more within 10 min" in flapping.because(FLAPPING)


STORM = StormRule(incidents=3, within=minutes(5))


def holders(*numbers: int, resolved: int = 0, taken_on: int = 0) -> Holders:
    return Holders(
        Holder(
            id=IncidentId(f"INC-{number}"),
            group_key=f"g{number}",
            resolved_at=START if number == resolved else None,
            taken_on=number == taken_on,
        )
        for number in numbers
    )


def storm_of(*at: float) -> Storm:
    storm = Storm(group="")
    for number, minute in enumerate(at, start=1):
        storm = storms.opened(storm, IncidentId(f"INC-{number}"), STORM, START + minutes(minute))
    return storm


@pytest.mark.parametrize(
    ("at", "now", "known", "wanted"),
    [
        ([0, 1], 1, holders(1, 2), None),
        ([0, 1, 2], 2, holders(1, 2, 3), "INC-1"),
        ([0, 1, 2], 4.9, holders(1, 2, 3), "INC-1"),
        ([0, 1, 2], 5, holders(1, 2, 3), None),
        ([0, 1, 2], 2, holders(1, 2, 3, taken_on=1), "INC-2"),
        ([0, 1, 2], 2, holders(1, 2, 3, resolved=1, taken_on=2), "INC-3"),
        ([0, 1, 2], 2, holders(3, taken_on=3), None),
        ([0, 1, 2], -1, holders(1, 2, 3), None),
    ],
)
def test_a_storm_begins_with_the_oldest_that_nobody_works_on(
    at: list[float], now: float, known: Holders, wanted: str | None
) -> None:
    found = storms.gathered_in(storm_of(*at), STORM, known, START + minutes(now))
    assert found == (None if wanted is None else (wanted, True))


def test_a_storm_goes_on_until_no_more_come() -> None:
    known, now = holders(1, 2, 3), START + minutes(2)
    storm = storms.begun(storm_of(0, 1, 2), IncidentId("INC-1"), "g9", now)
    for later, under_way in ((0.0, True), (4.9, True), (5.0, False), (-3.0, False)):
        assert storms.rages(storm, STORM, known, now + minutes(later)) is under_way
    assert not storms.rages(storm, STORM, holders(2, 3), now)
    assert storms.gathered_in(storm, STORM, known, now) == ("INC-1", False)
    assert storms.known_group(storm, "g9", known) == "INC-1"
    assert storms.known_group(storm, "g9", holders(1, resolved=1)) is None
    assert storms.known_group(storm, "g8", known) is None
    after = storms.pruned(storm, STORM, holders(2), now + minutes(30))
    assert after == Storm(group="", last_at=now)


def silence(number: int, *matchers: Matcher, starts: float = 0, ends: float = 60) -> Silence:
    return Silence(
        id=f"s{number}",
        matchers=matchers,
        starts_at=START + minutes(starts),
        ends_at=START + minutes(ends),
        created_by="Anna",
        comment="why",
        updated_at=START,
    )


MATCHERS = st.lists(
    st.builds(Matcher, st.sampled_from("ab"), st.sampled_from(list(Operator)), VALUES), min_size=1, max_size=3
)


@given(
    st.lists(st.tuples(MATCHERS, st.integers(-5, 5), st.integers(6, 15)), max_size=5),
    LABELS,
    st.integers(0, 20),
)
def test_silences_are_found_as_one_by_one(
    made: list[tuple[list[Matcher], int, int]], labels: dict[str, str], minute: int
) -> None:
    every = [
        silence(number, *matchers, starts=starts, ends=ends)
        for number, (matchers, starts, ends) in enumerate(made)
    ]
    now = START + minutes(minute)
    kept = Silences(every, now)
    assert kept.of(labels, now) == next(iter(silencing(every, labels, now)), None)
    for later in range(25):
        at = now + minutes(later)
        if not kept.changes_by(at):
            assert set(kept.active) == {each for each in every if each.starts_at <= at < each.ends_at}
    assert kept.changes_by(now - timedelta(seconds=1))


def test_a_silence_is_told_with_its_author_reason_and_end() -> None:
    text = silenced(silence(7, ends=90))
    assert text == "silenced by s7 until 2026-03-02 10:30:00 UTC: why (Anna)"
    assert re.search(r"UTC", text)
    assert datetime(2026, 3, 2, 9, tzinfo=UTC) == START


def test_holders_forget_what_has_ended() -> None:
    known = holders(1, 2)
    known.put(Holder(id=IncidentId("INC-3"), group_key="g1", taken_on=True))
    assert [each.id for each in known.of_group("g1")] == ["INC-3", "INC-1"]
    known.drop(IncidentId("INC-3"))
    known.drop(IncidentId("INC-9"))
    assert known.get(IncidentId("INC-3")) is None
    assert known.of_alert("f") == []
    assert [each.id for each in known.of_group("g1")] == ["INC-1"]
    assert [each.id for each in known.all()] == ["INC-2", "INC-1"]
