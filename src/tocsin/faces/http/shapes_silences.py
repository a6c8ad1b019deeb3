"""The bodies of the API about silences and maintenance windows."""

from datetime import datetime, timedelta

import msgspec

from tocsin.alerts.matchers import Matcher, format_matchers
from tocsin.alerts.silences import Silence, SilenceState
from tocsin.engine.maintenance import Planned


class SilenceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A silence. `text` holds its matchers as they are written."""

    id: str
    state: SilenceState
    text: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str
    updated_at: datetime


def silence_document(silence: Silence, now: datetime) -> SilenceDocument:
    """A silence as the API shows it. `now` is UTC."""
    return SilenceDocument(
        id=silence.id,
        state=silence.state(now),
        text=format_matchers(silence.matchers),
        matchers=silence.matchers,
        starts_at=silence.starts_at,
        ends_at=silence.ends_at,
        created_by=silence.created_by,
        comment=silence.comment,
        updated_at=silence.updated_at,
    )


class SilenceList(msgspec.Struct, frozen=True, kw_only=True):
    """Silences: the active first, then those to come, then the ended."""

    silences: list[SilenceDocument]


class MaintenanceWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A maintenance window of a playbook. `start` is how its author wrote when it begins, in `zone`;
    `starts_at` and `ends_at` are those of now where it `holds`, else of the next time, null where it does
    not come again."""

    playbook: str
    name: str
    matchers: str
    start: str
    zone: str
    lasts: timedelta
    holds: bool
    starts_at: datetime | None
    ends_at: datetime | None


def maintenance_window(planned: Planned) -> MaintenanceWindow:
    """A window as the API shows it."""
    window, occurs = planned.window, planned.occurs
    return MaintenanceWindow(
        playbook=planned.book.name,
        name=window.name,
        matchers=window.matchers.text,
        start=window.text,
        zone=window.zone,
        lasts=window.lasts,
        holds=occurs is not None and occurs.is_open,
        starts_at=occurs.starts_at if occurs else None,
        ends_at=occurs.ends_at if occurs else None,
    )


class MaintenanceList(msgspec.Struct, frozen=True, kw_only=True):
    """Maintenance windows: those that hold, the next to begin, then those that do not come again."""

    windows: list[MaintenanceWindow]


class NewSilence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a silence is made from. `matchers` is their text; the end is `ends_at`, or a duration (`2h`) after
    the beginning in `lasts`. `replaces` is the id of the silence to change."""

    matchers: str
    comment: str
    ends_at: datetime | None = None
    lasts: str = ""
    starts_at: datetime | None = None
    replaces: str = ""
