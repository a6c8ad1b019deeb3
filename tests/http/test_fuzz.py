"""Whatever is sent to the addresses of alerts and silences, nothing fails inside, and nothing hangs."""

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.house import Client, House, open_house

texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["alertname", "a", "(", "(a+)+$", ".*", "2h", "true", 'a="b"', '{a=~"b|c"}', "a\0b", "0a1b", ""]
    ),
)
times = st.sampled_from(
    [
        "2026-11-24T02:46:00Z",
        "2026-11-25T00:00:00+01:00",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-11-25T00:00:00",
        "now",
    ]
)
plain = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts, times
)
values = st.recursive(
    plain,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
labels = st.dictionaries(
    st.sampled_from(["alertname", "severity", "a", ""]), st.one_of(texts, values), max_size=4
)
alert = st.dictionaries(
    st.sampled_from(["labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint", "status"]),
    st.one_of(labels, times, values),
    max_size=6,
)
matcher = st.fixed_dictionaries(
    {"name": texts, "value": texts, "isRegex": st.booleans()}, optional={"isEqual": st.booleans()}
)
silence = st.fixed_dictionaries(
    {
        "matchers": st.lists(st.one_of(matcher, values), max_size=3),
        "startsAt": st.one_of(times, values),
        "endsAt": st.one_of(times, values),
        "createdBy": st.one_of(texts, values),
        "comment": st.one_of(texts, values),
    },
    optional={"id": st.one_of(texts, values), "annotations": values},
)
good = st.fixed_dictionaries({"name": st.just("a"), "value": st.just("b"), "isRegex": st.booleans()})
nearly = st.fixed_dictionaries(
    {
        "matchers": st.tuples(good, matcher).map(list),
        "startsAt": times,
        "endsAt": st.just("2026-11-25T00:00:00+01:00"),
        "createdBy": texts,
        "comment": st.just("x"),
    }
)
own = st.fixed_dictionaries(
    {"matchers": st.one_of(texts, values), "comment": st.one_of(texts, values)},
    optional={
        "lasts": st.one_of(texts, values),
        "ends_at": st.one_of(times, values),
        "starts_at": st.one_of(times, values),
        "replaces": st.one_of(texts, values),
        "other": values,
    },
)
posts = st.one_of(
    st.tuples(st.just("/api/v2/alerts"), st.one_of(st.lists(st.one_of(alert, values), max_size=4), values)),
    st.tuples(st.just("/api/v2/silences"), st.one_of(nearly, silence, values)),
    st.tuples(st.just("/api/v1/silences"), st.one_of(own, values)),
)
FLAGS = ("active", "silenced", "inhibited", "unprocessed", "muted", "pending", "expired", "all", "limit")
queries = st.lists(
    st.tuples(st.one_of(st.sampled_from(["filter", "receiver", *FLAGS]), texts), texts), max_size=5
)
reads = st.one_of(
    st.sampled_from(
        [
            *("/api/v2/alerts", "/api/v2/alerts/groups", "/api/v2/silences", "/api/v2/status"),
            *("/api/v2/receivers", "/api/v1/silences", "/api/v1/alerts", "/-/ready"),
        ]
    ),
    st.builds(
        lambda start, name: start + quote(name, safe=""),
        st.sampled_from(["/api/v2/silence/", "/api/v1/silences/", "/api/v2/", "/-/"]),
        texts,
    ),
)
calm = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def ask() -> Iterator[Any]:
    """Asks a house that lives as long as the test, outside of pytest's own loop."""
    loop = asyncio.new_event_loop()
    opened = open_house()
    house, client = loop.run_until_complete(opened.__aenter__())
    headers = loop.run_until_complete(_headers(house))

    def asked(method: str, path: str, **request: Any) -> None:
        answer = loop.run_until_complete(_ask(client, method, path, headers, request))
        assert answer.status_code < 500, (method, path, request, answer.status_code, answer.text)
        assert "Traceback" not in answer.text
        if answer.status_code not in (200, 201) and path.startswith("/api/v2/"):
            assert answer.headers["content-type"] in ("application/json", "application/problem+json")

    yield asked
    loop.run_until_complete(opened.__aexit__(None, None, None))
    loop.close()


async def _headers(house: House) -> dict[str, str]:
    return await house.bearer("admin")


async def _ask(client: Client, method: str, path: str, headers: dict[str, str], request: Any) -> Any:
    more = request.pop("headers", {})
    return await asyncio.wait_for(client.request(method, path, headers={**headers, **more}, **request), 10)


@given(posts)
@calm
def test_no_body(ask: Any, sent: tuple[str, Any]) -> None:
    path, body = sent
    ask("POST", path, json=body)


@given(st.sampled_from(["/api/v2/alerts", "/api/v2/silences", "/api/v1/silences"]), st.binary(max_size=40))
@calm
def test_no_bytes(ask: Any, path: str, body: bytes) -> None:
    ask("POST", path, content=body, headers={"content-type": "application/json"})


@given(reads, queries)
@calm
def test_no_question(ask: Any, path: str, query: list[tuple[str, str]]) -> None:
    encoded = "&".join(f"{quote(name)}={quote(value)}" for name, value in query)
    ask("GET", f"{path}?{encoded}")


@given(reads)
@calm
def test_no_end(ask: Any, path: str) -> None:
    ask("DELETE", path)


@given(nearly)
@calm
def test_no_silence(ask: Any, body: dict[str, Any]) -> None:
    ask("POST", "/api/v2/silences", json=body)
    ask("GET", "/api/v2/alerts")


@given(st.lists(alert, min_size=1, max_size=3))
@calm
def test_no_alerts(ask: Any, body: list[Any]) -> None:
    ask("POST", "/api/v2/alerts", json=body)
    ask("GET", "/api/v2/alerts/groups")
