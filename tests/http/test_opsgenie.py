"""Where senders of Opsgenie's alerts send to: the answers that they know, and their own client."""

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, Generator
from typing import Any

import opsgenie_sdk
import pytest
import pytest_asyncio
from httpx import Response
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.http.house import ME, Client, House, make_house, open_house
from tests.http.test_pagerduty import ANYTHING
from tests.sources.test_opsgenie import ALERT
from tests.web.serving import Served, serve
from tocsin.adapters.sources.opsgenie import OpsgenieSource
from tocsin.alerts.model import AlertStatus
from tocsin.incident.state import State

ALIAS = {"identifierType": "alias"}


class Heartbeats:
    """Stands in for the part of the engine that follows heartbeats."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    async def ping(self, name: str, by: str) -> bool:
        self.heard.append((name, by))
        return name == "backup"


def with_heartbeats(house: House) -> House:
    vars(house.engine)["heartbeats"] = Heartbeats()
    return house


@pytest_asyncio.fixture
async def rooms() -> AsyncGenerator[tuple[House, Client], None]:
    """A house that takes Opsgenie's alerts."""
    async with open_house(sources=[OpsgenieSource()]) as (house, client):
        yield with_heartbeats(house), client


async def genie(house: House, scope: str = "source") -> dict[str, str]:
    return {"Authorization": f"GenieKey {await house.token(scope)}"}  # type: ignore[arg-type]


def taken(answer: Response) -> str:
    """The request was taken; returns its identifier."""
    assert answer.status_code == 202, answer.text
    assert set(answer.json()) == {"result", "took", "requestId"}
    assert answer.json()["result"] == "Request will be processed"
    return str(uuid.UUID(answer.json()["requestId"]))


def refused(answer: Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    found = answer.json()
    assert set(found) - {"errors"} == {"message", "took", "requestId"}
    assert found["message"]
    return dict(found)


async def incident(house: House) -> Any:
    return await house.engine.queries.incident("INC-1")  # type: ignore[arg-type]


async def test_a_life(house: House, client: Client) -> None:
    headers = await genie(house)
    made = taken(await client.post("/v2/alerts", headers=headers, json=ALERT))
    status = (await client.get(f"/v2/alerts/requests/{made}", headers=headers)).json()
    assert (status["data"]["isSuccess"], status["data"]["action"]) == (True, "Create")
    assert status["data"]["alias"] == ALERT["alias"]
    taken(await client.post("/v2/alerts", headers=headers, json=ALERT))
    (record,) = await house.engine.queries.alerts()
    assert (record.incident, record.times) == ("INC-1", 2)
    found = await incident(house)
    assert found.level == "P1", "the priority gives the level"
    closing = {"user": "Monitoring Script", "note": "Action executed via Alert API"}
    path = f"/v2/alerts/{ALERT['alias']}/close"
    closed = taken(await client.post(path, headers=headers, params=ALIAS, json=closing))
    status = (await client.get(f"/v2/alerts/requests/{closed}", headers=headers)).json()
    assert (status["data"]["status"], status["data"]["alertId"]) == ("Closed alert", record.alert.fingerprint)
    (record,) = await house.engine.queries.alerts()
    assert record.alert.status is AlertStatus.RESOLVED
    assert record.alert.annotations["description"] == ALERT["description"]
    assert not (await incident(house)).firing
    assert "Monitoring Script (Opsgenie client)" in await timeline(house)
    taken(await client.post("/v2/alerts", headers=headers, json=ALERT))
    assert (await incident(house)).firing


async def test_an_alias_may_hold_slashes(house: House, client: Client) -> None:
    headers = await genie(house)
    taken(await client.post("/v2/alerts", headers=headers, json={"message": "m", "alias": "srv01//mysql"}))
    taken(await client.post("/v2/alerts/srv01%2F%2Fmysql/close", headers=headers, params=ALIAS))
    (record,) = await house.engine.queries.alerts()
    assert record.alert.status is AlertStatus.RESOLVED


async def test_by_id_and_by_tiny_id(house: House, client: Client) -> None:
    headers, reader = await genie(house), await genie(house, "viewer")
    taken(await client.post("/v2/alerts", headers=headers, json={"message": "Without an alias"}))
    (listed,) = (await client.get("/v2/alerts", headers=reader)).json()["data"]
    assert (listed["message"], listed["status"], listed["priority"]) == ("Without an alias", "open", "P3")
    uuid.UUID(listed["alias"])
    for identifier, kind in ((listed["id"], "id"), (listed["tinyId"], "tiny"), (listed["alias"], "alias")):
        shown = await client.get(f"/v2/alerts/{identifier}", headers=reader, params={"identifierType": kind})
        assert shown.json()["data"] == listed
    taken(await client.delete(f"/v2/alerts/{listed['id']}", headers=headers))
    answer = await client.get("/v2/alerts", headers=reader, params={"query": "status: open"})
    assert answer.json()["data"] == []
    answer = await client.get("/v2/alerts", headers=reader, params={"query": "status: closed"})
    assert len(answer.json()["data"]) == 1
    refused(await client.get("/v2/alerts", headers=reader, params={"query": "tag: x"}), 422)
    refused(await client.get("/v2/alerts/nothing", headers=reader), 404)
    refused(await client.get("/v2/alerts/requests/nothing", headers=reader), 404)
    refused(await client.get("/v2/alerts/x", headers=reader, params={"identifierType": "name"}), 422)


async def test_a_key_of_a_sender_reads_no_alert(house: House, client: Client) -> None:
    headers = await genie(house)
    taken(await client.post("/v2/alerts", headers=headers, json=ALERT))
    refused(await client.get("/v2/alerts", headers=headers), 403)
    refused(await client.get("/v2/alerts/x", headers=headers), 403)


async def test_an_acknowledgement_of_a_sender_stops_no_page(house: House, client: Client) -> None:
    headers = await genie(house)
    taken(await client.post("/v2/alerts", headers=headers, json=ALERT))
    path = f"/v2/alerts/{ALERT['alias']}"
    for action, body in (
        ("acknowledge", {"note": "On it"}),
        ("unacknowledge", {}),
        ("notes", {"note": "Disk 3 was swapped"}),
        ("snooze", {"endTime": "2026-11-24T05:00:00Z"}),
    ):
        taken(await client.post(f"{path}/{action}", headers=headers, params=ALIAS, json=body))
    found = await incident(house)
    assert found.state is State.OPEN
    assert found.open_pages
    told = await timeline(house)
    for words in (
        "has acknowledged",
        "On it",
        "nobody works on",
        "Disk 3 was swapped",
        "asks for silence until",
    ):
        assert words in told, words
    refused(await client.post(f"{path}/notes", headers=headers, params=ALIAS, json={}), 422)
    refused(await client.post(f"{path}/snooze", headers=headers, params=ALIAS, json={"endTime": "late"}), 422)
    refused(await client.post(f"{path}/explode", headers=headers, params=ALIAS, json={}), 404)


async def test_a_responder_acknowledges_as_themselves(house: House, client: Client) -> None:
    headers = await genie(house, "responder")
    taken(await client.post("/v2/alerts", headers=headers, json=ALERT))
    taken(await client.post(f"/v2/alerts/{ALERT['alias']}/acknowledge", headers=headers, params=ALIAS))
    found = await incident(house)
    assert (found.state, found.acknowledged_by) == (State.ACKNOWLEDGED, ME)
    shown = await client.get(f"/v2/alerts/{ALERT['alias']}", headers=headers, params=ALIAS)
    assert shown.json()["data"]["acknowledged"] is True


async def test_what_is_unknown_is_taken_and_said_later(house: House, client: Client) -> None:
    headers = await genie(house)
    other = await house.alert()
    found = await house.engine.queries.alerts()
    for action in ("close", "acknowledge", "notes"):
        for identifier in ("nothing", found[0].alert.fingerprint):
            path = f"/v2/alerts/{identifier}/{action}"
            request = taken(await client.post(path, headers=headers, json={"note": "n"}))
            status = (await client.get(f"/v2/alerts/requests/{request}", headers=headers)).json()["data"]
            assert (status["isSuccess"], status["status"]) == (False, "Alert does not exist")
    assert (await incident(house)).id == other
    assert (await incident(house)).firing, "a key speaks only of alerts that came in this way"


async def test_keys(house: House, client: Client) -> None:
    token = await house.token("source")
    for key in (f"GenieKey {token}", f"geniekey {token}", f"Bearer {token}"):
        taken(await client.post("/v2/alerts", headers={"Authorization": key}, json=ALERT))
    for headers in ({}, {"Authorization": "GenieKey x"}, {"Authorization": "GenieKey tsn_a_b"}):
        refused(await client.post("/v2/alerts", headers=headers, json=ALERT), 401)
        refused(await client.get("/v2/heartbeats/backup/ping", headers=headers), 401)
    async with open_house(sources=[OpsgenieSource()], open_sources=True) as (_, free):
        taken(await free.post("/v2/alerts", headers={"Authorization": "GenieKey their-old-key"}, json=ALERT))
        refused(await free.post("/v2/alerts", headers={"Authorization": "GenieKey tsn_a_b"}, json=ALERT), 401)


async def test_what_is_no_alert(house: House, client: Client) -> None:
    headers = await genie(house)
    for content, status in ((b"{", 400), (b"\xff", 400), (b"[]", 422), (b"", 422), (b"[" * 50_000, 400)):
        refused(await client.post("/v2/alerts", headers=headers, content=content), status)
    found = refused(await client.post("/v2/alerts", headers=headers, json={"message": ""}), 422)
    assert "can not be empty" in found["errors"]["message"]
    large = json.dumps(ALERT | {"description": "x" * 6_000_000}).encode()
    refused(await client.post("/v2/alerts", headers=headers, content=large), 413)
    assert await house.engine.queries.alerts() == []


async def test_heartbeats(house: House, client: Client) -> None:
    headers = await genie(house)
    for method in ("GET", "POST", "PUT", "PATCH"):
        answer = await client.request(method, "/v2/heartbeats/backup/ping", headers=headers)
        assert answer.status_code == 202
        assert answer.json()["result"] == "PONG - Heartbeat received"
    assert vars(house.engine)["heartbeats"].heard[0] == ("backup", "source of a test")
    found = refused(await client.get("/v2/heartbeats/nothing/ping", headers=headers), 404)
    assert "'nothing'" in found["message"]
    viewer = await genie(house, "viewer")
    refused(await client.get("/v2/heartbeats/backup/ping", headers=viewer), 403)
    refused(await client.post("/v2/alerts", headers=viewer, json={"message": "m"}), 403)


@hypothesis_settings(deadline=None, max_examples=60)
@given(
    change=st.dictionaries(st.sampled_from([*ALERT, "endTime"]), ANYTHING, max_size=5),
    action=st.sampled_from(["", "/x/close", "/x/acknowledge", "/x/notes", "/x/snooze", "/%00/notes", "/a/b"]),
    kind=st.sampled_from(["id", "alias", "tiny"]) | st.text(max_size=5),
)
def test_no_request_breaks_the_server(change: dict[str, Any], action: str, kind: str) -> None:
    async def send() -> None:
        async with open_house(sources=[OpsgenieSource()], open_sources=True) as (_, client):
            await client.post("/v2/alerts", json={"message": "m", "alias": "x"})
            body, query = {**ALERT, **change}, {"identifierType": kind}
            answer = await client.post(f"/v2/alerts{action}", params=query, json=body)
            assert answer.status_code in (202, 404, 422), answer.text

    asyncio.run(send())


@pytest.fixture(scope="module")
def served() -> Generator[Served, None, None]:
    """A real server."""
    with serve(lambda **given: with_heartbeats(make_house(sources=[OpsgenieSource()], **given))) as running:
        yield running


def test_the_official_client(served: Served) -> None:
    configuration = opsgenie_sdk.Configuration()
    configuration.host = served.url
    configuration.retry_enabled = False
    configuration.api_key["Authorization"] = served.run(served.house.token("responder"))
    with_client = opsgenie_sdk.ApiClient(configuration=configuration)
    alerts = opsgenie_sdk.AlertApi(api_client=with_client)
    body = opsgenie_sdk.CreateAlertPayload(
        message="Checkout is down",
        alias="srv01/checkout",
        priority="P2",
        tags=["service:shop"],
        details={"region": "eu"},
        responders=[{"name": "NOC", "type": "team"}],
    )
    made = alerts.create_alert(create_alert_payload=body)
    status = alerts.get_request_status(request_id=made.request_id)
    assert status.data.is_success
    assert status.data.alias == "srv01/checkout"
    shown = alerts.get_alert(identifier="srv01/checkout", identifier_type="alias")
    assert (shown.data.message, shown.data.priority, shown.data.status) == ("Checkout is down", "P2", "open")
    assert shown.data.details["region"] == "eu"
    note = opsgenie_sdk.AddNoteToAlertPayload(note="Looking at it", user="Tomás")
    alerts.add_note(identifier=shown.data.id, add_note_to_alert_payload=note)
    alerts.acknowledge_alert(
        identifier="srv01/checkout",
        identifier_type="alias",
        acknowledge_alert_payload=opsgenie_sdk.AcknowledgeAlertPayload(user="Tomás"),
    )
    assert alerts.get_alert(identifier=shown.data.tiny_id, identifier_type="tiny").data.acknowledged
    assert [each.id for each in alerts.list_alerts(query="status:open").data] == [shown.data.id]
    closed = alerts.close_alert(
        identifier="srv01/checkout",
        identifier_type="alias",
        close_alert_payload=opsgenie_sdk.CloseAlertPayload(note="Mended"),
    )
    assert alerts.get_request_status(request_id=closed.request_id).data.status == "Closed alert"
    assert alerts.get_alert(identifier=shown.data.id).data.status == "closed"
    pinged = opsgenie_sdk.HeartbeatApi(api_client=with_client).ping(name="backup")
    assert pinged.result == "PONG - Heartbeat received"
    found = served.run(incident(served.house))
    assert (found.acknowledged_by, found.firing) == (ME, ())


async def timeline(house: House) -> str:
    async with house.engine.store.reading() as reader:
        chained = await reader.timeline("INC-1")  # type: ignore[arg-type]
    return "\n".join(str(each.entry) for each in chained)
