"""Identifiers: their types, and how to read and write them. None is ever made up here."""

import re
import unicodedata
from functools import lru_cache
from typing import NewType

IncidentId = NewType("IncidentId", str)
"""`INC-7`: the number is given by the store, in the order of opening."""

PersonId = NewType("PersonId", str)
"""The key of a person in the roster, such as `alice`."""

PageId = NewType("PageId", str)
"""`INC-7/p3`: the third page of incident 7; also the stable part of its delivery key."""

LevelId = NewType("LevelId", str)
"""A severity's own name in the playbook: `P1`, `SEV-2`, `Critical`."""

_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_INCIDENT = re.compile(r"INC-([1-9][0-9]{0,11})", re.IGNORECASE)


def incident_id(number: int) -> IncidentId:
    """The identifier of the incident with this number, which must be positive."""
    assert number > 0, "incident numbers start at 1"
    return IncidentId(f"INC-{number}")


def incident_number(incident: IncidentId) -> int:
    """The number of `INC-7`: 7."""
    return int(incident.removeprefix("INC-"))


def parse_incident_id(text: str) -> IncidentId | None:
    """Read `INC-7` (any case, surrounding space allowed) or a bare `7`; None if it is neither."""
    text = text.strip()
    if text.isascii() and text.isdigit() and not text.startswith("0") and len(text) <= 12:
        return IncidentId(f"INC-{text}")
    found = _INCIDENT.fullmatch(text)
    return IncidentId(f"INC-{found[1]}") if found else None


@lru_cache(maxsize=4096)
def slug(text: str) -> str:
    """Lower-case words of ASCII joined by hyphens; the same text always gives the same slug.

    Accents are dropped; a letter that ASCII has nothing for becomes the hexadecimal number of its
    character, so that names in other scripts stay apart from each other.
    """
    folded = unicodedata.normalize("NFKD", text.casefold())
    return _NOT_SLUG.sub("-", "".join(map(_in_ascii, folded))).strip("-") or "untitled"


def _in_ascii(character: str) -> str:
    if character.isascii():
        return character
    if unicodedata.combining(character):
        return ""
    return f"{ord(character):x}" if character.isalnum() else " "


def role_key(name: str) -> str:
    """The form under which role names are compared: "Team Lead", "team lead" and "Team-Lead" agree."""
    return slug(name)
