"""What an alert is called."""

from datetime import UTC, datetime

import pytest

from tocsin.alerts.model import Alert, AlertStatus, fingerprint

AT = datetime(2026, 12, 25, tzinfo=UTC)


def alert(labels: dict[str, str], summary: str) -> Alert:
    return Alert(
        fingerprint=fingerprint(labels),
        status=AlertStatus.FIRING,
        labels=labels,
        annotations={"summary": summary} if summary else {},
        starts_at=AT,
        received_at=AT,
        source="test",
    )


@pytest.mark.parametrize(
    ("name", "summary", "title"),
    [
        ("HighErrorRate", "checkout fails", "HighErrorRate: checkout fails"),
        ("HighErrorRate", "High error rates at checkout", "High error rates at checkout"),
        ("HighErrorRate", "HighErrorRate of 7 %", "HighErrorRate of 7 %"),
        ("InstanceDown", "Instance db-1 is down", "Instance db-1 is down"),
        ("InstanceDown", "db-1 is gone", "InstanceDown: db-1 is gone"),
        ("HTTPServerSlow", "The http server slows down", "The http server slows down"),
        ("disk_full", "97 % of /var", "disk_full: 97 % of /var"),
        ("NobodyReachable", "Nobody could be reached", "Nobody could be reached"),
        ("Disk9", "disk 9 is full", "disk 9 is full"),
        ("Störung", "Die Störung hält an", "Die Störung hält an"),
        ("A", "An apple", "A: An apple"),
        ("CheckoutDown", "", "CheckoutDown"),
        ("...", "Something", "Something"),
    ],
)
def test_the_title_says_which_alert_it_is(name: str, summary: str, title: str) -> None:
    assert alert({"alertname": name}, summary).title == title


def test_an_alert_without_a_name_has_its_summary_alone() -> None:
    assert alert({"service": "shop"}, "It fails").title == "It fails"
    assert alert({"name": "ShopSlow"}, "It fails").title == "ShopSlow: It fails"
    assert alert({}, "").title == "Unnamed alert"
