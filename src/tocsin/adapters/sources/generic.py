"""The source `generic`: our own simple JSON, for anything that can send a request."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from tocsin.adapters.alertjson import Fields, RefusedAlert, decode, few, read_batch, wrong_type
from tocsin.adapters.plainalert import look_for_typos, read_alert
from tocsin.alerts.model import Alert
from tocsin.base.problems import Problem
from tocsin.base.times import require_utc
from tocsin.config import Secrets, Settings
from tocsin.engine.sources import Arrival, Parsed, PlainSource, Source, SourceError

KIND = "generic"


def sources(settings: Settings, secret: Secrets) -> Sequence[Source]:
    """The source; it has no settings of its own."""
    return (GenericSource(),)


class GenericSource(PlainSource):
    """Reads one alert, a list of them, or an object with a list under `alerts`."""

    kind = KIND

    async def parse(self, arrival: Arrival) -> Parsed:
        """Read a request.

        Raises:
            SourceError: it is no JSON, or nothing of it is an alert that can be kept.
        """
        received_at = require_utc(arrival.received_at)
        document = decode(arrival.body)
        if isinstance(document, list):
            return _batch(cast("list[object]", document), "", received_at)
        if not isinstance(document, dict):
            raise SourceError([wrong_type("the body", document, "an object with a title, or a list of them")])
        values = cast("dict[str, object]", document)
        if "alerts" not in values:
            return _single(values, received_at)
        alerts = values["alerts"]
        if not isinstance(alerts, list):
            raise SourceError([wrong_type("alerts", alerts, "a list of alerts")])
        return _batch(cast("list[object]", alerts), "alerts", received_at)


def _batch(values: list[object], place: str, received_at: datetime) -> Parsed:
    return read_batch(values, place, lambda fields: _alert(fields, received_at))


def _single(values: dict[str, object], received_at: datetime) -> Parsed:
    notes: list[Problem] = []
    try:
        alert = _alert(Fields(values, "", notes), received_at)
    except RefusedAlert as error:
        raise SourceError(few([error.problem, *notes])) from None
    return Parsed(alerts=(alert,), problems=few(notes))


def _alert(fields: Fields, received_at: datetime) -> Alert:
    look_for_typos(fields)
    return read_alert(fields, received_at, KIND)
