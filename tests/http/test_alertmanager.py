"""Tocsin where Alertmanager stood: its API, version 2, by its names, and what it says of wrong requests."""

import json
from datetime import timedelta
from importlib.resources import files
from typing import Any, get_args

import httpx
import pytest
import yaml
from msgspec.structs import replace

from tests.http.house import Client, House, open_house
from tocsin.engine.access import Scope
from tocsin.engine.shelf import Shelf, put_on_shelf
from tocsin.faces.http.alertmanager_view import config_of
from tocsin.playbook.policy import Policy

DOWN = {"labels": {"alertname": "CheckoutDown", "severity": "critical", "service": "shop"}}
FULL = {
    "labels": {"alertname": "DiskFull", "severity": "warning", "instance": "db-1"},
    "annotations": {"summary": "97 %"},
    "generatorURL": "http://prometheus.example.org/graph",
}
ALERT_FIELDS = {
    *("annotations", "endsAt", "fingerprint", "receivers", "startsAt", "status", "updatedAt", "labels"),
}
SILENCE_FIELDS = {
    *("id", "status", "updatedAt", "comment", "createdBy", "endsAt", "matchers", "startsAt", "annotations"),
}


def silence(house: House, hours: float = 1, **fields: Any) -> dict[str, Any]:
    """A silence as amtool sends it."""
    now = house.clock.now()
    return {
        "matchers": [{"name": "alertname", "value": "CheckoutDown", "isRegex": False, "isEqual": True}],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=hours)).isoformat(),
        "createdBy": "root",
        "comment": "it is known",
        **fields,
    }


async def post(house: House, client: Client, *alerts: Any) -> httpx.Response:
    return await client.post("/api/v2/alerts", headers=await house.bearer("source"), json=list(alerts))


async def look(house: House, client: Client, path: str, **query: Any) -> Any:
    answer = await client.get(f"/api/v2{path}", headers=await house.bearer("viewer"), params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


async def add(house: House, client: Client, body: dict[str, Any], status: int = 200) -> Any:
    answer = await client.post("/api/v2/silences", headers=await house.bearer("responder"), json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def names(house: House, client: Client, **query: Any) -> list[str]:
    found = await look(house, client, "/alerts", **query)
    return sorted(each["labels"]["alertname"] for each in found)


async def test_an_alert_is_kept_and_opens_an_incident(house: House, client: Client) -> None:
    answer = await post(house, client, DOWN)
    assert (answer.status_code, answer.content) == (200, b"")
    (record,) = await house.engine.queries.alerts()
    assert record.incident == "INC-1"
    assert record.alert.expires_at == house.clock.now() + timedelta(minutes=5)
    (alert,) = await look(house, client, "/alerts")
    assert set(alert) == ALERT_FIELDS
    assert alert["labels"] == DOWN["labels"]
    assert alert["receivers"] == [{"name": "playbook.md"}]
    assert alert["status"] == {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []}
    assert alert["startsAt"] == alert["updatedAt"] == "2026-11-24T02:47:00Z"
    assert alert["endsAt"] == "2026-11-24T02:52:00Z"


async def test_an_alert_ends_when_it_is_sent_as_ended(house: House, client: Client) -> None:
    await post(house, client, DOWN)
    house.clock.move(timedelta(minutes=2))
    await post(house, client, {**DOWN, "endsAt": house.clock.now().isoformat()})
    assert await look(house, client, "/alerts") == []
    incident = await house.engine.queries.incident("INC-1")  # type: ignore[arg-type]
    assert incident is not None
    assert incident.firing == ()


async def test_an_alert_that_is_not_repeated_is_not_shown_any_more(house: House, client: Client) -> None:
    await post(house, client, DOWN, {**FULL, "endsAt": (house.clock.now() + timedelta(hours=1)).isoformat()})
    house.clock.move(timedelta(minutes=5))
    assert await names(house, client) == ["DiskFull"]


async def test_an_alert_of_a_webhook_has_no_end(house: House, client: Client) -> None:
    await house.alert()
    (alert,) = await look(house, client, "/alerts")
    assert alert["endsAt"] == "0001-01-01T00:00:00Z"


async def test_of_a_bad_batch_the_good_are_kept_and_the_answer_says_what_is_bad(
    house: House, client: Client
) -> None:
    answer = await post(house, client, FULL, {"labels": {}}, 7)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json().startswith("Kept: 1. Not kept: [1].labels is missing or empty.")
    assert await names(house, client) == ["DiskFull"]
    long = {**DOWN, "annotations": {"summary": "x" * 20_000}}
    assert (await post(house, client, long)).status_code == 200


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"null", b"[7]", b"\xff", b"[" * 100_000])
async def test_what_is_no_list_of_alerts(house: House, client: Client, content: bytes) -> None:
    headers = await house.bearer("source") | {"content-type": "application/json"}
    answer = await client.post("/api/v2/alerts", headers=headers, content=content)
    assert answer.status_code == 400
    assert isinstance(answer.json(), str)


async def test_other_errors_are_as_the_framework_of_alertmanager_tells_them(
    house: House, client: Client
) -> None:
    headers = await house.bearer("source")
    answers = [
        (401, await client.post("/api/v2/alerts", json=[])),
        (401, await client.get("/api/v2/alerts")),
        (401, await client.get("/api/v2/status", headers={"Authorization": "Bearer tsn_a_b"})),
        (403, await client.get("/api/v2/alerts", headers=headers)),
        (403, await client.post("/api/v2/silences", headers=headers, json=silence(house))),
        (415, await client.post("/api/v2/alerts", headers=headers, content=b"[]")),
    ]
    for status, answer in answers:
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/json"
        assert set(answer.json()) == {"code", "message"}
        assert answer.json()["code"] == status
    assert "Basic" in answers[0][1].headers["www-authenticate"]
    house.engine.intake._queue = type(house.engine.intake._queue)(maxsize=1)
    house.engine.intake._queue.put_nowait(None)  # type: ignore[arg-type]
    busy = await client.post("/api/v2/alerts", headers=headers, json=[DOWN])
    assert (busy.status_code, busy.headers["retry-after"], busy.json()["code"]) == (429, "5", 429)


FOUND = [
    ({}, ["CheckoutDown", "DiskFull"]),
    ({"filter": ['severity="critical"']}, ["CheckoutDown"]),
    ({"filter": ['severity="critical"', "service!=shop"]}, []),
    ({"filter": ['alertname=~"Disk.*"', 'instance="db-1"']}, ["DiskFull"]),
    ({"filter": ['{alertname=~"Disk.*|Check.*", service=""}']}, ["DiskFull"]),
    ({"filter": [""]}, ["CheckoutDown", "DiskFull"]),
    ({"active": "false"}, ["CheckoutDown"]),
    ({"silenced": "false"}, ["DiskFull"]),
    ({"inhibited": "false", "unprocessed": "false"}, ["CheckoutDown", "DiskFull"]),
    ({"active": "false", "silenced": "false"}, []),
    ({"receiver": "play.*"}, ["CheckoutDown", "DiskFull"]),
    ({"receiver": "play"}, []),
]


@pytest.mark.parametrize(("query", "wanted"), FOUND, ids=[json.dumps(query) for query, _ in FOUND])
async def test_filters(house: House, client: Client, query: dict[str, Any], wanted: list[str]) -> None:
    await post(house, client, DOWN, FULL)
    await add(house, client, silence(house))
    assert await names(house, client, **query) == wanted


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "x"},
        {"filter": 'a=~"("'},
        {"filter": 'a=~"(?=b)"'},
        {"filter": ["a=b"] * 100},
        {"filter": 'a="' + "x" * 10_000 + '"'},
        {"receiver": "("},
        {"active": "perhaps"},
    ],
)
async def test_what_is_no_filter(house: House, client: Client, query: dict[str, Any]) -> None:
    for path in ("/alerts", "/alerts/groups"):
        headers = await house.bearer("viewer")
        answer = await client.get(f"/api/v2{path}", headers=headers, params=query)
        assert answer.status_code == 400
        assert isinstance(answer.json(), str)


async def test_groups(house: House, client: Client) -> None:
    other = {"labels": {**FULL["labels"], "instance": "db-2"}}  # type: ignore[dict-item]
    await post(house, client, DOWN, FULL, other)
    groups = await look(house, client, "/alerts/groups")
    assert [each["labels"] for each in groups] == [
        {"alertname": "CheckoutDown", "service": "shop"},
        {"alertname": "DiskFull"},
    ]
    assert [len(each["alerts"]) for each in groups] == [1, 2]
    assert set(groups[0]) == {"alerts", "labels", "receiver", "routeLabels"}
    assert groups[0]["receiver"] == {"name": "playbook.md"}
    await add(house, client, silence(house))
    assert len(await look(house, client, "/alerts/groups")) == 2
    assert len(await look(house, client, "/alerts/groups", muted="false")) == 1


async def test_status_and_receivers(house: House, client: Client) -> None:
    house.clock.move(timedelta(hours=1))
    status = await look(house, client, "/status")
    assert set(status) == {"cluster", "config", "uptime", "versionInfo"}
    assert status["cluster"] == {"status": "disabled", "peers": []}
    assert status["uptime"] == "2026-11-24T02:47:00Z"
    fields = {"version", "revision", "branch", "buildUser", "buildDate", "goVersion"}
    assert set(status["versionInfo"]) == fields
    config = yaml.safe_load(status["config"]["original"])
    assert config["receivers"] == await look(house, client, "/receivers") == [{"name": "playbook.md"}]
    assert config["route"] == {"receiver": "playbook.md", "group_by": ["alertname", "service"]}


def test_routes_stand_in_the_order_in_which_they_win() -> None:
    content = files("tocsin").joinpath("examples/playbook.md").read_bytes()
    first, second = 'team="web"', """team="web", severity=~"page|'now'" """
    front = yaml.safe_dump({"tocsin": {"routes": [first, second.strip()]}})
    documents = [("all.md", content), ("web.md", f"---\n{front}---\n".encode() + content)]
    shelf, fatal = put_on_shelf(documents, True, Policy())
    assert isinstance(shelf, Shelf), fatal
    config = yaml.safe_load(config_of(shelf))
    assert [each["name"] for each in config["receivers"]] == ["all.md", "web.md"]
    assert config["route"]["receiver"] == "all.md"
    assert [(each["receiver"], each["matchers"]) for each in config["route"]["routes"]] == [
        ("web.md", ['team="web"', """severity=~"page|'now'\""""]),
        ("web.md", ['team="web"']),
    ]


async def test_a_silence_from_its_beginning_to_its_end(house: House, client: Client) -> None:
    await post(house, client, DOWN)
    made = await add(house, client, silence(house))
    assert set(made) == {"silenceID"}
    (listed,) = await look(house, client, "/silences")
    assert listed == await look(house, client, f"/silence/{made['silenceID']}")
    assert set(listed) == SILENCE_FIELDS
    assert listed["status"] == {"state": "active"}
    assert listed["matchers"] == silence(house)["matchers"]
    assert (listed["createdBy"], listed["comment"]) == ("root (via Tomás Ferreira)", "it is known")
    (alert,) = await look(house, client, "/alerts")
    assert alert["status"]["state"] == "suppressed"
    assert alert["status"]["silencedBy"] == [made["silenceID"]]
    headers = await house.bearer("responder")
    for _ in range(2):
        ended = await client.delete(f"/api/v2/silence/{made['silenceID']}", headers=headers)
        assert (ended.status_code, ended.content) == (200, b"")
    (listed,) = await look(house, client, "/silences")
    assert listed["status"] == {"state": "expired"}
    assert await look(house, client, "/silences", expired="false") == []
    (alert,) = await look(house, client, "/alerts")
    assert alert["status"]["state"] == "active"


async def test_a_changed_silence_keeps_its_id_or_gets_another(house: House, client: Client) -> None:
    first = silence(house)
    made = (await add(house, client, first))["silenceID"]
    house.clock.move(timedelta(minutes=10))
    longer = {**first, "id": made, "endsAt": (house.clock.now() + timedelta(hours=3)).isoformat()}
    assert (await add(house, client, longer))["silenceID"] == made
    shown = await look(house, client, f"/silence/{made}")
    assert (shown["startsAt"], shown["endsAt"]) == ("2026-11-24T02:47:00Z", "2026-11-24T05:57:00Z")
    other = {**longer, "matchers": [{"name": "alertname", "value": "Disk.*", "isRegex": True}]}
    another = (await add(house, client, other))["silenceID"]
    assert another != made
    listed = await look(house, client, "/silences")
    assert [(each["id"], each["status"]["state"]) for each in listed] == [
        (another, "active"),
        (made, "expired"),
    ]
    assert listed[0]["matchers"][0]["isEqual"] is True
    again = (await add(house, client, {**longer, "id": made}))["silenceID"]
    assert again not in (made, another)


async def test_which_silences_are_listed_and_how(house: House, client: Client) -> None:
    now = house.clock.now()
    wanted: dict[str, str] = {}
    for name, starts, ends in (("a", 0, 3), ("b", 0, 1), ("c", 5, 6), ("d", 4, 9)):
        times = {
            "startsAt": (now + timedelta(hours=starts)).isoformat(),
            "endsAt": (now + timedelta(hours=ends)).isoformat(),
        }
        matchers = [{"name": "alertname", "value": name, "isRegex": False}]
        wanted[name] = (await add(house, client, silence(house, matchers=matchers, **times)))["silenceID"]

    async def listed(**query: Any) -> str:
        return "".join(
            each["matchers"][0]["value"] for each in await look(house, client, "/silences", **query)
        )

    assert await listed() == "badc"
    assert await listed(active="false") == "dc"
    assert await listed(pending="false") == "ba"
    assert await listed(filter=['alertname=~"[ad]"']) == "ad"
    assert await listed(filter=["team=web"]) == ""
    house.clock.move(timedelta(hours=2))
    assert await listed() == "adcb"


BAD: list[dict[str, Any]] = [
    {"matchers": []},
    {"matchers": None},
    {"matchers": [{"name": "a", "value": "", "isRegex": False}]},
    {"matchers": [{"name": "a", "value": ".*", "isRegex": True}]},
    {"matchers": [{"name": "a", "value": "(", "isRegex": True}]},
    {"matchers": [{"name": "", "value": "b", "isRegex": False}]},
    {"matchers": [{"name": "a", "value": "b"}]},
    {"matchers": [{"name": "a", "value": "b", "isRegex": False}] * 65},
    {"matchers": [{"name": "a" * 300, "value": "b", "isRegex": False}]},
    {"comment": ""},
    {"comment": 5},
    {"comment": "x" * 20_000},
    {"createdBy": "x" * 500},
    {"endsAt": "2026-11-24T02:46:59Z"},
    {"startsAt": "2026-11-25T02:46:59Z", "endsAt": "2026-11-25T02:46:59Z"},
    {"endsAt": "2026-11-25T02:46:59"},
    {"endsAt": "0001-01-01T00:00:00+10:00"},
    {"endsAt": "9999-12-31T23:59:59-10:00"},
    {"endsAt": "2099-11-25T02:46:59Z"},
    {"endsAt": "tomorrow"},
]


@pytest.mark.parametrize("fields", BAD, ids=[json.dumps(each)[:60] for each in BAD])
async def test_what_is_no_silence(house: House, client: Client, fields: dict[str, Any]) -> None:
    assert isinstance(await add(house, client, silence(house, **fields), 400), str)
    assert await look(house, client, "/silences") == []


async def test_a_silence_that_is_not_there(house: House, client: Client) -> None:
    assert isinstance(await add(house, client, silence(house, id="0a1b"), 404), str)
    assert isinstance(await add(house, client, silence(house, id="a\0b"), 404), str)
    headers = await house.bearer("responder")
    for name in ("0a1b", "a%00b", "x" * 500, "é"):
        for method in ("GET", "DELETE"):
            answer = await client.request(method, f"/api/v2/silence/{name}", headers=headers)
            assert answer.status_code == 404
            assert isinstance(answer.json(), str)


@pytest.mark.parametrize("scope", get_args(Scope))
async def test_who_may_silence(house: House, client: Client, scope: Scope) -> None:
    headers = await house.bearer(scope)
    made = await client.post("/api/v2/silences", headers=headers, json=silence(house))
    allowed = scope in ("responder", "commander", "admin")
    assert made.status_code == (200 if allowed else 403)
    ended = await client.delete("/api/v2/silence/0a1b", headers=headers)
    assert ended.status_code == (404 if allowed else 403)


async def test_the_audit_log_says_who_it_really_was(house: House, client: Client) -> None:
    await add(house, client, silence(house, createdBy="Tomás Ferreira"))
    (listed,) = await look(house, client, "/silences")
    assert listed["createdBy"] == "Tomás Ferreira"
    again = silence(house, id=listed["id"], createdBy="root (via Tomás Ferreira)")
    await add(house, client, again)
    (listed,) = await look(house, client, "/silences")
    assert listed["createdBy"] == "root (via Tomás Ferreira)"
    async with house.engine.store.reading() as reader:
        entry, *_ = await reader.audit()
    assert (entry.action, entry.actor.id) == ("silence changed", "tomas")
    assert entry.detail["by"] == "root (via Tomás Ferreira)"


async def test_this_machine_may_look_without_a_token_where_it_may_send_without_one() -> None:
    paths = ("/alerts", "/alerts/groups", "/silences", "/status", "/receivers")
    async with open_house(open_sources=True) as (house, _):
        # Known by a name of its own, it is for others as well, whatever a proxy says.
        here = httpx.ASGITransport(house.app, raise_app_exceptions=False, client=("127.0.0.1", 50_000))
        async with Client(transport=here, base_url="http://127.0.0.1:8800") as client:
            assert (await client.get("/api/v2/alerts")).status_code == 401
    async with open_house(open_sources=True, public_url="http://127.0.0.1:8800") as (house, _):
        here = httpx.ASGITransport(house.app, raise_app_exceptions=False, client=("127.0.0.1", 50_000))

        async def ask(path: str, base: str = "http://127.0.0.1:8800", **headers: str) -> int:
            async with Client(transport=here, base_url=base) as client:
                return (await client.get(f"/api/v2{path}", headers=headers)).status_code

        for path in paths:
            assert await ask(path) == await ask(path, "http://localhost:8800") == 200
            assert await ask(path, "http://[::1]:8800") == 200
            # A page that has its own name lead here; a proxy; a wrong token; nonsense.
            assert await ask(path, "http://evil.example:8800") == 401
            assert await ask(path, **{"x-forwarded-for": "192.0.2.1"}) == 401
            assert await ask(path, authorization="Bearer tsn_a_b") == 401
            assert await ask(path, host="[") == 401
        async with Client(transport=here, base_url="http://127.0.0.1:8800") as client:
            assert (await client.post("/api/v2/alerts", json=[DOWN])).status_code == 200
            assert (await client.post("/api/v2/silences", json=silence(house))).status_code == 401
            assert (await client.delete("/api/v2/silence/0a1b")).status_code == 401
        elsewhere = httpx.ASGITransport(house.app, client=("192.0.2.7", 50_000))
        async with Client(transport=elsewhere, base_url="http://127.0.0.1:8800") as client:
            assert (await client.get("/api/v2/alerts")).status_code == 401


async def test_a_token_of_its_own_ends_that() -> None:
    async with open_house(open_sources=True, source_tokens={"prometheus": "own"}) as (house, _):
        here = httpx.ASGITransport(house.app, raise_app_exceptions=False, client=("127.0.0.1", 50_000))
        async with Client(transport=here, base_url="http://127.0.0.1:8800") as client:
            own = {"Authorization": "Bearer own"}
            assert (await client.post("/api/v2/alerts", json=[DOWN])).status_code == 401
            assert (await client.post("/api/v2/alerts", json=[DOWN], headers=own)).status_code == 200
            assert (await client.get("/api/v2/alerts")).status_code == 401
            assert (await client.get("/api/v2/alerts", headers=own)).status_code == 401


async def test_healthy_and_ready(house: House, client: Client) -> None:
    for path in ("/-/healthy", "/-/ready"):
        answer = await client.get(path)
        assert (answer.status_code, answer.text) == (200, "OK")
    await house.engine.stop()
    assert (await client.get("/-/ready")).status_code == 503


async def test_an_inhibited_alert_names_the_one_that_inhibits_it(house: House, client: Client) -> None:
    await post(house, client, DOWN, FULL)
    down, full = sorted(await house.engine.queries.alerts(), key=lambda each: each.alert.name)
    because = f"inhibited by Check (out) ({down.alert.fingerprint}) for as long as that fires"
    async with house.engine.store.transaction() as unit:
        await unit.save_alerts([replace(full, incident=None, because=because)])
    assert await names(house, client, inhibited="false") == ["CheckoutDown"]
    (shown,) = await look(house, client, "/alerts", active="false")
    assert shown["status"]["state"] == "suppressed"
    assert shown["status"]["inhibitedBy"] == [down.alert.fingerprint]
