"""CloudEvents 1.0 in its three content modes, with data that is an alert and data that is none."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from tests.sources.recorded import changed, recorded
from tocsin.adapters.sources.cloudevents import CloudEventsSource
from tocsin.alerts.model import Alert, AlertStatus
from tocsin.engine.sources import Parsed, Source
from tocsin.testing.sources import SourceContract, parse, refused

SOURCE = CloudEventsSource()
EVENT = recorded("cloudevents_structured")
ALERT = recorded("cloudevents_alert")
STRUCTURED = {"content-type": "application/cloudevents+json; charset=UTF-8"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
BINARY = {
    "content-type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "8f1c-0001",
    "ce-source": "https://backup.example/jobs/nightly",
    "ce-type": "example.backup.failed",
    "ce-subject": "db-1",
    "ce-time": "2026-03-02T08:59:30Z",
    "ce-severity": "critical",
    "ce-region": "eu",
}


class TestContract(SourceContract):
    good: ClassVar[Any] = EVENT
    headers: ClassVar[dict[str, str]] = STRUCTURED

    @pytest.fixture
    def source(self) -> Source:
        return SOURCE


class TestContractOfAlerts(SourceContract):
    good: ClassVar[Any] = ALERT
    headers: ClassVar[dict[str, str]] = STRUCTURED

    @pytest.fixture
    def source(self) -> Source:
        return SOURCE


class TestContractOfBatches(SourceContract):
    good: ClassVar[Any] = [EVENT, ALERT]
    headers: ClassVar[dict[str, str]] = BATCH

    @pytest.fixture
    def source(self) -> Source:
        return SOURCE


class TestContractOfBinary(SourceContract):
    good: ClassVar[Any] = ALERT["data"]
    headers: ClassVar[dict[str, str]] = BINARY

    @pytest.fixture
    def source(self) -> Source:
        return SOURCE


def ask(body: object, headers: dict[str, str] = STRUCTURED) -> Parsed:
    parsed = parse(SOURCE, body, headers)
    assert parsed.problems == ()
    return parsed


def alert_of(body: object, headers: dict[str, str] = STRUCTURED) -> Alert:
    (alert,) = ask(body, headers).alerts
    return alert


def test_an_event_of_any_kind() -> None:
    alert = alert_of(EVENT)
    assert alert.labels == {
        "alertname": "example.backup.failed",
        "type": "example.backup.failed",
        "source": "https://backup.example/jobs/nightly",
        "subject": "db-1",
        "severity": "critical",
        "region": "eu",
    }
    assert alert.annotations == {
        "code": "17",
        "target": "db-1",
        "message": "The disk is full",
        "event": "8f1c-0001",
        "summary": "example.backup.failed",
    }
    assert (alert.status, alert.starts_at) == (
        AlertStatus.FIRING,
        datetime(2026, 3, 2, 8, 59, 30, tzinfo=UTC),
    )


def test_data_that_is_an_alert_speaks_for_itself() -> None:
    alert = alert_of(ALERT)
    assert (alert.name, alert.summary) == ("The cold room is warm",) * 2
    assert (alert.labels["severity"], alert.labels["room"]) == ("critical", "cold-1")
    assert (alert.labels["source"], alert.labels["type"]) == ("/sensors/tn-1234567", "example.sensor.alert")
    assert alert.annotations["description"] == "9 °C for 20 minutes"
    assert alert.generator_url == "https://sensors.example/1234567"
    ended = changed(ALERT, id="8f1c-0003", data__status="resolved", time="2026-03-02T09:30:00Z")
    good = alert_of(ended)
    assert (good.status, good.ends_at) == (AlertStatus.RESOLVED, datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
    assert good.fingerprint == alert.fingerprint
    assert alert_of(changed(ALERT, source="/sensors/2")).fingerprint != alert.fingerprint


def test_a_status_ends_an_alert_without_a_title() -> None:
    bad = alert_of(changed(EVENT, data={"status": "firing"}))
    good = alert_of(changed(EVENT, id="2", data={"status": "Resolved"}))
    assert (good.status, good.fingerprint) == (AlertStatus.RESOLVED, bad.fingerprint)
    assert bad.fingerprint == alert_of(EVENT).fingerprint
    for other in ({"subject": "db-2"}, {"type": "x"}, {"source": "/x"}, {"subject": None}):
        assert alert_of(changed(EVENT, **other)).fingerprint != bad.fingerprint


def test_data_that_uses_our_names_for_its_own_ends_costs_no_alert() -> None:
    data = {"status": "shipped", "labels": ["a"], "starts_at": "soon", "severity": 5}
    alert = alert_of(changed(EVENT, data=data))
    assert alert.status is AlertStatus.FIRING
    assert alert.annotations["status"] == "shipped"


def test_binary_mode_is_the_same_event() -> None:
    same = ask(EVENT["data"], BINARY)
    assert same.alerts == ask(EVENT).alerts
    assert same.delivery == ask(EVENT).delivery


def test_headers_are_decoded() -> None:
    subject = {"ce-subject": "K%C3%BChlraum%20%22Nord%22"}
    assert alert_of(b"", BINARY | subject).labels["subject"] == 'Kühlraum "Nord"'
    quoted = {"ce-subject": '"say \\"cold\\" %25"'}
    assert alert_of(b"", BINARY | quoted).labels["subject"] == 'say "cold" %'
    torn = {"ce-subject": "%ff%zz"}
    assert alert_of(b"", BINARY | torn).labels["subject"] == "\ufffd%zz"


def test_data_of_other_types() -> None:
    text = alert_of("Kühl".encode(), BINARY | {"content-type": "text/plain"})
    assert text.annotations["description"] == "Kühl"
    assert alert_of(b"\xff\xfe", BINARY | {"content-type": "image/png"}).annotations["description"]
    xml = alert_of(changed(EVENT, data="<a/>", datacontenttype="application/xml"))
    assert xml.annotations["description"] == "<a/>"
    assert alert_of(changed(EVENT, data=[1, "é"])).annotations["description"] == '[1, "é"]'
    assert "description" not in alert_of(changed(EVENT, data=None)).annotations
    encoded = b64encode(json.dumps(ALERT["data"]).encode()).decode()
    assert alert_of(changed(EVENT, data=None, data_base64=encoded)).name == "The cold room is warm"
    raw = changed(EVENT, data=None, data_base64=b64encode(b"plain").decode())
    assert alert_of(raw).annotations["description"] == "plain"


def test_a_batch() -> None:
    parsed = ask([EVENT, ALERT], BATCH)
    assert len(parsed.alerts) == 2
    assert parsed.delivery
    assert parsed.delivery != ask([EVENT], BATCH).delivery
    assert ask([], BATCH).alerts == ()
    torn = parse(SOURCE, [EVENT, {"specversion": "1.0"}, 7], BATCH)
    assert len(torn.alerts) == 1
    assert [each.field for each in torn.problems] == ["[1].id", "[2]"]
    assert torn.delivery == ""


def test_a_batch_is_told_by_its_content_type_or_by_its_looks() -> None:
    plain = {"content-type": "application/json"}
    assert ask([EVENT], plain).alerts == ask([EVENT], BATCH).alerts
    assert ask(EVENT, plain).alerts == ask(EVENT).alerts
    assert refused(SOURCE, EVENT, BATCH) == [("the body", "wrong-type")]
    assert refused(SOURCE, [EVENT], STRUCTURED) == [("the body", "wrong-type")]


def test_the_source_and_the_id_are_the_delivery() -> None:
    known = ask(EVENT).delivery
    assert known
    assert ask(changed(EVENT, data={}, type="x")).delivery == known
    assert ask(changed(EVENT, id="2")).delivery != known
    assert ask(changed(EVENT, source="/x")).delivery != known


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"specversion": None}, ("specversion", "bad-version")),
        ({"specversion": "0.3"}, ("specversion", "bad-version")),
        ({"id": None}, ("id", "missing-field")),
        ({"id": 7}, ("id", "wrong-type")),
        ({"source": " "}, ("source", "missing-field")),
        ({"type": None}, ("type", "missing-field")),
        ({"type": "x" * 3_000}, ("type", "too-long")),
        ({"time": "yesterday"}, ("time", "bad-time")),
        ({"time": "0001-01-02T00:00:00Z"}, ("time", "bad-time")),
        ({"data_base64": "%"}, ("data_base64", "bad-base64")),
        ({"data_base64": 7}, ("data_base64", "wrong-type")),
        ({"data": {"title": "A", "status": "on fire"}}, ("data.status", "bad-status")),
        ({"data": {"title": "A", "labels": {"a": None}}}, ("data.labels.a", "wrong-type")),
    ],
)
def test_what_is_no_event(fields: dict[str, object], wanted: tuple[str, str]) -> None:
    assert refused(SOURCE, changed(EVENT, **fields), STRUCTURED) == [wanted]


def test_what_is_no_event_in_binary_mode() -> None:
    assert refused(SOURCE, b"{", BINARY) == [("", "not-json")]
    headers = {name: value for name, value in BINARY.items() if name != "ce-id"}
    assert refused(SOURCE, b"", headers) == [("id", "missing-field")]
    assert refused(SOURCE, b"{}", {"content-type": "text/plain"}) == [("specversion", "bad-version")]


def test_many_extensions_leave_room() -> None:
    many = {f"x{number}": number for number in range(1_000)} | {"not-a-name": "x", "Upper": "x"}
    alert = alert_of(EVENT | many)
    assert len(alert.labels) <= 64
    assert alert.labels["source"] == EVENT["source"]
    assert "not-a-name" not in alert.labels
