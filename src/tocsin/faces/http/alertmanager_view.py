"""What Alertmanager's API shows, taken from the records of alerts, the silences and the playbooks."""

import asyncio
import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from tocsin.alerts.matchers import Matcher, Operator, format_matchers, make_matcher, parse_matchers
from tocsin.alerts.model import AlertStatus
from tocsin.alerts.silences import Silence, SilenceState, silencing
from tocsin.base import limits
from tocsin.base.problems import ProblemsError
from tocsin.engine.engine import Engine
from tocsin.engine.maintenance import Muting
from tocsin.engine.records import AlertRecord
from tocsin.engine.shelf import Book, Shelf
from tocsin.faces.http.alertmanager_shapes import AlertGroup, GettableAlert, Receiver, gettable_alert
from tocsin.faces.http.problems import ApiError

ALERTS_READ_MAX = 10_000
"""How many of the alerts that were last heard of are looked through."""

FILTERS_MAX = 64
_BREATH = 100
"""After so many alerts others get their turn."""

_INHIBITED = re.compile(
    r"inhibited by .* \((?P<fingerprint>[^()]{1,128})\) for as long as that fires", re.DOTALL
)

Found = tuple[GettableAlert, dict[str, str]]
"""An alert, and the labels that make its group."""


def filtered(error: ValueError) -> str:
    """What is wrong, in one sentence or several."""
    if isinstance(error, ProblemsError):
        return " ".join(f"{each.message} {each.mend}" for each in error.problems)
    return f"{error}."


def read_filters(texts: Sequence[str] | None) -> tuple[Matcher, ...]:
    """The matchers of the parameters `filter`.

    Raises:
        ApiError: 400, one cannot be read.
    """
    given = [text for text in texts or () if text.strip()]
    if len(given) > FILTERS_MAX:
        raise ApiError(400, "bad-filter", f"There are {len(given)} filters; send at most {FILTERS_MAX}.")
    found: list[Matcher] = []
    for text in given:
        if len(text) > limits.label_value_chars_max:
            raise ApiError(400, "bad-filter", "A filter is too long.")
        if len(found) > limits.silence_matchers_max:
            raise ApiError(400, "bad-filter", "There are too many matchers in the filters.")
        try:
            found += parse_matchers(text).all
        except ValueError as error:
            raise ApiError(400, "bad-filter", f"The filter {text[:80]!r}: {error}.") from error
    return tuple(found)


class ReceiverFilter:
    """A regular expression over the names of receivers; without one, every receiver."""

    def __init__(self, text: str | None) -> None:
        """Raises:
        ApiError: 400, it is no regular expression.
        """
        try:
            if text and len(text) > limits.label_value_chars_max:
                raise ValueError("it is too long")
            self._matcher = make_matcher("receiver", Operator.REGEX, text) if text else None
        except ValueError as error:
            raise ApiError(400, "bad-filter", f"The receiver: {error}.") from error

    def takes(self, name: str) -> bool:
        """Whether a receiver is asked for."""
        return self._matcher is None or self._matcher.matches({"receiver": name})


async def firing_alerts(engine: Engine, filters: Sequence[Matcher], receivers: ReceiverFilter) -> list[Found]:
    """The alerts that fire now, by their fingerprints, each with its silences, its windows and its group."""
    shelf, now = engine.library.current, engine.clock.now()
    muting = Muting(shelf, now)
    active = [each for each in await engine.silencing.list() if each.state(now) is SilenceState.ACTIVE]
    found: list[Found] = []
    for number, record in enumerate(await engine.queries.alerts(ALERTS_READ_MAX), 1):
        if number % _BREATH == 0:
            await asyncio.sleep(0)
        alert = record.alert
        ended = alert.expires_at is not None and alert.expires_at <= now
        if alert.status is AlertStatus.RESOLVED or ended:
            continue
        book = shelf.for_alert(alert)
        if receivers.takes(book.name) and all(each.matches(alert.labels) for each in filters):
            silenced_by = tuple(each.id for each in silencing(active, alert.labels, now))
            group_by = book.playbook.options.group_by
            group = {name: alert.labels[name] for name in group_by if name in alert.labels}
            muted_by = muting.of(book, alert.labels)
            shown = gettable_alert(record, book.name, silenced_by, inhibited_by(record), muted_by)
            found.append((shown, group))
    return sorted(found, key=lambda each: each[0].fingerprint)


def inhibited_by(record: AlertRecord) -> tuple[str, ...]:
    """The fingerprint of the alert that keeps this one from opening anything, as its record says why."""
    found = _INHIBITED.fullmatch(record.because) if record.incident is None else None
    return (found["fingerprint"],) if found else ()


def groups_of(found: Iterable[Found]) -> list[AlertGroup]:
    """The alerts by receiver and group."""
    groups: dict[tuple[tuple[tuple[str, str], ...], str], list[GettableAlert]] = {}
    for alert, labels in found:
        groups.setdefault((tuple(labels.items()), alert.receivers[0].name), []).append(alert)
    return [
        AlertGroup(alerts=tuple(alerts), labels=dict(labels), receiver=Receiver(name=receiver))
        for (labels, receiver), alerts in sorted(groups.items(), key=lambda each: each[0])
    ]


def speaks_of(silence: Silence, filters: Sequence[Matcher]) -> bool:
    """Whether a silence has, for each filter, a matcher of that label with a value that fits."""
    values = {each.name: each.value for each in silence.matchers}
    return all(each.matches(values) for each in filters)


def in_order(silences: Iterable[Silence], now: datetime) -> list[Silence]:
    """The active, soonest to end first; those to come, soonest to begin first; the ended, latest first."""

    def place(silence: Silence) -> tuple[int, float, str]:
        match silence.state(now):
            case SilenceState.ACTIVE:
                return 0, silence.ends_at.timestamp(), silence.id
            case SilenceState.PENDING:
                return 1, silence.starts_at.timestamp(), silence.id
            case SilenceState.EXPIRED:
                return 2, -silence.ends_at.timestamp(), silence.id

    return sorted(silences, key=place)


def config_of(shelf: Shelf) -> str:
    """What the playbooks come to as a configuration of Alertmanager, in YAML. The route with the most
    matchers wins in Tocsin, and the first in Alertmanager, so that they stand in that order."""
    lines = [
        "# Tocsin routes alerts by its playbooks. This is what that comes to in Alertmanager's words.",
        "route:",
        *_route(shelf.default, "  "),
    ]
    routes = [
        (book, route) for book in shelf.books[1:] for route in book.playbook.options.routes if route.all
    ]
    if routes:
        lines.append("  routes:")
    for book, route in sorted(routes, key=lambda each: -len(each[1].all)):
        first, *rest = _route(book, "      ")
        lines += [f"    - {first.strip()}", *rest, "      matchers:"]
        lines += [f"        - {_text(format_matchers([each]))}" for each in route.all]
    lines += ["receivers:", *(f"  - name: {_text(book.name)}" for book in shelf.books)]
    return "\n".join(lines) + "\n"


def _route(book: Book, indent: str) -> list[str]:
    group_by = ", ".join(_text(each) for each in dict.fromkeys(book.playbook.options.group_by))
    return [f"{indent}receiver: {_text(book.name)}", f"{indent}group_by: [{group_by}]"]


def _text(text: str) -> str:
    """A text in YAML, of which JSON is a part."""
    return json.dumps(text)
