"""Alerts of Opsgenie: what becomes of their fields."""

from typing import Any, ClassVar

import pytest

from tocsin.adapters.sources.opsgenie import OpsgenieSource
from tocsin.engine.sources import Source
from tocsin.testing.sources import SourceContract, parse, refused

ALERT: dict[str, Any] = {
    "message": "An example alert message",
    "alias": "Life is too short for no alias",
    "description": "Every alert needs a description",
    "responders": [
        {"name": "NOC", "type": "team"},
        {"username": "trinity@example.org", "type": "user"},
        {"id": "4513b7ea"},
    ],
    "visibleTo": [{"name": "rocket_team", "type": "team"}],
    "actions": ["Restart", "AnExampleAction"],
    "tags": ["OverwriteQuietHours", "Critical", "service:shop"],
    "details": {"key1": "value1", "team": "checkout"},
    "entity": "An example entity",
    "source": "Zenoss",
    "user": "Tomás",
    "note": "Seen since nine",
    "priority": "P1",
}


class TestOpsgenie(SourceContract):
    good: ClassVar[Any] = ALERT

    @pytest.fixture
    def source(self) -> Source:
        return OpsgenieSource()


def test_an_alert() -> None:
    parsed = parse(OpsgenieSource(), ALERT)
    (alert,) = parsed.alerts
    assert parsed.problems == ()
    assert alert.labels == {
        "alertname": "An example alert message",
        "priority": "P1",
        "source": "Zenoss",
        "entity": "An example entity",
        "tags": "OverwriteQuietHours,Critical,service:shop",
        "service": "shop",
        "team": "checkout",
    }
    assert alert.annotations["responders"] == "NOC, trinity@example.org, 4513b7ea"
    assert alert.annotations["description"] == "Every alert needs a description"
    assert (alert.annotations["key1"], alert.annotations["note"]) == ("value1", "Seen since nine")
    (again,) = parse(OpsgenieSource(), {"message": "Other words", "alias": ALERT["alias"]}).alerts
    assert again.fingerprint == alert.fingerprint
    assert again.labels["priority"] == "P3"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"message": ""}, "message"),
        ({"message": 7}, "message"),
        ({"priority": "P6"}, "priority"),
        ({"alias": "x" * 513}, "alias"),
    ],
)
def test_what_is_wrong_is_told_by_its_field(change: dict[str, Any], field: str) -> None:
    assert [each for each, _ in refused(OpsgenieSource(), ALERT | change)] == [field]
