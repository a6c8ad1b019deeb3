"""What every event of an incident has in common: who made it happen, and on what evidence."""

from enum import StrEnum

import msgspec


class ActorKind(StrEnum):
    """Who can make something happen."""

    PERSON = "person"
    SOURCE = "source"
    CLOCK = "clock"
    DELIVERY = "delivery"
    SYSTEM = "system"


class Actor(msgspec.Struct, frozen=True):
    """Who did it: a person of the roster or an account, a source of alerts, the clock, the delivery."""

    kind: ActorKind
    id: str
    name: str = ""


CLOCK = Actor(ActorKind.CLOCK, "clock", "Tocsin")
DELIVERY = Actor(ActorKind.DELIVERY, "delivery", "Tocsin")
SYSTEM = Actor(ActorKind.SYSTEM, "tocsin", "Tocsin")


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=lambda name: name):
    """Base of every event; in JSON its name stands under `kind`."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Why a level was chosen: the rule that decided, and the words that it went by."""

    rule: str
    detail: str = ""
