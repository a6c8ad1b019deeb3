"""Where senders of PagerDuty's events send to: the statuses and rules that they know; their own client."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import pagerduty
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.http.house import ME, Client, House, make_house, open_house
from tests.sources.test_pagerduty import EVENT, KEY
from tests.web.serving import Served, certificate_file, serve
from tocsin.adapters.sources.pagerduty import PagerDutySource, RoutingKey
from tocsin.alerts.model import AlertStatus
from tocsin.engine.intake import IntakeFullError
from tocsin.engine.ports import StoreUnavailableError
from tocsin.incident.state import State

KEYED = PagerDutySource({"shop": (KEY, RoutingKey(key_ref="env:SHOP", labels={"service": "shop"}))})
TRIGGER = EVENT | {"routing_key": KEY}


@pytest_asyncio.fixture
async def rooms() -> AsyncGenerator[tuple[House, Client], None]:
    """A house with one routing key."""
    async with open_house(sources=[KEYED]) as both:
        yield both


async def test_a_life(house: House, client: Client) -> None:
    answer = await client.post("/v2/enqueue", json=TRIGGER)
    assert answer.status_code == 202
    assert answer.json() == {"status": "success", "message": "Event processed", "dedup_key": "srv01/mysql"}
    again = await client.post("/v2/enqueue", json=TRIGGER)
    assert again.status_code == 202
    (record,) = await house.engine.queries.alerts()
    assert (record.incident, record.times) == ("INC-1", 2)
    assert record.alert.labels["service"] == "shop"
    over = {"routing_key": KEY, "event_action": "resolve", "dedup_key": "srv01/mysql"}
    assert (await client.post("/v2/enqueue", json=over)).json()["dedup_key"] == "srv01/mysql"
    (record,) = await house.engine.queries.alerts()
    assert record.alert.status is AlertStatus.RESOLVED
    assert record.alert.labels["component"] == "mysql", "the end keeps the labels that are known"
    found = await house.engine.queries.incident("INC-1")  # type: ignore[arg-type]
    assert found is not None
    assert not found.firing


async def test_a_key_is_made_where_there_is_none(house: House, client: Client) -> None:
    event = {name: value for name, value in TRIGGER.items() if name != "dedup_key"}
    keys = [(await client.post("/v2/enqueue", json=event)).json()["dedup_key"] for _ in range(2)]
    assert len(set(keys)) == 2
    assert all(len(key) == 32 for key in keys)
    assert len(await house.engine.queries.alerts()) == 2


async def test_what_is_unknown_is_accepted(house: House, client: Client) -> None:
    for action in ("acknowledge", "resolve"):
        event = {"routing_key": KEY, "event_action": action, "dedup_key": "never seen"}
        assert (await client.post("/v2/enqueue", json=event)).status_code == 202
    assert await house.engine.queries.incident("INC-1") is None  # type: ignore[arg-type]


async def test_an_acknowledgement_of_a_sender_stops_no_page(house: House, client: Client) -> None:
    await client.post("/v2/enqueue", json=TRIGGER)
    event = {"routing_key": KEY, "event_action": "acknowledge", "dedup_key": "srv01/mysql"}
    for _ in range(3):
        assert (await client.post("/v2/enqueue", json=event)).status_code == 202
    found = await house.engine.queries.incident("INC-1")  # type: ignore[arg-type]
    assert found is not None
    assert found.state is State.OPEN
    assert found.open_pages
    texts = await _timeline(house)
    assert sum("says that somebody has acknowledged" in text for text in texts) == 1, "it is noted once"


async def test_a_token_of_a_responder_acknowledges_as_that_person(house: House, client: Client) -> None:
    token = await house.token("responder")
    await client.post("/v2/enqueue", json=TRIGGER | {"routing_key": token})
    event = {"routing_key": token, "event_action": "acknowledge", "dedup_key": "srv01/mysql"}
    assert (await client.post("/v2/enqueue", json=event)).status_code == 202
    found = await house.engine.queries.incident("INC-1")  # type: ignore[arg-type]
    assert found is not None
    assert (found.state, found.acknowledged_by) == (State.ACKNOWLEDGED, ME)


async def test_a_token_of_a_source_is_a_routing_key(house: House, client: Client) -> None:
    token = await house.token("source")
    assert (await client.post("/v2/enqueue", json=TRIGGER | {"routing_key": token})).status_code == 202
    event = {"routing_key": token, "event_action": "acknowledge", "dedup_key": "srv01/mysql"}
    assert (await client.post("/v2/enqueue", json=event)).status_code == 202
    found = await house.engine.queries.incident("INC-1")  # type: ignore[arg-type]
    assert found is not None
    assert found.state is State.OPEN, "also where the token names a person: a source may only send"


@pytest.mark.parametrize("key", [None, "", "x", "f" * 32, "tsn_a_b", 7, ["x"], "ü" * 32])
async def test_wrong_keys(house: House, client: Client, key: object) -> None:
    for path in ("/v2/enqueue", "/v2/change/enqueue"):
        answer = await client.post(path, json=TRIGGER | {"routing_key": key})
        assert answer.status_code == 400
        found = answer.json()
        assert found["status"] == "invalid event"
        assert found["message"]
        assert found["errors"]
    assert await house.engine.queries.alerts() == []


async def test_any_key_of_32_characters_where_senders_need_none() -> None:
    async with open_house(sources=[PagerDutySource()], open_sources=True) as (house, client):
        assert (await client.post("/v2/enqueue", json=TRIGGER | {"routing_key": "a" * 32})).status_code == 202
        assert (await client.post("/v2/enqueue", json=TRIGGER | {"routing_key": "a" * 31})).status_code == 400
        assert len(await house.engine.queries.alerts()) == 1
    async with open_house(sources=[KEYED], open_sources=True) as (_, client):
        assert (await client.post("/v2/enqueue", json=TRIGGER | {"routing_key": "a" * 32})).status_code == 400


async def test_what_is_no_event(client: Client) -> None:
    for content in (b"", b"{", b"[]", b"7", b"\xff", b"[" * 50_000):
        answer = await client.post("/v2/enqueue", content=content)
        assert answer.status_code == 400
        assert set(answer.json()) == {"status", "message", "errors"}
    large = TRIGGER | {"client": "x" * (512 * 1024)}
    assert (await client.post("/v2/enqueue", json=large)).status_code == 413
    wrong = await client.post("/v2/enqueue", json=TRIGGER | {"payload": {"summary": "s", "source": "x"}})
    assert wrong.status_code == 400
    assert "payload.severity" in wrong.json()["errors"][0]


async def test_too_fast_and_out_of_order(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:

    for error, status in ((IntakeFullError("full"), 429), (StoreUnavailableError("gone"), 503)):

        async def fails(alerts: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(house.engine.intake, "take", fails)
        answer = await client.post("/v2/enqueue", json=TRIGGER)
        assert answer.status_code == status
        assert answer.headers["retry-after"] == "5"


async def test_too_fast(client: Client) -> None:
    while (answer := await client.post("/v2/enqueue", json={})).status_code != 429:
        assert answer.status_code == 400
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["status"] == "invalid event"


async def test_version_1(client: Client) -> None:
    event = {"service_key": KEY, "event_type": "trigger", "description": "FAILURE on srv01"}
    answer = await client.post("/generic/2010-04-15/create_event.json", json=event)
    assert answer.status_code == 200
    key = answer.json()["incident_key"]
    assert len(key) == 32
    over = {"service_key": KEY, "event_type": "resolve", "incident_key": key}
    assert (await client.post("/generic/2010-04-15/create_event.json", json=over)).status_code == 200
    wrong = await client.post("/generic/2010-04-15/create_event.json", json=event | {"service_key": "x"})
    assert wrong.status_code == 400


async def test_a_change_is_kept(house: House, client: Client) -> None:
    event: dict[str, Any] = {
        "routing_key": KEY,
        "payload": {
            "summary": "Build Success - Increase snapshot create timeout to 30 seconds",
            "timestamp": "2026-11-23T09:00:00.000+0000",
            "source": "acme-build-pipeline-tool-default-i-9999",
            "custom_details": {"build_state": "passed", "build_number": 220},
        },
        "links": [{"href": "https://ci.example.com/220", "text": "View it"}],
    }
    answer = await client.post("/v2/change/enqueue", json=event)
    assert answer.status_code == 202
    assert answer.json() == {"status": "success", "message": "Change event processed"}
    (change,) = await house.engine.changes.list()
    assert change.details == {"build_state": "passed", "build_number": "220"}
    assert change.links == (("https://ci.example.com/220", "View it"),)
    assert change.at.isoformat() == "2026-11-23T09:00:00+00:00"
    assert (await client.post("/v2/change/enqueue", json={"routing_key": KEY})).status_code == 400
    assert await house.engine.queries.alerts() == []


VERSION_1 = ("service_key", "event_type", "incident_key", "description", "details", "contexts")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@hypothesis_settings(deadline=None, max_examples=60)
@given(
    change=st.dictionaries(
        st.sampled_from([*EVENT, "service_key", "event_type", "incident_key", "details"]),
        ANYTHING,
        max_size=4,
    ),
    payload=st.dictionaries(st.sampled_from([*EVENT["payload"]]), ANYTHING, max_size=4),
    path=st.sampled_from(["/v2/enqueue", "/v2/change/enqueue", "/generic/2010-04-15/create_event.json"]),
)
def test_no_event_breaks_the_server(change: dict[str, Any], payload: dict[str, Any], path: str) -> None:
    async def send() -> None:
        async with open_house(sources=[KEYED]) as (_, client):
            event = TRIGGER | {"payload": EVENT["payload"] | payload} | change | {"routing_key": KEY}
            answer = await client.post(path, json=event)
            assert answer.status_code in (200, 202, 400), answer.text

    asyncio.run(send())


@pytest.fixture
def served(tmp_path: Path) -> Generator[Served, None, None]:
    """A real server, over TLS: the official client speaks nothing else."""
    path = certificate_file(tmp_path)
    with serve(lambda **given: make_house(sources=[KEYED], **given), certificate=path) as running:
        yield running


def test_the_official_client(served: Served, tmp_path: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate_file(tmp_path)))
    engine = served.house.engine
    with closing(pagerduty.EventsApiV2Client(KEY, base_url=served.url, verify=trusting)) as client:
        key = client.trigger("Checkout is down", "shop-1", custom_details={"region": "eu"})
        (record,) = served.run(engine.queries.alerts())
        assert (record.alert.labels["severity"], record.alert.labels["region"]) == ("critical", "eu")
        assert client.trigger("Checkout is down", "shop-1", dedup_key=key) == key
        assert client.acknowledge(key) == key
        assert [each.times for each in served.run(engine.queries.alerts())] == [2]
        assert client.resolve(key) == key
        (record,) = served.run(engine.queries.alerts())
        assert record.alert.status is AlertStatus.RESOLVED
        # The client's own clock fails under Python 3.11; this is what it means to write.
        client.submit("Deployed 1.2.3", source="ci", timestamp="2026-11-24T01:00:00+00:00Z")
        (change,) = served.run(engine.changes.list())
        assert (change.summary, change.at.isoformat()) == ("Deployed 1.2.3", "2026-11-24T01:00:00+00:00")
    with closing(pagerduty.EventsApiV2Client("0" * 32, base_url=served.url, verify=trusting)) as stranger:
        with pytest.raises(pagerduty.HttpError) as caught:
            stranger.trigger("x", "y")
        assert caught.value.response.status_code == 400


async def _timeline(house: House) -> list[str]:
    async with house.engine.store.reading() as reader:
        chained = await reader.timeline("INC-1")  # type: ignore[arg-type]
    return [str(each.entry.event) for each in chained]
