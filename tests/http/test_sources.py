"""The API of the sources: what came of each, the last requests, and trying one."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from tests.http.helpers import assert_problem
from tests.http.house import Client, House, open_house
from tests.sources.test_mapped import body, made
from tests.sources.test_pagerduty import EVENT
from tocsin.adapters.sources.opsgenie import OpsgenieSource
from tocsin.adapters.sources.pagerduty import PagerDutySource

PATHS = ("sources", "sources/nagios/samples")


@pytest_asyncio.fixture
async def rooms() -> AsyncGenerator[tuple[House, Client], None]:
    """A house with the sources that come along."""
    sources = [*made().values(), PagerDutySource(), OpsgenieSource()]
    async with open_house(sources=sources) as both:
        yield both


async def test_what_came(house: House, client: Client) -> None:
    sender, admin = await house.bearer("source"), await house.bearer("admin")
    problem = body("nagios-problem") | {"token": "hush"}
    assert (await client.post("/in/nagios", headers=sender, json=problem)).json()["kept"] == 1
    ignored = await client.post("/in/nagios", headers=sender, json=problem | {"type": "ACKNOWLEDGEMENT"})
    assert (ignored.status_code, ignored.json()["kept"]) == (200, 0)
    async with house.engine.store.reading() as reader:
        chained = await reader.timeline("INC-1")  # type: ignore[arg-type]
    assert "Source nagios says that somebody has acknowledged" in str(chained[-1].entry.event)
    assert_problem(await client.post("/in/nagios", headers=sender, json={"type": "PROBLEM"}), 422)
    answer = await client.get("/api/v1/sources", headers=admin)
    listed = {each["kind"]: each for each in answer.json()["sources"]}
    assert (listed["nagios"]["kept"], listed["nagios"]["refused"]) == (1, 1)
    assert listed["nagios"]["address"] == "http://tocsin.test/in/nagios"
    assert listed["nagios"]["let_in"] == "by a token of the scope source"
    assert listed["pagerduty"]["address"] == "http://tocsin.test/v2/enqueue"
    assert listed["zabbix"]["last_seen_at"] is None
    answer = await client.get("/api/v1/sources/nagios/samples", headers=admin)
    samples = [(each["kept"], each["refused"]) for each in answer.json()["samples"]]
    assert sorted(samples) == [(0, 1), (1, 0)]
    assert "hush" not in answer.text
    assert "HTTP CRITICAL" in answer.text


async def test_trying_keeps_nothing(house: House, client: Client) -> None:
    admin = await house.bearer("admin")
    for path, given, title in (
        ("zabbix", body("zabbix-problem"), "High CPU utilization (over 90% for 5m)"),
        ("pagerduty", EVENT, "DISK at 99% on machine prod-datapipe03.example.com"),
    ):
        tried = await client.post(f"/api/v1/sources/{path}/try", headers=admin, json=given)
        assert tried.status_code == 200, tried.text
        assert tried.json()["alerts"][0]["labels"]["alertname"] == title
        assert tried.json()["problems"] == []
    wrong = await client.post("/api/v1/sources/zabbix/try", headers=admin, json={"event_value": "1"})
    (problem,) = wrong.json()["problems"]
    assert problem["field"] == "mappings.zabbix.title"
    assert "'event_name' gives nothing" in problem["message"]
    assert (await client.post("/api/v1/sources/zabbix/try", headers=admin, content=b"{")).json()["problems"]
    assert await house.engine.queries.alerts() == []
    assert await house.engine.sightings.counts() == {}
    assert_problem(await client.post("/api/v1/sources/nothing/try", headers=admin, json={}), 404)
    assert_problem(await client.get("/api/v1/sources/nothing/samples", headers=admin), 404)
    large = {"a": "x" * 300_000}
    assert_problem(await client.post("/api/v1/sources/zabbix/try", headers=admin, json=large), 413)


@pytest.mark.parametrize("scope", ["source", "viewer", "responder", "commander"])
async def test_only_admins_look(house: House, client: Client, scope: str) -> None:
    headers = await house.bearer(scope)  # type: ignore[arg-type]
    for path in PATHS:
        assert_problem(await client.get(f"/api/v1/{path}", headers=headers), 403)
        assert_problem(await client.get(f"/api/v1/{path}"), 401)
    assert_problem(await client.post("/api/v1/sources/zabbix/try", headers=headers, json={}), 403)


async def test_changes_are_for_everybody_who_reads(house: House, client: Client) -> None:
    token = await house.token("source")
    event = {"routing_key": token, "payload": {"summary": "Deployed 1.2.3"}}
    assert (await client.post("/v2/change/enqueue", json=event)).status_code == 202
    listed = await client.get("/api/v1/changes", headers=await house.bearer("viewer"))
    assert [each["summary"] for each in listed.json()["changes"]] == ["Deployed 1.2.3"]
    assert_problem(await client.get("/api/v1/changes", headers=await house.bearer("source")), 403)
