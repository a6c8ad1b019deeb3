"""Every error has one shape, says what is wrong, and tells nothing that is not for the asker."""

from typing import Any

import pytest

from tests.http.helpers import assert_problem, assert_safe_headers
from tests.http.house import Client, House
from tocsin.engine.intake import IntakeFullError
from tocsin.engine.ports import StoreUnavailableError


async def test_an_unknown_address(client: Client) -> None:
    assert_problem(await client.get("/api/v1/nothing"), 404, "not-found")
    assert_problem(await client.get("/nothing/at/all"), 404, "not-found")


async def test_a_wrong_method(client: Client) -> None:
    answer = await client.put("/api/v1/incidents")
    assert_problem(answer, 405, "method-not-allowed")
    assert {"GET", "POST"} <= {each.strip() for each in answer.headers["allow"].split(",")}


async def test_nobody_asks(client: Client) -> None:
    answer = await client.get("/api/v1/incidents")
    assert_problem(answer, 401, "not-signed-in")
    assert "Bearer" in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    "given",
    [
        "Bearer",
        "Bearer ",
        "Bearer tsn_",
        "Bearer tsn_abc_def",
        "Basic !!!",
        "Digest x",
        "Basic dHNuOg==",
        "x" * 9000,
    ],
)
async def test_a_credential_that_is_none(client: Client, given: str) -> None:
    assert_problem(await client.get("/api/v1/incidents", headers={"Authorization": given}), 401)


async def test_an_unknown_incident(house: House, client: Client) -> None:
    headers = await house.bearer("viewer")
    for name in ("INC-99", "nonsense", "INC-0", "%00", "INC-99999999999999999999"):
        for path in ("", "/timeline", "/postmortem", "/timeline?follow=1"):
            assert_problem(
                await client.get(f"/api/v1/incidents/{name}{path}", headers=headers), 404, "unknown-incident"
            )


async def test_an_unknown_verb(house: House, client: Client) -> None:
    incident = await house.alert()
    headers = await house.bearer("admin")
    found = assert_problem(await client.post(f"/api/v1/incidents/{incident}/dance", headers=headers), 404)
    assert "acknowledge" in str(found["detail"])


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"\xff\xfe", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"[" * 200_000, "headers": {"content-type": "application/json"}}, 400),
        ({"json": ["text"]}, 400),
        ({"json": None, "content": b"null"}, 415),
        ({"content": b"text=x", "headers": {"content-type": "application/x-www-form-urlencoded"}}, 415),
        ({"json": {}}, 422),
        ({"json": {"text": 7}}, 422),
        ({"json": {"text": "x", "shout": True, "loud": 1}}, 422),
        ({"json": {"text": "  "}}, 409),
        ({"json": {"text": "x" * 20_000}}, 409),
    ],
)
async def test_a_body_that_will_not_do(
    house: House, client: Client, sent: dict[str, Any], status: int
) -> None:
    incident = await house.alert()
    headers = await house.bearer("responder") | sent.pop("headers", {})
    answer = await client.post(f"/api/v1/incidents/{incident}/note", headers=headers, **sent)
    found = assert_problem(answer, status)
    if sent.get("json", {}) and "shout" in sent["json"]:
        assert [each["field"] for each in found["problems"]] == ["shout", "loud"]  # type: ignore[union-attr]


async def test_parameters_that_will_not_do(house: House, client: Client) -> None:
    incident = await house.alert()
    headers = await house.bearer("viewer")
    for query, status in [
        ("incidents?limit=0", 400),
        ("incidents?limit=many", 400),
        ("incidents?before=-1", 400),
        ("incidents?state=asleep", 422),
        (f"incidents/{incident}/timeline?after=x", 400),
        ("oncall?at=tomorrow", 422),
        ("oncall?at=2026-11-24T03:00", 422),
    ]:
        assert_problem(await client.get(f"/api/v1/{query}", headers=headers), status)
    resumed = headers | {"Last-Event-ID": "a7", "Accept": "text/event-stream"}
    assert_problem(await client.get(f"/api/v1/incidents/{incident}/timeline", headers=resumed), 422)


async def test_a_failure_tells_nothing_of_itself(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(house.engine.queries, "duty", fail)
    answer = await client.get("/api/v1/oncall", headers=await house.bearer("viewer"))
    assert_problem(answer, 500, "internal")
    assert "swordfish" not in answer.text
    assert "Traceback" not in answer.text


async def test_the_store_is_away(house: House, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = await house.bearer("admin")

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailableError("The disk is full.")

    async def full(*_: object, **__: object) -> None:
        raise IntakeFullError("Too many.")

    monkeypatch.setattr(house.engine.desk, "handle", away)
    answer = await client.post("/api/v1/incidents/INC-1/note", headers=headers, json={"text": "x"})
    assert assert_problem(answer, 503, "store-unavailable")["detail"] == "The disk is full."
    assert answer.headers["retry-after"] == "5"
    for failure, status in ((away, 503), (full, 429)):
        monkeypatch.setattr(house.engine.intake, "take", failure)
        answer = await client.post("/in/plain", headers=headers, json=[{"labels": {"alertname": "A"}}])
        assert_problem(answer, status)
        assert answer.headers["retry-after"] == "5"


async def test_a_browser_gets_a_page_and_a_program_a_document(client: Client) -> None:
    page = await client.get("/nothing", headers={"Accept": "text/html,*/*"})
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "Nothing is here" in page.text
    assert_safe_headers(page)
    assert_problem(await client.get("/api/v1/nothing", headers={"Accept": "text/html,*/*"}), 404)
