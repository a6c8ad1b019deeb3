"""Changes of the moment over the roster file: overrides, absences and swaps."""

from datetime import UTC, datetime, timedelta

from tocsin.base.ids import PersonId
from tocsin.oncall.changes import Away, Change, Cover, Swap, SwapState, applied
from tocsin.oncall.resolve import may_fill, on_call, shifts
from tocsin.oncall.roster import parse_roster

ANNA, BEN, CLEO = PersonId("anna"), PersonId("ben"), PersonId("cleo")
ROSTER = parse_roster(
    """
[people.anna]
name = "Anna"
email = "anna@example.org"
[people.ben]
name = "Ben"
email = "ben@example.org"
[people.cleo]
name = "Cleo"
email = "cleo@example.org"
[roles.Primary.rotation]
people = ["anna", "ben"]
starts_on = 2026-03-02
handover = "09:00"
zone = "UTC"
days = 1
[roles.Lead]
people = ["cleo"]
""",
    "roster.toml",
)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def now(changes: list[Change], role: str, at: datetime) -> list[PersonId]:
    return [person.id for person in on_call(applied(ROSTER, changes), role, at).people]


def test_an_override_lies_over_turns_and_over_named_people() -> None:
    span = {"starts_at": START + HOUR, "ends_at": START + 2 * HOUR, "by": "anna", "made_at": START}
    primary = Cover(id="1", role="primary", person=CLEO, **span)
    lead = Cover(id="2", role="Lead", person=BEN, **span)
    for at, first, leads in (
        (START, ANNA, [CLEO]),
        (START + HOUR, CLEO, [BEN, CLEO]),
        (START + 2 * HOUR, ANNA, [CLEO]),
    ):
        assert now([primary, lead], "Primary", at) == [first]
        assert now([primary, lead], "Lead", at) == leads
    changed = applied(ROSTER, [lead])
    assert may_fill(changed, "Lead", BEN, START + HOUR)
    assert not may_fill(changed, "Lead", BEN, START)
    fill = changed.role("Lead")
    assert fill is not None
    found = shifts(fill, START, START + 3 * HOUR)
    assert [each.people for each in found] == [(CLEO,), (BEN, CLEO), (CLEO,)]


def test_a_later_override_lies_over_an_earlier_one_until_it_is_withdrawn() -> None:
    span = {"role": "Primary", "starts_at": START, "ends_at": START + DAY, "by": "anna"}
    first = Cover(id="1", person=BEN, made_at=START - DAY, **span)
    second = Cover(id="2", person=CLEO, made_at=START - HOUR, **span)
    gone = Cover(id="2", person=CLEO, made_at=START - HOUR, withdrawn_at=START, **span)
    assert now([second, first], "Primary", START) == [CLEO]
    assert now([gone, first], "Primary", START) == [BEN]


def test_whoever_is_away_has_no_turn() -> None:
    away = Away(id="1", person=ANNA, starts_at=START, ends_at=START + DAY, by="anna", made_at=START)
    assert now([away], "Primary", START) == [BEN]
    assert now([away], "Primary", START + 2 * DAY) == [ANNA]


def test_a_swap_counts_once_it_is_accepted_and_for_the_turns_of_the_giver_alone() -> None:
    asked = Swap(
        id="1", role="Primary", giver=ANNA, taker=CLEO, starts_at=START, ends_at=START + 3 * DAY,
        by="anna", made_at=START,
    )  # fmt: skip
    accepted = Swap(
        id="1", role="Primary", giver=ANNA, taker=CLEO, starts_at=START, ends_at=START + 3 * DAY,
        by="anna", made_at=START, state=SwapState.ACCEPTED,
    )  # fmt: skip
    days = [START + number * DAY for number in range(4)]
    assert [now([asked], "Primary", at) for at in days] == [[ANNA], [BEN], [ANNA], [BEN]]
    assert [now([accepted], "Primary", at) for at in days] == [[CLEO], [BEN], [CLEO], [BEN]]


def test_nobody_is_put_on_call_who_is_not_in_the_roster() -> None:
    gone = Cover(
        id="1", role="Primary", person=PersonId("dora"), starts_at=START, ends_at=START + DAY,
        by="anna", made_at=START,
    )  # fmt: skip
    assert now([gone], "Primary", START) == [ANNA]
