"""What Opsgenie's clients read: answers, errors, receipts of requests, and alerts as documents
(https://docs.opsgenie.com/docs/alert-api)."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response

from tocsin.alerts.model import AlertStatus
from tocsin.base.times import format_instant
from tocsin.engine.ports import Clock, Randomness
from tocsin.engine.records import AlertRecord
from tocsin.faces.http.problems import RETRY_AFTER_SECONDS
from tocsin.incident.state import Incident

RECEIPTS_MAX = 10_000
"""What became of this many requests can be asked for; then the oldest are forgotten."""

Answer = Response[dict[str, Any]]


class GenieError(Exception):
    """A request is refused. `errors` are by field."""

    def __init__(self, status: int, message: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = dict(errors or {})


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request. Each is done when it is answered."""

    success: bool
    action: str
    at: datetime
    status: str
    alert: str
    alias: str


class Receipts:
    """Numbers requests, and remembers what became of the last ones."""

    def __init__(self, clock: Clock, randomness: Randomness) -> None:
        self._clock = clock
        self._randomness = randomness
        self._kept: OrderedDict[str, Receipt] = OrderedDict()

    def identifier(self) -> str:
        """A new identifier in the form of a UUID, which nobody can guess."""
        digest = hashlib.blake2s(self._randomness.secret().encode(), digest_size=16).digest()
        return str(UUID(bytes=digest, version=4))

    def keep(self, *, action: str, success: bool, status: str, alert: str, alias: str) -> str:
        """Remember what became of a request; returns its identifier."""
        request = self.identifier()
        self._kept[request] = Receipt(
            success=success,
            action=action,
            at=self._clock.now(),
            status=status,
            alert=alert if success else "",
            alias=alias if success else "",
        )
        if len(self._kept) > RECEIPTS_MAX:
            self._kept.popitem(last=False)
        return request

    def find(self, request: str) -> Receipt | None:
        """What became of a request."""
        return self._kept.get(request)


class Stopwatch:
    """How long a request takes, as its answer says."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.now()

    @property
    def took(self) -> float:
        """Seconds since it was made."""
        return round((self._clock.now() - self._began).total_seconds(), 3)


def accepted(request: str, watch: Stopwatch, result: str = "Request will be processed") -> Answer:
    """The answer to a request that was taken."""
    content: dict[str, Any] = {"result": result, "took": watch.took, "requestId": request}
    return Response(content, status_code=202)


def shown(data: object, request: str, watch: Stopwatch, **more: object) -> Answer:
    """The answer to a question."""
    content: dict[str, Any] = {"data": data, **more, "took": watch.took, "requestId": request}
    return Response(content, status_code=200)


def refused(error: GenieError, request: str, watch: Stopwatch) -> Answer:
    """The answer to a request that was not taken."""
    content: dict[str, Any] = {"message": error.message}
    if error.errors:
        content["errors"] = error.errors
    content |= {"took": watch.took, "requestId": request}
    headers = {"Retry-After": RETRY_AFTER_SECONDS} if error.status in (429, 503) else {}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'GenieKey realm="tocsin"'
    return Response(content, status_code=error.status, headers=headers)


def receipt_document(receipt: Receipt) -> dict[str, Any]:
    """A receipt as it is shown."""
    return {
        "success": receipt.success,
        "isSuccess": receipt.success,
        "action": receipt.action,
        "processedAt": format_instant(receipt.at),
        "integrationId": "tocsin",
        "status": receipt.status,
        "alertId": receipt.alert,
        "alias": receipt.alias,
    }


def alert_document(record: AlertRecord, incident: Incident | None) -> dict[str, Any]:
    """An alert as Opsgenie shows one. Its tiny id is the number that its id is in hexadecimal."""
    alert = record.alert
    told = ("alias", "summary", "description", "note", "user", "responders")
    tags = alert.labels.get("tags", "")
    return {
        "id": alert.fingerprint,
        "tinyId": tiny_id(alert.fingerprint),
        "alias": alert.annotations.get("alias", alert.fingerprint),
        "message": alert.summary,
        "status": "open" if alert.status is AlertStatus.FIRING else "closed",
        "acknowledged": incident is not None and incident.acknowledged_at is not None,
        "isSeen": incident is not None and incident.acknowledged_at is not None,
        "tags": tags.split(",") if tags else [],
        "snoozed": False,
        "count": record.times,
        "lastOccurredAt": format_instant(record.last_seen_at),
        "createdAt": format_instant(record.first_seen_at),
        "updatedAt": format_instant(record.last_seen_at),
        "source": alert.labels.get("source", ""),
        "owner": str(incident.commander or "") if incident else "",
        "priority": alert.labels.get("priority", "P3"),
        "responders": [],
        "integration": {"id": "tocsin", "name": "tocsin", "type": "API"},
        "actions": [],
        "entity": alert.labels.get("entity", ""),
        "description": alert.annotations.get("description", ""),
        "details": {name: text for name, text in alert.annotations.items() if name not in told},
    }


def tiny_id(identifier: str) -> str:
    """The tiny id that belongs to an id."""
    try:
        return str(int(identifier, 16))
    except ValueError:
        return identifier
