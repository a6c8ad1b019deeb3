"""The options about noise in the front matter: the guide's own example, and what is wrong with others."""

import re
from datetime import date, time, timedelta
from pathlib import Path

import pytest

from tocsin.alerts.recurrence import Every, Weekday
from tocsin.alerts.rules import Flapping, NoiseRules, StormRule
from tocsin.playbook.model import Playbook
from tocsin.playbook.options import option_keys
from tocsin.playbook.present import to_document
from tocsin.playbook.read import read_playbook

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide"
BODY = """
# A playbook
| Level | Name | Response time |
| --- | --- | --- |
| P1 | Critical | 15 minutes |
| P3 | Medium | 4 hours |
| P4 | Low | 1 day |
"""


def read(front: str) -> Playbook:
    return read_playbook(f"{front.strip()}\n{BODY}".encode(), "x.md")


def options(under: str) -> Playbook:
    return read(f"---\ntocsin:\n{under}\n---")


def refusals(playbook: Playbook) -> list[str]:
    return [each.message for each in playbook.findings if each.code == "PB008"]


def example() -> str:
    text = (GUIDE / "noise.md").read_text(encoding="utf-8")
    found = re.search(r"```markdown\n(---\n.*?\n---)\n```", text, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_of_the_guide_says_what_it_says() -> None:
    playbook = read(example())
    assert refusals(playbook) == []
    noise = playbook.options.noise
    backup, patch = noise.maintenance
    assert (backup.name, backup.lasts, backup.zone) == ("database backup", timedelta(hours=2), "Europe/Paris")
    assert backup.start.weekdays == (Weekday(6),)
    assert backup.matchers.matches({"service": "database"})
    assert (patch.start.every, patch.start.times) == (Every.MONTHLY, (time(22),))
    assert patch.lasts == timedelta(hours=3)
    (inhibit,) = noise.inhibit
    assert inhibit.equal == ("datacentre",)
    assert noise.depends_on == {"checkout": ("payments", "database"), "payments": ("database",)}
    assert noise.group_window == timedelta(hours=2)
    assert noise.auto_resolve == {"P3": timedelta(minutes=15), "P4": timedelta(minutes=5)}
    # What the example shows for these is the default.
    assert (noise.flapping, noise.storm) == (Flapping(), StormRule())
    assert noise.reopen_within == NoiseRules().reopen_within == timedelta(minutes=30)


def test_the_options_are_shown() -> None:
    shown = to_document(read(example()))["options"]
    assert shown["maintenance"][0] == {
        "name": "database backup",
        "matchers": 'service="database"',
        "start": "every sunday 02:00 for 2h",
        "for": "PT2H",
        "zone": "Europe/Paris",
    }
    assert shown["storm"] == {"incidents": 10, "within": "PT5M"}
    assert to_document(options("  storm: false\n  flapping: false"))["options"]["storm"] is None


def test_every_option_is_in_the_guide() -> None:
    text = (GUIDE / "annotations.md").read_text(encoding="utf-8")
    assert [key for key in option_keys() if f"`{key}" not in text] == []


def test_they_can_be_turned_off_and_changed() -> None:
    noise = options("  storm: false\n  flapping: off\n  service_labels: app").options.noise
    assert (noise.storm, noise.flapping, noise.service_labels) == (None, None, ("app",))
    noise = options("  storm: {incidents: 3}\n  flapping: {within: 1h}").options.noise
    assert noise.storm == StormRule(incidents=3)
    assert noise.flapping == Flapping(within=timedelta(hours=1))
    fields = "name: a, matchers: ['b=c', 'd=~\"e|f\"'], start: every weekday 02:00 for 1h, from: 2026-02-03"
    (made,) = options(f"  maintenance:\n    - {{{fields}}}").options.noise.maintenance
    assert made.start.since == date(2026, 2, 3)
    assert made.matchers.matches({"b": "c", "d": "f"})
    assert not made.matchers.matches({"b": "c", "d": "x"})


WINDOW = "  maintenance:\n    - "


@pytest.mark.parametrize(
    ("under", "why"),
    [
        ("  maintenance: yes", "it must be a list"),
        (WINDOW + "every sunday", "each entry must be a mapping of name, matchers, start"),
        (WINDOW + "{name: a, start: every day 02:00 for 1h}", "an entry has no 'matchers'"),
        (WINDOW + "{name: a, matchers: 'b=c', start: now and then}", "every sunday 02:00 for 2h"),
        (WINDOW + "{name: a, matchers: 'b=c', start: 'FREQ=DAILY;BYHOUR=2'}", "add `for: 2h`"),
        (WINDOW + "{name: a, matchers: 'b=c', start: every day 02:00 for 1h, for: 2h}", "once: in start"),
        (WINDOW + "{name: a, matchers: 'b=c', start: every day 02:00 for 8d}", "at most|to 7 days"),
        (WINDOW + "{name: a, matchers: 'b=c', start: every day 02:00 for 1h, zone: Mars}", "no time zone"),
        (WINDOW + "{name: a, matchers: 'b=c', start: every day 02:00 for 1h, from: soon}", "the first day"),
        (WINDOW + "{name: a, matchers: '', start: every day 02:00 for 1h}", "names no label"),
        (WINDOW + "{name: a, matchers: 'b', start: every day 02:00 for 1h}", "cannot read a matcher"),
        (WINDOW + "{name: a, matchers: 'b=c', start: every day 02:00 for 1h, who: me}", "there is no 'who'"),
        ("  inhibit: {source: 'a=b'}", "it must be a list"),
        ("  inhibit:\n    - {source: 'a=b'}", "an entry has no 'target'"),
        ("  inhibit:\n    - {source: '', target: 'a=b'}", "source names no label"),
        ("  depends_on: [a, b]", "a mapping of names"),
        ("  depends_on: {a: [b], b: [a]}", "in a circle: a → b → a"),
        ("  group_window: soon", "'soon' is no duration"),
        ("  group_window: 0m", "is no duration"),
        ("  reopen_within: [1]", "is no duration"),
        ("  flapping: yes", "it must be false, or a mapping of changes and within"),
        ("  flapping: {changes: 1}", "a whole number from 2 to 20"),
        ("  flapping: {changes: many}", "a whole number from 2 to 20"),
        ("  flapping: {often: 1}", "there is no 'often'"),
        ("  auto_resolve: {P9: 15m}", "no level of the severities"),
        ("  auto_resolve: {P3: immediate}", "must be clear for a while"),
        ("  auto_resolve: 15m", "a mapping of names"),
        ("  storm: {incidents: 0}", "a whole number from 1 to 1000"),
        ("  storm: {within: never}", "'never' is no duration"),
    ],
)
def test_what_is_wrong_is_told_at_its_line(under: str, why: str) -> None:
    playbook = options(under)
    (told,) = [each for each in playbook.findings if each.code == "PB008"]
    assert re.search(why, told.message), told.message
    assert told.field == f"tocsin.{under.split(':')[0].strip()}"
    assert told.line == 3
    assert playbook.options.noise == NoiseRules()
