"""Pings over HTTP: by token or by key, with every method a job may have, and no key in the log."""

from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest
import pytest_asyncio

from tests.http.helpers import assert_problem, assert_safe_headers
from tests.http.house import Client, House, open_house
from tests.watching.sample import KEY, Finds, watch_a_little
from tocsin.alerts.model import AlertStatus
from tocsin.engine.ports import StoreUnavailableError
from tocsin.faces.http.frame import loggable


@pytest_asyncio.fixture
async def rooms() -> AsyncGenerator[tuple[House, Client], None]:
    """A running house that watches."""
    async with open_house() as (house, client):
        watch_a_little(house.engine)
        yield house, client


@pytest_asyncio.fixture
async def house(rooms: tuple[House, Client]) -> House:
    return rooms[0]


@pytest_asyncio.fixture
async def client(rooms: tuple[House, Client]) -> Client:
    return rooms[1]


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_by_token(house: House, client: Client, method: str) -> None:
    headers = await house.bearer("source")
    answer = await client.request(method, "/beat/queue", headers=headers)
    assert answer.status_code == 200
    if method != "HEAD":
        assert answer.json() == {"heard": "queue", "said": "alive"}
    assert_safe_headers(answer)
    beats = (await client.get("/api/v1/heartbeats", headers=await house.bearer("viewer"))).json()[
        "heartbeats"
    ]
    queue = next(each for each in beats if each["name"] == "queue")
    assert queue["heard_at"] == "2026-11-24T02:47:00Z"
    assert queue["heard_by"] == "192.0.2.7"
    assert queue["state"] == "fine"
    assert queue["expected"] == "every 10 min"


async def test_who_may_not(house: House, client: Client) -> None:
    assert_problem(await client.get("/beat/queue"), 401)
    assert_problem(await client.post("/beat/queue/fail", headers={"Authorization": "Bearer tsn_a_b"}), 401)
    headers = await house.bearer("source")
    assert_problem(await client.get("/beat/nobody", headers=headers), 404, "unknown-heartbeat")
    assert_problem(await client.put("/beat/queue", headers=headers), 405)
    async with open_house(open_sources=True) as (other, free):
        watch_a_little(other.engine)
        assert (await free.get("/beat/queue")).status_code == 200


async def test_by_key(house: House, client: Client) -> None:
    assert (await client.get(f"/beat/backup/{KEY}")).json() == {"heard": "backup", "said": "alive"}
    assert (await client.post(f"/beat/backup/{KEY}/start")).json()["said"] == "start"
    house.clock.move(timedelta(minutes=12))
    assert (await client.post(f"/beat/backup/{KEY}")).status_code == 200
    (found,) = [each for each in await house.engine.heartbeats.list() if each.beat.name == "backup"]
    assert found.beat.took == timedelta(minutes=12)
    for wrong in (f"/beat/backup/{KEY}x", f"/beat/queue/{KEY}", f"/beat/nobody/{KEY}", "/beat/queue/x/fail"):
        assert_problem(await client.get(wrong), 404, "unknown-heartbeat")
    assert await house.engine.queries.alerts() == []


async def test_a_failure_with_its_output(house: House, client: Client) -> None:
    body = "No space left\npassword=hunter2hunter2\n"
    answer = await client.post(f"/beat/backup/{KEY}/fail", content=body)
    assert answer.json() == {"heard": "backup", "said": "fail"}
    (record,) = await house.engine.queries.alerts()
    assert record.alert.annotations["output"] == "No space left\npassword=***"
    assert record.incident == "INC-1"
    await client.get(f"/beat/backup/{KEY}")
    (record,) = await house.engine.queries.alerts()
    assert record.alert.status is AlertStatus.RESOLVED


async def test_any_bytes_may_be_an_output(house: House, client: Client) -> None:
    answer = await client.post(f"/beat/backup/{KEY}/fail", content=b"\xff\x00\x1b[31m" + b"x" * 100_000)
    assert answer.status_code == 200
    (record,) = await house.engine.queries.alerts()
    assert "\0" not in record.alert.annotations["output"]


async def test_a_ping_that_is_not_kept(house: House, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise StoreUnavailableError("The disk is full.")

    monkeypatch.setattr(house.engine.heartbeats, "_keep", away)
    answer = await client.get(f"/beat/backup/{KEY}")
    assert_problem(answer, 503)
    assert answer.headers["retry-after"]


def test_no_key_stands_in_the_log() -> None:
    assert KEY not in loggable(f"/beat/backup/{KEY}/fail")


@pytest.mark.parametrize("path", ["heartbeats", "probes"])
async def test_the_lists_are_for_those_who_may_read(house: House, client: Client, path: str) -> None:
    assert_problem(await client.get(f"/api/v1/{path}"), 401)
    assert_problem(await client.get(f"/api/v1/{path}", headers=await house.bearer("source")), 403)
    answer = await client.get(f"/api/v1/{path}", headers=await house.bearer("viewer"))
    assert answer.status_code == 200
    assert KEY not in answer.text


async def test_probes_are_listed_with_their_results(house: House, client: Client) -> None:
    for _ in range(2):
        await house.engine.probes.look(Finds.probe)
    headers = await house.bearer("viewer")
    (probe,) = (await client.get("/api/v1/probes", headers=headers)).json()["probes"]
    assert probe["failing"] is True
    assert probe["kind"] == "http"
    assert [each["reason"] for each in probe["results"]] == [Finds.reason] * 2
    assert Finds.secret not in str(probe)


async def test_metrics(house: House, client: Client) -> None:
    await client.get(f"/beat/backup/{KEY}")
    await house.engine.probes.look(Finds.probe)
    text = (await client.get("/metrics", headers=await house.bearer("source"))).text
    assert 'tocsin_heartbeats{state="fine"} 1.0' in text
    assert 'tocsin_probe_up{probe="shop"} 0.0' in text
    assert KEY not in text
