"""Grafana's webhook: a recorded notification, its own fields, and the signature over it."""

import asyncio
import hashlib
import hmac
import json
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sources.test_alertmanager import alerts, values
from tests.sources.test_prometheus import settings_with
from tocsin.adapters.sources.grafana import GrafanaSource, SignedGrafanaSource, sources
from tocsin.alerts.model import AlertStatus
from tocsin.base.problems import ProblemsError
from tocsin.engine.sources import Source, SourceError
from tocsin.testing.sources import NOW, SourceContract, arrival, parse, refused

SECRET = "what Grafana and Tocsin know"
SIGNATURE, STAMP = "x-grafana-alerting-signature", "x-grafana-alerting-timestamp"
NOTIFICATION: dict[str, Any] = {
    "receiver": "tocsin",
    "status": "firing",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "High load", "grafana_folder": "Shop", "severity": "critical"},
            "annotations": {"summary": "Load is over 0.9", "runbook_url": "https://wiki.example.org/load"},
            "startsAt": "2026-03-02T09:04:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://grafana.example.org/alerting/grafana/aedx/view?orgId=1",
            "fingerprint": "57c6d9296de2ad39",
            "silenceURL": "https://grafana.example.org/alerting/silence/new?matcher=alertname%3DHigh+load",
            "dashboardURL": "https://grafana.example.org/d/shop?orgId=1",
            "panelURL": "https://grafana.example.org/d/shop?orgId=1&viewPanel=2",
            "imageURL": "https://images.example.org/1.png",
            "values": {"A": 0.93, "C": 1, "text": "é"},
            "valueString": "[ var='A' labels={host=a} value=0.93 ]",
        }
    ],
    "groupLabels": {"alertname": "High load"},
    "commonLabels": {"alertname": "High load"},
    "commonAnnotations": {},
    "externalURL": "https://grafana.example.org/",
    "version": "1",
    "groupKey": '{}:{alertname="High load"}',
    "truncatedAlerts": 0,
    "orgId": 1,
    "title": "[FIRING:1] High load (Shop critical)",
    "state": "alerting",
    "message": "**Firing**\n\nValue: A=0.93",
}
PLAIN = GrafanaSource()


class TestGrafana(SourceContract):
    good: ClassVar[Any] = NOTIFICATION

    @pytest.fixture
    def source(self) -> Source:
        return PLAIN


def test_its_own_fields_are_kept_for_people() -> None:
    parsed = parse(PLAIN, NOTIFICATION)
    assert parsed.problems == ()
    (alert,) = parsed.alerts
    assert (alert.name, alert.source, alert.fingerprint) == ("High load", "grafana", "57c6d9296de2ad39")
    assert alert.summary == "Load is over 0.9"
    sent = NOTIFICATION["alerts"][0]
    assert alert.labels == sent["labels"]
    assert alert.annotations == {
        **sent["annotations"],
        "dashboardURL": sent["dashboardURL"],
        "panelURL": sent["panelURL"],
        "silenceURL": sent["silenceURL"],
        "imageURL": sent["imageURL"],
        "values": 'A=0.93, C=1, text="é"',
        "valueString": sent["valueString"],
    }
    assert alert.generator_url == sent["generatorURL"]


def test_a_test_without_values_and_an_end() -> None:
    bare = {
        "status": "resolved",
        "labels": {"alertname": "TestAlert"},
        "values": None,
        "valueString": "",
        "imageURL": "",
        "endsAt": "2026-03-02T09:05:00Z",
    }
    (alert,) = parse(PLAIN, {"alerts": [bare]}).alerts
    assert (alert.status, alert.ends_at, alert.annotations) == (AlertStatus.RESOLVED, NOW, {})


def test_no_address_that_a_browser_would_run_is_kept() -> None:
    body = {"alerts": [{**NOTIFICATION["alerts"][0], "panelURL": "javascript:alert(1)"}]}
    parsed = parse(PLAIN, body)
    assert "panelURL" not in parsed.alerts[0].annotations
    assert [each.field for each in parsed.problems] == ["alerts[0].panelURL"]


def test_a_payload_of_ones_own_is_refused() -> None:
    assert refused(PLAIN, {"text": "hello"}) == [("alerts", "wrong-type")]
    assert refused(PLAIN, []) == [("the body", "wrong-type")]


def signed(body: bytes, stamp: str | None = None, secret: str = SECRET) -> dict[str, str]:
    """The headers as Grafana makes them."""
    over = body if stamp is None else f"{stamp}:".encode() + body
    headers = {SIGNATURE: hmac.new(secret.encode(), over, hashlib.sha256).hexdigest()}
    return headers if stamp is None else {**headers, STAMP: stamp}


def admitted(body: bytes, headers: dict[str, str], source: Source | None = None) -> bool:
    made = source or SignedGrafanaSource(SECRET.encode(), SIGNATURE, STAMP)
    return asyncio.run(made.admit(arrival(body, headers)))


BODY = json.dumps(NOTIFICATION).encode()
SECONDS = int(NOW.timestamp())


def test_a_right_signature_lets_in() -> None:
    assert admitted(BODY, signed(BODY))
    for away in (-300, 0, 300):
        assert admitted(BODY, signed(BODY, str(SECONDS + away)))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {SIGNATURE: ""},
        {SIGNATURE: "é"},
        signed(BODY, secret="another"),
        signed(BODY + b" "),
        signed(BODY, str(SECONDS - 301)),
        signed(BODY, str(SECONDS + 301)),
        signed(BODY, ""),
        signed(BODY, "-1"),
        signed(BODY, "1e9"),
        signed(BODY, "9" * 400),
        signed(BODY, "\u0661" * 10),
        {SIGNATURE: signed(BODY, str(SECONDS))[SIGNATURE]},
        {**signed(BODY), STAMP: str(SECONDS)},
        {**signed(BODY, str(SECONDS)), STAMP: str(SECONDS + 1)},
    ],
)
def test_no_other_does(headers: dict[str, str]) -> None:
    assert not admitted(BODY, headers)


def test_its_settings() -> None:
    def secret(ref: str, field: str) -> str:
        assert (ref, field) == ("env:GRAFANA", "sources.grafana.secret_ref")
        return SECRET

    (plain,) = sources(settings_with({}), secret)
    assert not plain.proves_itself
    table = {"secret_ref": "env:GRAFANA", "signature_header": "X-Own", "timestamp_header": "X-Own-Time"}
    (own,) = sources(settings_with({"grafana": table}), secret)
    assert own.proves_itself
    assert SECRET not in repr(own)
    headers = signed(BODY, str(SECONDS))
    assert admitted(BODY, {"x-own": headers[SIGNATURE], "x-own-time": headers[STAMP]}, own)
    assert not admitted(BODY, headers, own)
    with pytest.raises(ProblemsError):
        sources(settings_with({"grafana": {"secret": SECRET}}), secret)
    with pytest.raises(ProblemsError, match="empty"):
        sources(settings_with({"grafana": {"secret_ref": "env:GRAFANA"}}), lambda ref, field: "")


grafana_alerts = st.builds(
    lambda alert, more: {**alert, **more},
    alerts,
    st.dictionaries(st.sampled_from(["values", "valueString", "panelURL", "imageURL"]), values),
)


@given(st.one_of(values, st.fixed_dictionaries({"alerts": st.lists(grafana_alerts, max_size=3)})))
@settings(deadline=None)
def test_no_document_brings_another_error(document: object) -> None:
    try:
        parse(PLAIN, document)
    except SourceError as error:
        assert error.problems  # noqa: PT017 - both ways out are right
