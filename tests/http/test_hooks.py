"""Sources that prove themselves, through the whole application: signatures, replays, order, limits."""

import hashlib
import hmac
import json
import socket
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.http.helpers import assert_problem
from tests.http.house import START, Client, House
from tests.http.running import Running
from tests.sources.recorded import changed, recorded
from tests.sources.test_sns import TOPIC, Aws, signed
from tocsin.adapters.httpclient import new_client
from tocsin.adapters.sources.cloudevents import CloudEventsSource
from tocsin.adapters.sources.cloudflare import CloudflareSource
from tocsin.adapters.sources.github import BODY_BYTES_MAX, GitHubSource, Table
from tocsin.adapters.sources.sns import SnsSource
from tocsin.base.ids import IncidentId

SECRET = b"a secret"
RUN = recorded("github_workflow_run")


@pytest.fixture(autouse=True)
def sources(house: House) -> None:
    made = (
        GitHubSource(Table(secret_ref="env:X"), [SECRET]),
        CloudflareSource([SECRET]),
        CloudEventsSource(),
    )
    house.app.state.face.sources.update({each.kind: each for each in made})


async def github(client: Client, body: Any, delivery: str, event: str = "workflow_run") -> httpx.Response:
    raw = json.dumps(body).encode()
    signature = hmac.new(SECRET, raw, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": delivery,
        "x-hub-signature-256": f"sha256={signature}",
    }
    return await client.post("/in/github", headers=headers, content=raw)


def run(number: int, conclusion: str, attempt: int = 1) -> dict[str, Any]:
    fields = {"workflow_run__run_number": number, "workflow_run__run_attempt": attempt}
    return changed(RUN, workflow_run__conclusion=conclusion, **fields)


async def cleared(house: House) -> bool:
    """Whether the one alert of the one incident has ended."""
    async with house.engine.store.reading() as reader:
        incident = await reader.incident(IncidentId("INC-1"))
    assert incident is not None
    (held,) = incident.alerts
    return held.ends_at is not None


async def test_a_red_build_opens_and_a_green_one_clears(house: House, client: Client) -> None:
    ping = await github(client, recorded("github_ping"), "d-0", "ping")
    assert (ping.status_code, ping.text) == (200, "Tocsin hears you.")
    red = await github(client, run(7, "failure"), "d-1")
    assert red.json() == {"kept": 1, "incidents": ["INC-1"], "problems": []}
    again = await github(client, run(7, "failure"), "d-1")
    assert again.json()["kept"] == 0
    assert again.json()["problems"][0]["code"] == "seen-before"
    another = await github(client, run(8, "failure"), "d-2")
    assert another.json()["incidents"] == ["INC-1"]
    for delivery, number, conclusion in (("d-3", 7, "success"), ("d-4", 9, "cancelled")):
        assert (await github(client, run(number, conclusion), delivery)).status_code == 200
        assert not await cleared(house)
    assert (await github(client, run(8, "success", attempt=2), "d-5")).json()["kept"] == 1
    assert await cleared(house)
    late = await github(client, run(8, "failure"), "d-6")
    assert late.json()["problems"][0]["code"] == "overtaken"
    assert await cleared(house)


async def test_a_wrong_signature(house: House, client: Client) -> None:
    for headers in ({}, {"x-hub-signature-256": "sha256=" + "0" * 64}, await house.bearer("admin")):
        answer = await client.post("/in/github", headers=headers | {"x-github-event": "ping"}, json=RUN)
        assert_problem(answer, 401)
        assert SECRET.decode() not in answer.text
    assert await house.engine.queries.alerts() == []


async def test_what_is_wrong_is_named_by_its_field(client: Client) -> None:
    found = assert_problem(await github(client, changed(RUN, repository=None), "d-1"), 422)
    assert found["problems"][0]["field"] == "repository.full_name"  # type: ignore[index]


async def test_github_may_send_25_megabytes(client: Client) -> None:
    large = changed(RUN, padding="x" * (6 * 1024 * 1024))
    assert (await github(client, large, "d-1")).json()["kept"] == 1
    huge = await client.post("/in/github", content=b"x" * (BODY_BYTES_MAX + 1))
    assert "25 MB" in str(assert_problem(huge, 413)["detail"])


async def test_cloudflare(house: House, client: Client) -> None:
    headers = {"cf-webhook-auth": SECRET.decode(), "content-type": "application/json"}
    body = recorded("cloudflare_health_check")
    tried = await client.post(
        "/in/cloudflare", headers=headers | {"content-type": "text/plain"}, content=b"Hello World!"
    )
    assert (tried.status_code, tried.text) == (200, "Tocsin hears you.")
    assert await house.engine.queries.alerts() == []
    assert (await client.post("/in/cloudflare", headers=headers, json=body)).json()["kept"] == 1
    assert (await client.post("/in/cloudflare", headers=headers, json=body)).json()["kept"] == 0
    healthy = changed(body, data__new_status="Healthy", data__new_health_status="Healthy", ts=1772442600)
    assert (await client.post("/in/cloudflare", headers=headers, json=healthy)).json()["kept"] == 1
    assert await cleared(house)
    wrong = headers | {"cf-webhook-auth": "x"}
    assert_problem(await client.post("/in/cloudflare", headers=wrong, json=body), 401)
    assert_problem(await client.post("/in/cloudflare", headers=headers, content=b"{"), 400, "bad-json")


async def test_cloudevents_with_a_token(house: House, client: Client) -> None:
    headers = await house.bearer("source") | {"content-type": "application/cloudevents+json"}
    body = json.dumps(recorded("cloudevents_alert")).encode()
    assert_problem(await client.post("/in/cloudevents", content=body), 401)
    assert (await client.post("/in/cloudevents", headers=headers, content=body)).json()["kept"] == 1
    assert (await client.post("/in/cloudevents", headers=headers, content=body)).json()["kept"] == 0


async def test_sns_from_subscription_to_replay(house: House, client: Client) -> None:
    aws = Aws()
    source = SnsSource([TOPIC], new_client(), aws.trust())
    house.app.state.face.sources["sns"] = source
    stamp = f"{START:%Y-%m-%dT%H:%M:%S}.000Z"
    aws.served["/"] = (200, b"<ConfirmSubscriptionResponse/>")
    house.clock.at = START.replace(year=2026, month=3, day=2, hour=9)
    stamp = "2026-03-02T09:00:01.000Z"

    async def send(name: str, **fields: object) -> httpx.Response:
        message = signed(aws, changed(recorded(name), Timestamp=stamp, **fields))
        body = json.dumps(message).encode()
        return await client.post("/in/sns", headers={"content-type": "text/plain"}, content=body)

    try:
        assert (await send("sns_subscription")).text == "The subscription is confirmed."
        assert aws.asked[-1].startswith("/?Action=ConfirmSubscription")
        assert (await send("sns_alarm")).json()["kept"] == 1
        assert (await send("sns_alarm")).json()["problems"][0]["code"] == "seen-before"
        assert_problem(await send("sns_alarm", TopicArn="arn:aws:sns:eu-central-1:1:x"), 401)
        forged = json.dumps({**signed(aws, recorded("sns_alarm")), "Message": "x"}).encode()
        assert_problem(await client.post("/in/sns", content=forged), 401)
        stamp = "2026-03-02T07:00:00.000Z"
        found = assert_problem(await send("sns_alarm", MessageId="another"), 422)
        assert found["problems"][0]["field"] == "Timestamp"  # type: ignore[index]
        aws.served.clear()
        source._proofs._certificates.clear()
        assert_problem(await send("sns_alarm"), 503, "source-unavailable")
    finally:
        await source.close()
        aws.close()


def test_a_request_that_trickles_is_answered_and_its_connection_closed() -> None:
    running = Running()
    running.door._patience = timedelta(seconds=0.5)
    began = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", running.port), timeout=20) as connection:
            head = "POST /in/generic HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            token = f"Authorization: Bearer {running.token}\r\n"
            connection.sendall(f"{head}{token}Content-Length: 100\r\n\r\n".encode())
            answer = b""
            while time.monotonic() - began < 15:
                with suppress(ConnectionError):
                    connection.sendall(b" ")
                connection.settimeout(0.1)
                try:
                    piece = connection.recv(65_536)
                except TimeoutError:
                    continue
                except ConnectionError:
                    # What was sent after the answer is refused, which may cut the connection.
                    break
                answer += piece
                if not piece:
                    break
    finally:
        running.stop()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["type"] == "urn:tocsin:problem:too-slow"
    assert time.monotonic() - began < 10
