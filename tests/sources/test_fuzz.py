"""Whatever is sent to whichever source is installed, it is read or refused in plain words."""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sources.installed import installed, made_by
from tests.sources.recorded import EXAMPLES
from tocsin.alerts.model import Alert
from tocsin.base import limits
from tocsin.base.problems import Problem
from tocsin.engine.sources import Arrival, Source, SourceError, SourceUnavailableError
from tocsin.testing.sources import NOW

ADDED_LABELS = 8
"""How many labels a source may add to those of the sender."""

texts = st.one_of(
    st.text("aé\0\n \"'{%\ud7ff\U0001f600", max_size=8),
    st.sampled_from(
        (
            *("firing", "resolved", "completed", "success", "failure", "Healthy", "OK", "ALARM", "1.0"),
            *("2026-03-02T09:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "2026-03-02"),
            *("https://example.org/", "javascript:alert(1)", "arn:aws:sns:eu-central-1:1:x", "é" * 5_000),
        )
    ),
)
numbers = st.one_of(
    st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), st.just(10**400)
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
content_types = st.sampled_from(
    (
        *("", "application/json", "application/json; charset=utf-8", "text/plain", "application/xml"),
        *("application/x-www-form-urlencoded", "application/cloudevents+json", "multipart/form-data"),
        "application/cloudevents-batch+json",
    )
)
events = st.sampled_from(
    ("workflow_run", "check_suite", "check_run", "deployment_status", "ping", "push", "", "\xff")
)


def examples_of(kind: str) -> list[Any]:
    """The recorded requests of a source, and some that any may be asked for."""
    recorded = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(EXAMPLES.glob(f"{kind}*.json"))
    ]
    plain = {"title": "A", "status": "firing", "labels": {"a": "b"}, "alerts": [{"labels": {"a": "b"}}]}
    return [*recorded, plain]


def words_in(value: Any) -> set[str]:
    """Every key at any depth."""
    if isinstance(value, dict):
        return set(value).union(*(words_in(each) for each in value.values()))
    return set().union(*(words_in(each) for each in value)) if isinstance(value, list) else set()


def places_in(value: Any) -> list[tuple[str | int, ...]]:
    """The way to every part at any depth."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(), *((key, *rest) for key, each in pairs for rest in places_in(each))]


def put(value: Any, place: tuple[str | int, ...], change: Callable[[Any], Any]) -> Any:
    """A copy with one part changed. A place that is not there any more changes nothing."""
    if not place:
        return change(value)
    key, *rest = place
    if isinstance(value, dict) and key in value:
        return {**value, key: put(value[key], tuple(rest), change)}
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return [*value[:key], put(value[key], tuple(rest), change), *value[key + 1 :]]
    return value


def without_one(value: Any) -> Any:
    """A copy that lacks its first part."""
    if isinstance(value, dict):
        return dict(list(value.items())[1:])
    return value[1:] if isinstance(value, list) else None


@st.composite
def twisted(draw: Any, value: Any) -> Any:
    """A request that is right but for a few of its parts."""
    places = places_in(value)
    for _ in range(draw(st.integers(1, 4))):
        other, key = draw(scalars), draw(texts)
        change = draw(
            st.sampled_from(
                (
                    *[lambda _, other=other: other] * 4,
                    without_one,
                    lambda part: [part, part],
                    lambda part: {"a": part},
                    lambda part, other=other, key=key: (
                        {**part, key: other} if isinstance(part, dict) else part
                    ),
                )
            )
        )
        value = put(value, draw(st.sampled_from(places)), change)
    return value


def documents(kind: str) -> st.SearchStrategy[Any]:
    """Requests that are nearly right, and ones that only use the same words."""
    examples = examples_of(kind)
    words = st.sampled_from(sorted(set().union(*(words_in(each) for each in examples))))
    loose = st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(st.one_of(words, texts), inner, max_size=8)
        ),
        max_leaves=12,
    )
    return st.one_of(*(twisted(each) for each in examples), loose)


def bodies(kind: str) -> st.SearchStrategy[bytes]:
    encoded = documents(kind).map(lambda value: json.dumps(value).encode())
    return st.one_of(encoded, encoded, encoded, st.binary(max_size=60), encoded.map(lambda raw: raw[:-1]))


HEADERS = (
    *("ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time", "ce-subject", "ce-x"),
    *("x-hub-signature-256", "x-github-delivery", "cf-webhook-auth", "x-amz-sns-message-type"),
)
headers = st.fixed_dictionaries(
    {"content-type": content_types, "x-github-event": events}, optional=dict.fromkeys(HEADERS, texts)
)


async def ask(source: Source, arrival: Arrival) -> None:
    """What a source promises of any request."""
    if source.proves_itself:
        with suppress(SourceUnavailableError):
            assert not await source.admit(arrival)
    problems: Sequence[Problem] = ()
    try:
        parsed = await source.parse(arrival)
        problems = parsed.problems
        for alert in parsed.alerts:
            check(alert, source.kind)
        (parsed.delivery + parsed.sequence + parsed.said).encode()
    except SourceError as error:
        problems = error.problems
        assert problems
    except SourceUnavailableError as error:
        assert str(error)  # noqa: PT017 - both ways out are right
    assert all(each.message and each.mend for each in problems)


def check(alert: Alert, kind: str) -> None:
    """An alert that any store can keep and any page can show."""
    assert alert.source == kind
    assert alert.fingerprint
    assert len(alert.fingerprint) <= 128
    assert alert.labels
    assert len(alert.labels) <= limits.labels_per_alert_max + ADDED_LABELS
    assert len(alert.annotations) <= limits.labels_per_alert_max + ADDED_LABELS
    for name, text in {**alert.labels, **alert.annotations}.items():
        assert len(name) <= limits.label_name_chars_max
        assert len(text) <= limits.annotation_chars_max
        assert "\0" not in name + text
    assert all(len(text) <= limits.label_value_chars_max for text in alert.labels.values())
    assert 1970 <= alert.starts_at.year < 3000
    assert alert.ends_at is None or 1970 <= alert.ends_at.year < 3000
    assert alert.generator_url == "" or alert.generator_url.startswith(("http://", "https://"))
    assert msgspec.json.decode(msgspec.json.encode(alert), type=Alert) == alert


def hold(source: Source, runner: asyncio.Runner) -> None:
    """Try very many requests on a source."""

    @given(bodies(source.kind), headers)
    @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
    def holds(body: bytes, given_headers: dict[str, str]) -> None:
        runner.run(ask(source, Arrival(body=body, received_at=NOW, headers=given_headers)))

    holds()


@pytest.mark.parametrize("name", installed())
def test_any_request_is_read_or_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def cut_off(*_: object) -> None:
        raise httpx.ConnectError("no test asks the real vendors")

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", cut_off)
    made = made_by(name)
    assert made, f"docs/guide/sources/ has to show the settings of {name} in a toml block"
    with asyncio.Runner() as runner:
        for source in made:
            hold(source, runner)
            runner.run(source.close())
