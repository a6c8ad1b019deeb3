"""The pages about being on call: now, by month, on the path, and what it costs."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.http.house import House
from tests.web.forms import Browser
from tocsin.base.ids import LevelId
from tocsin.faces.web.monthview import month_of, read_month
from tocsin.incident import commands as c
from tocsin.incident.events import SYSTEM
from tocsin.oncall.roster import parse_roster

ROSTER = parse_roster(
    """
[people.anna]
name = "Anna"
zone = "Europe/Berlin"
email = "anna@example.org"
[people.ben]
name = "Ben"
email = "ben@example.org"
[roles.Primary.rotation]
people = ["anna", "ben"]
starts_on = 2026-03-23
handover = "09:00"
zone = "Europe/Berlin"
days = 7
overrides = [{ person = "ben", starts_at = 2026-03-25T00:00:00, ends_at = 2026-03-26T00:00:00 }]
""",
    "roster.toml",
)
NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)


def test_a_month_is_whole_weeks_and_every_minute_of_it_has_somebody_or_nobody() -> None:
    fill = ROSTER.role("Primary")
    assert fill is not None
    month = month_of(ROSTER, fill, date(2026, 3, 1), "Europe/Berlin", NOW)
    assert (month.title, month.before, month.after) == ("March 2026", "2026-02", "2026-04")
    days = [day for week in month.weeks for day in week]
    assert all(len(week) == 7 for week in month.weeks)
    assert (days[0].day, days[-1].day) == (date(2026, 2, 23), date(2026, 4, 5))
    assert [day.day for day in days if day.today] == [date(2026, 3, 28)]
    shown = {day.day.day: [(each.begins, each.who) for each in day.stretches] for day in days[7:]}
    assert shown[22] == [("", "")]
    assert shown[23] == [("", ""), ("09:00", "Anna")]
    assert shown[25] == [("", "Ben")]
    # The day on which the clocks leap has an hour less, and is shown like any other.
    assert shown[29] == [("", "Anna")]
    assert shown[30] == [("", "Anna"), ("09:00", "Ben")]
    (stands_in,) = next(day for day in days if day.day == date(2026, 3, 25)).stretches
    assert stands_in.instead == "stands in"


def test_months_are_read() -> None:
    assert read_month("", date(2026, 12, 24)) == date(2026, 12, 1)
    assert read_month("2027-02", date(2026, 12, 24)) == date(2027, 2, 1)
    for text in ("soon", "2026-13", "1066-10", "2026-1"):
        with pytest.raises(ValueError):  # noqa: PT011
            read_month(text, date(2026, 12, 24))


async def test_who_is_on_call_with_their_own_clocks(browser: Browser) -> None:
    text = (await browser.open("/oncall?at=2026-12-25T03:00")).text
    assert "Tomás Ferreira" in text
    assert "Fri 03:00 in Lisbon" in text
    assert "then Jonas" in text or "then Maya" in text or "then Priya" in text
    assert "is no time" in (await browser.open("/oncall?at=soon")).text
    assert "is no month" in (await browser.open("/oncall?month=soon")).text


async def test_the_month_and_the_path_have_people(browser: Browser) -> None:
    text = (await browser.open("/oncall?role=on-call%20engineer&month=2026-12")).text
    assert "On-Call Engineer: December 2026" in text
    assert "stands in" in text
    assert 'class="path"' in text
    assert "Inès Laurent" in text[text.index('class="path"') :]


async def test_pages_by_person(house: House, browser: Browser) -> None:
    assert "Nobody was paged" in (await browser.open("/oncall/pages")).text
    await house.alert()
    loads = await house.engine.queries.page_loads(
        house.clock.now() - timedelta(hours=1), house.clock.now() + timedelta(hours=1)
    )
    assert loads
    name = next(each.name for each in house.engine.library.roster.people if each.id == loads[0].person)
    house.clock.move(timedelta(minutes=1))
    text = (await browser.open("/oncall/pages?weeks=1")).text
    assert name in text
    assert "1 week</a>" in text
    assert "4 weeks" in (await browser.open("/oncall/pages?weeks=soon")).text
    assert not await house.engine.queries.page_loads(
        house.clock.now(), house.clock.now() + timedelta(hours=1)
    )


async def test_drills_cost_nobody(house: House) -> None:
    drill = c.Declare(title="Ugly picture", level=LevelId("P1"), drill=True)
    opened = await house.engine.desk.open(drill, SYSTEM)
    assert opened.incident.pages
    far = timedelta(days=4000)
    assert not await house.engine.queries.page_loads(NOW - far, NOW + far)
