"""The timeline as a stream: each line once, in order, and taken up again where it was lost."""

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import timedelta

import httpx
import pytest

from tests.http.house import Client, House
from tests.web.serving import serve
from tocsin.base.ids import IncidentId
from tocsin.engine import hub as hub_module
from tocsin.engine.hub import Hub, HubFullError
from tocsin.faces.http import timeline
from tocsin.incident import commands as c
from tocsin.incident.events import SYSTEM

INC = IncidentId("INC-1")


def read(pieces: list[bytes]) -> list[tuple[int, str]]:
    """Number and text of each event."""
    found: list[tuple[int, str]] = []
    for event in b"".join(pieces).decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in event.splitlines() if not line.startswith(":"))
        if "data" in fields:
            line = json.loads(fields["data"])
            assert fields["id"] == str(line["seq"])
            found.append((line["seq"], line["text"]))
    return found


async def let_in() -> bool:
    """Whoever reads is let in for ever."""
    return True


async def take(stream: AsyncGenerator[bytes, None], count: int) -> list[bytes]:
    """So many pieces, or a failure in the end."""
    async with asyncio.timeout(5):
        return [await anext(stream) for _ in range(count)]


async def test_as_a_document(house: House, client: Client) -> None:
    await house.alert()
    headers = await house.bearer("viewer")
    whole = (await client.get("/api/v1/incidents/INC-1/timeline", headers=headers)).json()
    assert [each["seq"] for each in whole["lines"]] == list(range(1, whole["last"] + 1))
    assert set(whole["lines"][0]) == {"seq", "at", "who", "kind", "text", "weight"}
    after = (await client.get("/api/v1/incidents/INC-1/timeline?after=2", headers=headers)).json()
    assert after["lines"] == whole["lines"][2:]
    none = (await client.get("/api/v1/incidents/INC-1/timeline?after=999", headers=headers)).json()
    assert none == {"incident": "INC-1", "lines": [], "last": 999}


async def test_followed_over_http(house: House, client: Client) -> None:
    """The hub closes, as it does when the server stops, so that the stream ends."""
    await house.alert()
    headers = await house.bearer("viewer")
    house.engine.hub.close()
    for query, more in (("?follow=1", {}), ("", {"Accept": "text/event-stream"})):
        answer = await client.get(f"/api/v1/incidents/INC-1/timeline{query}", headers=headers | more)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"


async def test_each_line_once_and_in_order(house: House) -> None:
    await house.alert()
    await house.settle()
    written = len(await house.engine.queries.lines(INC))
    stream = timeline.follow_lines(house.engine, INC, 0, let_in)
    pieces = await take(stream, written + 1)
    assert pieces[0].startswith(b"retry: ")
    for number in range(3):
        await house.engine.desk.handle(INC, c.AddNote(text=f"Note {number}\nwith a second line"), SYSTEM)
    pieces += await take(stream, 3)
    await stream.aclose()
    found = read(pieces)
    assert [seq for seq, _ in found] == list(range(1, written + 4))
    assert found[-1][1] == "Note 2\nwith a second line"


async def test_taken_up_again(house: House) -> None:
    await house.alert()
    await house.settle()
    first = timeline.follow_lines(house.engine, INC, 0, let_in)
    seen = read(await take(first, 3))
    await first.aclose()
    await house.engine.desk.handle(INC, c.AddNote(text="While nobody listened"), SYSTEM)
    every = await house.engine.queries.lines(INC)
    second = timeline.follow_lines(house.engine, INC, seen[-1][0], let_in)
    rest = read(await take(second, 1 + len(every) - len(seen)))
    await second.aclose()
    assert [seq for seq, _ in seen + rest] == [line.seq for line in every]
    assert rest[-1][1] == "While nobody listened"


async def test_a_silent_stream_shows_that_it_lives(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.alert()
    monkeypatch.setattr(timeline, "HEARTBEAT", timedelta(milliseconds=5))
    stream = timeline.follow_lines(house.engine, INC, 10_000, let_in)
    pieces = await take(stream, 3)
    await stream.aclose()
    assert pieces[1:] == [b": still here\n\n"] * 2


async def test_the_hub_coalesces_and_never_waits() -> None:
    hub = Hub()
    async with hub.subscribe(INC) as one, hub.subscribe(None) as every:
        for _ in range(10_000):
            hub.publish(INC)
        hub.publish(IncidentId("INC-2"))
        assert await one.wait(timedelta(seconds=1))
        assert not await one.wait(timedelta(milliseconds=1))
        assert await every.wait(timedelta(seconds=1))
        assert not await every.wait(timedelta(milliseconds=1))
        with hub.waker() as wake:
            hub.publish(INC)
            assert wake.is_set()
        hub.close()
        assert [each async for each in one] == []
    async with hub.subscribe(None) as late:
        assert late.closed
        assert not await late.wait(timedelta(seconds=1))


async def test_too_many_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "SUBSCRIPTIONS_MAX", 1)
    hub = Hub()
    async with hub.subscribe(None):
        with pytest.raises(HubFullError):
            async with hub.subscribe(None):
                raise AssertionError("one too many")
    async with hub.subscribe(None):
        pass


def test_over_a_real_connection() -> None:
    """A reader takes the stream up where it was lost; one that goes away is forgotten."""
    with serve() as served:
        served.run(served.house.alert())
        served.run(served.house.settle())
        headers = served.run(served.house.bearer("viewer")) | {"Last-Event-ID": "3"}
        address = f"{served.url}/api/v1/incidents/1/timeline?follow=1"
        found: list[dict[str, str]] = []
        with httpx.stream("GET", address, headers=headers, timeout=10) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            wanted = served.run(served.house.engine.queries.lines(INC, 3))
            served.run(served.house.engine.desk.handle(INC, c.AddNote(text="New"), SYSTEM))
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    found.append(json.loads(line.removeprefix("data: ")))
                    if found[-1]["kind"] == "Noted":
                        break
        assert [each["seq"] for each in found[: len(wanted)]] == [line.seq for line in wanted]
        hub = served.house.engine.hub
        for _ in range(200):
            if not hub.followers:
                break
            served.run(asyncio.sleep(0.02))
        assert hub.followers == 0
