"""Our own simple JSON: what a person types into curl, and what goes wrong there."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sources.test_alertmanager import values
from tocsin.adapters.plainalert import FIELDS
from tocsin.adapters.sources.generic import GenericSource
from tocsin.alerts.model import AlertStatus, fingerprint
from tocsin.base import limits
from tocsin.base.problems import Weight
from tocsin.engine.sources import Parsed, SourceError
from tocsin.testing.sources import parse as ask

NOW = datetime(2026, 3, 2, 9, 5, tzinfo=UTC)


SOURCE = GenericSource()


def parse(body: object) -> Parsed:
    return ask(SOURCE, body)


def refused(body: object) -> list[tuple[str, str]]:
    with pytest.raises(SourceError) as caught:
        parse(body)
    assert all(each.message and each.mend for each in caught.value.problems)
    return [(each.field, each.code) for each in caught.value.problems]


def test_a_title_is_enough() -> None:
    parsed = parse({"title": " Checkout down "})
    assert parsed.problems == ()
    (alert,) = parsed.alerts
    assert (alert.name, alert.summary, alert.status) == ("Checkout down", "Checkout down", AlertStatus.FIRING)
    assert (alert.starts_at, alert.ends_at, alert.received_at) == (NOW, None, NOW)
    assert (alert.source, alert.labels) == ("generic", {"alertname": "Checkout down"})
    assert alert.fingerprint == fingerprint(alert.labels)


def test_every_field() -> None:
    (alert,) = parse(
        {
            "title": "Backup failed",
            "status": "Resolved",
            "severity": "warning",
            "description": "Disk of db-1 is full.\nSee the log.",
            "labels": {"host": "db-1", "code": 17, "ok": False, "load": 0.5},
            "annotations": {"runbook": "https://wiki.example/backup"},
            "dedup_key": "backup/db-1",
            "source": "cron",
            "url": "https://cron.example/42",
            "starts_at": "2026-03-02T03:00:00+01:00",
            "ends_at": "2026-03-02T04:00:00Z",
        }
    ).alerts
    assert alert.labels == {
        "alertname": "Backup failed",
        "severity": "warning",
        "source": "cron",
        "host": "db-1",
        "code": "17",
        "ok": "false",
        "load": "0.5",
    }
    assert alert.annotations == {
        "runbook": "https://wiki.example/backup",
        "summary": "Backup failed",
        "description": "Disk of db-1 is full.\nSee the log.",
    }
    assert alert.status is AlertStatus.RESOLVED
    assert (alert.starts_at.hour, alert.ends_at) == (2, datetime(2026, 3, 2, 4, tzinfo=UTC))
    assert alert.generator_url == "https://cron.example/42"


def test_one_alert_is_one_alert_by_its_key_or_its_labels() -> None:
    def of(**fields: object) -> str:
        return parse({"title": "A", **fields}).alerts[0].fingerprint

    assert of(dedup_key="k", severity="critical") == of(dedup_key="k", title="B", status="resolved")
    assert of(dedup_key="k") != of(dedup_key="l")
    assert of(labels={"a": "1"}) == of(labels={"a": "1"}, status="resolved", description="x")
    assert of(labels={"a": "1"}) != of(labels={"a": "2"})
    assert of(dedup_key="A") != of()
    assert len(of()) == len(of(dedup_key="k")) == 16


def test_own_labels_stand_unless_a_field_says_otherwise() -> None:
    (alert,) = parse(
        {"title": "Long words", "severity": "high", "labels": {"alertname": "ShortName", "severity": "x"}}
    ).alerts
    assert (alert.name, alert.summary, alert.labels["severity"]) == ("ShortName", "Long words", "high")


@pytest.mark.parametrize("wrap", [lambda each: each, lambda each: {"alerts": each}])
def test_many_at_once(wrap: object) -> None:
    parsed = parse(wrap([{"title": "A"}, 5, {"titel": "B"}, {"title": "C"}]))  # type: ignore[operator]
    assert [alert.name for alert in parsed.alerts] == ["A", "C"]
    places = [each.field.removeprefix("alerts") for each in parsed.problems]
    assert places == ["[1]", "[2].titel", "[2].title"]
    assert parse(wrap([])).alerts == ()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"title": ""}, ("title", "missing-field")),
        ({"title": None}, ("title", "missing-field")),
        ({"title": 5}, ("title", "wrong-type")),
        ({"title": "x" * (limits.title_chars_max + 1)}, ("title", "too-long")),
        ({"title": "a\0b"}, ("title", "bad-text")),
        ({"status": "broken"}, ("status", "bad-status")),
        ({"severity": 1}, ("severity", "wrong-type")),
        ({"labels": ["a"]}, ("labels", "wrong-type")),
        ({"labels": {"a": None}}, ("labels.a", "wrong-type")),
        ({"labels": {"a": {"b": "c"}}}, ("labels.a", "wrong-type")),
        ({"labels": {"a": int("9" * 4200)}}, ("labels.a", "too-long")),
        ({"annotations": "x"}, ("annotations", "wrong-type")),
        ({"dedup_key": 7}, ("dedup_key", "wrong-type")),
        ({"starts_at": "2026-03-02T09:00:00"}, ("starts_at", "bad-time")),
        ({"ends_at": "soon"}, ("ends_at", "bad-time")),
        ({"starts_at": "2026-03-02"}, ("starts_at", "bad-time")),
    ],
)
def test_a_bad_alert_is_refused_by_its_field(fields: dict, wanted: tuple[str, str]) -> None:
    assert refused({"title": "A", **fields}) == [wanted]


def test_a_long_description_is_cut_and_costs_no_alert() -> None:
    long = "x" * (limits.annotation_chars_max + 1)
    parsed = parse({"title": "A", "description": long, "annotations": {"runbook": f"a\0{long}"}})
    (alert,) = parsed.alerts
    assert alert.annotations["description"] == long[:-1]
    assert alert.annotations["runbook"].startswith("a\ufffdx")
    assert {(each.code, each.severity) for each in parsed.problems} == {("shortened", Weight.WARNING)}


def test_a_typo_is_told_and_costs_no_alert() -> None:
    parsed = parse({"title": "A", "severty": "critical", "\0" * 200: 1})
    assert len(parsed.alerts) == 1
    assert [(each.field[:9], each.code, each.severity) for each in parsed.problems] == [
        ("severty", "unknown-field", Weight.WARNING),
        ('"????????', "unknown-field", Weight.WARNING),
    ]
    assert parsed.problems[0].mend == "Did you mean 'severity'?"


def test_no_address_that_a_browser_would_run_is_kept() -> None:
    for url in ("javascript:alert(1)", "https://[", "ftp://x", "//x", "https:///x", "https://x/\n"):
        parsed = parse({"title": "A", "url": url + "y"})
        assert parsed.alerts[0].generator_url == ""
        assert [each.code for each in parsed.problems] == ["bad-url"]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"", ("", "not-json")),
        (b"title=A", ("", "not-json")),
        (b'"A"', ("the body", "wrong-type")),
        (b"{}", ("title", "missing-field")),
        (b'{"alerts": 5}', ("alerts", "wrong-type")),
        (b"[5]", ("[0]", "wrong-type")),
        (b'{"title": "A", "x": NaN}', ("", "not-json")),
    ],
)
def test_what_cannot_be_read_at_all(body: bytes, wanted: tuple[str, str]) -> None:
    assert refused(body) == [wanted]


alerts = st.dictionaries(
    st.sampled_from([*FIELDS, "alerts", "x"]),
    st.one_of(values, st.just("A"), st.text("a\0", max_size=3)),
    max_size=8,
)


@given(st.one_of(alerts, st.lists(alerts, max_size=3), values))
@settings(deadline=None)
def test_no_document_brings_another_error(document: object) -> None:
    try:
        parsed = parse(document)
    except SourceError as error:
        assert error.problems  # noqa: PT017 - both ways out are right
    else:
        assert all(alert.starts_at.tzinfo is UTC and alert.name for alert in parsed.alerts)
