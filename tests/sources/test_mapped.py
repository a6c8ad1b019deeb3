"""Mappings: those that come along read what their senders send, and those of the settings what they say."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.adapters.sources.mapped import shipped, sources
from tocsin.alerts.model import Alert
from tocsin.base.problems import ProblemsError
from tocsin.config import Settings
from tocsin.config.load import load_settings
from tocsin.engine.sources import Source, SourceError
from tocsin.testing.sources import NOW, SourceContract, arrival, parse, refused

BODIES = Path(__file__).with_name("bodies")


def body(name: str) -> Any:
    """A recorded body."""
    return json.loads((BODIES / f"{name}.json").read_text(encoding="utf-8"))


def made(text: str = "", secrets: dict[str, str] | None = None) -> dict[str, Source]:
    """The sources under these settings."""
    loaded: Settings = load_settings({}, {}, text, "tocsin.toml")
    return {each.kind: each for each in sources(loaded, lambda ref, field: (secrets or {})[ref])}


def one(kind: str, given: object) -> Alert:
    parsed = parse(made()[kind], given)
    assert parsed.problems == ()
    (alert,) = parsed.alerts
    return alert


def test_those_that_come_along() -> None:
    assert set(shipped()) == {"nagios", "zabbix", "uptime-kuma", "sentry", "datadog"}
    assert set(made()) == set(shipped())


def test_nagios() -> None:
    alert = one("nagios", body("nagios-problem"))
    assert alert.name == "HTTP on web-1"
    assert alert.status == "firing"
    assert alert.labels["severity"] == "critical"
    assert (alert.labels["host"], alert.labels["check"]) == ("web-1", "HTTP")
    assert "hostgroups" in alert.labels
    assert alert.annotations["description"].startswith("HTTP CRITICAL")
    over = one("nagios", body("nagios-problem") | {"type": "RECOVERY", "state": "OK"})
    assert over.status == "resolved"
    assert over.fingerprint == alert.fingerprint
    assert "severity" not in over.labels
    worse = one("nagios", body("nagios-problem") | {"state": "WARNING"})
    assert worse.fingerprint == alert.fingerprint
    host = one("nagios", body("nagios-problem") | {"service": "", "state": "DOWN"})
    assert host.name == "Host web-1"
    assert host.fingerprint != alert.fingerprint


def test_nagios_says_that_somebody_works_on_it() -> None:
    (alert,) = parse(made()["nagios"], body("nagios-problem")).alerts
    parsed = parse(made()["nagios"], body("nagios-problem") | {"type": "ACKNOWLEDGEMENT"})
    assert parsed.alerts == parsed.problems == ()
    assert parsed.acknowledged == (alert.fingerprint,)


@pytest.mark.parametrize("kind", ["CUSTOM", "DOWNTIMESTART", "FLAPPINGSTART", "DOWNTIMEREMOVED"])
def test_nagios_speaks_of_what_is_no_alert(kind: str) -> None:
    parsed = parse(made()["nagios"], body("nagios-problem") | {"type": kind})
    assert parsed.alerts == parsed.problems == ()


def test_zabbix() -> None:
    alert = one("zabbix", body("zabbix-problem"))
    assert alert.summary == "High CPU utilization (over 90% for 5m)"
    assert alert.labels["severity"] == "low"
    assert (alert.labels["scope"], alert.labels["component"]) == ("performance", "cpu")
    assert alert.generator_url.endswith("eventid=151")
    over = one("zabbix", body("zabbix-problem") | {"event_value": "0"})
    assert (over.status, over.fingerprint) == ("resolved", alert.fingerprint)
    assert refused(made()["zabbix"], body("zabbix-problem") | {"event_value": "{EVENT.VALUE}"}) == [
        ("mappings.zabbix.status", "bad-status")
    ]


def test_uptime_kuma() -> None:
    alert = one("uptime-kuma", body("uptime-kuma-down"))
    assert (alert.name, alert.status) == ("Shop", "firing")
    assert alert.labels["service"] == "shop"
    assert alert.starts_at == datetime(2026, 3, 2, 9, 4, 35, 527_000, UTC)
    up = body("uptime-kuma-down")
    up["heartbeat"]["status"] = 1
    assert (one("uptime-kuma", up).status, one("uptime-kuma", up).fingerprint) == (
        "resolved",
        alert.fingerprint,
    )
    up["heartbeat"]["status"] = 3
    assert parse(made()["uptime-kuma"], up).alerts == ()
    tested = {"heartbeat": None, "monitor": None, "msg": "Tocsin Testing"}
    assert parse(made()["uptime-kuma"], tested).alerts == ()
    notice = {"heartbeat": None, "monitor": None, "msg": "[Shop] certificate will expire in 7 days"}
    assert one("uptime-kuma", notice).status == "firing"


def test_sentry() -> None:
    alert = one("sentry", body("sentry-event-alert"))
    assert alert.name == "ReferenceError: heck is not defined"
    assert (alert.labels["severity"], alert.labels["environment"]) == ("high", "production")
    assert alert.labels["rule"] == "Very Important Alert Rule!"
    over = one("sentry", body("sentry-issue-resolved"))
    assert (over.status, over.fingerprint) == ("resolved", alert.fingerprint)
    assert over.labels["project"] == "front-end"
    metric = one("sentry", body("sentry-metric-alert"))
    assert (metric.name, metric.labels["severity"]) == ("Too many errors", "critical")
    assert metric.labels["project"] == "bar"
    done = one("sentry", body("sentry-metric-alert") | {"action": "resolved"})
    assert (done.status, done.fingerprint) == ("resolved", metric.fingerprint)
    for other in (
        {"action": "created", "data": {"installation": {"uuid": "x"}}},
        {"action": "created", "data": {}},
    ):
        assert parse(made()["sentry"], other).alerts == ()


def test_datadog_with_the_default_payload() -> None:
    alert = one("datadog", body("datadog-default"))
    assert (alert.name, alert.status) == ("CPU is high", "firing")
    assert alert.starts_at == datetime.fromtimestamp(1_772_442_275, UTC)
    over = one("datadog", body("datadog-default") | {"title": "[Recovered on {host:web-1}] CPU is high"})
    assert (over.status, over.fingerprint) == ("resolved", alert.fingerprint)
    other = one("datadog", body("datadog-default") | {"title": "[Triggered on {host:web-2}] CPU is high"})
    assert other.fingerprint != alert.fingerprint


def test_datadog_with_the_documented_payload() -> None:
    alert = one("datadog", body("datadog-documented"))
    assert alert.labels["severity"] == "P2"
    assert (alert.labels["env"], alert.labels["service"]) == ("prod", "shop")
    over = one("datadog", body("datadog-documented") | {"transition": "Recovered", "type": "success"})
    assert (over.status, over.fingerprint) == ("resolved", alert.fingerprint)


AT = 1_772_442_275
OWN = """
[mappings.deploys]
alerts = "events"
title = "name"
status = "state"
firing_when = ["failed"]
resolved_when = ["passed"]
ignored_when = ["running"]
acknowledged_when = ["seen"]
starts_at = "at"
[mappings.deploys.labels]
service = "service"
[mappings.deploys.annotations]
log = "log"
"""


def test_one_of_the_settings() -> None:
    events = [
        {
            "name": "Deploy of shop",
            "state": "failed",
            "service": "shop",
            "at": 1_772_442_275,
            "log": ["a", 1, True],
        },
        {"name": "Deploy of search", "state": "running"},
        {"name": "Deploy of shop", "state": "seen", "service": "shop"},
        {"state": "seen"},
        {"name": "Deploy of mail", "state": "lost"},
        {"state": "passed"},
        7,
    ]
    parsed = parse(made(OWN)["deploys"], {"events": events})
    (alert,) = parsed.alerts
    assert alert.labels == {"service": "shop", "alertname": "Deploy of shop"}
    assert parsed.acknowledged == (alert.fingerprint,)
    assert alert.annotations["log"] == "a, 1, true"
    assert alert.starts_at == datetime.fromtimestamp(1_772_442_275, UTC)
    assert [(each.field, each.code) for each in parsed.problems] == [
        ("mappings.deploys.alerts[1].status", "bad-status"),
        ("mappings.deploys.alerts[2].title", "missing-field"),
        ("mappings.deploys.alerts[3]", "wrong-type"),
    ]
    assert "'name' gives nothing" in parsed.problems[1].message
    assert refused(made(OWN)["deploys"], {"events": 7}) == [("mappings.deploys.alerts", "wrong-type")]
    assert parse(made(OWN)["deploys"], {"events": []}).alerts == ()


def test_what_is_not_worth_losing_an_alert_over_is_a_note() -> None:
    event = {"name": "N", "state": "failed", "service": {"a": 1}, "at": "yesterday", "log": "x" * 20_000}
    parsed = parse(made(OWN)["deploys"], {"events": [event]})
    (alert,) = parsed.alerts
    assert alert.starts_at == NOW
    assert len(alert.annotations["log"]) == 16_384
    assert {each.code for each in parsed.problems} == {"bad-time", "wrong-type", "shortened"}


def test_one_of_the_settings_takes_the_place_of_one_that_comes_along() -> None:
    source = made('[mappings.zabbix]\ntitle = "t"\n')["zabbix"]
    assert parse(source, {"t": "Hello"}).alerts[0].name == "Hello"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('[mappings.a]\ntitle = "b..c"\n', "mappings.a.title"),
        ('[mappings.a]\ntitle = ""\n', "mappings.a.title"),
        ('[mappings.a]\nstatus = "s"\n', "mappings.a"),
        ('[mappings.a]\ntitle = "b"\nlabel = "c"\n', "mappings.a"),
        ('[mappings.a]\ntitle = "b"\nlabels = {c = "["}\n', "mappings.a.labels.c"),
        ('[mappings."A b"]\ntitle = "b"\n', "mappings.A b"),
        ('[mappings.generic]\ntitle = "b"\n', "mappings.generic"),
        ("[mappings]\na = 1\n", "mappings.a"),
        ('[mappings.a]\ntitle = "b"\nsecret_ref = "env:X"\n', "mappings.a.secret_header"),
        ('[sources.sentry]\nsignature = "x"\n', "sources.sentry"),
    ],
)
def test_what_is_wrong_with_a_mapping_is_told_by_its_setting(text: str, field: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        made(text)
    assert [each.field for each in caught.value.problems] == [field]
    assert all(each.message and each.mend for each in caught.value.problems)


async def test_a_signature() -> None:
    text = '[sources.sentry]\nsignature_ref = "env:SENTRY"\n'
    source = made(text, {"env:SENTRY": "s3cret"})["sentry"]
    assert source.proves_itself
    raw = json.dumps(body("sentry-event-alert")).encode()
    right = hmac.new(b"s3cret", raw, hashlib.sha256).hexdigest()
    assert await source.admit(arrival(raw, {"sentry-hook-signature": right}))
    for wrong in (right[:-1], right.upper(), "", "é"):
        assert not await source.admit(arrival(raw, {"sentry-hook-signature": wrong}))
    assert not await source.admit(arrival(raw + b" ", {"sentry-hook-signature": right}))
    assert not await source.admit(arrival(raw))
    assert not made()["sentry"].proves_itself


async def test_a_secret_in_a_header() -> None:
    text = '[mappings.a]\ntitle = "t"\nsecret_header = "X-Secret"\nsecret_ref = "env:S"\n'
    source = made(text, {"env:S": "hush"})["a"]
    assert await source.admit(arrival(b"{}", {"x-secret": "hush"}))
    assert not await source.admit(arrival(b"{}", {"x-secret": "hus"}))
    assert not await source.admit(arrival(b"{}"))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "title",
                        "date",
                        "heartbeat",
                        "monitor",
                        "msg",
                        "status",
                        "time",
                        "data",
                        "event",
                        "issue",
                    ),
                    *(
                        "action",
                        "metric_alert",
                        "alert_rule",
                        "id",
                        "tags",
                        "host",
                        "service",
                        "type",
                        "state",
                    ),
                    *("event_value", "event_name", "event_tags", "value", "name", "transition", "priority"),
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)
ALL = made(OWN)


@settings(deadline=None)
@given(kind=st.sampled_from(sorted(ALL)), value=VALUES)
def test_anything_is_read_or_refused_in_words(kind: str, value: object) -> None:
    alerts: tuple[Alert, ...] = ()
    try:
        alerts, problems = (parsed := parse(ALL[kind], value)).alerts, parsed.problems
    except SourceError as error:
        problems = error.problems
    assert all(each.message and each.mend and each.field for each in problems)
    for alert in alerts:
        assert alert.labels["alertname"]
        assert "\0" not in "".join([*alert.labels.values(), *alert.annotations.values()])


class TestNagios(SourceContract):
    good: ClassVar[Any] = body("nagios-problem")

    @pytest.fixture
    def source(self) -> Source:
        return ALL["nagios"]


class TestZabbix(SourceContract):
    good: ClassVar[Any] = body("zabbix-problem")

    @pytest.fixture
    def source(self) -> Source:
        return ALL["zabbix"]


class TestUptimeKuma(SourceContract):
    good: ClassVar[Any] = body("uptime-kuma-down")

    @pytest.fixture
    def source(self) -> Source:
        return ALL["uptime-kuma"]


class TestSentry(SourceContract):
    good: ClassVar[Any] = body("sentry-event-alert")

    @pytest.fixture
    def source(self) -> Source:
        return ALL["sentry"]


class TestDatadog(SourceContract):
    good: ClassVar[Any] = body("datadog-documented")

    @pytest.fixture
    def source(self) -> Source:
        return ALL["datadog"]
