"""What pages cost people, by the clock of where they live."""

from datetime import UTC, datetime, timedelta

from tocsin.base.ids import PersonId
from tocsin.oncall.model import Person, Roster
from tocsin.oncall.pageload import PageSeen, page_loads

MAYA, SORA = PersonId("maya"), PersonId("sora")
ROSTER = Roster(
    people=(
        Person(id=MAYA, name="Maya", zone="Europe/Berlin"),
        Person(id=SORA, name="Sora", zone="Asia/Tokyo"),
    )
)


def page(person: PersonId, at: datetime, minutes: int | None = None) -> PageSeen:
    answered = None if minutes is None else at + timedelta(minutes=minutes)
    return PageSeen(person=person, at=at, answered_at=answered)


def test_nights_and_weekends_are_those_of_the_person() -> None:
    # A Friday: 23:30 in Berlin, and 07:30 on Saturday in Tokyo.
    friday = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)
    loads = page_loads(ROSTER, [page(MAYA, friday), page(SORA, friday)])
    assert [(each.person, each.nights, each.weekends) for each in loads] == [(MAYA, 1, 0), (SORA, 0, 1)]


def test_a_night_counts_once_however_often_it_is_broken() -> None:
    evening = datetime(2026, 3, 28, 21, 0, tzinfo=UTC)
    # The night from 28 to 29 March, in which the clocks of Berlin leap from 02:00 to 03:00.
    seen = [page(MAYA, evening + timedelta(hours=hours)) for hours in (0, 3, 7, 8, 24)]
    (load,) = page_loads(ROSTER, seen)
    assert (load.pages, load.nights, load.nights_woken) == (5, 4, 2)


def test_answers_and_order() -> None:
    noon = datetime(2026, 11, 18, 12, tzinfo=UTC)
    seen = [page(SORA, noon, 1), page(MAYA, noon, 3), page(MAYA, noon, 5), page(MAYA, noon)]
    first, second = page_loads(ROSTER, seen)
    assert (first.person, first.pages, first.answered, first.usual_answer) == (
        MAYA,
        3,
        2,
        timedelta(minutes=5),
    )
    assert (second.pages, second.usual_answer) == (1, timedelta(minutes=1))
    (gone,) = page_loads(Roster(), [page(MAYA, noon)])
    assert (gone.person, gone.usual_answer) == (MAYA, None)
