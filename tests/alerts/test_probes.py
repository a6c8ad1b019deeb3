"""Probes: one failure is none, and one success does not end an outage."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tocsin.alerts.model import AlertStatus
from tocsin.alerts.probes import (
    Found,
    HttpCheck,
    Looked,
    Probe,
    TcpCheck,
    after,
    alert_of,
    gone,
    kind_of,
    wants_alert,
)
from tocsin.base import limits

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SHOP = Probe(
    name="shop",
    check=HttpCheck(url="https://shop.example/health", headers={"Authorization": "Bearer not-for-you"}),
    target="https://shop.example/health",
    labels={"service": "shop"},
)


def run(results: str, probe: Probe = SHOP) -> tuple[Looked, str]:
    """What is known after these results (`.` fine, `x` not), and when the alert fired: one mark a look."""
    looked, seen = Looked(name=probe.name), ""
    for number, each in enumerate(results):
        reason = "" if each == "." else "it answered 503 instead of 200"
        found = Found(at=NOON + number * probe.every, reason=reason, took=timedelta(seconds=1))
        looked = after(probe, looked, found)
        looked = replace(looked, alerting=wants_alert(probe, looked))
        seen += "!" if looked.alerting else "-"
    return looked, seen


def test_an_alert_takes_failures_in_a_row_and_ends_with_successes_in_a_row() -> None:
    assert run("..x..x.x.")[1] == "---------"
    assert run(".xx......")[1] == "--!!-----"
    assert run("xx.x.x..")[1] == "-!!!!!!-"
    assert run("xxx..")[1] == "-!!!-"


def test_the_numbers_can_be_set() -> None:
    slow = replace(SHOP, failures=4, successes=3)
    assert run("xxxx......", slow)[1] == "---!!!----"


def test_the_alert_says_what_is_wrong() -> None:
    looked, _ = run(".xx")
    alert = alert_of(SHOP, replace(looked, alerting=False), NOON + timedelta(minutes=2))
    assert alert.status is AlertStatus.FIRING
    assert alert.summary == "shop: it answered 503 instead of 200."
    assert alert.annotations["description"] == (
        "https://shop.example/health failed 2 times in a row: it answered 503 instead of 200."
    )
    assert alert.labels == {"alertname": "ProbeFailed", "check": "http", "service": "shop", "probe": "shop"}
    assert alert.starts_at == NOON + timedelta(minutes=1), "since the first of the failures"
    looked, _ = run(".xx..")
    cleared = alert_of(SHOP, replace(looked, alerting=True), NOON + timedelta(minutes=4))
    assert (cleared.status, cleared.fingerprint) == (AlertStatus.RESOLVED, alert.fingerprint)
    assert gone("shop", NOON).fingerprint == alert.fingerprint


def test_what_is_long_past_is_not_in_a_row() -> None:
    looked, _ = run("x")
    found = Found(at=NOON + timedelta(hours=8), reason="no answer", took=timedelta(0))
    assert not wants_alert(SHOP, after(SHOP, looked, found))


def test_no_header_is_ever_shown() -> None:
    assert "not-for-you" not in repr(SHOP)
    assert kind_of(replace(SHOP, check=TcpCheck(host="x", port=1))) == "tcp"


@given(st.text(".x", max_size=200))
def test_whatever_comes(results: str) -> None:
    looked, seen = run(results)
    assert len(looked.results) == min(len(results), limits.probe_results_kept)
    for number, mark in enumerate(seen):
        before = seen[number - 1] if number else "-"
        if before == "-" and mark == "!":
            assert results[number - 1 : number + 1] == "xx"
        if before == "!" and mark == "-":
            assert results[number - 1 : number + 1] == ".."
