"""The source `sns`: what AWS SNS sends to an HTTPS subscription, such as alarms of CloudWatch.

The formats are those of https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html; the
proof of a message is in `adapters.snsproof`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast
from urllib.parse import quote

import httpx
import msgspec
import structlog

from tocsin.adapters.alertjson import Fields, RefusedAlert, decode, few, refuse, wrong_type
from tocsin.adapters.httpclient import UnreachableError, get, new_client
from tocsin.adapters.snsproof import NOTIFICATION, SUBSCRIBED, UNSUBSCRIBED, Proofs, Trust
from tocsin.adapters.webhooks import as_text, first_line, label, labels_of, within
from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.base import limits
from tocsin.base.problems import Problem
from tocsin.base.times import require_utc
from tocsin.config import Secrets, Settings
from tocsin.config.tables import read_table
from tocsin.engine.sources import (
    Arrival,
    Parsed,
    PlainSource,
    Source,
    SourceError,
    SourceUnavailableError,
)

log = structlog.get_logger(__name__)

KIND = "sns"
NAME_CHARS_MAX = 512
URL_CHARS_MAX = 4_096
OLD_AFTER = timedelta(hours=1)
"""SNS tries for an hour at most to deliver a message; what is older was recorded by somebody."""

ANSWER_BYTES_MAX = 64 * 1024
"""Of the answer to a confirmation, which is a short XML document."""

_STATES = {"ALARM": AlertStatus.FIRING, "OK": AlertStatus.RESOLVED}


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[sources.sns]`: the ARNs of the topics that are listened to."""

    topics: tuple[str, ...]


def sources(settings: Settings, secret: Secrets) -> Sequence[Source]:
    """The source, where the settings name topics.

    Raises:
        ProblemsError: its table is wrong.
    """
    if KIND not in settings.sources:
        return ()
    table = read_table(settings.sources[KIND], Table, f"sources.{KIND}")
    return (SnsSource(table.topics, new_client()),)


class SnsSource(PlainSource):
    """Reads one message, and confirms subscriptions of the topics that it knows."""

    kind = KIND
    json_only = False
    proves_itself = True

    def __init__(self, topics: Sequence[str], client: httpx.AsyncClient, trust: Trust | None = None) -> None:
        self._topics = frozenset(topics)
        self._client = client
        self._trust = trust or Trust()
        self._proofs = Proofs(client, self._trust)

    async def admit(self, arrival: Arrival) -> bool:
        """Whether the message is of one of the topics, and signed by AWS.

        Raises:
            SourceUnavailableError: the certificate cannot be had now.
        """
        try:
            message = decode(arrival.body)
        except SourceError:
            return False
        if not isinstance(message, dict):
            return False
        values = cast("dict[str, object]", message)
        topic, kind = values.get("TopicArn"), values.get("Type")
        known = isinstance(topic, str) and topic in self._topics
        if not known or kind not in (NOTIFICATION, SUBSCRIBED, UNSUBSCRIBED):
            return False
        return await self._proofs.hold(values, arrival.received_at)

    async def parse(self, arrival: Arrival) -> Parsed:
        """Read a request.

        Raises:
            SourceError: it is no message of SNS, or too old.
            SourceUnavailableError: a subscription cannot be confirmed now.
        """
        require_utc(arrival.received_at)
        document = decode(arrival.body)
        if not isinstance(document, dict):
            raise SourceError([wrong_type("the body", document, "a message of AWS SNS")])
        notes: list[Problem] = []
        fields = Fields(cast("dict[str, object]", document), "", notes)
        try:
            _not_old(fields, arrival.received_at)
            kind = fields.text("Type", NAME_CHARS_MAX)
            if kind == SUBSCRIBED:
                return Parsed(alerts=()) if arrival.trial else await self._confirm(fields)
            if kind == UNSUBSCRIBED:
                log.warning("a topic of AWS SNS sends nothing more", topic=_topic(fields))
                return Parsed(alerts=(), said="The end of the subscription is noted.")
            if kind != NOTIFICATION:
                message = f"Type is {kind[:40]!r}." if kind else "Type is missing."
                raise refuse("bad-type", "Type", message, f"Send a {NOTIFICATION} of AWS SNS.")
            return _notification(fields, arrival.received_at)
        except RefusedAlert as error:
            raise SourceError(few([error.problem, *notes])) from None

    async def _confirm(self, fields: Fields) -> Parsed:
        url = fields.text("SubscribeURL", URL_CHARS_MAX)
        if not self._trust.address(url):
            message = "SubscribeURL is no https:// address of AWS SNS."
            raise refuse("bad-url", "SubscribeURL", message, "Subscribe this address anew.")
        topic = _topic(fields)
        try:
            await get(self._client, url, ANSWER_BYTES_MAX)
        except UnreachableError as error:
            raise SourceUnavailableError(f"The subscription cannot be confirmed: {error}.") from None
        log.info("a topic of AWS SNS is listened to", topic=topic)
        return Parsed(alerts=(), said="The subscription is confirmed.")

    async def close(self) -> None:
        """Close connections to AWS."""
        await self._client.aclose()


def _topic(fields: Fields) -> str:
    return _needed(fields, "TopicArn")


def _needed(fields: Fields, key: str) -> str:
    text = fields.text(key, NAME_CHARS_MAX)
    if not text:
        raise refuse("missing-field", key, f"{key} is missing.", "Send the message as AWS SNS does.")
    return text


def _not_old(fields: Fields, now: datetime) -> None:
    _needed(fields, "Timestamp")
    at = fields.instant("Timestamp")
    if at is None or abs(now - at) > OLD_AFTER:
        message = "Timestamp is more than an hour away from now."
        mend = "Publish the message anew; if it is new, set the clock of the server that runs Tocsin."
        raise refuse("too-old", "Timestamp", message, mend)


def _notification(fields: Fields, received_at: datetime) -> Parsed:
    """An alarm of CloudWatch, or any other text."""
    topic, delivery = _topic(fields), _needed(fields, "MessageId")
    text = fields.prose("Message", limits.request_body_bytes_max)
    alarm = _alarm_in(text, fields.notes)
    if alarm is None:
        alert = _text_alert(fields, topic, text, received_at)
        return Parsed(alerts=(alert,), problems=few(fields.notes), delivery=delivery)
    state = alarm.text("NewStateValue", NAME_CHARS_MAX)
    status = _STATES.get(state)
    if status is None:
        return Parsed(alerts=(), said=f"Nothing to do: the state is {state[:40] or 'not given'}.")
    at = alarm.instant("StateChangeTime") or fields.instant("Timestamp") or received_at
    alert = _alarm_alert(alarm, topic, status, at, received_at)
    sequence = f"{at.astimezone(UTC):%Y%m%d%H%M%S.%f}"
    return Parsed(alerts=(alert,), problems=few(fields.notes), delivery=delivery, sequence=sequence)


def _alarm_in(text: str, notes: list[Problem]) -> Fields | None:
    if not text.startswith("{"):
        return None
    try:
        document = decode(text.encode(errors="replace"))
    except SourceError:
        return None
    values = cast("dict[str, object]", document) if isinstance(document, dict) else {}
    if not isinstance(values.get("AlarmName"), str) or "NewStateValue" not in values:
        return None
    return Fields(values, "Message", notes)


def _alarm_alert(
    alarm: Fields, topic: str, status: AlertStatus, at: datetime, received_at: datetime
) -> Alert:
    name = _needed(alarm, "AlarmName")
    arn = alarm.text("AlarmArn", NAME_CHARS_MAX)
    trigger = within(alarm, "Trigger")
    account = alarm.text("AWSAccountId", NAME_CHARS_MAX)
    region = arn.split(":")[3] if arn.count(":") >= 6 else alarm.text("Region", NAME_CHARS_MAX)
    labels = labels_of(
        {
            **_dimensions(trigger),
            "alertname": name,
            "account": account,
            "region": region,
            "namespace": trigger.text("Namespace", NAME_CHARS_MAX),
            "metric": trigger.text("MetricName", NAME_CHARS_MAX),
            "topic": topic.rpartition(":")[2],
        }
    )
    reason = alarm.prose("NewStateReason", limits.annotation_chars_max)
    description = alarm.prose("AlarmDescription", limits.annotation_chars_max)
    annotations = {"summary": label(first_line(description) or f"{name} is {_words(status)}")}
    if more := "\n\n".join(each for each in (description, reason) if each):
        annotations["description"] = more[: limits.annotation_chars_max]
    identity = {"": KIND, "alarm": arn or name, "account": account, "region": region}
    return Alert(
        fingerprint=fingerprint(identity),
        status=status,
        labels=labels,
        annotations=annotations,
        starts_at=at,
        received_at=received_at,
        source=KIND,
        ends_at=at if status is AlertStatus.RESOLVED else None,
        generator_url=_console(arn, name),
    )


def _words(status: AlertStatus) -> str:
    return "in alarm" if status is AlertStatus.FIRING else "ok"


def _dimensions(trigger: Fields) -> dict[str, str]:
    """What the metric is of, such as `InstanceId`. Their names are kept as CloudWatch writes them."""
    listed = trigger.values.get("Dimensions")
    found: dict[str, str] = {}
    for each in cast("list[object]", listed)[:30] if isinstance(listed, list) else ():
        pair = cast("dict[str, object]", each) if isinstance(each, dict) else {}
        name, value = as_text(pair.get("name")) or "", as_text(pair.get("value")) or ""
        if name and len(name) <= limits.label_name_chars_max and "\0" not in name:
            found[name] = value
    return found


def _console(arn: str, name: str) -> str:
    """The page of the alarm in the console of AWS; nothing for the partitions with consoles elsewhere."""
    parts = arn.split(":")
    if len(parts) < 7 or parts[1] != "aws" or not parts[3].replace("-", "").isalnum():
        return ""
    region = parts[3]
    where = f"{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
    return f"https://{where}#alarmsV2:alarm/{quote(name, safe='')}" if region.isascii() else ""


def _text_alert(fields: Fields, topic: str, text: str, received_at: datetime) -> Alert:
    name = topic.rpartition(":")[2]
    subject = fields.text("Subject", NAME_CHARS_MAX)
    title = first_line(subject) or first_line(text)[: limits.title_chars_max] or name
    annotations = {"summary": label(title)}
    if text:
        annotations["description"] = fields.shortened(text, "Message", limits.annotation_chars_max)
    return Alert(
        fingerprint=fingerprint({"": KIND, "topic": topic, "title": title}),
        status=AlertStatus.FIRING,
        labels=labels_of({"alertname": title, "topic": name}),
        annotations=annotations,
        starts_at=fields.instant("Timestamp") or received_at,
        received_at=received_at,
        source=KIND,
    )
