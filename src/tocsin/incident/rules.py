"""What the core decides by: the pinned playbook, the roster as of now, and the settable clocks."""

from datetime import timedelta
from fractions import Fraction

import msgspec

from tocsin.oncall.model import Roster
from tocsin.playbook.model import Playbook


class Clocks(msgspec.Struct, frozen=True, kw_only=True):
    """The times and fractions that a playbook leaves open.

    `default_respond_within` serves a level without a response time, `immediate_means` one whose
    response time is "immediate". `next_role_after` and `everyone_after` are fractions of the
    response time at which an unacknowledged incident is paged further up. A page walks its contact
    methods again after `repeat_share` of the response time, but not before `repeat_least`, and
    `repeat_late` apart once it has been walked often (`page_rounds_max`).
    """

    default_respond_within: timedelta = timedelta(hours=1)
    immediate_means: timedelta = timedelta(minutes=5)
    next_role_after: Fraction = Fraction(1, 3)
    everyone_after: Fraction = Fraction(2, 3)
    repeat_share: Fraction = Fraction(1, 3)
    repeat_least: timedelta = timedelta(minutes=2)
    repeat_late: timedelta = timedelta(minutes=30)


class Runbook(msgspec.Struct, frozen=True, kw_only=True):
    """A service runbook beside the playbook. `key` is a slug of its file's name, unique in its set."""

    key: str
    name: str
    playbook: Playbook


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a decision may depend on, besides the incident, the command and the time.

    `playbook_hash` is the SHA-256 of what the incident is pinned to, in hexadecimal: the bytes of the
    document, or with service runbooks beside it those of the list of the set. `runbooks` are all of the
    set; which of them an incident shows is for `runbooks.attached` to say.
    """

    playbook: Playbook
    playbook_hash: str
    roster: Roster
    clocks: Clocks = Clocks()
    runbooks: tuple[Runbook, ...] = ()
