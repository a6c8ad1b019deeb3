"""What machines ask, and what the frame does around every answer."""

import pytest
import structlog

from tests.http.helpers import assert_problem, assert_safe_headers
from tests.http.house import Client, House, open_house
from tocsin.engine.views import Health, Trouble
from tocsin.faces.http.frame import loggable


async def test_alive_and_ready(house: House, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await client.get("/healthz")).text == "ok\n"
    assert (await client.get("/readyz")).json() == {"ready": True}

    async def ill() -> Health:
        return Health(ready=False, troubles=(Trouble(what="The disk is full.", mend="Make room."),))

    monkeypatch.setattr(house.engine.queries, "health", ill)
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert "disk" not in answer.text
    told = (await client.get("/api/v1/health", headers=await house.bearer("viewer"))).json()
    assert told["troubles"][0]["what"] == "The disk is full."


async def test_metrics(house: House, client: Client) -> None:
    assert_problem(await client.get("/metrics"), 401)
    await house.alert()
    source = await house.bearer("source")
    await client.post("/in/plain", headers=source, json=[{"labels": {"alertname": "A"}}, {}])
    await client.get("/some/guess/nobody/made")
    await client.get("/api/v1/incidents/INC-1", headers=await house.bearer("viewer"))
    answer = await client.get("/metrics", headers=source)
    text = answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert 'tocsin_incidents{state="open"} 2.0' in text
    assert 'tocsin_intake_alerts_total{result="kept",source="plain"} 1.0' in text
    assert 'tocsin_intake_alerts_total{result="refused",source="plain"} 1.0' in text
    assert 'tocsin_outbox{status="failed"}' in text
    assert 'route="/api/v1/incidents/{incident}"' in text
    assert 'route="unmatched"' in text
    assert "INC-1" not in text
    assert "guess" not in text


async def test_every_answer_is_safe(house: House, client: Client) -> None:
    for path in ("/healthz", "/readyz", "/api/openapi.json", "/sign-in", "/", "/nothing", "/in/plain"):
        assert_safe_headers(await client.get(path, follow_redirects=False))
    async with open_house(public_url="https://tocsin.test") as (_, secure):
        answer = await secure.get("/sign-in")
        assert "max-age" in answer.headers["strict-transport-security"]
        assert "Secure" in answer.headers["set-cookie"]
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert "SameSite=lax" in answer.headers["set-cookie"]


def test_a_secret_in_a_path_is_not_logged() -> None:
    assert loggable("/p/abc.def") == "/p/***"
    assert loggable("/setup/abc") == "/setup/***"
    assert loggable("/incidents/INC-1") == "/incidents/INC-1"


async def test_the_log_holds_no_secret(house: House, client: Client) -> None:
    token = await house.token("viewer")
    link = await house.engine.access.setup_link("http://tocsin.test")
    assert link is not None
    with structlog.testing.capture_logs() as logs:
        await client.get(f"/api/v1/incidents?token={token}", headers={"Authorization": f"Bearer {token}"})
        await client.get(link)
        await client.get("/p/guessed.secret")
    lines = [each for each in logs if each["event"] == "answered"]
    assert [each["path"] for each in lines] == ["/api/v1/incidents", "/setup/***", "/p/***"]
    assert [each["status"] for each in lines] == [200, 200, 404]
    assert token not in str(logs)
    assert link.rpartition("/")[2] not in str(logs)
