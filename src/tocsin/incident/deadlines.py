"""When the playbook wants something of an incident next. Pure: a restart, a clock jump or a drill
computes the same list again."""

from datetime import datetime
from enum import StrEnum

import msgspec


class DeadlineKind(StrEnum):
    """What a deadline is about."""

    PAGE = "page"
    PAGE_STEP = "page-step"
    RESPOND_BY = "respond-by"
    ESCALATE = "escalate"
    UPDATE = "update"
    PHASE = "phase"
    POSTMORTEM = "postmortem"


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the playbook wants at `at` (UTC), in words for people. `key` is unique in the incident.

    `role` is whom it concerns, where it concerns a role.
    """

    at: datetime
    kind: DeadlineKind
    key: str
    text: str
    role: str = ""
