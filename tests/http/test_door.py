"""How fast, how large and how slowly the requests of senders may be, and deliveries that come twice."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.http.helpers import assert_problem
from tests.http.house import Client, HandClock, House, ListSource
from tocsin.base import limits
from tocsin.engine.deliveries import DELIVERY_KEPT_FOR, KnownDelivery, LastWord
from tocsin.engine.ports import StoreUnavailableError
from tocsin.engine.sources import Arrival, Parsed, SourceUnavailableError
from tocsin.faces.http.door import BUCKETS_MAX, Door
from tocsin.faces.http.problems import ApiError

GOOD = {"labels": {"alertname": "CheckoutDown", "severity": "critical"}}
ENDED = {**GOOD, "status": "resolved"}


class Numbered(ListSource):
    """The format of the tests, with deliveries and an order in headers."""

    kind = "numbered"
    body_bytes_max = 2_000

    async def parse(self, arrival: Arrival) -> Parsed:
        if "x-later" in arrival.headers:
            raise SourceUnavailableError("The sender's keys cannot be had now.")
        parsed = await super().parse(arrival)
        return Parsed(
            alerts=parsed.alerts,
            problems=parsed.problems,
            delivery=arrival.headers.get("x-delivery", ""),
            sequence=arrival.headers.get("x-sequence", ""),
            said=arrival.headers.get("x-said", ""),
        )


@pytest.fixture(autouse=True)
def numbered(house: House) -> None:
    house.app.state.face.sources["numbered"] = Numbered()


async def send(house: House, client: Client, body: Any, **headers: str) -> Any:
    named = {f"x-{name}": value for name, value in headers.items()}
    return await client.post("/in/numbered", headers=await house.bearer("source") | named, json=body)


async def test_a_delivery_is_kept_once_a_day(house: House, client: Client) -> None:
    assert (await send(house, client, [GOOD], delivery="d-1")).json()["kept"] == 1
    again = await send(house, client, [GOOD], delivery="d-1")
    assert again.status_code == 200
    assert again.json()["kept"] == 0
    assert again.json()["incidents"] == []
    (note,) = again.json()["problems"]
    assert note["code"] == "seen-before"
    assert "2026-11-24 02:47:00 UTC" in note["message"]
    (record,) = await house.engine.queries.alerts()
    assert record.times == 1
    assert (await send(house, client, [GOOD], delivery="d-2")).json()["kept"] == 1
    house.clock.move(DELIVERY_KEPT_FOR)
    assert (await send(house, client, [GOOD], delivery="d-1")).json()["kept"] == 1
    async with house.engine.store.reading() as reader:
        assert [each.id for each in await reader.all_kept(KnownDelivery)] == ["d-1", "d-2"]


async def test_deliveries_of_old_are_forgotten(house: House, client: Client) -> None:
    for number in range(3):
        await send(house, client, [GOOD], delivery=f"d-{number}")
    house.clock.move(DELIVERY_KEPT_FOR + timedelta(minutes=1))
    await send(house, client, [GOOD], delivery="new")
    async with house.engine.store.reading() as reader:
        assert [each.id for each in await reader.all_kept(KnownDelivery)] == ["new"]


async def test_a_delivery_that_could_not_be_kept_is_not_known(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_: object) -> None:
        raise StoreUnavailableError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(house.engine.intake, "take", full)
        assert_problem(await send(house, client, [GOOD], delivery="d-1"), 503)
    assert (await send(house, client, [GOOD], delivery="d-1")).json()["kept"] == 1


async def test_a_delivery_that_could_not_be_noted_is_kept_again(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: object) -> None:
        raise StoreUnavailableError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(house.engine.deliveries, "_note", failing)
        assert (await send(house, client, [GOOD], delivery="d-1")).json()["kept"] == 1
    assert (await send(house, client, [GOOD], delivery="d-1")).json()["kept"] == 1


async def test_what_was_overtaken_changes_nothing(house: House, client: Client) -> None:
    await send(house, client, [GOOD], sequence="0007")
    late = await send(house, client, [ENDED], sequence="0006")
    assert [each["code"] for each in late.json()["problems"]] == ["overtaken"]
    (record,) = await house.engine.queries.alerts()
    assert record.alert.status == "firing"
    assert (await send(house, client, [ENDED], sequence="0008")).json()["kept"] == 1
    assert (await send(house, client, [GOOD], sequence="0007")).json()["kept"] == 0
    (record,) = await house.engine.queries.alerts()
    assert record.alert.status == "resolved"
    async with house.engine.store.reading() as reader:
        (word,) = await reader.all_kept(LastWord)
    assert word.sequence == "0008"


async def test_of_requests_at_the_same_time_the_order_holds(house: House, client: Client) -> None:
    both = [send(house, client, [ENDED], sequence="0002"), send(house, client, [GOOD], sequence="0001")]
    await asyncio.gather(*both)
    (record,) = await house.engine.queries.alerts()
    assert record.alert.status == "resolved"


async def test_a_sender_that_wants_to_read_its_own_words(house: House, client: Client) -> None:
    answer = await send(house, client, [GOOD], said="thank you")
    assert (answer.status_code, answer.text) == (200, "thank you")
    assert answer.headers["content-type"].startswith("text/plain")
    assert len(await house.engine.queries.alerts()) == 1


async def test_what_cannot_be_read_now_comes_again(house: House, client: Client) -> None:
    answer = await send(house, client, [GOOD], later="1")
    assert_problem(answer, 503, "source-unavailable")
    assert answer.headers["retry-after"] == "5"


async def test_too_fast(house: House, client: Client) -> None:
    headers = await house.bearer("source")
    house.app.dependencies["door"].dependency()._rates["numbered"] = 2  # type: ignore[union-attr]
    answers = [await client.post("/in/numbered", headers=headers, json=[GOOD]) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert_problem(answers[2], 429, "too-fast")
    assert answers[2].headers["retry-after"] == "30"
    assert (await client.post("/in/plain", headers=headers, json=[GOOD])).status_code == 200
    house.clock.move(timedelta(seconds=29))
    assert_problem(await client.post("/in/numbered", headers=headers, json=[GOOD]), 429)
    house.clock.move(timedelta(seconds=1))
    assert (await client.post("/in/numbered", headers=headers, json=[GOOD])).status_code == 200


def let_in(door: Door, kind: str, address: str) -> bool:
    try:
        door.check_rate(kind, address)
    except ApiError:
        return False
    return True


def test_the_rate_is_of_an_address_and_refills_steadily() -> None:
    clock = HandClock()
    door = Door(clock, {"slow": 60})
    assert sum(let_in(door, "slow", "192.0.2.1") for _ in range(100)) == 60
    assert let_in(door, "slow", "192.0.2.2")
    assert sum(let_in(door, "usual", "192.0.2.1") for _ in range(7_000)) == limits.requests_per_minute
    clock.move(timedelta(seconds=10))
    assert sum(let_in(door, "slow", "192.0.2.1") for _ in range(100)) == 10
    clock.move(-timedelta(hours=1))
    assert not let_in(door, "slow", "192.0.2.1")
    clock.move(timedelta(minutes=2))
    assert sum(let_in(door, "slow", "192.0.2.1") for _ in range(100)) == 60


def test_many_addresses_take_little_room() -> None:
    door = Door(HandClock(), {"slow": 1})
    for number in range(BUCKETS_MAX + 500):
        assert let_in(door, "slow", str(number))
    assert len(door._buckets) == BUCKETS_MAX
    assert not let_in(door, "slow", str(BUCKETS_MAX + 499))


async def test_each_source_has_a_size_of_its_own(house: House, client: Client) -> None:
    padded = {**GOOD, "annotations": {"text": "x" * 2_000}}
    found = assert_problem(await send(house, client, [padded]), 413, "too-large")
    assert "0 MB" in str(found["detail"])
    assert (await client.post("/in/plain", headers=await house.bearer("source"), json=[padded])).is_success


async def test_a_size_that_is_declared_is_refused_before_anything_is_read(house: House) -> None:
    door = Door(house.clock)

    async def never() -> Any:
        raise AssertionError("nothing should be read")

    for declared in ("2001", "9" * 4_500):
        with pytest.raises(ApiError) as caught:
            await door.read(never, {"content-length": declared}, 2_000)
        assert caught.value.status_code == 413


async def test_a_request_that_trickles_is_given_up() -> None:
    door = Door(HandClock(), patience=timedelta(seconds=0.05))

    async def trickle() -> Any:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b" ", "more_body": True}

    with pytest.raises(ApiError) as caught:
        await door.read(trickle, {}, 2_000)
    assert caught.value.status_code == 408
    assert (caught.value.headers or {})["Connection"] == "close"
    assert door._reading == 0


async def test_what_is_read_at_the_same_time_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "request_bytes_in_flight_max", 3_000)
    monkeypatch.setattr(limits, "request_bytes_small", 1_000)
    door, go_on = Door(HandClock()), asyncio.Event()

    async def one(size: int) -> int:
        try:
            return len(await door.read(_then(b" " * size, slow), {}, 2_000))
        except ApiError as error:
            return -error.status_code

    async def slow() -> Any:
        await go_on.wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    holding = asyncio.create_task(one(2_000))
    small = asyncio.create_task(one(1_000))
    await asyncio.sleep(0)
    assert await one(1_500) == -429
    another = asyncio.create_task(one(900))
    go_on.set()
    assert [await holding, await small, await another] == [2_000, 1_000, 900]
    assert await one(2_000) == 2_000
    assert door._reading == 0


def _then(first: bytes, rest: Any) -> Any:
    given: list[bytes] = [first]

    async def receive() -> Any:
        if given:
            return {"type": "http.request", "body": given.pop(), "more_body": True}
        return await rest()

    return receive


async def test_the_last_piece_is_waited_for(house: House, client: Client) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"[", b'{"labels": ', b'{"alertname": "A"}', b"}", b"]"):
            await asyncio.sleep(0)
            yield piece

    headers = await house.bearer("source") | {"content-type": "application/json"}
    answer = await client.post("/in/numbered", headers=headers, content=pieces())
    assert answer.json()["kept"] == 1
