"""The source `prometheus`: alerts as Prometheus sends them to Alertmanager (`POST /api/v2/alerts`).

The shape is `postableAlerts` of Alertmanager's API, version 2. An alert does not say whether it is firing,
but until when it counts: it ends at `endsAt` unless it is sent again before, and without `endsAt` after the
`resolve_timeout`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

import msgspec

from tocsin.adapters.alertjson import Fields, decode, read_batch, refuse, wrong_type
from tocsin.adapters.alertmanagerjson import read_annotations, read_labels
from tocsin.adapters.glancing import Glancing
from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.base.times import require_utc
from tocsin.config import Secrets, Settings
from tocsin.config.tables import Span, read_table
from tocsin.engine.sources import Arrival, Glance, Parsed, PlainSource, Repeated, Source, SourceError

KIND = "prometheus"


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[sources.prometheus]`."""

    resolve_timeout: Span = Span(minutes=5)


def sources(settings: Settings, secret: Secrets) -> Sequence[Source]:
    """The source, which is always there.

    Raises:
        ProblemsError: its table is wrong.
    """
    table = read_table(settings.sources.get(KIND, {}), Table, f"sources.{KIND}")
    return (PrometheusSource(table.resolve_timeout),)


class PrometheusSource(PlainSource):
    """Reads a list of alerts. `resolve_timeout` is how long one without an end lasts unless repeated."""

    kind = KIND

    def __init__(self, resolve_timeout: timedelta = timedelta(minutes=5)) -> None:
        self._resolve_timeout = resolve_timeout
        self._glancing = Glancing(KIND, resolve_timeout)

    def glance(self, body: bytes, received_at: datetime, repeated: Repeated) -> Glance | None:
        """Read a request that is in order, fast."""
        return self._glancing.glance(body, received_at, repeated)

    async def parse(self, arrival: Arrival) -> Parsed:
        """Read a request.

        Raises:
            SourceError: it is no JSON, no list, or none of the alerts can be kept.
        """
        received_at = require_utc(arrival.received_at)
        document = decode(arrival.body)
        if not isinstance(document, list):
            raise SourceError([wrong_type("the body", document, "a list of alerts, as Prometheus does")])
        alerts = cast("list[object]", document)
        return read_batch(alerts, "", lambda fields: self._alert(fields, received_at))

    def _alert(self, fields: Fields, received_at: datetime) -> Alert:
        labels = {name: value for name, value in read_labels(fields).items() if value}
        if not labels:
            message = f"{fields.at('labels')} has no value that is not empty."
            raise refuse("missing-field", fields.at("labels"), message, "Send the labels of the alert.")
        ends_at = fields.instant("endsAt")
        ended = ends_at is not None and ends_at <= received_at
        starts_at = fields.instant("startsAt") or (min(ends_at, received_at) if ends_at else received_at)
        if ends_at is not None and starts_at > ends_at:
            message = f"{fields.at('endsAt')} is before its startsAt."
            raise refuse(
                "bad-time", fields.at("endsAt"), message, "Send an end that is not before the start."
            )
        return Alert(
            fingerprint=fingerprint(labels),
            status=AlertStatus.RESOLVED if ended else AlertStatus.FIRING,
            labels=labels,
            annotations=read_annotations(fields),
            starts_at=starts_at,
            received_at=received_at,
            source=KIND,
            ends_at=ends_at if ended else None,
            generator_url=fields.url("generatorURL"),
            expires_at=None if ended else ends_at or received_at + self._resolve_timeout,
        )
