"""Silences over a store: what a change keeps, how many there may be, and what the audit log says."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from tests.http.house import START, Counted, HandClock
from tocsin.adapters.store.memory import MemoryStore
from tocsin.alerts.matchers import Matcher, Operator
from tocsin.alerts.silences import Silence, SilenceState
from tocsin.base import limits
from tocsin.base.problems import ProblemsError
from tocsin.engine.silencing import KEPT_AFTER_END, Silencing, UnknownSilenceError
from tocsin.incident.events import SYSTEM, Actor, ActorKind
from tocsin.incident.evolve import fold

ALICE = Actor(ActorKind.PERSON, "alice", "Alice Example")
DISK = (Matcher("alertname", Operator.EQUAL, "DiskFull"),)
HOUR = timedelta(hours=1)


class Desk:
    """A store with a clock, and what makes silences over it."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.store = MemoryStore(fold)
        self.silencing = Silencing(self.store, self.clock, Counted())

    async def make(self, hours: float = 1, **fields: object) -> Silence:
        given = {"matchers": DISK, "starts_at": None, "comment": "known", "actor": ALICE, **fields}
        return await self.silencing.create(ends_at=self.clock.now() + hours * HOUR, **given)  # type: ignore[arg-type]

    async def audit(self) -> list[tuple[str, str]]:
        async with self.store.reading() as reader:
            return [(each.action, each.detail["silence"]) for each in await reader.audit()]


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    yield made
    await made.store.close()


async def test_an_id_is_a_uuid_and_a_version_grows(desk: Desk) -> None:
    from uuid import UUID

    one, two = await desk.make(), await desk.make()
    assert one.id != two.id
    assert UUID(one.id).version == 4
    assert desk.silencing.version == 2
    assert (one.created_by, one.starts_at) == ("Alice Example", START)
    assert await desk.audit() == [("silence created", two.id), ("silence created", one.id)]


async def test_a_longer_end_or_another_reason_keeps_the_id(desk: Desk) -> None:
    made = await desk.make()
    desk.clock.move(HOUR / 2)
    began = made.starts_at - timedelta(milliseconds=400)
    changed = await desk.make(3, starts_at=began, comment="still", replaces=made.id)
    assert (changed.id, changed.starts_at, changed.comment) == (made.id, made.starts_at, "still")
    assert await desk.silencing.list() == [changed]


@pytest.mark.parametrize("fields", [{"matchers": (*DISK, *DISK)}, {"starts_at": START + timedelta(hours=2)}])
async def test_another_change_ends_it_and_makes_a_new_one(desk: Desk, fields: dict[str, object]) -> None:
    made = await desk.make()
    desk.clock.move(HOUR / 2)
    changed = await desk.make(5, replaces=made.id, **fields)
    assert changed.id != made.id
    before = await desk.silencing.find(made.id)
    assert before is not None
    assert before.state(desk.clock.now()) is SilenceState.EXPIRED
    assert [each for each, _ in await desk.audit()] == ["silence created", "silence ended", "silence created"]


async def test_one_to_come_may_begin_at_another_time(desk: Desk) -> None:
    made = await desk.make(5, starts_at=START + HOUR)
    changed = await desk.make(5, starts_at=START + 2 * HOUR, replaces=made.id)
    assert (changed.id, changed.starts_at) == (made.id, START + 2 * HOUR)
    assert changed.state(START) is SilenceState.PENDING


async def test_one_that_has_ended_is_not_changed(desk: Desk) -> None:
    made = await desk.make()
    desk.clock.move(2 * HOUR)
    again = await desk.make(replaces=made.id)
    assert again.id != made.id
    before = await desk.silencing.find(made.id)
    assert before == made
    assert await desk.silencing.expire(made.id, ALICE) == made


async def test_one_to_come_can_be_ended(desk: Desk) -> None:
    made = await desk.make(5, starts_at=START + HOUR)
    ended = await desk.silencing.expire(made.id, ALICE)
    assert (ended.starts_at, ended.ends_at) == (START, START)


async def test_old_ones_are_forgotten_when_another_is_made(desk: Desk) -> None:
    made = await desk.make()
    desk.clock.move(KEPT_AFTER_END)
    assert len(await desk.silencing.list()) == 1
    desk.clock.move(2 * HOUR)
    other = await desk.make()
    assert await desk.silencing.list() == [other]
    assert await desk.silencing.find(made.id) is None


async def test_there_is_an_end_to_how_many_there_are(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "silences_max", 2)
    await desk.make(1)
    long = await desk.make(3)
    with pytest.raises(ProblemsError, match="2 silences that have not ended"):
        await desk.make()
    await desk.make(4, replaces=long.id)
    desk.clock.move(2 * HOUR)
    await desk.make()


async def test_what_is_not_there(desk: Desk) -> None:
    for name in ("0a1b", "a\0b", "", "x" * 100):
        assert await desk.silencing.find(name) is None
        with pytest.raises(UnknownSilenceError):
            await desk.silencing.expire(name, SYSTEM)
    with pytest.raises(UnknownSilenceError):
        await desk.make(replaces="a\0b")
    assert await desk.silencing.list() == []
    assert await desk.audit() == []


async def test_an_expression_that_cannot_be_used_is_refused(desk: Desk) -> None:
    wrong = (Matcher("a", Operator.REGEX, "(?=b)"),)
    with pytest.raises(ProblemsError, match="no regular expression"):
        await desk.make(matchers=wrong)
