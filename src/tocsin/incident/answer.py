"""How a command is answered: with events, or with a refusal in plain words."""

from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident.rules import Rules
from tocsin.incident.state import ACTIVE, ENDED, Incident, State

C = TypeVar("C", bound=c.Command)


class Accepted(msgspec.Struct, frozen=True):
    """The events that the command leads to, perhaps none, and a sentence for whoever asked."""

    events: tuple[e.AnyEvent, ...] = ()
    said: str = ""


class Refused(msgspec.Struct, frozen=True):
    """Why nothing happens: a stable code, and a sentence that says what would help."""

    code: str
    message: str


class Ask(msgspec.Struct, Generic[C], frozen=True):
    """A command with all that its answer may depend on."""

    incident: Incident
    command: C
    actor: e.Actor
    rules: Rules
    now: datetime


def not_active(incident: Incident, verb: str) -> Refused | Accepted | None:
    """The answer where only an active incident will do; None when it is active."""
    if incident.state in ACTIVE:
        return None
    if incident.state in ENDED:
        return ended(incident, verb)
    return Refused("resolved", f"{incident.id} is resolved; reopen it first.")


def ended(incident: Incident, verb: str) -> Refused:
    """The refusal that an incident which has ended gives to nearly everything."""
    where = f" into {incident.merged_into}; go there instead" if incident.state is State.MERGED else ""
    again = "" if incident.state is State.MERGED else "; reopen it first"
    return Refused("ended", f"{incident.id} was {incident.state.value}{where} and cannot be {verb}{again}.")


def missing(field: str, what: str) -> Refused:
    """The refusal of an empty field that a person has to fill."""
    return Refused("missing", f"Say {what} ({field}).")


def too_long(field: str, text: str, most: int) -> Refused | None:
    """The refusal of a text over its limit of characters; None when it is short enough."""
    if len(text) <= most:
        return None
    return Refused(
        "too-long", f"{field} is {len(text)} characters long; at most {most} are kept. Shorten it."
    )
