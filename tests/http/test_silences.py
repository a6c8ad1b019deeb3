"""Silences in our own words: what is made, listed and ended, by whom, and what is refused by its field."""

from typing import Any, get_args

import pytest

from tests.http.helpers import assert_problem
from tests.http.house import Client, House
from tocsin.engine.access import Scope

BODY = {"matchers": 'alertname="CheckoutDown", service=~"shop|till"', "comment": "it is known", "lasts": "2h"}
FIELDS = {"id", "state", "text", "matchers", "starts_at", "ends_at", "created_by", "comment", "updated_at"}


async def add(house: House, client: Client, **fields: Any) -> dict[str, Any]:
    body = {**BODY, **fields}
    answer = await client.post("/api/v1/silences", headers=await house.bearer("responder"), json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def listed(house: House, client: Client, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get("/api/v1/silences", headers=await house.bearer("viewer"), params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["silences"]


async def test_a_silence(house: House, client: Client) -> None:
    made = await add(house, client)
    assert set(made) == FIELDS
    assert made["text"] == BODY["matchers"]
    assert made["matchers"][1] == {"name": "service", "operator": "=~", "value": "shop|till"}
    assert (made["state"], made["created_by"]) == ("active", "Tomás Ferreira")
    assert (made["starts_at"], made["ends_at"]) == ("2026-11-24T02:47:00Z", "2026-11-24T04:47:00Z")
    one = await client.get(f"/api/v1/silences/{made['id']}", headers=await house.bearer("viewer"))
    assert await listed(house, client) == [one.json()] == [made]
    path, headers = f"/api/v1/silences/{made['id']}", await house.bearer("responder")
    for _ in range(2):
        ended = await client.delete(path, headers=headers)
        assert (ended.status_code, ended.json()["state"]) == (200, "expired")
    assert await listed(house, client) == []
    assert [each["id"] for each in await listed(house, client, all="true")] == [made["id"]]


async def test_an_alert_shows_its_silences(house: House, client: Client) -> None:
    await house.alert(service="shop")
    await house.alert("DiskFull", severity="warning")
    made = await add(house, client)
    await add(house, client, starts_at="2026-11-24T03:00:00Z")
    found = (await client.get("/api/v1/alerts", headers=await house.bearer("viewer"))).json()["alerts"]
    assert {each["alert"]["labels"]["alertname"]: each["silenced_by"] for each in found} == {
        "CheckoutDown": [made["id"]],
        "DiskFull": [],
    }
    assert {"alert", "incident", "because", "first_seen_at", "last_seen_at", "times"} < set(found[0])


async def test_times(house: House, client: Client) -> None:
    later = await add(house, client, starts_at="2026-11-24T05:00:00+01:00", lasts="1h 30m")
    assert (later["state"], later["starts_at"]) == ("pending", "2026-11-24T04:00:00Z")
    assert later["ends_at"] == "2026-11-24T05:30:00Z"
    past = await add(
        house, client, starts_at="2026-11-23T05:00:00Z", ends_at="2026-11-24T03:00:00Z", lasts=""
    )
    assert (past["starts_at"], past["ends_at"]) == ("2026-11-24T02:47:00Z", "2026-11-24T03:00:00Z")


async def test_a_change(house: House, client: Client) -> None:
    made = await add(house, client)
    longer = await add(house, client, lasts="5h", comment="still", replaces=made["id"])
    assert (longer["id"], longer["ends_at"]) == (made["id"], "2026-11-24T07:47:00Z")
    other = await add(house, client, matchers="team=web", replaces=made["id"])
    assert other["id"] != made["id"]
    assert [each["id"] for each in await listed(house, client)] == [other["id"]]


async def test_filters(house: House, client: Client) -> None:
    made = await add(house, client)
    assert await listed(house, client, filter=['alertname="CheckoutDown"', 'service=~"shop.*"']) == [made]
    assert await listed(house, client, filter="alertname=DiskFull") == []
    answer = await client.get("/api/v1/silences?filter=x", headers=await house.bearer("viewer"))
    assert_problem(answer, 400, "bad-filter")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"matchers": ""}, "matchers"),
        ({"matchers": "x"}, "matchers"),
        ({"matchers": 'a=~"("'}, "matchers"),
        ({"matchers": 'a=~"(?!b)c"'}, "matchers"),
        ({"matchers": 'a!="b"'}, "matchers"),
        ({"matchers": "a=b," * 100_000}, "matchers"),
        ({"matchers": 5}, "matchers"),
        ({"comment": " "}, "comment"),
        ({"lasts": ""}, "ends_at"),
        ({"ends_at": "2026-11-25T00:00:00Z"}, "ends_at"),
        ({"lasts": "soon"}, "lasts"),
        ({"lasts": "20000 days"}, "lasts"),
        ({"lasts": "", "ends_at": "2026-11-25T00:00:00"}, "ends_at"),
        ({"lasts": "", "ends_at": "2026-11-23T00:00:00Z"}, "endsAt"),
        ({"lasts": "", "ends_at": "9999-12-31T23:59:59-10:00"}, "ends_at"),
        ({"starts_at": "9999-12-31T23:00:00Z"}, "starts_at"),
        ({"starts_at": "2026-11-25T00:00:00"}, "starts_at"),
        ({"until": "2026-11-25T00:00:00Z"}, "until"),
    ],
)
async def test_what_is_refused(house: House, client: Client, fields: dict[str, Any], field: str) -> None:
    body = {**BODY, **fields}
    answer = await client.post("/api/v1/silences", headers=await house.bearer("responder"), json=body)
    found: Any = assert_problem(answer, 422)["problems"]
    assert [each["field"] for each in found] == [field]
    assert await listed(house, client, all="true") == []


async def test_a_silence_that_is_not_there(house: House, client: Client) -> None:
    headers = await house.bearer("responder")
    for name in ("0a1b", "a%00b"):
        for method in ("GET", "DELETE"):
            answer = await client.request(method, f"/api/v1/silences/{name}", headers=headers)
            assert_problem(answer, 404, "unknown-silence")
    answer = await client.post("/api/v1/silences", headers=headers, json={**BODY, "replaces": "0a1b"})
    assert_problem(answer, 404, "unknown-silence")


@pytest.mark.parametrize("scope", get_args(Scope))
async def test_who_may(house: House, client: Client, scope: Scope) -> None:
    assert_problem(await client.post("/api/v1/silences", json=BODY), 401)
    headers = await house.bearer(scope)
    answers = [
        await client.post("/api/v1/silences", headers=headers, json=BODY),
        await client.delete("/api/v1/silences/0a1b", headers=headers),
        await client.get("/api/v1/silences/0a1b", headers=headers),
    ]
    wanted = {"source": [403, 403, 403], "viewer": [403, 403, 404]}.get(scope, [201, 404, 404])
    assert [each.status_code for each in answers] == wanted


async def test_a_page_of_somebody_else_cannot_silence(house: House, client: Client) -> None:
    from tests.http.house import ME, PASSWORD
    from tocsin.faces.requests import SESSION_COOKIE
    from tocsin.incident.events import SYSTEM

    await house.engine.access.create_account("tomas", PASSWORD, "admin", ME, SYSTEM)
    client.cookies.set(SESSION_COOKIE, await house.engine.access.sign_in("tomas", PASSWORD, "127.0.0.1"))
    assert_problem(await client.post("/api/v1/silences", json=BODY), 403)
    assert (await client.post("/api/v2/silences", json={})).status_code == 403
    assert await listed(house, client, all="true") == []
