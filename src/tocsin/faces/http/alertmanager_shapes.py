"""The bodies of Alertmanager's API, version 2, by the names of its OpenAPI document."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from tocsin.alerts.matchers import Matcher, Operator, make_matcher
from tocsin.alerts.silences import Silence, SilenceState
from tocsin.base import limits
from tocsin.engine.records import AlertRecord

NO_TIME = datetime(1, 1, 1, tzinfo=UTC)
"""How Go writes that there is no time."""

_NAMES = {"generator_url": "generatorURL", "silence_id": "silenceID"}
_OPERATORS = {
    (False, True): Operator.EQUAL,
    (False, False): Operator.NOT_EQUAL,
    (True, True): Operator.REGEX,
    (True, False): Operator.NOT_REGEX,
}


def _go_name(name: str) -> str:
    first, *rest = name.split("_")
    return _NAMES.get(name) or first + "".join(each.capitalize() for each in rest)


Aware = Annotated[datetime, msgspec.Meta(tz=True)]


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """Where alerts go. In Tocsin that is a playbook."""

    name: str


class AlertState(msgspec.Struct, frozen=True, kw_only=True, rename=_go_name):
    """Whether an alert pages, and which silences or alerts keep it from that."""

    state: Literal["unprocessed", "active", "suppressed"]
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]
    muted_by: tuple[str, ...] = ()


class GettableAlert(msgspec.Struct, frozen=True, kw_only=True, rename=_go_name):
    """An alert that is firing. `ends_at` is when it ends unless it is sent again, in year 1 where its sender
    will say when it ends."""

    annotations: dict[str, str]
    ends_at: datetime
    fingerprint: str
    receivers: tuple[Receiver, ...]
    starts_at: datetime
    status: AlertState
    updated_at: datetime
    labels: dict[str, str]
    generator_url: str | msgspec.UnsetType = msgspec.UNSET


def gettable_alert(
    record: AlertRecord,
    receiver: str,
    silenced_by: tuple[str, ...],
    inhibited_by: tuple[str, ...],
    muted_by: tuple[str, ...] = (),
) -> GettableAlert:
    """A record of an alert as Alertmanager shows it; `muted_by` are the maintenance windows, which are its
    time intervals."""
    alert = record.alert
    suppressed = silenced_by or inhibited_by or muted_by
    return GettableAlert(
        annotations=alert.annotations,
        ends_at=alert.expires_at or NO_TIME,
        fingerprint=alert.fingerprint,
        receivers=(Receiver(name=receiver),),
        starts_at=alert.starts_at,
        status=AlertState(
            state="suppressed" if suppressed else "active",
            silenced_by=silenced_by,
            inhibited_by=inhibited_by,
            muted_by=muted_by,
        ),
        updated_at=record.last_seen_at,
        labels=alert.labels,
        generator_url=alert.generator_url or msgspec.UNSET,
    )


class AlertGroup(msgspec.Struct, frozen=True, kw_only=True, rename=_go_name):
    """Alerts that belong together, and the labels by which they do."""

    alerts: tuple[GettableAlert, ...]
    labels: dict[str, str]
    receiver: Receiver
    route_labels: dict[str, str] = {}


class MatcherBody(msgspec.Struct, frozen=True, kw_only=True, rename=_go_name):
    """A matcher of a silence."""

    name: str
    value: str
    is_regex: bool
    is_equal: bool | None = True


class SilenceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where a silence is in its life."""

    state: SilenceState


class PostableSilence(msgspec.Struct, frozen=True, kw_only=True, rename=_go_name):
    """A silence to make, or with the id of another to change that one."""

    matchers: list[MatcherBody]
    starts_at: Aware
    ends_at: Aware
    created_by: str
    comment: str
    id: str | None = ""
    annotations: dict[str, str] | None = None

    def times(self) -> tuple[datetime, datetime]:
        """Its beginning and its end in UTC.

        Raises:
            ValueError: one is of no year that UTC has, or the beginning is not before the end.
        """
        try:
            starts_at, ends_at = self.starts_at.astimezone(UTC), self.ends_at.astimezone(UTC)
        except OverflowError as error:
            raise ValueError("a time is before the first or after the last year") from error
        if starts_at >= ends_at:
            raise ValueError("endsAt must be after startsAt")
        return starts_at, ends_at

    def read_matchers(self) -> list[Matcher]:
        """Its matchers.

        Raises:
            ValueError: one cannot be used; the message says which and why.
        """
        found: list[Matcher] = []
        for number, each in enumerate(self.matchers[: limits.silence_matchers_max + 1]):
            operator = _OPERATORS[each.is_regex, each.is_equal is not False]
            try:
                found.append(make_matcher(each.name, operator, each.value))
            except ValueError as error:
                raise ValueError(f"matchers[{number}]: {error}") from error
        return found


class GettableSilence(msgspec.Struct, frozen=True, kw_only=True, rename=_go_name):
    """A silence."""

    id: str
    status: SilenceStatus
    updated_at: datetime
    comment: str
    created_by: str
    ends_at: datetime
    matchers: tuple[MatcherBody, ...]
    starts_at: datetime
    annotations: dict[str, str] = {}


def gettable_silence(silence: Silence, now: datetime) -> GettableSilence:
    """A silence as Alertmanager shows it."""
    return GettableSilence(
        id=silence.id,
        status=SilenceStatus(state=silence.state(now)),
        updated_at=silence.updated_at,
        comment=silence.comment,
        created_by=silence.created_by,
        ends_at=silence.ends_at,
        matchers=tuple(
            MatcherBody(
                name=each.name,
                value=each.value,
                is_regex=each.operator in (Operator.REGEX, Operator.NOT_REGEX),
                is_equal=each.operator in (Operator.EQUAL, Operator.REGEX),
            )
            for each in silence.matchers
        ),
        starts_at=silence.starts_at,
    )


class SilenceMade(msgspec.Struct, frozen=True, kw_only=True, rename=_go_name):
    """The answer to a silence that was made or changed."""

    silence_id: str


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """There is no gossip between servers to tell of."""

    status: Literal["disabled"] = "disabled"
    peers: tuple[str, ...] = ()


class VersionInfo(msgspec.Struct, frozen=True, kw_only=True, rename=_go_name):
    """What answers; the fields of a build in Go are empty."""

    version: str
    branch: str = ""
    build_date: str = ""
    build_user: str = ""
    go_version: str = ""
    revision: str = ""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What Tocsin's routes come to in a configuration of Alertmanager, in YAML."""

    original: str


class Status(msgspec.Struct, frozen=True, kw_only=True, rename=_go_name):
    """The status. `uptime` is when the server began."""

    cluster: Cluster
    config: Config
    uptime: datetime
    version_info: VersionInfo


def is_within(filters: Mapping[str, bool], alert: GettableAlert) -> bool:
    """Whether an alert is asked for: each of `active`, `silenced`, `inhibited` that is False leaves the
    alerts of that kind out."""
    return not (
        (not filters["active"] and alert.status.state == "active")
        or (not filters["silenced"] and alert.status.silenced_by)
        or (not filters["inhibited"] and alert.status.inhibited_by)
    )
