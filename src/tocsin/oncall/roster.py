"""The roster file: TOML to a `Roster`, with everything that is wrong told at once."""

import re
from datetime import UTC, date, datetime, time
from typing import cast

from tocsin.base.ids import PersonId, role_key
from tocsin.base.times import zone
from tocsin.base.tomlread import Table, did_you_mean, read_toml, sentence
from tocsin.oncall.handover import wall_clock
from tocsin.oncall.methods import (
    EMAIL,
    CheckAddress,
    read_clock,
    read_date,
    read_methods,
    read_moment,
    read_zone,
)
from tocsin.oncall.model import (
    Audience,
    ContactMethod,
    Override,
    Person,
    RoleFill,
    Roster,
    Rotation,
)

HANDOVER = time(9)
DAYS = 7
DAYS_MAX = 366
ZONE_MEND = "Use an IANA name such as Europe/Paris."

_PERSON_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_EMAIL = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+")
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{1,31}")


def parse_roster(text: str, file: str, check_address: CheckAddress | None = None) -> Roster:
    """Read a roster from the text of its file, whose name `file` is only for the problems.

    `check_address` takes the kind of a channel and an address, and says in one sentence what is wrong
    with either; without it, any kind and address will do.

    Raises:
        ProblemsError: everything that is wrong, in the order of the lines.
    """
    root = read_toml(text, file)
    root.only("people", "roles", "audiences", "fallback")
    people = _people(root, check_address)
    roles = _roles(root, _known(root))
    audiences = _audiences(root, check_address)
    fallback = _fallback(root, check_address)
    root.report.refuse_if_any()
    return Roster(people=people, roles=roles, audiences=audiences, fallback=fallback)


def _known(root: Table) -> frozenset[PersonId]:
    """Every key under `people`, also of those with problems of their own, which are told once."""
    people = root.values.get("people")
    return frozenset(cast("dict[PersonId, object]", people)) if isinstance(people, dict) else frozenset()


def _people(root: Table, check_address: CheckAddress | None) -> tuple[Person, ...]:
    table = root.table("people")
    if table is None or not table.values:
        if table is not None or "people" not in root:
            mend = 'Add somebody: [people.alice] with name = "Alice" and a way to reach her.'
            root.refuse("people", "no-people", "There is nobody in the roster.", mend)
        return ()
    return tuple(_person(PersonId(key), each, check_address) for key, each in table.each_table())


def _person(person: PersonId, table: Table, check_address: CheckAddress | None) -> Person:
    table.only("name", "zone", "email", "phone", "methods")
    if not _PERSON_ID.fullmatch(person):
        mend = "Use up to 64 letters, digits, - and _; the full name goes into `name`."
        table.refuse(None, "bad-person-id", f"{person!r} is no key for a person.", mend)
    name = table.text("name")
    if name is None and "name" not in table:
        mend = f'Add name = "{person.title()}".'
        table.refuse(None, "missing-key", f"{person} has no name.", mend)
    email = _matching(table, "email", _EMAIL, 'Write one address, such as "alice@example.org".')
    phone = _matching(table, "phone", _PHONE, 'Write a number, such as "+49 30 123456".')
    methods = read_methods(table, email, check_address)
    if "methods" not in table and email:
        methods = (ContactMethod(id=f"{EMAIL}-1", kind=EMAIL, address=email),)
        if check_address and (wrong := check_address(EMAIL, email)):
            table.refuse(
                "email", "bad-address", sentence(wrong), "Mend the address, or list other `methods`."
            )
    if not methods and not table.values.get("methods") and ("methods" in table or "email" not in table):
        mend = 'Add an email, or methods = [{ kind = "…", address = "…" }].'
        place = "methods" if "methods" in table else None
        table.refuse(place, "no-method", f"There is no way to reach {person}.", mend)
    return Person(
        id=person,
        name=name or person,
        zone=table.parsed("zone", "bad-zone", read_zone, ZONE_MEND) or "UTC",
        email=email,
        phone=phone,
        methods=methods,
    )


def _matching(table: Table, key: str, pattern: re.Pattern[str], mend: str) -> str:
    value = table.text(key)
    if value is not None and not pattern.fullmatch(value):
        table.refuse(key, f"bad-{key}", f"{value!r} is no {key}.", mend)
        return ""
    return value or ""


def _roles(root: Table, known: frozenset[PersonId]) -> tuple[RoleFill, ...]:
    table = root.table("roles")
    if table is None or not table.values:
        if table is not None or "roles" not in root:
            mend = 'Add the roles of your playbook: [roles."On-Call Engineer"] with people = ["alice"].'
            root.refuse("roles", "no-roles", "The roster fills no role.", mend)
        return ()
    found: dict[str, RoleFill] = {}
    for name, each in table.each_table():
        fill = _role(name, each, known)
        if earlier := found.get(role_key(name)):
            message = f"{name!r} and {earlier.role!r} are the same role."
            each.refuse(None, "duplicate-role", message, "Keep one of them.")
        found[role_key(name)] = fill
    return tuple(found.values())


def _role(name: str, table: Table, known: frozenset[PersonId]) -> RoleFill:
    table.only("people", "rotation")
    if not name.strip() or not name.isprintable():
        table.refuse(None, "bad-role", f"{name!r} is no name of a role.", "Use the name in the playbook.")
    if ("people" in table) == ("rotation" in table):
        which = "both people and a rotation" if "people" in table else "neither people nor a rotation"
        mend = 'Give it one: people = ["alice"], or rotation = { … }.'
        table.refuse(None, "bad-role", f"The role {name} has {which}.", mend)
    people = _named(table, known, repeats=False)
    rotation = table.table("rotation")
    return RoleFill(role=name, people=people, rotation=_rotation(rotation, known) if rotation else None)


def _named(table: Table, known: frozenset[PersonId], repeats: bool) -> tuple[PersonId, ...]:
    """The people under `people`; in a rotation somebody may be named more than once."""
    named = table.texts("people")
    if named is None:
        return ()
    if not named and not table.values.get("people"):
        table.refuse("people", "no-people", "Nobody is named.", "Name at least one person.")
    found: list[PersonId] = []
    for place, each in named:
        person = PersonId(each)
        path = (*table.path, "people", place)
        if person not in known:
            message = f"{each!r} is not among the people of the roster."
            table.report.add(path, "unknown-person", message, did_you_mean(each, sorted(known)))
        elif person in found and not repeats:
            table.report.add(path, "duplicate-person", f"{each!r} is named twice.", "Name everybody once.")
        found.append(person)
    return tuple(found)


def _rotation(table: Table, known: frozenset[PersonId]) -> Rotation:
    table.only("people", "starts_on", "handover", "zone", "days", "overrides")
    for key, mend in (
        ("people", 'Add people = ["alice", "ben"], in the order of their turns.'),
        ("starts_on", "Add starts_on = 2026-01-05, the day of the first handover."),
        ("zone", 'Add zone = "Europe/Paris", by whose clocks the handover is.'),
    ):
        if key not in table:
            table.refuse(None, "missing-key", f"The rotation has no {key!r}.", mend)
    people = _named(table, known, repeats=True)
    starts_on = table.parsed("starts_on", "bad-date", read_date, "Write a date such as 2026-01-05.")
    handover = table.parsed("handover", "bad-time", read_clock, 'Write a time of day such as "09:00".')
    name = table.parsed("zone", "bad-zone", read_zone, ZONE_MEND)
    days = table.whole("days", 1, DAYS_MAX)
    overrides = tuple(
        found for row in table.tables("overrides") or () if (found := _override(row, name, known)) is not None
    )
    return Rotation(
        people=people,
        starts_on=starts_on or date(1970, 1, 1),
        handover=HANDOVER if handover is None else handover,
        zone=name or "UTC",
        days=days or DAYS,
        overrides=overrides,
    )


def _override(table: Table, where: str | None, known: frozenset[PersonId]) -> Override | None:
    table.only("person", "starts_at", "ends_at")
    for key in ("person", "starts_at", "ends_at"):
        if key not in table:
            mend = 'Write { person = "alice", starts_at = …, ends_at = … }.'
            table.refuse(None, "missing-key", f"The override has no {key!r}.", mend)
    person = table.text("person")
    if person is not None and person not in known:
        message = f"{person!r} is not among the people of the roster."
        table.refuse("person", "unknown-person", message, did_you_mean(person, sorted(known)))
    starts_at, ends_at = (_instant(table, key, where) for key in ("starts_at", "ends_at"))
    if starts_at is None or ends_at is None or person is None:
        return None
    if ends_at <= starts_at:
        message = "The override ends before it begins." if ends_at < starts_at else "The override is empty."
        table.refuse("ends_at", "bad-override", message, "Let it end after it begins.")
    return Override(person=PersonId(person), starts_at=starts_at, ends_at=ends_at)


def _instant(table: Table, key: str, where: str | None) -> datetime | None:
    """A moment in UTC; one without an offset is by the clocks of the rotation's zone."""
    moment = table.parsed(key, "bad-time", read_moment, "Write a time such as 2026-12-24T18:00:00.")
    if moment is None:
        return None
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    # A zone that cannot be read was told of already, and refuses the file.
    return wall_clock(moment.date(), moment.time(), zone(where or "UTC"))


def _audiences(root: Table, check_address: CheckAddress | None) -> tuple[Audience, ...]:
    table = root.table("audiences")
    found: list[Audience] = []
    for name, each in table.each_table() if table else ():
        each.only("methods")
        methods = read_methods(each, "", check_address)
        if not each.values.get("methods"):
            mend = 'Add methods = [{ kind = "…", address = "…" }].'
            each.refuse(None, "no-method", f"There is no way to reach the audience {name}.", mend)
        found.append(Audience(name=name, methods=methods))
    return tuple(found)


def _fallback(root: Table, check_address: CheckAddress | None) -> tuple[ContactMethod, ...]:
    table = root.table("fallback")
    if table is None:
        return ()
    table.only("methods")
    methods = read_methods(table, "", check_address)
    if not table.values.get("methods"):
        mend = 'Add methods = [{ kind = "…", address = "…" }], or leave [fallback] out.'
        table.refuse(None, "no-method", "The fallback has no contact method.", mend)
    return methods
