"""The roster file: TOML to a `Roster`, with everything that is wrong told at once."""

import re
from typing import cast

from tocsin.base.ids import PersonId, role_key
from tocsin.base.tomlread import Table, did_you_mean, read_toml, sentence
from tocsin.oncall.methods import EMAIL, CheckAddress, read_methods, read_zone
from tocsin.oncall.model import Audience, ContactMethod, Person, RoleFill, Roster, Schedule
from tocsin.oncall.schedules import ZONE_MEND, read_absences, read_named, read_rotation, read_schedules

FILLED_BY = ("people", "rotation", "schedule")

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
    root.only("people", "roles", "schedules", "absences", "audiences", "fallback")
    people = _people(root, check_address)
    known = _known(root)
    roles = _roles(root, known, read_schedules(root, known))
    absences = read_absences(root, known, {each.id: each.zone for each in people})
    audiences = _audiences(root, check_address)
    fallback = _fallback(root, check_address)
    root.report.refuse_if_any()
    return Roster(people=people, roles=roles, absences=absences, audiences=audiences, fallback=fallback)


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


def _roles(root: Table, known: frozenset[PersonId], schedules: dict[str, Schedule]) -> tuple[RoleFill, ...]:
    table = root.table("roles")
    if table is None or not table.values:
        if table is not None or "roles" not in root:
            mend = 'Add the roles of your playbook: [roles."On-Call Engineer"] with people = ["alice"].'
            root.refuse("roles", "no-roles", "The roster fills no role.", mend)
        return ()
    found: dict[str, RoleFill] = {}
    for name, each in table.each_table():
        fill = _role(name, each, known, schedules)
        if earlier := found.get(role_key(name)):
            message = f"{name!r} and {earlier.role!r} are the same role."
            each.refuse(None, "duplicate-role", message, "Keep one of them.")
        found[role_key(name)] = fill
    return tuple(found.values())


def _role(name: str, table: Table, known: frozenset[PersonId], schedules: dict[str, Schedule]) -> RoleFill:
    table.only(*FILLED_BY)
    if not name.strip() or not name.isprintable():
        table.refuse(None, "bad-role", f"{name!r} is no name of a role.", "Use the name in the playbook.")
    given = [key for key in FILLED_BY if key in table]
    if len(given) != 1:
        which = " and ".join(given) if given else "neither people, nor a rotation, nor a schedule"
        mend = 'Give it one: people = ["alice"], rotation = { … }, or schedule = "…".'
        table.refuse(None, "bad-role", f"The role {name} has {which}.", mend)
    rotation = table.table("rotation")
    return RoleFill(
        role=name,
        people=read_named(table, known, repeats=False),
        rotation=read_rotation(rotation, known) if rotation else None,
        schedule=_schedule_named(table, schedules),
    )


def _schedule_named(table: Table, schedules: dict[str, Schedule]) -> Schedule | None:
    name = table.text("schedule")
    if name is None:
        return None
    found = schedules.get(name)
    if found is None:
        message = f"There is no schedule {name!r}."
        mend = did_you_mean(name, sorted(schedules)) if schedules else "Add [[schedules.NAME.layers]]."
        table.refuse("schedule", "unknown-schedule", message, mend)
    return found


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
