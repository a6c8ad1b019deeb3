"""How often people are paged, at what hours, and how soon they answer: what being on call costs them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median_high

import msgspec

from tocsin.base.ids import PersonId
from tocsin.base.times import require_utc, zone
from tocsin.oncall.coverage import NIGHT_BEGINS, NIGHT_ENDS
from tocsin.oncall.model import Roster

SATURDAY = 5


class PageSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One page to one person: when it began, and when they answered it (UTC); None where they did not."""

    person: PersonId
    at: datetime
    answered_at: datetime | None = None


class PageLoad(msgspec.Struct, frozen=True, kw_only=True):
    """The pages of one person. `nights` and `weekends` are those of them in the night (22:00 to 07:00) and on
    Saturdays and Sundays by the clock of the person's own zone; a page may be both. `nights_woken` counts the
    nights in which there was at least one. `usual_answer` is the median time until they answered, None where
    they answered none."""

    person: PersonId
    pages: int
    nights: int
    nights_woken: int
    weekends: int
    answered: int
    usual_answer: timedelta | None


def page_loads(roster: Roster, seen: Iterable[PageSeen]) -> tuple[PageLoad, ...]:
    """The load of everybody who was paged, the most pages first."""
    by_person: dict[PersonId, list[PageSeen]] = {}
    for page in seen:
        by_person.setdefault(page.person, []).append(page)
    found = [_load(roster, person, pages) for person, pages in by_person.items()]
    return tuple(sorted(found, key=lambda each: (-each.pages, each.person)))


def _load(roster: Roster, person: PersonId, pages: list[PageSeen]) -> PageLoad:
    known = roster.person(person)
    where = zone(known.zone if known else "UTC")
    local = [require_utc(page.at).astimezone(where) for page in pages]
    at_night = [at for at in local if at.time() >= NIGHT_BEGINS or at.time() < NIGHT_ENDS]
    # The hours before the morning belong to the night that began the evening before.
    evenings = {(at - timedelta(days=at.time() < NIGHT_ENDS)).date() for at in at_night}
    waits = [page.answered_at - page.at for page in pages if page.answered_at is not None]
    return PageLoad(
        person=person,
        pages=len(pages),
        nights=len(at_night),
        nights_woken=len(evenings),
        weekends=sum(at.weekday() >= SATURDAY for at in local),
        answered=len(waits),
        usual_answer=median_high(waits) if waits else None,
    )
