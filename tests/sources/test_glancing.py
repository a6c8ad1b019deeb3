"""Reading at a glance gives what reading with care gives, or leaves the request to it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.sample import START
from tocsin.adapters.sources.alertmanager import AlertmanagerSource
from tocsin.adapters.sources.prometheus import PrometheusSource
from tocsin.alerts.model import fingerprint
from tocsin.base.ids import IncidentId
from tocsin.engine.sources import Glance, GlancingSource, SourceError
from tocsin.testing.sources import parse

INC = IncidentId("INC-1")
LABELS = {"alertname": "Down", "instance": "a:1"}
TIMES = st.sampled_from(["", "0001-01-01T00:00:00Z", "2026-03-02T08:00:00Z", "2026-03-02T10:00:00.5+01:00",
                         "2126-01-01T00:00:00Z", "no time"])  # fmt: skip
TEXTS = st.dictionaries(st.sampled_from(["alertname", "a", "b\0"]), st.text(max_size=5), max_size=3)
ALERTS = st.fixed_dictionaries(
    {"labels": TEXTS},
    optional={
        "annotations": TEXTS,
        "startsAt": TIMES,
        "endsAt": TIMES,
        "generatorURL": st.sampled_from(["", "http://x/y", "javascript:alert(1)", " http://x"]),
        "status": st.sampled_from(["firing", "resolved", "", "odd"]),
        "fingerprint": st.sampled_from(["", "abc", " x "]),
        "else": st.integers(),
    },
)


def never(found: str, expires_at: datetime | None) -> IncidentId | None:
    return None


def always(found: str, expires_at: datetime | None) -> IncidentId | None:
    return INC


def glance(source: GlancingSource, body: object, known: object = never) -> Glance | None:
    return source.glance(json.dumps(body).encode(), START, known)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [AlertmanagerSource, PrometheusSource])
@given(alerts=st.lists(ALERTS, max_size=3))
def test_both_ways_of_reading_agree(kind: type[AlertmanagerSource], alerts: list[object]) -> None:
    source = kind()
    body: object = {"alerts": alerts} if kind is AlertmanagerSource else alerts
    found = glance(source, body)
    if found is None:
        return
    try:
        parsed = parse(source, body)
    except SourceError as error:
        raise AssertionError("what the careful reader refuses was read at a glance") from error
    assert parsed.problems == ()
    at = parsed.alerts[0].received_at
    again = source.glance(json.dumps(body).encode(), at, never)
    assert again is not None
    assert list(parsed.alerts) == list(again.alerts)


def test_a_repetition_is_only_counted() -> None:
    source = PrometheusSource(timedelta(minutes=5))
    body = [{"labels": LABELS, "annotations": {"summary": "s"}, "startsAt": "2026-03-02T08:00:00Z"}]
    first = glance(source, body, always)
    assert first is not None
    assert (len(first.alerts), first.counted) == (1, 0)
    assert glance(source, body, always).alerts, "it was not kept yet"  # type: ignore[union-attr]
    first.remember()
    told: list[tuple[str, datetime | None]] = []

    def known(found: str, expires_at: datetime | None) -> IncidentId:
        told.append((found, expires_at))
        return INC

    until = [body[0] | {"endsAt": "2026-03-02T09:30:00Z"}]
    for each in (body, until):
        again = glance(source, each, known)
        assert again is not None
        assert (again.alerts, again.counted, list(again.incidents)) == ([], 1, [INC])
    own = fingerprint(LABELS)
    assert told == [(own, START + timedelta(minutes=5)), (own, datetime(2026, 3, 2, 9, 30, tzinfo=UTC))]
    for changed in (
        {"annotations": {"summary": "another"}},
        {"startsAt": "2026-03-02T08:30:00Z"},
        {"generatorURL": "http://x/y"},
        {"labels": LABELS | {"instance": "b:1"}},
        {"endsAt": "2026-03-02T08:59:00Z"},
    ):
        found = glance(source, [body[0] | changed], always)
        assert found is not None
        assert (len(found.alerts), found.counted) == (1, 0), changed
    forgotten = glance(source, body, never)
    assert forgotten is not None
    assert len(forgotten.alerts) == 1, "the engine does not know it as firing"


@pytest.mark.parametrize("body", [[], {}, [{}], [{"labels": {}}], [7], "x", [{"labels": {"a": 1}}], None])
def test_what_is_out_of_order_is_left_to_care(body: object) -> None:
    assert glance(PrometheusSource(), body) is None
    assert glance(AlertmanagerSource(), {"alerts": body}) is None
    assert PrometheusSource().glance(b"[{", START, never) is None
    assert glance(AlertmanagerSource(), {"alerts": [], "truncatedAlerts": 3}) is None
