"""Events of PagerDuty: what becomes of their fields, and which keys let them in."""

import asyncio
from typing import Any, ClassVar

import pytest

from tocsin.adapters.sources.pagerduty import PagerDutySource, sources
from tocsin.base.problems import ProblemsError
from tocsin.config.load import load_settings
from tocsin.engine.sources import Source
from tocsin.testing.sources import NOW, SourceContract, arrival, parse, refused

KEY = "0123456789abcdef0123456789abcdef"
EVENT: dict[str, Any] = {
    "routing_key": KEY,
    "event_action": "trigger",
    "dedup_key": "srv01/mysql",
    "payload": {
        "summary": "DISK at 99% on machine prod-datapipe03.example.com",
        "timestamp": "2026-03-02T08:42:58.315+0000",
        "severity": "critical",
        "source": "prod-datapipe03.example.com",
        "component": "mysql",
        "group": "prod-datapipe",
        "class": "disk",
        "custom_details": {
            "free space": "1%",
            "load avg": 0.75,
            "where": {"service": "shop", "rack": 7},
            "team": "data",
        },
    },
    "client": "Sample Monitoring Service",
    "client_url": "https://monitoring.example.com/x",
    "links": [{"href": "https://wiki.example.com/disk", "text": "Runbook"}, {"href": "javascript:alert(1)"}],
    "images": [{"src": "https://chart.example.com/1.png", "alt": "Disk"}],
}


class TestPagerDuty(SourceContract):
    good: ClassVar[Any] = EVENT

    @pytest.fixture
    def source(self) -> Source:
        return PagerDutySource()


def test_a_trigger() -> None:
    parsed = parse(PagerDutySource(), EVENT)
    (alert,) = parsed.alerts
    assert parsed.problems == ()
    assert alert.labels == {
        "alertname": "DISK at 99% on machine prod-datapipe03.example.com",
        "severity": "critical",
        "source": "prod-datapipe03.example.com",
        "component": "mysql",
        "group": "prod-datapipe",
        "class": "disk",
        "team": "data",
    }
    assert alert.annotations == {
        "summary": "DISK at 99% on machine prod-datapipe03.example.com",
        "client": "Sample Monitoring Service",
        "link": "https://wiki.example.com/disk",
        "links": "Runbook https://wiki.example.com/disk",
        "images": "Disk https://chart.example.com/1.png",
        "free space": "1%",
        "load avg": "0.75",
        "where.service": "shop",
        "where.rack": "7",
        "team": "data",
    }
    assert alert.generator_url == "https://monitoring.example.com/x"
    assert alert.starts_at.isoformat() == "2026-03-02T08:42:58.315000+00:00"


def test_the_same_key_is_the_same_alert() -> None:
    source = PagerDutySource()
    (first,) = parse(source, EVENT).alerts
    (over,) = parse(source, {"event_action": "resolve", "dedup_key": "srv01/mysql"}).alerts
    acknowledged = parse(source, {"event_action": "acknowledge", "dedup_key": "srv01/mysql"})
    assert over.status == "resolved"
    assert over.fingerprint == first.fingerprint
    assert acknowledged.alerts == ()
    assert acknowledged.acknowledged == (first.fingerprint,)
    (other,) = parse(source, EVENT | {"dedup_key": "srv02/mysql"}).alerts
    assert other.fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"event_action": "explode"}, "event_action"),
        ({"event_action": None}, "event_action"),
        ({"event_action": "resolve", "dedup_key": ""}, "dedup_key"),
        ({"dedup_key": "x" * 256}, "dedup_key"),
        ({"payload": None}, "payload"),
        ({"payload": {"source": "s", "severity": "info"}}, "payload.summary"),
        ({"payload": {"summary": "s", "severity": "info"}}, "payload.source"),
        ({"payload": {"summary": "s", "source": "s"}}, "payload.severity"),
        ({"payload": {"summary": "s", "source": "s", "severity": "bad"}}, "payload.severity"),
    ],
)
def test_what_is_wrong_is_told_by_its_field(change: dict[str, Any], field: str) -> None:
    assert [each for each, _ in refused(PagerDutySource(), EVENT | change)] == [field]


def test_a_wrong_time_and_too_many_details_lose_no_alert() -> None:
    payload = EVENT["payload"] | {"timestamp": "soon", "custom_details": {f"n{at}": at for at in range(200)}}
    parsed = parse(PagerDutySource(), EVENT | {"payload": payload})
    (alert,) = parsed.alerts
    assert alert.starts_at == NOW
    assert len(alert.annotations) == 64
    assert [each.code for each in parsed.problems] == ["bad-time", "too-many"]


def test_version_1() -> None:
    event = {
        "service_key": KEY,
        "event_type": "trigger",
        "incident_key": "srv01/mysql",
        "description": "FAILURE for production/HTTP on machine srv01.example.com",
        "client_url": "https://monitoring.example.com",
        "details": {"ping time": "1500ms"},
        "contexts": [{"type": "link", "href": "https://example.com/a", "text": "A"}, 7],
    }
    (alert,) = parse(PagerDutySource(), event).alerts
    assert alert.summary == "FAILURE for production/HTTP on machine srv01.example.com"
    assert "severity" not in alert.labels
    assert alert.annotations["link"] == "https://example.com/a"
    (same,) = parse(PagerDutySource(), EVENT).alerts
    assert alert.fingerprint == same.fingerprint


SETTINGS = """
[sources.pagerduty.routing_keys.shop]
key_ref = "env:SHOP"
labels = {service = "shop", team = "checkout"}
[sources.pagerduty.routing_keys.mail]
key_ref = "env:MAIL"
"""


def test_routing_keys_of_the_settings() -> None:
    secrets = {"env:SHOP": KEY, "env:MAIL": KEY[::-1]}
    (source,) = sources(load_settings({}, {}, SETTINGS, "tocsin.toml"), lambda ref, field: secrets[ref])
    assert source.proves_itself
    assert asyncio.run(source.admit(arrival(EVENT)))
    for wrong in ("", KEY[1:], KEY + "0", None, 7, "ü" * 32):
        assert not asyncio.run(source.admit(arrival(EVENT | {"routing_key": wrong})))
    assert not asyncio.run(source.admit(arrival(b"{")))
    (alert,) = parse(source, EVENT).alerts
    assert (alert.labels["service"], alert.labels["team"]) == ("shop", "checkout")
    (other,) = parse(source, EVENT | {"routing_key": KEY[::-1]}).alerts
    assert other.fingerprint != alert.fingerprint, "each key has its own alerts"


@pytest.mark.parametrize(
    ("text", "key", "field"),
    [
        (SETTINGS, "short", "sources.pagerduty.routing_keys.shop.key_ref"),
        ('[sources.pagerduty]\nrouting_keys = "x"\n', KEY, "sources.pagerduty.routing_keys"),
        ("[sources.pagerduty]\nkeys = 1\n", KEY, "sources.pagerduty"),
    ],
)
def test_wrong_settings(text: str, key: str, field: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        sources(load_settings({}, {}, text, "tocsin.toml"), lambda ref, at: key)
    assert caught.value.problems[0].field == field
    assert "short" not in str(caught.value)
