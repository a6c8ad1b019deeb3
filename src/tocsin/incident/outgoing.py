"""What has to leave the house because of an event. Effects are data: the outbox carries them out."""

from datetime import datetime
from enum import StrEnum

import msgspec

from tocsin.base.ids import IncidentId, PageId, PersonId


class EffectKind(StrEnum):
    """Kinds of what the outbox carries."""

    PAGE = "page"
    FALLBACK = "fallback"
    NOTICE = "notice"
    MESSAGE = "message"
    ALERT = "alert"
    RECEIPT = "receipt"
    """To whoever reported it: nothing internal stands in it, and its link leads to their own report."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What a person reads: a subject of one line, and paragraphs. No link is in it yet."""

    subject: str
    lines: tuple[str, ...]


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """Deliver a letter over a channel under a stable key, not before `due_at` (UTC).

    For a page, `page` and `person` say whom the link in it acknowledges for; a fallback's `page` is its
    key in the incident. Whatever has a `page` can be cancelled by it. Letters with the same
    `bundle` that wait together are delivered as one. `urgent` is for channels that know the difference.
    """

    key: str
    kind: EffectKind
    incident: IncidentId
    channel: str
    address: str
    letter: Letter
    due_at: datetime
    to: str = ""
    person: PersonId | None = None
    page: PageId | None = None
    bundle: str = ""
    urgent: bool = False


class Cancel(msgspec.Struct, frozen=True, kw_only=True):
    """Do not begin what waits under these pages any more."""

    incident: IncidentId
    pages: tuple[PageId, ...]


class RaiseAlert(msgspec.Struct, frozen=True, kw_only=True):
    """Tell Tocsin itself of a trouble of its own, through the intake, under a stable key."""

    key: str
    incident: IncidentId
    labels: dict[str, str]
    annotations: dict[str, str]
    due_at: datetime


Effect = Send | Cancel | RaiseAlert
