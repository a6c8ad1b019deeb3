"""Alerts in the words of Alertmanager, read fast: by type, and known ones without reading them again.

What does not fit exactly is left to the careful reader of the same source, which says what is wrong. Of an
alert the text of its labels leads to what it was the last time. Where the rest is the same too, and the
engine knows that it fires, the repetition is counted and nothing else is done.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

import msgspec

from tocsin.adapters.alertjson import NO_TIME, URL_CHARS_MAX, is_web_address
from tocsin.adapters.alertmanagerjson import FINGERPRINT_CHARS_MAX
from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.base import limits
from tocsin.base.ids import IncidentId
from tocsin.base.times import parse_instant
from tocsin.engine.sources import Glance, Repeated

KNOWN_MAX = 60_000
"""So many alerts are known by the text of their labels, and as many of those that were known before."""

KNOWN_BYTES_MAX = 4_096
"""A longer one is read anew each time: what strangers send must not fill the memory."""

_NOTHING = msgspec.Raw(b"{}")


class UnfitError(Exception):
    """The request is for the careful reader."""


class Told(msgspec.Struct):
    """One alert as it came. Fields that are not named here are of no matter."""

    labels: msgspec.Raw
    annotations: msgspec.Raw = _NOTHING
    startsAt: str = ""  # noqa: N815
    endsAt: str = ""  # noqa: N815
    generatorURL: str = ""  # noqa: N815
    status: str = ""
    fingerprint: str = ""


class Notification(msgspec.Struct):
    """The webhook of Alertmanager, version 4. One with alerts left out is for the careful reader."""

    alerts: list[Told]
    truncatedAlerts: int = 0  # noqa: N815


class _Known(msgspec.Struct):
    """An alert as it was last told."""

    fingerprint: str
    annotations: bytes
    starts_at: str
    generator_url: str


_notifications = msgspec.json.Decoder(Notification)
_lists = msgspec.json.Decoder(list[Told])
_texts = msgspec.json.Decoder(dict[str, str])


class Glancing:
    """What one source has read lately. Without `lasts` it sends notifications, whose alerts tell themselves
    whether they are firing. With it, it sends lists of alerts that fire until their ends, those without an
    end for so long, and of which labels without a value are no part."""

    def __init__(self, kind: str, lasts: timedelta | None = None) -> None:
        self._kind = kind
        self._lasts = lasts
        self._known: dict[bytes, _Known] = {}
        self._before: dict[bytes, _Known] = {}

    def glance(self, body: bytes, received_at: datetime, repeated: Repeated) -> Glance | None:
        """Read a request; None where the careful reader has to. `received_at` is UTC."""
        try:
            told = self._decode(body)
            new, known = self._sort(told, received_at)
            incidents: dict[IncidentId, None] = {}
            counted = 0
            for each, fingerprint_, expires_at in known:
                incident = repeated(fingerprint_, expires_at)
                if incident is None:
                    new.append((each, self._read(each, received_at)))
                else:
                    counted += 1
                    incidents[incident] = None
        except (UnfitError, msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
        return Glance(
            alerts=[alert for _, alert in new],
            counted=counted,
            incidents=incidents,
            remember=lambda: self._remember(new),
        )

    def _decode(self, body: bytes) -> Sequence[Told]:
        if self._lasts is not None:
            told = _lists.decode(body)
        else:
            notification = _notifications.decode(body)
            _fits(not notification.truncatedAlerts)
            told = notification.alerts
        _fits(0 < len(told) <= limits.alerts_per_request_max)
        return told

    def _sort(
        self, told: Sequence[Told], received_at: datetime
    ) -> tuple[list[tuple[Told, Alert]], list[tuple[Told, str, datetime | None]]]:
        """Those that have to be read, and those that say what they said before, with their new ends."""
        new: list[tuple[Told, Alert]] = []
        known: list[tuple[Told, str, datetime | None]] = []
        latest, before = self._known, self._before
        for each in told:
            key = bytes(each.labels)
            seen = latest.get(key) or before.get(key)
            if (
                seen is not None
                and seen.starts_at == each.startsAt
                and seen.annotations == bytes(each.annotations)
                and seen.generator_url == each.generatorURL
            ):
                firing, expires_at = self._until(each, received_at)
                if firing and (self._lasts is not None or each.fingerprint in ("", seen.fingerprint)):
                    known.append((each, seen.fingerprint, expires_at))
                    continue
            new.append((each, self._read(each, received_at)))
        return new, known

    def _until(self, told: Told, received_at: datetime) -> tuple[bool, datetime | None]:
        """Whether an alert is firing, and when that ends by itself."""
        if self._lasts is None:
            _fits(told.status in ("firing", "resolved"))
            return told.status == "firing", None
        ends_at = _instant(told.endsAt)
        if ends_at is None:
            return True, received_at + self._lasts
        return ends_at > received_at, ends_at

    def _read(self, told: Told, received_at: datetime) -> Alert:
        labels = _texts.decode(told.labels)
        _fits(0 < len(labels) <= limits.labels_per_alert_max)
        _all_fit(labels, limits.label_value_chars_max)
        if self._lasts is not None:
            labels = {name: value for name, value in labels.items() if value}
            _fits(bool(labels))
        annotations = _texts.decode(told.annotations)
        _fits(len(annotations) <= limits.labels_per_alert_max)
        _all_fit(annotations, limits.annotation_chars_max)
        firing, expires_at = self._until(told, received_at)
        ends_at = None if firing else _instant(told.endsAt) or received_at
        starts_at = _instant(told.startsAt)
        if self._lasts is not None:
            end = _instant(told.endsAt)
            _fits(end is None or starts_at is None or starts_at <= end)
            starts_at = starts_at or (min(end, received_at) if end else received_at)
        own = _own_fingerprint(told.fingerprint) if self._lasts is None else ""
        return Alert(
            fingerprint=own or fingerprint(labels),
            status=AlertStatus.FIRING if firing else AlertStatus.RESOLVED,
            labels=labels,
            annotations=annotations,
            starts_at=starts_at or received_at,
            received_at=received_at,
            source=self._kind,
            ends_at=ends_at,
            generator_url=_url(told.generatorURL),
            expires_at=expires_at if firing else None,
        )

    def _remember(self, new: Sequence[tuple[Told, Alert]]) -> None:
        if len(self._known) + len(new) > KNOWN_MAX:
            self._before, self._known = self._known, {}
        for told, alert in new:
            if (
                alert.status is AlertStatus.FIRING
                and len(told.labels) + len(told.annotations) <= KNOWN_BYTES_MAX
            ):
                self._known[bytes(told.labels)] = _Known(
                    alert.fingerprint, bytes(told.annotations), told.startsAt, told.generatorURL
                )


def _fits(holds: bool) -> None:
    if not holds:
        raise UnfitError


def _all_fit(texts: dict[str, str], chars_max: int) -> None:
    for name, text in texts.items():
        if len(name) > limits.label_name_chars_max or len(text) > chars_max or "\0" in text or "\0" in name:
            raise UnfitError


@lru_cache(maxsize=4_096)
def _instant(text: str) -> datetime | None:
    """A time in UTC; None where there is none, or Go's zero."""
    if not text:
        return None
    try:
        at = parse_instant(text)
    except (ValueError, OverflowError):
        raise UnfitError from None
    if at == NO_TIME:
        return None
    _fits(1970 <= at.year <= 2999 and len(text) <= 64)
    return at


@lru_cache(maxsize=4_096)
def _url(text: str) -> str:
    _fits(not text or (len(text) <= URL_CHARS_MAX and text == text.strip() and is_web_address(text)))
    return text


def _own_fingerprint(text: str) -> str:
    _fits(len(text) <= FINGERPRINT_CHARS_MAX and "\0" not in text)
    return text.strip()
