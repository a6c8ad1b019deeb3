"""What leaves the house: once where all is well, again under the same key where it is not, never in vain."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.core.sample import BEN, P4, ROSTER, minutes
from tests.engine.house import WINDOW, House, until
from tocsin.base import limits
from tocsin.base.ids import PersonId
from tocsin.engine import delivery
from tocsin.engine.delivery import BACK_OFF_MOST, back_off, bundles, key_of
from tocsin.engine.engine import Engine
from tocsin.engine.ports import ConflictError, DeliveryError, Outgoing, StoreUnavailableError
from tocsin.engine.records import OutboxStatus
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.oncall.model import ContactMethod
from tocsin.playbook.model import MessageKind

BUSY = DeliveryError("the mail server is busy", retry=True, mend="wait")
REFUSED = DeliveryError("no such address", retry=False)
SECOND = timedelta(seconds=1)


def one_method() -> House:
    """A house in which everybody has one way to be reached."""
    people = tuple(replace(person, methods=person.methods[:1]) for person in ROSTER.people)
    return House(roster=replace(ROSTER, people=people))


async def test_a_page_goes_out_once_and_is_recorded() -> None:
    house = House()
    await house.declare("it burns", P4)
    await house.deliver()
    await house.deliver()
    assert [sent.key for sent in house.outbox.sent] == ["INC-1/p1/0"]
    sent = house.outbox.sent[0]
    assert sent.address == "anna@example.org"
    assert sent.link is not None
    assert sent.link.startswith("https://tocsin.example/p/")
    assert sent.urgent
    delivered = await house.entries("INC-1", e.Delivered)
    assert [entry.event.to for entry in delivered] == ["Anna"]  # type: ignore[union-attr]
    assert [row.status for row in await house.rows()] == [OutboxStatus.DELIVERED]


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(1, 5), (2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 300), (12, 300), (99, 300)],
)
def test_the_back_off_doubles_up_to_five_minutes(attempts: int, seconds: int) -> None:
    assert back_off(attempts, 0.0) == timedelta(seconds=seconds)
    assert back_off(attempts, 1.0) == timedelta(seconds=seconds) * 0.75
    assert back_off(attempts, 0.5) <= BACK_OFF_MOST


async def test_a_failure_is_tried_again_after_the_back_off_under_the_same_key() -> None:
    house = House()
    house.outbox.script = [BUSY, BUSY]
    await house.declare("it burns", P4)
    await house.deliver()
    row = (await house.rows())[0]
    assert (row.status, row.attempts, row.last_error) == (
        OutboxStatus.PENDING,
        1,
        "the mail server is busy; wait",
    )
    await house.deliver(SECOND)
    assert len(house.outbox.attempts) == 1, "not before its time"
    await house.deliver(timedelta(seconds=14))
    await house.deliver(timedelta(seconds=21))
    assert [each.key for each in house.outbox.attempts] == ["INC-1/p1/0"] * 3
    assert len(house.outbox.sent) == 1
    failed = await house.entries("INC-1", e.DeliveryFailed)
    assert len(failed) == 1, "the second failure would only tell the same again"
    assert (await house.rows())[0].last_error == ""


async def test_after_the_last_attempt_it_has_failed_for_good() -> None:
    house = one_method()
    house.outbox.down = BUSY
    await house.declare("it burns", P4)
    key = "INC-1/p1/0"
    for _ in range(limits.delivery_attempts_max + 3):
        await house.deliver(BACK_OFF_MOST)
    row = next(each for each in await house.rows() if each.key == key)
    assert (row.status, row.attempts) == (OutboxStatus.FAILED, limits.delivery_attempts_max)
    told = [entry.event for entry in await house.entries("INC-1", e.DeliveryFailed)]
    assert [event.final for event in told if isinstance(event, e.DeliveryFailed) and event.key == key] == [
        False,
        False,
        True,
    ]


async def test_a_permanent_failure_leads_to_the_other_methods_and_then_to_the_fallback() -> None:
    house = House()
    house.outbox.script = [REFUSED]
    house.email.script = [REFUSED]
    await house.declare("it burns", P4)
    await house.deliver()
    house.clock.advance(minutes(2))
    await house.engine.clockwork.pass_time()
    await house.deliver()
    assert [each.address for each in house.email.attempts] == ["anna@example.org"]
    assert len(await house.entries("INC-1", e.NobodyReachable)) == 1
    await house.deliver()
    assert "everybody@example.org" in [each.address for each in house.outbox.sent]
    own = await house.incident("INC-2")
    assert own.title == "TocsinNobodyReachable: Nobody could be reached for On-Call Engineer"
    assert "ben@example.org" in [each.address for each in house.outbox.sent], "the next role is paged at once"


async def test_a_channel_that_is_not_there_is_a_permanent_failure() -> None:
    fax = (ContactMethod(id="fax-1", kind="fax", address="1"),)
    house = House(roster=replace(ROSTER, people=(replace(ROSTER.people[0], methods=fax), *ROSTER.people[1:])))
    await house.declare("it burns", P4)
    await house.deliver()
    failed = (await house.entries("INC-1", e.DeliveryFailed))[0].event
    assert isinstance(failed, e.DeliveryFailed)
    assert failed.final
    assert failed.detail.startswith("there is no channel 'fax'; set it up")


async def test_a_channel_that_breaks_is_a_failure_that_tells_no_more_than_its_kind() -> None:
    house = one_method()
    house.outbox.down = ValueError("password=hunter2")  # type: ignore[assignment]
    await house.declare("it burns", P4)
    for _ in range(6):
        await house.deliver(timedelta(minutes=1))
    failed = [entry.event for entry in await house.entries("INC-1", e.DeliveryFailed)]
    assert failed
    assert all("hunter2" not in repr(event) for event in failed)
    assert "ValueError" in repr(failed[0])
    assert await house.entries("INC-1", e.NobodyReachable), "it counts as failing, and others are paged"


class Hanging:
    """A channel that waits until it is let go."""

    kind = "outbox"

    def __init__(self) -> None:
        self.began: list[Outgoing] = []
        self.go = asyncio.Event()

    def check(self, address: str) -> str | None:
        return None

    async def send(self, outgoing: Outgoing) -> str:
        self.began.append(outgoing)
        await self.go.wait()
        return "at last"

    async def close(self) -> None:
        return None


def hanging(engine: Engine) -> Hanging:
    channel = Hanging()
    engine.delivery._channels = {**engine.delivery._channels, "outbox": channel}
    return channel


async def test_no_answer_is_a_failure_that_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "delivery_timeout", timedelta(seconds=0.01))
    house = House()
    hanging(house.engine)
    await house.declare("it burns", P4)
    await house.deliver()
    row = (await house.rows())[0]
    assert (row.status, row.last_error) == (OutboxStatus.PENDING, "no answer within 0 seconds")


async def test_a_lease_that_ends_brings_the_row_back_under_the_same_key() -> None:
    house = House()
    await house.declare("it burns", P4)
    async with house.memory.transaction() as unit:
        now = house.clock.now()
        claimed = await unit.claim(now, now + limits.outbox_lease, 10)
    assert len(claimed) == 1
    await house.deliver(limits.outbox_lease - SECOND)
    assert house.outbox.sent == []
    await house.deliver(SECOND)
    assert [each.key for each in house.outbox.sent] == [claimed[0].key]
    assert (await house.rows())[0].attempts == 2


async def test_what_went_out_is_not_sent_again_for_a_store_that_failed_to_record_it() -> None:
    house = House()
    await house.declare("it burns", P4)
    house.fail("finish", StoreUnavailableError("full"))
    await house.engine.delivery.deliver_due()
    assert len(house.outbox.sent) == 1
    await house.deliver(limits.outbox_lease + SECOND)
    assert len(house.outbox.sent) == 1
    assert (await house.rows())[0].status is OutboxStatus.DELIVERED


async def test_many_incidents_for_one_person_are_one_page_and_one_bundle_of_the_rest() -> None:
    house = one_method()
    await house.declare("fire 1", P4)
    await house.deliver()
    for number in range(2, 21):
        await house.declare(f"fire {number}", P4)
        await house.deliver(SECOND / 4)
    assert len(house.outbox.sent) == 1, "the rest waits for the end of the window"
    await house.deliver(WINDOW)
    first, rest = house.outbox.sent
    assert first.letter.subject.endswith("INC-1 fire 1")
    assert rest.letter.subject.endswith("INC-2 fire 2 (and 18 more)")
    text = "\n".join(rest.letter.lines)
    assert all(f"INC-{number} fire {number}\n" in text for number in range(2, 21))
    assert text.count("Acknowledge: https://tocsin.example/p/") == 19
    assert {row.status for row in await house.rows()} == {OutboxStatus.DELIVERED}


async def test_a_bundle_has_a_key_of_its_own_and_comes_again_whole() -> None:
    house = one_method()
    await house.declare("fire 1", P4)
    await house.deliver()
    house.outbox.script = [BUSY]
    for number in (2, 3):
        await house.declare(f"fire {number}", P4)
    await house.deliver(WINDOW)
    await house.deliver(WINDOW + timedelta(seconds=5))
    tried = [each.key for each in house.outbox.attempts]
    assert len(tried) == 3
    assert tried[1] == tried[2] != "INC-2/p1/0"
    rows = [row for row in await house.rows() if row.key != "INC-1/p1/0"]
    assert key_of(rows) == tried[1]
    assert key_of(rows[:1]) == rows[0].key
    assert key_of([*rows, rows[0]]) != tried[1], "a receiver that drops repetitions loses nothing"


async def test_pages_to_others_and_by_other_ways_are_not_held_up() -> None:
    house = House()
    await house.declare("fire 1", P4)
    await house.ask("INC-1", c.Escalate(to="CISO"))
    await house.ask("INC-1", c.Escalate(to="Security Engineer"))
    await house.deliver()
    assert {each.address for each in house.outbox.sent} == {
        "anna@example.org",
        "chief@example.org",
        "sec@example.org",
    }
    assert len(bundles(await house.rows())) == 3


async def test_what_an_acknowledgement_cancelled_is_not_begun() -> None:
    house = House()
    house.outbox.script = [BUSY]
    await house.declare("fire 1", P4)
    await house.deliver()
    await house.acknowledge("INC-1")
    await house.deliver(timedelta(hours=1))
    assert len(house.outbox.attempts) == 1
    assert [row.status for row in await house.rows()] == [OutboxStatus.CANCELLED]


async def test_what_was_under_way_when_it_was_acknowledged_is_recorded() -> None:
    house = House()
    channel = hanging(house.engine)
    await house.declare("fire 1", P4)
    delivering = asyncio.create_task(house.engine.delivery.deliver_due())
    await until(lambda: bool(channel.began))
    await house.acknowledge("INC-1")
    assert (await house.rows())[0].status is OutboxStatus.CANCELLED
    channel.go.set()
    await delivering
    assert (await house.rows())[0].status is OutboxStatus.DELIVERED
    assert len(await house.entries("INC-1", e.Delivered)) == 1


async def test_a_channel_that_hangs_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "PATIENCE", timedelta(seconds=0.01))
    house = House()
    channel = hanging(house.engine)
    await house.declare("fire 1", P4)
    await house.engine.delivery.deliver_due()
    assert len(channel.began) == 1
    house.engine.delivery._channels = {"outbox": house.outbox, "email": house.email}
    await house.declare("fire 2", P4)
    house.clock.advance(WINDOW)
    await house.engine.delivery.deliver_due()
    assert [each.incident for each in house.outbox.sent] == ["INC-2"]
    channel.go.set()
    await until(lambda: not house.engine.delivery._under_way)
    assert [row.status for row in await house.rows()] == [OutboxStatus.DELIVERED] * 2


async def test_a_stop_lets_a_delivery_finish_and_records_it() -> None:
    house = House()
    channel = hanging(house.engine)
    await house.declare("fire 1", P4)
    await house.engine.start()
    await until(lambda: bool(channel.began))
    stopping = asyncio.create_task(house.engine.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    channel.go.set()
    await stopping
    assert (await house.rows())[0].status is OutboxStatus.DELIVERED
    assert house.outbox.closed


async def test_a_stop_does_not_wait_for_an_answer_that_nobody_gives_any_more() -> None:
    house = House(roster=replace(ROSTER, people=(), roles=()))
    await house.declare("fire 1", P4)
    channel = hanging(house.engine)
    await house.engine.start()
    await until(lambda: bool(channel.began))
    stopping = asyncio.create_task(house.engine.stop())
    await until(lambda: house.engine._tasks[1].done())
    channel.go.set()
    async with asyncio.timeout(5):
        await stopping
    own = [row for row in await house.rows() if row.key.endswith("/alert")]
    assert {row.status for row in own} == {OutboxStatus.DELIVERED}


async def test_a_part_that_broke_does_not_keep_the_others_from_a_good_end() -> None:
    house = House()
    house.engine.clockwork.pass_time = broken  # type: ignore[method-assign]
    await house.engine.start()
    await until(lambda: not house.engine.running)
    request = asyncio.create_task(house.engine.intake.take([]))
    await house.engine.stop()
    assert await request == []
    assert house.outbox.closed


async def broken() -> None:
    raise RuntimeError("a bug")


@pytest.mark.parametrize("step", ["begin", "claim", "commit", "next_outbox_at", "setting"])
@pytest.mark.parametrize(
    "error", [StoreUnavailableError("locked"), ConflictError("another node"), RuntimeError("a bug")]
)
async def test_the_delivery_goes_on_after_any_failure_of_the_store(step: str, error: Exception) -> None:
    house = House()
    await house.declare("fire 1", P4)
    loop = asyncio.create_task(house.engine.delivery.run())
    house.fail(step, error)
    await until(lambda: house.clock.next_wait is not None)
    for _ in range(3):
        house.clock.advance(limits.outbox_lease)
        await until(lambda: house.clock.next_wait is not None and house.clock.next_wait > house.clock.now())
    assert not loop.done()
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    assert len(house.outbox.sent) == 1


async def test_a_message_goes_to_every_audience_without_a_link_that_acknowledges() -> None:
    house = House()
    await house.declare("fire 1", P4)
    await house.acknowledge("INC-1")
    await house.ask("INC-1", c.SendMessage(kind=MessageKind.UPDATE, text="We look into it.\nMore soon."))
    await house.deliver()
    sent = house.outbox.sent[-1]
    assert (sent.address, sent.link, sent.urgent) == ("stakeholders@example.org", None, False)
    assert (sent.letter.subject, sent.letter.lines) == ("We look into it.", ("More soon.",))


async def test_a_clock_that_was_set_back_holds_up_no_page() -> None:
    house = one_method()
    house.clock.advance(timedelta(hours=2))
    await house.declare("fire 1", P4)
    await house.deliver()
    house.clock.advance(-timedelta(hours=1))
    await house.declare("fire 2", P4)
    await house.deliver()
    assert len(house.outbox.sent) == 2
    await house.ask("INC-1", c.Escalate(to=PersonId(BEN)))
    await house.deliver()
    assert house.outbox.sent[-1].address == "ben@example.org"
