"""The source `alertmanager`: the webhook of Prometheus Alertmanager, version 4."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from tocsin.adapters.alertjson import decode, problem, read_batch, wrong_type
from tocsin.adapters.alertmanagerjson import notified_alert
from tocsin.adapters.glancing import Glancing
from tocsin.base.problems import Problem, Weight
from tocsin.base.times import require_utc
from tocsin.config import Secrets, Settings
from tocsin.engine.sources import Arrival, Glance, Parsed, PlainSource, Repeated, Source, SourceError

KIND = "alertmanager"


def sources(settings: Settings, secret: Secrets) -> Sequence[Source]:
    """The source; it has no settings of its own."""
    return (AlertmanagerSource(),)


class AlertmanagerSource(PlainSource):
    """Reads a notification of a group of alerts. What stands outside `alerts` repeats what is in them."""

    kind = KIND

    def __init__(self) -> None:
        self._glancing = Glancing(KIND)

    def glance(self, body: bytes, received_at: datetime, repeated: Repeated) -> Glance | None:
        """Read a request that is in order, fast."""
        return self._glancing.glance(body, received_at, repeated)

    async def parse(self, arrival: Arrival) -> Parsed:
        """Read a request.

        Raises:
            SourceError: it is no JSON, has no list of alerts, or none of the alerts can be kept.
        """
        received_at = require_utc(arrival.received_at)
        document = decode(arrival.body)
        if not isinstance(document, dict):
            raise SourceError([wrong_type("the body", document, "the webhook of Alertmanager, version 4")])
        values = cast("dict[str, object]", document)
        alerts = values.get("alerts")
        if "alerts" not in values:
            mend = "Point a webhook_configs receiver of Alertmanager here, or send to /in/generic."
            raise SourceError([problem("missing-field", "alerts", "There is no list of alerts.", mend)])
        if not isinstance(alerts, list):
            raise SourceError([wrong_type("alerts", alerts, "a list of alerts")])
        parsed = read_batch(
            cast("list[object]", alerts), "alerts", lambda fields: notified_alert(fields, received_at, KIND)
        )
        return Parsed(alerts=parsed.alerts, problems=(*parsed.problems, *_left_out(values)))


def _left_out(values: Mapping[str, object]) -> tuple[Problem, ...]:
    count = values.get("truncatedAlerts")
    if not isinstance(count, int) or count <= 0:
        return ()
    message = f"Alertmanager left {count} alerts of the group out."
    mend = "Raise max_alerts of its webhook_configs, or set it to 0."
    return (problem("left-out", "truncatedAlerts", message, mend, Weight.WARNING),)
