"""Notifications of Cloudflare: health that goes and comes back, other types, and the try of a destination."""

import asyncio
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from tests.sources.recorded import changed, recorded
from tocsin.adapters.sources.cloudflare import CloudflareSource, sources
from tocsin.alerts.model import Alert, AlertStatus
from tocsin.config import load_settings
from tocsin.engine.sources import Source
from tocsin.testing.sources import NOW, SourceContract, arrival, parse, refused

SOURCE = CloudflareSource([b"new secret", b"old secret"])
CHECK = recorded("cloudflare_health_check")
OLD_CHECK = recorded("cloudflare_health_check_before_2026")
POOL = recorded("cloudflare_load_balancing")
DDOS = recorded("cloudflare_ddos")
CERTIFICATE = recorded("cloudflare_certificate")


def alert_of(body: dict[str, Any]) -> Alert:
    parsed = parse(SOURCE, body)
    assert parsed.problems == ()
    (alert,) = parsed.alerts
    return alert


class TestContract(SourceContract):
    good: ClassVar[Any] = CHECK

    @pytest.fixture
    def source(self) -> Source:
        return SOURCE


class TestContractOfOthers(SourceContract):
    good: ClassVar[Any] = DDOS

    @pytest.fixture
    def source(self) -> Source:
        return SOURCE


def test_a_health_check_that_fails() -> None:
    alert = alert_of(CHECK)
    assert alert.labels == {
        "alertname": "health_check_status_notification",
        "policy": "Shop health",
        "severity": "critical",
        "account": "Harbour",
        "zone": "shop.example",
        "health_check": "shop-web",
        "origin": "192.0.2.10",
        "status": "Unhealthy",
    }
    assert alert.summary == "shop-web (192.0.2.10) is unhealthy: TCP connection failed"
    assert alert.annotations["failing_regions"] == "WEU, ENAM"
    assert alert.annotations["description"].startswith("Health check shop-web changed")
    assert (alert.status, alert.starts_at) == (AlertStatus.FIRING, datetime(2026, 3, 2, 9, tzinfo=UTC))


def test_health_that_comes_back_clears_by_whichever_field_tells_it() -> None:
    bad = alert_of(CHECK)
    healthy = {"data__new_status": "Healthy", "data__new_health_status": "Healthy", "ts": 1772443000}
    for other in (
        {"alert_event": "ALERT_STATE_EVENT_END"},
        {"alert_event": None},
        # The correlation may be another one, and the end need not name the origin.
        {"alert_correlation_id": "another", "data__origin_ip": None, "data__reason": ""},
    ):
        good = alert_of(changed(CHECK, **healthy, **other))
        assert (good.status, good.ends_at) == (
            AlertStatus.RESOLVED,
            datetime(2026, 3, 2, 9, 16, 40, tzinfo=UTC),
        )
        assert good.fingerprint == bad.fingerprint
    assert alert_of(changed(CHECK, data__health_check_id="another")).fingerprint != bad.fingerprint


def test_the_format_of_before() -> None:
    alert = alert_of(OLD_CHECK)
    assert alert.labels["health_check"] == "shop-web"
    assert alert.summary == "shop-web is unhealthy: TCP connection failed"
    good = alert_of(changed(OLD_CHECK, data__status="Healthy"))
    assert (good.status, good.fingerprint) == (AlertStatus.RESOLVED, alert.fingerprint)


def test_a_pool_and_its_origins() -> None:
    alert = alert_of(POOL)
    assert alert.summary == "shop-eu (web-1) is unhealthy: HTTP timeout occurred"
    assert (alert.labels["pool"], alert.labels["origin"]) == ("shop-eu", "web-1")
    other = alert_of(changed(POOL, data__origin_name="web-2"))
    assert other.fingerprint != alert.fingerprint
    assert alert_of(changed(POOL, data__new_health="Degraded")).labels["severity"] == "warning"
    good = alert_of(changed(POOL, data__new_health="Healthy"))
    assert (good.status, good.fingerprint) == (AlertStatus.RESOLVED, alert.fingerprint)


def test_a_tunnel() -> None:
    body = changed(
        POOL,
        alert_type="tunnel_health_event",
        data={"tunnel_id": "t1", "tunnel_name": "office", "new_status": "TUNNEL_STATUS_TYPE_DOWN"},
    )
    assert alert_of(body).summary == "office is down"
    body["data"]["new_status"] = "TUNNEL_STATUS_TYPE_HEALTHY"
    assert alert_of(body).status is AlertStatus.RESOLVED


def test_other_types_are_the_same_by_their_correlation() -> None:
    alert = alert_of(DDOS)
    assert alert.labels["severity"] == "critical"
    assert alert.labels["hostname"] == "shop.example"
    assert alert.summary == "HTTP DDoS attack on shop.example"
    assert alert.generator_url == "https://dash.cloudflare.com/security/events"
    assert alert.annotations["requests_per_second"] == "52000"
    end = alert_of(changed(DDOS, alert_event="ALERT_STATE_EVENT_END"))
    assert (end.status, end.fingerprint) == (AlertStatus.RESOLVED, alert.fingerprint)
    assert alert_of(changed(DDOS, alert_correlation_id="b")).fingerprint != alert.fingerprint


def test_what_nobody_knows_is_an_alert_too() -> None:
    alert = alert_of(CERTIFICATE)
    assert (alert.labels["severity"], alert.status) == ("warning", AlertStatus.FIRING)
    named = {"name": "Something new", "text": "It happened", "data": {"a": {"b": 1}, "c": "d"}}
    fresh = alert_of(named)
    assert (fresh.name, fresh.summary, fresh.starts_at) == ("Something new", "It happened", NOW)
    assert fresh.annotations["c"] == "d"
    assert alert_of(changed(CHECK, alert_type="maintenance_event_notification")).labels["severity"] == "info"


def test_a_destination_that_is_tried_out() -> None:
    for body, content_type in (
        (b"Hello World! This is a test message.", "text/plain"),
        (b"", "text/plain"),
        (recorded("cloudflare_test"), "application/json"),
        (recorded("cloudflare_test"), "text/plain;charset=UTF-8"),
    ):
        parsed = parse(SOURCE, body, {"content-type": content_type})
        assert (parsed.alerts, parsed.problems, parsed.said) == ((), (), "Tocsin hears you.")


@pytest.mark.parametrize("ts", [0, -1, 10**18, "soon", True, 1.5])
def test_a_time_that_makes_no_sense_costs_no_alert(ts: object) -> None:
    parsed = parse(SOURCE, changed(CHECK, ts=ts))
    assert parsed.alerts[0].starts_at == NOW
    assert [each.code for each in parsed.problems] == ["bad-time"]


def test_much_data_is_cut_and_costs_no_alert() -> None:
    data = {f"k{number}": "v" for number in range(200)} | {"x" * 300: "v", "a\0": "v", "long": "y" * 20_000}
    parsed = parse(SOURCE, changed(CHECK, data={"long": "y" * 20_000, **data}))
    (alert,) = parsed.alerts
    assert len(alert.annotations) <= 66
    assert {each.code for each in parsed.problems} == {"shortened", "too-many"}


def test_what_is_no_notification() -> None:
    assert refused(SOURCE, {"text": "x"}) == [("alert_type", "missing-field")]
    assert refused(SOURCE, {"alert_type": 7}) == [("alert_type", "wrong-type")]
    assert refused(SOURCE, {"alert_type": "a", "data": "x"}) == [("data", "wrong-type")]
    assert refused(SOURCE, b"{", {"content-type": "text/plain"}) == [("", "not-json")]


def test_the_same_notification_is_known_by_its_time() -> None:
    assert parse(SOURCE, CHECK).delivery == parse(SOURCE, CHECK).delivery != ""
    assert parse(SOURCE, changed(CHECK, ts=1)).delivery != parse(SOURCE, CHECK).delivery
    assert parse(SOURCE, changed(CHECK, ts=None)).delivery == ""


def test_who_is_let_in() -> None:
    def admitted(secret: str | None) -> bool:
        headers = {} if secret is None else {"cf-webhook-auth": secret}
        return asyncio.run(SOURCE.admit(arrival(CHECK, headers)))

    assert admitted("new secret")
    assert admitted("old secret")
    for bad in (None, "", "new", "new secret ", "é"):
        assert not admitted(bad)


def test_the_settings() -> None:
    text = '[sources.cloudflare]\nsecret_ref = "env:A"\n'
    (made,) = sources(load_settings({}, {}, text, "tocsin.toml"), lambda ref, field: ref)
    assert isinstance(made, CloudflareSource)
    assert sources(load_settings({}, {}, "", "tocsin.toml"), lambda ref, field: ref) == ()
