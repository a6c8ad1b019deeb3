"""Alerts and silences as their templates show them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from urllib.parse import quote

import msgspec

from tocsin.alerts.matchers import Matcher, Operator, parse_matchers
from tocsin.alerts.model import Alert, AlertStatus
from tocsin.alerts.silences import Silence, SilenceState
from tocsin.base.times import humane
from tocsin.engine.maintenance import Planned
from tocsin.engine.records import AlertRecord
from tocsin.engine.why import Why
from tocsin.faces.web.presenters import Countdown, Moment, countdown, moment, safe_link

_OPERATORS = {
    Operator.EQUAL: "is",
    Operator.NOT_EQUAL: "is not",
    Operator.REGEX: "fits the pattern",
    Operator.NOT_REGEX: "does not fit the pattern",
}
_LINKS = (("Runbook", "runbook_url"), ("Dashboard", "dashboard_url"))
_SHOWN_ELSEWHERE = frozenset({"summary", "runbook_url", "dashboard_url"})


class AlertRow(msgspec.Struct, frozen=True, kw_only=True):
    """An alert in the list. `path` is its page; `apart` says that it fires without an incident."""

    path: str
    name: str
    summary: str
    firing: bool
    apart: bool
    seen: Moment
    times: int
    incident: str
    because: str
    labels: tuple[tuple[str, str], ...]


class WhyView(msgspec.Struct, frozen=True, kw_only=True):
    """A line of why."""

    at: Moment
    about: str
    text: str
    incident: str


class AlertPage(msgspec.Struct, frozen=True, kw_only=True):
    """The page of one alert."""

    row: AlertRow
    fingerprint: str
    source: str
    silence: str
    since: Moment
    ended: Moment | None
    first: Moment
    annotations: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    why: tuple[WhyView, ...]


class SilenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A silence in the list."""

    id: str
    state: str
    matchers: tuple[str, ...]
    by: str
    comment: str
    starts: Moment
    ends: Moment
    left: Countdown | None


def alert_path(fingerprint: str) -> str:
    """The page of an alert."""
    return f"/alerts/{quote(fingerprint, safe='')}"


def silence_path(fingerprint: str) -> str:
    """The form that silences an alert, filled in."""
    return f"/silences/new?alert={quote(fingerprint, safe='')}"


def labels_of(alert: Alert) -> tuple[tuple[str, str], ...]:
    """Its labels by name, without the one that names it."""
    return tuple(sorted((name, value) for name, value in alert.labels.items() if name != "alertname"))


def alert_row(record: AlertRecord) -> AlertRow:
    """An alert in the list."""
    alert = record.alert
    firing = alert.status is AlertStatus.FIRING
    return AlertRow(
        path=alert_path(alert.fingerprint),
        name=alert.name,
        summary=alert.summary if alert.summary != alert.name else "",
        firing=firing,
        apart=firing and record.incident is None,
        seen=moment(record.last_seen_at),
        times=record.times,
        incident=record.incident or "",
        because=record.because,
        labels=labels_of(alert),
    )


def alert_page(why: Why) -> AlertPage:
    """The page of one alert, with why."""
    record, alert = why.record, why.record.alert
    wanted = [(name, alert.annotations.get(key, "")) for name, key in _LINKS]
    wanted.append(("Source", alert.generator_url))
    return AlertPage(
        row=alert_row(record),
        fingerprint=alert.fingerprint,
        source=alert.source,
        silence=silence_path(alert.fingerprint),
        since=moment(alert.starts_at),
        ended=moment(alert.ends_at) if alert.ends_at else None,
        first=moment(record.first_seen_at),
        annotations=tuple(
            (name, text) for name, text in sorted(alert.annotations.items()) if name not in _SHOWN_ELSEWHERE
        ),
        links=tuple((name, link) for name, url in wanted if (link := safe_link(url))),
        why=tuple(
            WhyView(
                at=moment(line.at),
                about=line.about.value,
                text=line.text,
                incident=line.incident or "",
            )
            for line in why.lines
        ),
    )


def silence_rows(silences: Iterable[Silence], state: SilenceState, now: datetime) -> tuple[SilenceRow, ...]:
    """The silences in one state: the next to end first, of those that have ended the last."""
    chosen = [each for each in silences if each.state(now) is state]
    chosen.sort(key=lambda each: each.ends_at, reverse=state is SilenceState.EXPIRED)
    return tuple(
        SilenceRow(
            id=each.id,
            state=state.value,
            matchers=tuple(matcher_words(matcher) for matcher in each.matchers),
            by=each.created_by,
            comment=each.comment,
            starts=moment(each.starts_at),
            ends=moment(each.ends_at),
            left=countdown(each.ends_at, now) if state is SilenceState.ACTIVE else None,
        )
        for each in chosen
    )


class WindowRow(msgspec.Struct, frozen=True, kw_only=True):
    """A maintenance window in the list; `starts` is None where it does not come again."""

    name: str
    playbook: str
    matchers: tuple[str, ...]
    when: str
    lasts: str
    holds: bool
    starts: Moment | None
    ends: Moment | None
    left: Countdown | None


def window_rows(windows: Sequence[Planned], now: datetime) -> tuple[WindowRow, ...]:
    """The maintenance windows, in their order. The playbook is named where there are windows of several."""
    several = len({each.book.name for each in windows}) > 1
    return tuple(_window_row(each, each.book.playbook.title if several else "", now) for each in windows)


def _window_row(planned: Planned, playbook: str, now: datetime) -> WindowRow:
    window, occurs = planned.window, planned.occurs
    holds = occurs is not None and occurs.is_open
    return WindowRow(
        name=window.name,
        playbook=playbook,
        matchers=tuple(matcher_words(matcher) for matcher in window.matchers.all),
        when=window.when,
        lasts=humane(window.lasts),
        holds=holds,
        starts=moment(occurs.starts_at) if occurs else None,
        ends=moment(occurs.ends_at) if occurs else None,
        left=countdown(occurs.ends_at, now) if occurs and holds else None,
    )


def matcher_words(matcher: Matcher) -> str:
    """A matcher in plain words."""
    if matcher.operator is Operator.EQUAL and not matcher.value:
        return f"there is no {matcher.name}"
    return f"{matcher.name} {_OPERATORS[matcher.operator]} {matcher.value or 'empty'}"


def matcher_line(name: str, value: str) -> str:
    """A matcher for one label as it is written; "" where a matcher cannot name the label."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    line = f'{name}="{escaped}"'
    try:
        read = parse_matchers(line).all
    except ValueError:
        return ""
    return line if read == (Matcher(name, Operator.EQUAL, value),) else ""
