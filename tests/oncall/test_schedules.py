"""Schedules and absences in the roster file, and each fault with its line."""

from datetime import UTC, datetime, time

import pytest

from tocsin.base.problems import ProblemsError
from tocsin.oncall.model import Restriction
from tocsin.oncall.roster import parse_roster
from tocsin.oncall.schedules import read_days

PEOPLE = """
[people.anna]
name = "Anna"
zone = "Europe/Paris"
methods = [{ kind = "outbox", address = "anna" }]
[people.ben]
name = "Ben"
methods = [{ kind = "outbox", address = "ben" }]
[roles."On-Call Engineer"]
schedule = "primary"
"""
GOOD = (
    PEOPLE
    + """
[schedules.primary]
zone = "Europe/Paris"
overrides = [{ person = "ben", starts_at = 2026-07-01T09:00:00, ends_at = 2026-07-02T09:00:00 }]

[[schedules.primary.layers]]
name = "nights"
people = ["anna", "ben"]
starts_on = 2026-01-05
weeks = 2

[[schedules.primary.layers]]
people = ["ben"]
starts_on = 2026-01-05
handover = "08:00"
hours = 12
zone = "UTC"
only = [{ days = "mon-fri", from = "09:00", to = "17:00" }, { days = "weekends" }]

[[absences]]
person = "anna"
from = 2026-08-03
until = 2026-08-16
because = "holiday"

[[absences]]
person = "ben"
from = 2026-08-03T12:00:00
until = "2026-08-03T18:00:00+02:00"
"""
)


def faults(text: str) -> list[tuple[str, str]]:
    with pytest.raises(ProblemsError) as caught:
        parse_roster(text, "r.toml")
    assert all(each.line and each.mend for each in caught.value.problems)
    return [(each.field, each.code) for each in caught.value.problems]


def test_a_whole_schedule() -> None:
    roster = parse_roster(GOOD, "r.toml")
    fill = roster.role("on-call engineer")
    assert fill is not None
    assert fill.schedule is not None
    below, above = fill.schedule.layers
    assert (below.name, below.rotation.days, below.rotation.zone, below.restrictions) == (
        "nights",
        14,
        "Europe/Paris",
        (),
    )
    assert (above.rotation.hours, above.rotation.zone, above.rotation.handover) == (12, "UTC", time(8))
    assert above.restrictions == (
        Restriction(days=(0, 1, 2, 3, 4), begins=time(9), ends=time(17)),
        Restriction(days=(5, 6), begins=time(0), ends=time(0)),
    )
    (override,) = fill.schedule.overrides
    assert override.starts_at == datetime(2026, 7, 1, 7, tzinfo=UTC)
    assert fill.everybody == ("anna", "ben")
    whole_days, hours = roster.absences
    # A date is the whole day by the clocks of the person's own zone.
    assert whole_days.starts_at == datetime(2026, 8, 2, 22, tzinfo=UTC)
    assert whole_days.ends_at == datetime(2026, 8, 16, 22, tzinfo=UTC)
    assert (hours.starts_at.hour, hours.ends_at.hour, hours.because) == (12, 16, "")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("mon-fri", (0, 1, 2, 3, 4)),
        ("Monday to Friday", (0, 1, 2, 3, 4)),
        ("sat, sun", (5, 6)),
        ("fri-mon", (0, 4, 5, 6)),
        ("weekends", (5, 6)),
        ("every day", (0, 1, 2, 3, 4, 5, 6)),
        ("tue and thu", (1, 3)),
    ],
)
def test_days_in_words(text: str, wanted: tuple[int, ...]) -> None:
    assert read_days(text) == wanted


@pytest.mark.parametrize(
    ("good", "bad", "fault"),
    [
        ('schedule = "primary"', 'schedule = "secondary"', "unknown-schedule"),
        ('schedule = "primary"', 'schedule = "primary"\npeople = ["anna"]', "bad-role"),
        ("weeks = 2", "weeks = 0", "out-of-range"),
        ("weeks = 2", "weeks = 2\ndays = 3", "bad-rotation"),
        ("hours = 12", "hours = 0", "out-of-range"),
        ('days = "mon-fri"', 'days = "someday"', "bad-days"),
        ('days = "mon-fri"', "days = 5", "bad-days"),
        ('from = "09:00"', 'from = "nine"', "bad-time"),
        ('name = "nights"', 'nme = "nights"', "unknown-key"),
        ('people = ["ben"]\nstarts_on', 'people = ["zoe"]\nstarts_on', "unknown-person"),
        ('person = "anna"\nfrom', 'person = "zoe"\nfrom', "unknown-person"),
        ("until = 2026-08-16", "until = 2026-08-01", "bad-absence"),
        ("until = 2026-08-16\n", "", "missing-key"),
        ('zone = "Europe/Paris"\noverrides', 'zone = "Europe/Pari"\noverrides', "bad-zone"),
    ],
)
def test_each_fault_of_a_schedule(good: str, bad: str, fault: str) -> None:
    assert good in GOOD
    assert fault in [code for _, code in faults(GOOD.replace(good, bad, 1))]


def test_a_schedule_without_layers_is_refused() -> None:
    assert ("schedules.primary", "no-layers") in faults(PEOPLE + '[schedules.primary]\nzone = "UTC"\n')
