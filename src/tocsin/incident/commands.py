"""What may be asked of an incident. `decide` answers each with events, or refuses and says why."""

from datetime import timedelta
from typing import Literal

import msgspec

from tocsin.alerts.model import Alert
from tocsin.base.ids import IncidentId, LevelId, PersonId
from tocsin.playbook.model import MessageKind


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="command", tag=lambda name: name):
    """Base of every command; in JSON its name stands under `command`."""


class OpenByAlert(Command, frozen=True, kw_only=True):
    """An alert opens this incident."""

    alert: Alert
    group_key: str
    because: str


class Declare(Command, frozen=True, kw_only=True):
    """A person opens this incident. Without a level, the severity is judged from the words. `playbook`
    is the file's name or the title of the playbook to follow, "" the one for everything else."""

    title: str
    description: str = ""
    level: LevelId | None = None
    categories: tuple[str, ...] = ()
    drill: bool = False
    playbook: str = ""


class Tally(msgspec.Struct, frozen=True):
    """How many alerts an incident has in all, and how many of them fire."""

    alerts: int
    firing: int


class AttachAlert(Command, frozen=True, kw_only=True):
    """A firing alert belongs to this incident, newly or again."""

    alert: Alert
    because: str


class AttachAlerts(Command, frozen=True, kw_only=True):
    """Firing alerts belong to this incident, newly or again.

    `new` are those that were not firing in it before; `tally` counts all of its alerts with these. `unseen`
    are the fingerprints of further ones, for which nothing has to be decided any more.
    """

    new: tuple[AttachAlert, ...]
    tally: Tally
    unseen: tuple[str, ...] = ()


class ClearAlert(Command, frozen=True, kw_only=True):
    """An alert of this incident has ended."""

    alert: Alert


class ClearAlerts(Command, frozen=True, kw_only=True):
    """Alerts that were firing in this incident have ended; `tally` counts all of its alerts after that."""

    alerts: tuple[Alert, ...]
    tally: Tally


class Acknowledge(Command, frozen=True, kw_only=True):
    """A person takes it on. `via` says over what: web, cli, api, link."""

    person: PersonId
    via: str = "api"


class TakeCommand(Command, frozen=True, kw_only=True):
    """A person becomes the commander of their own accord, or accepts an offer."""

    person: PersonId


class OfferCommand(Command, frozen=True, kw_only=True):
    """Ask a person to take over command; they accept with `TakeCommand` or by acknowledging the page."""

    to: PersonId


class AddNote(Command, frozen=True, kw_only=True):
    """Write something into the timeline."""

    text: str


class CheckItem(Command, frozen=True, kw_only=True):
    """Tick an item of a phase's checklist, or untick it. `item` is the item's id in the playbook."""

    item: str
    done: bool = True
    note: str = ""


class AnswerTriage(Command, frozen=True, kw_only=True):
    """Answer a question of the severity checklist; `rule` is its id in the playbook."""

    rule: str
    answer: Literal["yes", "no", "unknown"]


class SetSeverity(Command, frozen=True, kw_only=True):
    """A person decides the level; it stands over every rule."""

    level: LevelId
    reason: str


class AddCategory(Command, frozen=True, kw_only=True):
    """Say that the incident is of a category (security, data breach, infrastructure, ...)."""

    category: str
    reason: str = ""


class Escalate(Command, frozen=True, kw_only=True):
    """Page a role or a person by hand."""

    to: str
    reason: str = ""


class SendMessage(Command, frozen=True, kw_only=True):
    """Send a status message. `values` fill the template's fields; `text` replaces the template."""

    kind: MessageKind
    values: dict[str, str] = {}
    text: str = ""


class Mitigate(Command, frozen=True, kw_only=True):
    """The impact has ended, the cause may not be gone."""

    summary: str = ""


class Resolve(Command, frozen=True, kw_only=True):
    """It is over: what the cause was, what mended it, how that was verified."""

    root_cause: str
    fix: str
    verification: str = ""


class Reopen(Command, frozen=True, kw_only=True):
    """It was not over."""

    reason: str


class PublishPostmortem(Command, frozen=True, kw_only=True):
    """The post-mortem is written. `text` is the document; an empty one takes the generated draft."""

    text: str = ""
    link: str = ""


class Close(Command, frozen=True, kw_only=True):
    """Nothing is left to do."""

    reason: str = ""


class Dismiss(Command, frozen=True, kw_only=True):
    """It was a false alarm."""

    reason: str


class Merge(Command, frozen=True, kw_only=True):
    """This incident is part of another one, which takes its alerts."""

    into: IncidentId


class Absorb(Command, frozen=True, kw_only=True):
    """Take over what another incident held (the other side of `Merge`)."""

    other: IncidentId
    title: str
    alerts: tuple[Alert, ...]
    tally: Tally | None = None


class GatherStorm(Command, frozen=True, kw_only=True):
    """This incident stands for a storm from now on: for so many incidents that alerts opened within so
    long. `levels` are those of the incidents that were merged into it."""

    incidents: int
    within: timedelta
    levels: tuple[LevelId, ...]
    because: str


class Repin(Command, frozen=True, kw_only=True):
    """Follow another version of the playbook from now on. `playbook` is its hash, "" the current version
    of the playbook that the incident follows."""

    playbook: str = ""


class RecordDelivery(Command, frozen=True, kw_only=True):
    """What became of a page or message on its way out; asked by the delivery alone.

    `final` says that it will not be tried again, `attempts` how often it was tried; `detail` is fit to
    be shown and holds no secret.
    """

    key: str
    channel: str
    to: str
    delivered: bool
    detail: str = ""
    final: bool = True
    attempts: int = 1


class Tick(Command, frozen=True, kw_only=True):
    """Time has passed."""


AnyCommand = (
    OpenByAlert
    | Declare
    | AttachAlert
    | AttachAlerts
    | ClearAlert
    | ClearAlerts
    | Acknowledge
    | TakeCommand
    | OfferCommand
    | AddNote
    | CheckItem
    | AnswerTriage
    | SetSeverity
    | AddCategory
    | Escalate
    | SendMessage
    | Mitigate
    | Resolve
    | Reopen
    | PublishPostmortem
    | Close
    | Dismiss
    | Merge
    | Absorb
    | GatherStorm
    | Repin
    | RecordDelivery
    | Tick
)
