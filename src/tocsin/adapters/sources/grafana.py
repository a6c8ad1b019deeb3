"""The source `grafana`: the webhook contact point of Grafana Alerting.

Its alerts are those of Alertmanager's webhook with a few fields more. Where a secret is set, Grafana signs
the request: HMAC-SHA256, in hexadecimal, over the raw body, or where it sends a timestamp (seconds since
1970) over the timestamp, a colon and the raw body. Grafana's documentation says so under "Configure webhook
notifications", HMAC signature.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

import msgspec
from msgspec.structs import replace

from tocsin.adapters.alertjson import Fields, decode, read_batch, wrong_type
from tocsin.adapters.alertmanagerjson import notified_alert
from tocsin.alerts.model import Alert
from tocsin.base import limits
from tocsin.base.problems import Problem, ProblemsError
from tocsin.base.times import require_utc
from tocsin.config import Secrets, Settings
from tocsin.config.tables import read_table
from tocsin.engine.sources import Arrival, Parsed, PlainSource, Source, SourceError

KIND = "grafana"
SIGNED_WITHIN = timedelta(minutes=5)
LINKS = ("dashboardURL", "panelURL", "silenceURL", "imageURL")


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[sources.grafana]`. The headers are those that Grafana was told to use."""

    secret_ref: str = ""
    signature_header: str = "X-Grafana-Alerting-Signature"
    timestamp_header: str = "X-Grafana-Alerting-Timestamp"


def sources(settings: Settings, secret: Secrets) -> Sequence[Source]:
    """The source, which is always there; where it has a secret, a signature lets its requests in.

    Raises:
        ProblemsError: its table is wrong, or the secret cannot be read.
    """
    table = read_table(settings.sources.get(KIND, {}), Table, f"sources.{KIND}")
    if not table.secret_ref:
        return (GrafanaSource(),)
    field = f"sources.{KIND}.secret_ref"
    found = secret(table.secret_ref, field).encode()
    if not found:
        message, mend = f"{field}: the secret is empty.", "Put the secret that Grafana signs with there."
        raise ProblemsError([Problem(code="bad-setting", field=field, message=message, mend=mend)])
    return (SignedGrafanaSource(found, table.signature_header, table.timestamp_header),)


class GrafanaSource(PlainSource):
    """Reads a notification of a group of alerts, let in by token."""

    kind = KIND

    async def parse(self, arrival: Arrival) -> Parsed:
        """Read a request.

        Raises:
            SourceError: it is no JSON, has no list of alerts, or none of the alerts can be kept.
        """
        received_at = require_utc(arrival.received_at)
        document = decode(arrival.body)
        if not isinstance(document, dict):
            raise SourceError([wrong_type("the body", document, "the webhook of Grafana Alerting")])
        alerts = cast("dict[str, object]", document).get("alerts")
        if not isinstance(alerts, list):
            raise SourceError(
                [wrong_type("alerts", alerts, "a list of alerts, without a payload of your own")]
            )
        return read_batch(cast("list[object]", alerts), "alerts", lambda fields: _alert(fields, received_at))


class SignedGrafanaSource(GrafanaSource):
    """The same, let in by the signature over its requests."""

    proves_itself = True

    def __init__(self, secret: bytes, signature_header: str, timestamp_header: str) -> None:
        self._secret = secret
        self._signature_header = signature_header.lower()
        self._timestamp_header = timestamp_header.lower()

    async def admit(self, arrival: Arrival) -> bool:
        """Whether the signature is right and, where a timestamp is signed too, not older than five minutes.

        A timestamp cannot be left out by whoever repeats a request: without it the signature is another one.
        """
        given = arrival.headers.get(self._signature_header, "").strip().lower()
        stamp = arrival.headers.get(self._timestamp_header)
        signed = arrival.body if stamp is None else stamp.encode() + b":" + arrival.body
        wanted = hmac.new(self._secret, signed, hashlib.sha256).hexdigest()
        right = hmac.compare_digest(given.encode(), wanted.encode())
        return right and (stamp is None or _is_fresh(stamp, arrival.received_at))


def _is_fresh(stamp: str, now: datetime) -> bool:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        return False
    return abs(int(stamp) - now.timestamp()) <= SIGNED_WITHIN.total_seconds()


def _alert(fields: Fields, received_at: datetime) -> Alert:
    alert = notified_alert(fields, received_at, KIND)
    more = {name: fields.url(name) for name in LINKS}
    more["valueString"] = fields.prose("valueString", limits.annotation_chars_max)
    more["values"] = fields.shortened(
        _values(fields.values.get("values")), "values", limits.annotation_chars_max
    )
    return replace(alert, annotations={**{k: v for k, v in more.items() if v}, **alert.annotations})


def _values(values: object) -> str:
    """What the expressions of the rule came to, as one line: `A=0.93, B=1`; anything else is left out, since
    it is not worth losing an alert over."""
    if not isinstance(values, Mapping):
        return ""
    each = cast("Mapping[str, object]", values).items()
    plain = ((name, value) for name, value in each if isinstance(value, str | int | float))
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in plain)
