"""The webhook of Alertmanager, as it really looks and as it should not."""

import copy
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.adapters.sources.alertmanager import AlertmanagerSource
from tocsin.alerts.model import AlertStatus, fingerprint
from tocsin.base import limits
from tocsin.base.problems import Weight
from tocsin.engine.sources import Parsed, SourceError
from tocsin.testing.sources import parse as ask

NOW = datetime(2026, 3, 2, 9, 5, tzinfo=UTC)
BODY = {
    "version": "4",
    "groupKey": '{}:{alertname="VaultSealed"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "tocsin",
    "groupLabels": {"alertname": "VaultSealed"},
    "commonLabels": {"alertname": "VaultSealed", "severity": "critical"},
    "commonAnnotations": {"summary": "Vault is sealed"},
    "externalURL": "http://alertmanager.example:9093",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "VaultSealed", "severity": "critical", "instance": "vault-1"},
            "annotations": {"summary": "Vault is sealed"},
            "startsAt": "2026-03-02T09:00:00.123456789Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example:9090/graph?g0.expr=vault_sealed",
            "fingerprint": "c0ffee0123456789",
        },
        {
            "status": "resolved",
            "labels": {"alertname": "VaultSealed", "instance": "vault-2"},
            "annotations": {},
            "startsAt": "2026-03-02T10:00:00+01:00",
            "endsAt": "2026-03-02T09:04:00Z",
            "generatorURL": "",
            "fingerprint": "0123456789abcdef",
        },
    ],
}

MANY = {f"l{n}": "x" for n in range(limits.labels_per_alert_max + 1)}


SOURCE = AlertmanagerSource()


def parse(body: object) -> Parsed:
    return ask(SOURCE, body)


def refused(body: object) -> list[tuple[str, str]]:
    with pytest.raises(SourceError) as caught:
        parse(body)
    assert all(each.message and each.mend for each in caught.value.problems)
    return [(each.field, each.code) for each in caught.value.problems]


def changed(**fields: object) -> dict:
    """The body with other fields in its first alert; None takes a field away."""
    body = copy.deepcopy(BODY)
    first = body["alerts"][0]  # type: ignore[index]
    for name, value in fields.items():
        first[name] = value
        if value is None:
            del first[name]
    return body


def test_a_real_notification() -> None:
    parsed = parse(BODY)
    assert parsed.problems == ()
    firing, resolved = parsed.alerts
    assert (firing.status, firing.fingerprint, firing.source) == (
        AlertStatus.FIRING,
        "c0ffee0123456789",
        "alertmanager",
    )
    assert firing.labels["severity"] == "critical"
    assert firing.summary == "Vault is sealed"
    assert firing.starts_at == datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
    assert firing.ends_at is None
    assert firing.received_at == NOW
    assert firing.generator_url.endswith("vault_sealed")
    assert resolved.status is AlertStatus.RESOLVED
    assert (resolved.starts_at, resolved.ends_at) == (
        datetime(2026, 3, 2, 9, tzinfo=UTC),
        datetime(2026, 3, 2, 9, 4, tzinfo=UTC),
    )


def test_what_may_be_missing() -> None:
    body = {"alerts": [{"status": "resolved", "labels": {"alertname": "A"}}]}
    (alert,) = parse(body).alerts
    assert alert.fingerprint == fingerprint({"alertname": "A"})
    assert (alert.starts_at, alert.ends_at, alert.annotations) == (NOW, NOW, {})
    assert parse({"version": "4", "alerts": []}).alerts == ()


@pytest.mark.parametrize(
    "at", ["2001-09-11T12:00:00Z", "2099-01-01T00:00:00Z", "2026-03-02T09:00:00.5+05:45"]
)
def test_times_far_off_are_kept(at: str) -> None:
    parsed = parse(changed(startsAt=at))
    assert parsed.alerts[0].starts_at == datetime.fromisoformat(at)
    assert parsed.problems == ()


def test_an_end_that_is_to_come_does_not_end_an_alert_that_fires() -> None:
    assert parse(changed(endsAt="2030-01-01T00:00:00Z")).alerts[0].ends_at is None


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"labels": {"alertname": "A", "severity": 5}}, ("alerts[0].labels.severity", "wrong-type")),
        ({"labels": {"alertname": "A", "a b\n": None}}, ('alerts[0].labels."a b?"', "wrong-type")),
        ({"labels": {"alertname": ["A"]}}, ("alerts[0].labels.alertname", "wrong-type")),
        ({"labels": {}}, ("alerts[0].labels", "missing-field")),
        ({"labels": None}, ("alerts[0].labels", "missing-field")),
        ({"labels": "x"}, ("alerts[0].labels", "wrong-type")),
        ({"labels": MANY}, ("alerts[0].labels", "too-many")),
        ({"labels": {"a": "x" * (limits.label_value_chars_max + 1)}}, ("alerts[0].labels.a", "too-long")),
        ({"labels": {"a": "\0"}}, ("alerts[0].labels.a", "bad-text")),
        ({"labels": {"a\0": "x"}}, ('alerts[0].labels."a?"', "bad-text")),
        ({"annotations": {"a": True}}, ("alerts[0].annotations.a", "wrong-type")),
        ({"annotations": []}, ("alerts[0].annotations", "wrong-type")),
        ({"status": "on fire"}, ("alerts[0].status", "bad-status")),
        ({"status": None}, ("alerts[0].status", "bad-status")),
        ({"status": 1}, ("alerts[0].status", "wrong-type")),
        ({"startsAt": "2026-03-02T09:00:00"}, ("alerts[0].startsAt", "bad-time")),
        ({"startsAt": "yesterday"}, ("alerts[0].startsAt", "bad-time")),
        ({"startsAt": 1772442000}, ("alerts[0].startsAt", "wrong-type")),
        ({"startsAt": "0001-01-01T00:00:00+05:00"}, ("alerts[0].startsAt", "bad-time")),
        ({"startsAt": "0300-01-01T00:00:00Z"}, ("alerts[0].startsAt", "bad-time")),
        ({"startsAt": "9999-12-31T23:59:59-05:00"}, ("alerts[0].startsAt", "bad-time")),
        ({"fingerprint": 7}, ("alerts[0].fingerprint", "wrong-type")),
        ({"fingerprint": "f" * 200}, ("alerts[0].fingerprint", "too-long")),
        ({"generatorURL": {}}, ("alerts[0].generatorURL", "wrong-type")),
    ],
)
def test_a_bad_alert_is_told_and_the_rest_is_kept(fields: dict, wanted: tuple[str, str]) -> None:
    parsed = parse(changed(**fields))
    assert [alert.fingerprint for alert in parsed.alerts] == ["0123456789abcdef"]
    (problem,) = parsed.problems
    assert (problem.field, problem.code) == wanted
    assert problem.mend


def test_no_address_that_a_browser_would_run_is_kept() -> None:
    parsed = parse(changed(generatorURL="javascript:alert(1)"))
    assert [alert.generator_url for alert in parsed.alerts] == ["", ""]
    (problem,) = parsed.problems
    assert (problem.field, problem.severity) == ("alerts[0].generatorURL", Weight.WARNING)


def test_what_alertmanager_left_out_is_told() -> None:
    parsed = parse({**BODY, "truncatedAlerts": 3})
    assert len(parsed.alerts) == 2
    assert [(each.field, each.severity) for each in parsed.problems] == [("truncatedAlerts", Weight.WARNING)]


def test_a_batch_over_the_limit_is_kept_up_to_it() -> None:
    alerts = [{"status": "firing", "labels": {"n": str(n)}} for n in range(limits.alerts_per_request_max + 1)]
    parsed = parse({"alerts": alerts})
    assert len(parsed.alerts) == limits.alerts_per_request_max
    assert [each.code for each in parsed.problems] == ["too-many"]


def test_of_very_many_problems_the_first_are_told() -> None:
    found = refused({"alerts": [5] * 5000})
    assert len(found) == 101
    assert found[0] == ("alerts[0]", "wrong-type")
    assert found[-1] == ("", "more")


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"", ("", "not-json")),
        (b"\xff\xfe", ("", "not-json")),
        # A byte that is no UTF-8, or half of a pair, costs its own alert at most.
        (b'{"alerts": [{"labels": {"a": "\xff"}}]}', ("alerts[0].status", "bad-status")),
        (b"hello", ("", "not-json")),
        (b'{"alerts": [NaN]}', ("", "not-json")),
        (b'{"alerts": [Infinity]}', ("", "not-json")),
        (b'{"alerts": [' + b"9" * 10_000 + b"]}", ("", "not-json")),
        (b'{"alerts": [1e999]}', ("", "not-json")),
        (b"[" * 200_000, ("", "not-json")),
        (b'{"a":' * 100_000, ("", "not-json")),
        (b'{"alerts": ["\\ud800"]}', ("alerts[0]", "wrong-type")),
        (b'{"alerts": []\x00}', ("", "not-json")),
        (b"[]", ("the body", "wrong-type")),
        (b"null", ("the body", "wrong-type")),
        (b"{}", ("alerts", "missing-field")),
        (b'{"alerts": null}', ("alerts", "wrong-type")),
        (b'{"alerts": {"0": {}}}', ("alerts", "wrong-type")),
        (b'{"alerts": ["x"]}', ("alerts[0]", "wrong-type")),
        (b'{"alerts": [' + b"1" * 300 + b"]}", ("alerts[0]", "wrong-type")),
    ],
)
def test_what_cannot_be_read_at_all(body: bytes, wanted: tuple[str, str]) -> None:
    assert refused(body) == [wanted]


def test_a_byte_order_mark_does_no_harm() -> None:
    assert len(parse(b"\xef\xbb\xbf" + json.dumps(BODY).encode()).alerts) == 2


values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text('aé\0\n "', max_size=6),
        st.sampled_from(
            ["firing", "resolved", "2026-03-02T09:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("ab\0é", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
fields = st.sampled_from(
    ["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint", "x"]
)
label_sets = st.dictionaries(
    st.sampled_from(["alertname", "severity"]), st.one_of(st.text("ab\0", max_size=3), values)
)
alerts = st.dictionaries(fields, st.one_of(values, label_sets), max_size=8)


@given(st.one_of(values, st.fixed_dictionaries({"alerts": st.lists(st.one_of(alerts, values), max_size=4)})))
@settings(deadline=None)
def test_no_document_brings_another_error(document: object) -> None:
    try:
        parsed = parse(document)
    except SourceError as error:
        assert error.problems  # noqa: PT017 - both ways out are right
    else:
        assert all(alert.starts_at.tzinfo is UTC and alert.labels for alert in parsed.alerts)


@given(st.binary(max_size=40))
def test_no_bytes_bring_another_error(body: bytes) -> None:
    assert refused(body)
