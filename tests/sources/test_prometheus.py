"""Alerts as Prometheus sends them to Alertmanager: a recorded request, when they end, what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sources.test_alertmanager import values
from tocsin.adapters.sources.prometheus import PrometheusSource, sources
from tocsin.alerts.model import AlertStatus
from tocsin.base.problems import ProblemsError
from tocsin.config.settings import Settings
from tocsin.engine.sources import Source, SourceError
from tocsin.testing.sources import NOW, SourceContract, parse, refused

SOURCE = PrometheusSource()
RECORDED: list[dict[str, Any]] = [
    {
        "annotations": {"summary": "127.0.0.1:1 does not answer"},
        "endsAt": "2026-03-02T09:05:02.319Z",
        "startsAt": "2026-03-02T09:04:58.319Z",
        "generatorURL": "http://vm:21778/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
        "labels": {
            "alertname": "InstanceDown",
            "instance": "127.0.0.1:1",
            "job": "nothing",
            "severity": "critical",
        },
    }
]
"""What Prometheus 2.42 sent, with the times moved."""


def at(minute: int) -> str:
    return f"2026-03-02T09:{minute:02}:00Z"


def utc(minute: int) -> datetime:
    return datetime(2026, 3, 2, 9, minute, tzinfo=UTC)


class TestPrometheus(SourceContract):
    good: ClassVar[Any] = RECORDED

    @pytest.fixture
    def source(self) -> Source:
        return SOURCE


def test_what_prometheus_sends() -> None:
    (alert,) = parse(SOURCE, RECORDED).alerts
    assert (alert.name, alert.status, alert.source) == ("InstanceDown", AlertStatus.FIRING, "prometheus")
    assert alert.summary == "127.0.0.1:1 does not answer"
    assert (alert.ends_at, alert.expires_at) == (None, datetime(2026, 3, 2, 9, 5, 2, 319000, tzinfo=UTC))
    assert alert.generator_url.startswith("http://vm:21778/graph?")
    (ended,) = parse(SOURCE, [{**RECORDED[0], "endsAt": at(5)}]).alerts
    assert (ended.status, ended.ends_at, ended.expires_at) == (AlertStatus.RESOLVED, NOW, None)
    assert ended.fingerprint == alert.fingerprint


def test_what_amtool_and_curl_send() -> None:
    (alert,) = parse(SOURCE, [{"labels": {"alertname": "A"}, "startsAt": "0001-01-01T00:00:00.000Z"}]).alerts
    assert (alert.starts_at, alert.ends_at, alert.expires_at) == (NOW, None, NOW + timedelta(minutes=5))
    assert parse(SOURCE, []).alerts == ()


@pytest.mark.parametrize(
    ("fields", "starts", "ends", "expires"),
    [
        ({}, 5, None, 10),
        ({"startsAt": at(1)}, 1, None, 10),
        ({"endsAt": at(7)}, 5, None, 7),
        ({"endsAt": at(3)}, 3, 3, None),
        ({"startsAt": at(2), "endsAt": at(2)}, 2, 2, None),
        ({"startsAt": at(1), "endsAt": at(3)}, 1, 3, None),
        ({"startsAt": at(9), "endsAt": at(11)}, 9, None, 11),
        ({"startsAt": None, "endsAt": ""}, 5, None, 10),
    ],
)
def test_when_it_ends(fields: dict[str, Any], starts: int, ends: int | None, expires: int | None) -> None:
    (alert,) = parse(SOURCE, [{"labels": {"alertname": "A"}, **fields}]).alerts
    assert alert.starts_at == utc(starts)
    assert alert.ends_at == (None if ends is None else utc(ends))
    assert alert.expires_at == (None if expires is None else utc(expires))


def test_labels_without_a_value_are_none() -> None:
    (alert,) = parse(SOURCE, [{"labels": {"alertname": "A", "b": ""}}]).alerts
    assert alert.labels == {"alertname": "A"}
    assert parse(SOURCE, [{"labels": {"alertname": "A"}}]).alerts[0].fingerprint == alert.fingerprint


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({}, [("the body", "wrong-type")]),
        (None, [("the body", "wrong-type")]),
        ([5], [("[0]", "wrong-type")]),
        ([{}], [("[0].labels", "missing-field")]),
        ([{"labels": {"a": ""}}], [("[0].labels", "missing-field")]),
        ([{"labels": {"a": 1}}], [("[0].labels.a", "wrong-type")]),
        ([{"labels": {"a": "b"}, "startsAt": at(9), "endsAt": at(8)}], [("[0].endsAt", "bad-time")]),
        ([{"labels": {"a": "b"}, "endsAt": "later"}], [("[0].endsAt", "bad-time")]),
    ],
)
def test_what_is_refused(body: object, wanted: list[tuple[str, str]]) -> None:
    assert refused(SOURCE, body) == wanted


def test_the_good_of_a_bad_batch_are_kept() -> None:
    parsed = parse(SOURCE, [{"labels": {"a": "b"}}, {}])
    assert len(parsed.alerts) == 1
    assert [each.field for each in parsed.problems] == ["[1].labels"]


def settings_with(values: dict[str, Any]) -> Settings:
    from pathlib import Path

    return Settings(
        host="127.0.0.1",
        port=1,
        public_url="http://127.0.0.1:1",
        data_dir=Path("data"),
        database_url="",
        outbox_file=Path("out"),
        allow_unauthenticated_sources=True,
        sources=values,
    )


def no_secret(ref: str, field: str) -> str:
    raise AssertionError("it has none")


def test_its_settings() -> None:
    (source,) = sources(settings_with({"prometheus": {"resolve_timeout": "90s"}}), no_secret)
    (alert,) = parse(source, [{"labels": {"a": "b"}}]).alerts
    assert alert.expires_at == NOW + timedelta(seconds=90)
    for wrong in ({"resolve_timeout": "soon"}, {"resolve": "5m"}):
        with pytest.raises(ProblemsError):
            sources(settings_with({"prometheus": wrong}), no_secret)


alerts = st.dictionaries(
    st.sampled_from(["labels", "annotations", "startsAt", "endsAt", "generatorURL", "x"]),
    st.one_of(values, st.dictionaries(st.text("ab\0", max_size=2), st.text("ab\0", max_size=2), max_size=3)),
    max_size=6,
)


@given(st.one_of(values, st.lists(st.one_of(alerts, values), max_size=4)))
@settings(deadline=None)
def test_no_document_brings_another_error(document: object) -> None:
    try:
        parsed = parse(SOURCE, document)
    except SourceError as error:
        assert error.problems  # noqa: PT017 - both ways out are right
    else:
        for alert in parsed.alerts:
            assert (alert.ends_at is None) == (alert.status is AlertStatus.FIRING)
            assert (alert.expires_at is None) == (alert.status is AlertStatus.RESOLVED)
