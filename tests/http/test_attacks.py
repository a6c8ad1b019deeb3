"""What an attacker found once, and must not find again."""

import asyncio
import io
import sys

import pytest

from tests.http.house import Client, House
from tocsin.adapters.logs import configure
from tocsin.base.ids import IncidentId
from tocsin.engine.access import TOKEN_REMEMBERED_FOR
from tocsin.engine.intake import CHUNK_ALERTS
from tocsin.incident.commands import AddNote
from tocsin.incident.events import SYSTEM

GOOD = {"labels": {"alertname": "CheckoutDown", "severity": "critical"}}


@pytest.mark.parametrize("form", ["text", "json"])
async def test_a_fault_of_the_server_writes_no_token_into_the_log(
    house: House, client: Client, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    configure("info", form)  # type: ignore[arg-type]

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(house.engine.queries, "incidents", broken)
    token = await house.token("viewer")
    answer = await client.get("/api/v1/incidents", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 500
    log = "".join(character for character in written.getvalue() if not character.isspace())
    assert "RuntimeError" in log
    assert token.rpartition("_")[2][:20] not in log


@pytest.mark.parametrize("path", ["/api/v1/incidents?before=", "/api/v1/incidents/INC-1/timeline?after="])
async def test_numbers_beyond_every_database_are_refused(house: House, client: Client, path: str) -> None:
    answer = await client.get(path + "9" * 30, headers=await house.bearer("viewer"))
    assert answer.status_code in (400, 422)


async def test_a_large_request_is_kept_whole_and_in_pieces(house: House, client: Client) -> None:
    many = [{"labels": {"alertname": "Storm", "instance": str(n)}} for n in range(CHUNK_ALERTS * 2 + 1)]
    large = asyncio.create_task(client.post("/in/plain", headers=await house.bearer("source"), json=many))
    small = await client.post("/in/plain", headers=await house.bearer("source"), json=[GOOD])
    assert small.status_code == 200
    answer = await large
    assert answer.json()["kept"] == len(many)


async def test_a_stream_ends_with_the_token_that_began_it(house: House, client: Client) -> None:
    await client.post("/in/plain", headers=await house.bearer("source"), json=[GOOD])
    token = await house.token("viewer")
    where = "/api/v1/incidents/INC-1/timeline?follow=1"
    reading = asyncio.create_task(client.get(where, headers={"Authorization": f"Bearer {token}"}))
    while not house.engine.hub.followers:
        await asyncio.sleep(0.01)
    assert await house.engine.access.revoke_token(token.split("_")[1], SYSTEM)
    house.clock.move(TOKEN_REMEMBERED_FOR * 2)
    await house.engine.desk.handle(IncidentId("INC-1"), AddNote(text="a secret of later"), SYSTEM)
    answer = await asyncio.wait_for(reading, 10)
    assert "a secret of later" not in answer.text
