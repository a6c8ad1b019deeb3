"""The API of reports, weaknesses and why."""

import pytest

from tests.http.helpers import assert_problem
from tests.http.house import Client, House


async def test_a_report_of_a_responder_and_of_a_viewer(house: House, client: Client) -> None:
    body = {
        "what": "Checkout is down",
        "where": "At the till",
        "how_bad": "everything",
        "contact": "a@b.example",
    }
    made = await client.post("/api/v1/reports", headers=await house.bearer("responder"), json=body)
    assert made.status_code == 201
    report = made.json()["report"]
    assert report["incident"] == "INC-1"
    page = await client.get(made.json()["status_url"])
    assert "The team has been told" in page.text
    viewers = await client.post(
        "/api/v1/reports", headers=await house.bearer("viewer"), json={"what": "Search"}
    )
    assert viewers.json()["report"]["incident"] is None
    assert viewers.json()["report"]["fingerprint"]
    listed = (await client.get("/api/v1/reports", headers=await house.bearer("responder"))).json()["reports"]
    assert {each["incident"] for each in listed} == {"INC-1", "INC-2"}
    assert {each["told"]["contact"] for each in listed} == {"a@b.example", ""}


async def test_weaknesses(house: House, client: Client) -> None:
    headers = await house.bearer("responder")
    numbers: list[str] = []
    for what in ("Old keys", "An open port"):
        made = await client.post("/api/v1/reports", headers=headers, json={"what": what, "weakness": True})
        numbers.append(made.json()["report"]["id"])
    path = "/api/v1/weaknesses"
    assert len((await client.get(path, headers=headers)).json()["weaknesses"]) == 2
    done = await client.post(f"{path}/{numbers[0]}/handled", headers=headers, json={"note": "Replaced"})
    assert done.json()["state"] == "handled"
    assert_problem(await client.post(f"{path}/{numbers[0]}/incident", headers=headers), 409, "weakness-done")
    opened = await client.post(f"{path}/{numbers[1]}/incident", headers=headers)
    assert opened.status_code == 201
    assert opened.json()["incident"]["title"] == "An open port"
    left = await client.get(f"{path}?state=open", headers=headers)
    assert left.json()["weaknesses"] == []
    (became,) = (await client.get(f"{path}?state=incident", headers=headers)).json()["weaknesses"]
    assert (became["incident"], became["id"]) == ("INC-1", numbers[1])
    assert_problem(await client.get(f"{path}?state=odd", headers=headers), 422)
    assert_problem(await client.post(f"{path}/R-0/incident", headers=headers), 404, "unknown-weakness")
    for body in ({}, {"note": " "}, {"note": "x", "more": 1}):
        assert_problem(await client.post(f"{path}/{numbers[1]}/handled", headers=headers, json=body), 422)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"what": ""},
        {"what": 7},
        {"what": "x" * 4_001},
        {"what": "x", "how_bad": "terribly"},
        {"what": "x", "place": "kitchen"},
        {"what": "x", "level": "P1"},
        {"what": "x", "weakness": "perhaps"},
    ],
)
async def test_bad_reports(house: House, client: Client, body: dict[str, object]) -> None:
    answer = await client.post("/api/v1/reports", headers=await house.bearer("responder"), json=body)
    found = assert_problem(answer, 422)
    assert found["problems"]
    assert await house.engine.reports.reports() == []


async def test_who_may(house: House, client: Client) -> None:
    viewer, source = await house.bearer("viewer"), await house.bearer("source")
    for path in ("/api/v1/reports", "/api/v1/weaknesses"):
        assert_problem(await client.get(path, headers=viewer), 403, "not-allowed")
        assert_problem(await client.get(path), 401)
    for verb in ("handled", "incident"):
        answer = await client.post(f"/api/v1/weaknesses/R-1/{verb}", headers=viewer, json={})
        assert_problem(answer, 403, "not-allowed")
    assert_problem(await client.post("/api/v1/reports", headers=source, json={"what": "x"}), 403)


async def test_why_and_finding(house: House, client: Client) -> None:
    await house.alert("CheckoutDown", service="shop")
    await house.alert("SearchSlow", service="search")
    viewer = await house.bearer("viewer")
    found = (await client.get("/api/v1/alerts/find?text=checkoutdown", headers=viewer)).json()["alerts"]
    (number,) = [each["alert"]["fingerprint"] for each in found]
    told = (await client.get(f"/api/v1/alerts/{number}/why", headers=viewer)).json()
    assert told["record"]["incident"] == "INC-1"
    assert {line["about"] for line in told["lines"]} >= {
        "arrival",
        "route",
        "decision",
        "severity",
        "page",
        "now",
    }
    assert_problem(await client.get("/api/v1/alerts/nothing/why", headers=viewer), 404, "unknown-alert")
    assert_problem(await client.get(f"/api/v1/alerts/{number}/why"), 401)
    first = (await client.get("/api/v1/alerts?limit=1", headers=viewer)).json()
    rest = (
        await client.get("/api/v1/alerts", params={"limit": 1, "after": first["after"]}, headers=viewer)
    ).json()
    names = [each["alert"]["labels"]["alertname"] for each in (*first["alerts"], *rest["alerts"])]
    assert sorted(names) == ["CheckoutDown", "SearchSlow"]
    assert rest["after"] == ""
    assert_problem(await client.get("/api/v1/alerts?state=odd", headers=viewer), 422)
    for after in ("odd", "2026-01-01T00:00:00~x", "~"):
        assert_problem(await client.get("/api/v1/alerts", params={"after": after}, headers=viewer), 422)
