"""The roster: people, how to reach them, and who fills which role."""

from datetime import date, datetime, time, timedelta

import msgspec

from tocsin.base.ids import PersonId, role_key


class ContactMethod(msgspec.Struct, frozen=True, kw_only=True):
    """One way to reach a person.

    `kind` names a channel (`email`, `webhook`, `outbox`), `address` is what that channel takes, and
    `after` is how long after the start of a round of a page this method is used.
    """

    id: str
    kind: str
    address: str
    after: timedelta = timedelta(0)


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can be paged. `zone` is the IANA zone in which times are shown to them."""

    id: PersonId
    name: str
    zone: str = "UTC"
    email: str = ""
    phone: str = ""
    methods: tuple[ContactMethod, ...] = ()


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody stands in from `starts_at` until `ends_at` (UTC, end excluded)."""

    person: PersonId
    starts_at: datetime
    ends_at: datetime


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """People who take turns. The first of `people` begins on `starts_on` at `handover`, local time
    in `zone`; each turn is `days` calendar days long, or `hours` hours where that is not 0, by the clock on
    the wall, so that a handover keeps its wall-clock time across a change to or from summer time."""

    people: tuple[PersonId, ...]
    starts_on: date
    handover: time
    zone: str
    days: int = 7
    hours: int = 0
    overrides: tuple[Override, ...] = ()

    @property
    def length(self) -> timedelta:
        """How long a turn lasts by the clock on the wall."""
        return timedelta(hours=self.hours) if self.hours else timedelta(days=self.days)


class Restriction(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the week, by the clock on the wall: on each of `days` (0 is Monday) from `begins` until
    `ends`, which is on the next day where it is not later than `begins`."""

    days: tuple[int, ...]
    begins: time
    ends: time


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """Turns that count within `restrictions` only (by the clock of the rotation's zone), or always where
    there are none."""

    rotation: Rotation
    restrictions: tuple[Restriction, ...] = ()
    name: str = ""


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Layers, of which a later one lies over the earlier ones wherever it has somebody, and overrides over
    all of them."""

    name: str
    layers: tuple[Layer, ...]
    overrides: tuple[Override, ...] = ()


class Absence(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody is away from `starts_at` until `ends_at` (UTC, end excluded), and has no turn meanwhile."""

    person: PersonId
    starts_at: datetime
    ends_at: datetime
    because: str = ""


class RoleFill(msgspec.Struct, frozen=True, kw_only=True):
    """Who fills a role: named people in order, a rotation, or a schedule of several. `overrides` are those
    over named people: while one lasts, its person comes before all of them."""

    role: str
    people: tuple[PersonId, ...] = ()
    rotation: Rotation | None = None
    schedule: Schedule | None = None
    overrides: tuple[Override, ...] = ()

    @property
    def turns(self) -> Schedule | None:
        """The schedule that fills it, also where it is a single rotation; None for named people."""
        if self.rotation is None:
            return self.schedule
        only = Layer(rotation=self.rotation)
        return Schedule(name=self.role, layers=(only,), overrides=self.rotation.overrides)

    @property
    def everybody(self) -> tuple[PersonId, ...]:
        """Everybody who is written down for it, each once: named, in turns, or standing in."""
        turns = self.turns
        found = list(self.people)
        if turns is not None:
            found += [person for layer in turns.layers for person in layer.rotation.people]
            found += [override.person for override in turns.overrides]
        found += [override.person for override in self.overrides]
        return tuple(dict.fromkeys(found))


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """Who receives status messages, and over what."""

    name: str
    methods: tuple[ContactMethod, ...]


class Roster(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody, every role, who is away when, the audiences of messages, and the last resort when nobody
    can be reached."""

    people: tuple[Person, ...] = ()
    roles: tuple[RoleFill, ...] = ()
    absences: tuple[Absence, ...] = ()
    audiences: tuple[Audience, ...] = ()
    fallback: tuple[ContactMethod, ...] = ()

    def person(self, person: PersonId) -> Person | None:
        """The person of this id, or None."""
        return next((each for each in self.people if each.id == person), None)

    def name_of(self, person: PersonId) -> str:
        """What to call somebody: by their name, or by their id where the roster does not know them."""
        known = self.person(person)
        return known.name if known else person

    def role(self, name: str) -> RoleFill | None:
        """Who fills the role of this name, compared as `role_key` does; None where nobody was named."""
        key = role_key(name)
        return next((each for each in self.roles if role_key(each.role) == key), None)


class OnCall(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to "who is on call?": the people in the order in which to try them, or why nobody is.

    `until` is when the answer next changes by itself (UTC); None where it does not.
    """

    role: str
    people: tuple[Person, ...] = ()
    because: str = ""
    until: datetime | None = None
