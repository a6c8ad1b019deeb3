"""`tocsin schedule` as it is typed: shifts, gaps, people in two places, and loads."""

import json
from pathlib import Path
from typing import Any

import pytest

from tocsin.__main__ import Services

ROSTER = """
[people.ann]
name = "Ann"
methods = [{ kind = "outbox", address = "ann" }]
[people.bo]
name = "Bo"
methods = [{ kind = "outbox", address = "bo" }]

[roles.Watch]
schedule = "watch"
[roles.Captain]
people = ["ann"]

[schedules.watch]
zone = "Europe/Paris"
overrides = [{ person = "bo", starts_at = 2026-03-03T09:00:00, ends_at = 2026-03-03T12:00:00 }]
[[schedules.watch.layers]]
people = ["ann", "bo"]
starts_on = 2026-03-02
days = 1

[[absences]]
person = "bo"
from = 2026-03-05
until = 2026-03-05
"""
BEGIN = ("--from", "2026-03-01T00:00+01:00")


@pytest.fixture
def schedule(terminal: Any, tmp_path: Path) -> Any:
    """Types a command about a schedule in a directory that holds a roster."""
    terminal.services = Services()
    (tmp_path / "roster.toml").write_text(ROSTER, encoding="utf-8")
    return lambda *words: terminal("schedule", *words, "--roster", "roster.toml", *BEGIN)


def test_shifts_stand_ins_and_times_without_anybody_are_shown(schedule: Any) -> None:
    lines = schedule("show", "--weeks", "1", "--zone", "Europe/Paris").stdout.splitlines()
    assert lines[0].split() == ["ROLE", "FROM", "UNTIL", "WHO"]
    shown = [(line.split("  ")[1].strip()[:16], line.rsplit("  ", 1)[1]) for line in lines[1:]]
    assert shown[:5] == [
        ("Sun 01 Mar 2026,", "nobody"),
        ("Mon 02 Mar 2026,", "Ann"),
        ("Tue 03 Mar 2026,", "Bo (stands in)"),
        ("Tue 03 Mar 2026,", "Bo"),
        ("Wed 04 Mar 2026,", "Ann"),
    ]
    assert ("Thu 05 Mar 2026,", "Ann (for Bo, who is away)") in shown


def test_the_check_tells_and_fails_where_somebody_is_missing(schedule: Any) -> None:
    result = schedule("check", "--weeks", "1", "--zone", "Europe/Paris")
    assert result.exit_code == 1
    assert (
        "Nobody is on call for Watch from Sun 01 Mar 2026, 00:00 CET until Mon 02 Mar 2026, 09:00 CET."
        in result.stdout
    )
    assert [line.split()[0] for line in result.stdout.splitlines()[-2:]] == ["Ann", "Bo"]


def test_json_for_programs(schedule: Any) -> None:
    rows = json.loads(schedule("show", "--weeks", "1", "--role", "watch", "--json").stdout)
    assert rows[0] == {
        "role": "Watch",
        "from": "2026-02-28T23:00:00+00:00",
        "until": "2026-03-02T08:00:00+00:00",
        "people": [],
        "stands_in": False,
        "instead_of": None,
    }
    found = json.loads(schedule("check", "--weeks", "1", "--json").stdout)
    assert [each["role"] for each in found["gaps"]] == ["Watch"]
    assert found["clashes"] == []
    assert sum(each["hours"] for each in found["loads"]) == 7 * 24 - 33


def test_the_example_has_somebody_at_every_time(terminal: Any) -> None:
    terminal.services = Services()
    result = terminal("schedule", "check", "--weeks", "52", "--from", "2026-03-01T00:00Z")
    assert result.exit_code == 0, result.stdout
    assert result.stdout.startswith("Somebody is on call at every time, and nobody in two places.")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--role", "Cook"), "The roster has no role 'Cook'."),
        (("--zone", "Mars/North"), "There is no time zone 'Mars/North'."),
    ],
)
def test_what_is_not_there_is_told(schedule: Any, words: tuple[str, ...], said: str) -> None:
    result = schedule("show", *words)
    assert result.exit_code == 2
    assert said in result.stderr
