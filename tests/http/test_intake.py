"""`POST /in/{kind}`: what is kept, what is refused, and how large it may be."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import AsyncIterator

import pytest

from tests.http.helpers import assert_problem, assert_safe_headers
from tests.http.house import Client, House, open_house
from tocsin.adapters.sources.grafana import SignedGrafanaSource
from tocsin.base.limits import request_body_bytes_max

GOOD = {"labels": {"alertname": "CheckoutDown", "severity": "critical"}}


async def test_alerts_are_kept(house: House, client: Client) -> None:
    answer = await client.post("/in/plain", headers=await house.bearer("source"), json=[GOOD])
    assert answer.status_code == 200
    assert answer.json() == {"kept": 1, "incidents": ["INC-1"], "problems": []}
    assert_safe_headers(answer)
    again = await client.post("/in/plain", headers=await house.bearer("source"), json=[GOOD])
    assert again.json()["incidents"] == ["INC-1"]
    (record,) = await house.engine.queries.alerts()
    assert record.times == 2


async def test_the_good_of_a_bad_batch_are_kept(house: House, client: Client) -> None:
    answer = await client.post("/in/plain", headers=await house.bearer("source"), json=[GOOD, {}, 7])
    assert answer.status_code == 200
    assert answer.json()["kept"] == 1
    assert [each["field"] for each in answer.json()["problems"]] == ["1.labels", "2.labels"]
    assert all(each["message"] and each["mend"] for each in answer.json()["problems"])


@pytest.mark.parametrize("scope", ["source", "responder", "admin"])
async def test_any_token_as_bearer_or_basic(house: House, client: Client, scope: str) -> None:
    token = await house.token(scope)  # type: ignore[arg-type]
    basic = b64encode(f"tocsin:{token}".encode()).decode()
    for given in (f"Bearer {token}", f"bearer  {token}", f"Basic {basic}"):
        answer = await client.post("/in/plain", headers={"Authorization": given}, json=[GOOD])
        assert answer.status_code == 200, given


async def test_whoever_only_looks_sends_nothing(house: House, client: Client) -> None:
    headers = await house.bearer("viewer")
    assert_problem(await client.post("/in/plain", headers=headers, json=[GOOD]), 401)


async def test_without_a_token(client: Client) -> None:
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer tsn_a_b"}):
        answer = await client.post("/in/plain", headers=headers, json=[GOOD])
        assert_problem(answer, 401)
        assert "Basic" in answer.headers["www-authenticate"]


async def test_without_a_token_where_that_is_allowed() -> None:
    async with open_house(open_sources=True) as (_, client):
        assert (await client.post("/in/plain", json=[GOOD])).status_code == 200
        wrong = {"Authorization": "Bearer tsn_a_b"}
        assert_problem(await client.post("/in/plain", headers=wrong, json=[GOOD]), 401)


async def test_what_cannot_be_read(house: House, client: Client) -> None:
    headers = await house.bearer("source")
    found = assert_problem(await client.post("/in/nothing", headers=headers, json=[GOOD]), 404)
    assert "plain" in str(found["detail"])
    assert_problem(await client.get("/in/plain", headers=headers), 405)
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = await client.post("/in/plain", headers=headers | {"content-type": kind}, content=b"[]")
        assert_problem(answer, 415)
    json = headers | {"content-type": "application/json; charset=utf-8"}
    assert_problem(await client.post("/in/plain", headers=json, content=b"[{"), 400, "bad-json")
    found = assert_problem(await client.post("/in/plain", headers=json, content=b"{}"), 422)
    assert len(found["problems"]) == 2  # type: ignore[arg-type]
    assert_problem(await client.post("/in/plain", headers=json, content=b"[{}]"), 422)
    assert await house.engine.queries.alerts() == []


async def test_too_large(house: House, client: Client) -> None:
    headers = await house.bearer("source") | {"content-type": "application/json"}
    content = b"[" + b" " * request_body_bytes_max + b"]"
    assert_problem(await client.post("/in/plain", headers=headers, content=content), 413)
    assert_problem(await client.post("/in/plain", headers=headers, content=content[1:-1]), 400)


async def test_too_large_in_pieces_is_not_read_whole(house: House, client: Client) -> None:
    read = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(200):
            read += 1
            yield b" " * 100_000

    headers = await house.bearer("source") | {"content-type": "application/json"}
    assert_problem(await client.post("/in/plain", headers=headers, content=pieces()), 413)
    tried = await client.post("/in/plain", headers={"content-type": "application/json"}, content=pieces())
    assert_problem(tried, 401)


async def test_grafana_is_let_in_by_its_signature_alone() -> None:
    source = SignedGrafanaSource(b"secret", "X-Grafana-Alerting-Signature", "X-Grafana-Alerting-Timestamp")
    body = b'{"alerts": [{"status": "firing", "labels": {"alertname": "High load", "severity": "critical"}}]}'

    def signed(seconds: int) -> dict[str, str]:
        over = f"{seconds}:".encode() + body
        return {
            "Content-Type": "application/json",
            "X-Grafana-Alerting-Timestamp": str(seconds),
            "X-Grafana-Alerting-Signature": hmac.new(b"secret", over, hashlib.sha256).hexdigest(),
        }

    async with open_house(open_sources=True, sources=[source]) as (house, client):
        now = int(house.clock.now().timestamp())
        taken = await client.post("/in/grafana", headers=signed(now), content=body)
        assert taken.json() == {"kept": 1, "incidents": ["INC-1"], "problems": []}
        token = {**await house.bearer("admin"), "Content-Type": "application/json"}
        for headers in (signed(now - 301), token, {"Content-Type": "application/json"}):
            assert_problem(await client.post("/in/grafana", headers=headers, content=body), 401)
        changed = body.replace(b"High", b"Low")
        assert_problem(await client.post("/in/grafana", headers=signed(now), content=changed), 401)
