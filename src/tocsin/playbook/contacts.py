"""The key contacts: who is responsible for what, and when each is paged."""

import re

import msgspec

from tocsin.base.problems import Problem
from tocsin.playbook.blocks import Listing, Table
from tocsin.playbook.codes import problem
from tocsin.playbook.hops import is_role, read_category, split_roles
from tocsin.playbook.levels import LEVEL_SETS, Known
from tocsin.playbook.model import Contact, Sure, Trigger
from tocsin.playbook.outline import Outline, Place, cell, column
from tocsin.playbook.spans import read_span
from tocsin.playbook.vocabulary import in_english, pattern

_ROLE = pattern("role")
_ROLE_EXACTLY = pattern("role_exactly")
_TRIGGER = pattern("trigger")
_DUTY = pattern("duty")
_CONTACTS = re.compile(
    r"\bcontacts?\b|contacto|kontakt|contato|who (?:is paged|to page|to call)", re.IGNORECASE
)
_EVERYTHING = re.compile(
    r"^\W*(?:all|any|every)(?:\s+(?:new|firing|the))?(?:\s+(?:alerts?|incidents?|pages?|severit(?:y"
    r"|ies)|levels?))?\W*$"
    r"|^\W*(?:always|everything)\W*$",
    re.IGNORECASE,
)
_DURATION = r"\d+(?:[.,]\d+)?\s*-?\s*(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)\b"
_UNRESOLVED = re.compile(
    r"(?:(?:still\s+)?(?:unresolved|not\s+(?:yet\s+)?(?:resolved|fixed|mitigated)|unmitigated|open"
    r"|ongoing|lasting|running|"
    r"unacknowledged|unanswered|cannot\s+(?:be\s+)?resolved?)\s*)?(?:for\s+|after\s+|over\s+"
    r"|longer\s+than\s+|more\s+than\s+|"
    rf"within\s+|in\s+|beyond\s+|exceed(?:s|ing)\s+|[>≥]=?\s*)*(?:more\s+than\s+)?{_DURATION}",
    re.IGNORECASE,
)
_BY_HAND = re.compile(
    r"\b(?:needed|required|request(?:ed)?|discretion|manual(?:ly)?|escalations?|depends?|appropriate"
    r"|necessary|never|tbd|unless)\b",
    re.IGNORECASE,
)
TRIGGER_CHARS_MAX = 300
"""A longer trigger is prose, which is not taken apart."""

CATEGORY_WORDS_MAX = 2
"""A category is a name; what is left with more words than this was not understood."""


class Contacts(msgspec.Struct, frozen=True):
    """The contacts, and the triggers that cannot be read."""

    contacts: tuple[Contact, ...]
    problems: tuple[Problem, ...]


def read_contacts(outline: Outline, known: Known) -> Contacts:
    """Every table with a role column and a trigger column."""
    contacts: list[Contact] = []
    problems: list[Problem] = []
    for place, table in outline.tables():
        if outline.is_claimed(place):
            continue
        for contact in _contacts(outline, place, table, known):
            contacts.append(contact)
            if not contact.trigger.readable:
                said = f"the trigger {contact.trigger.text!r} of {contact.role} cannot be read"
                problems.append(problem("PB073", contact.line, f"{said}, so the role is paged by hand only"))
    for place, listing in outline.lists():
        if not contacts and not place.depth and not outline.is_claimed(place) and place.under(_CONTACTS):
            contacts.extend(_bulleted(outline, place, listing, known))
    return Contacts(tuple(contacts), tuple(problems))


def _bulleted(outline: Outline, place: Place, listing: Listing, known: Known) -> list[Contact]:
    """Bullets `Role: when`, where every one reads as a role with a trigger that is understood."""
    found: list[Contact] = []
    for item in listing.items:
        role, _, when = item.text.partition(":")
        trigger = read_trigger(when, known)
        if not is_role(role) or not trigger.readable:
            return []
        found.append(Contact(role=role.strip(), responsibility="", trigger=trigger, line=item.line))
    if found:
        outline.recognise("contacts", place, "bullets of a role and when it is paged", Sure.MEDIUM)
    return found


def _contacts(outline: Outline, place: Place, table: Table, known: Known) -> list[Contact]:
    role_at = column(table.head, _ROLE_EXACTLY)
    role_at = column(table.head, _ROLE) if role_at is None else role_at
    trigger_at = column(table.head, _TRIGGER, (role_at,))
    if role_at is None or trigger_at is None:
        return []
    duty_at = column(table.head, _DUTY, (role_at, trigger_at))
    outline.recognise("contacts", place, "a table with a role column and a trigger column")
    found: list[Contact] = []
    for row in table.rows:
        for role in split_roles(cell(row.cells, role_at)):
            trigger = read_trigger(cell(row.cells, trigger_at), known)
            duty = cell(row.cells, duty_at)
            found.append(Contact(role=role, responsibility=duty, trigger=trigger, line=row.line))
    return found


def read_trigger(text: str, known: Known) -> Trigger:
    """A level set, a category and a time unresolved, in any order of words.

    `P2+ unresolved > 30 min`, `Infra-related P1/P2`, `Any security alert`, `All alerts`.
    """
    said = text.strip()
    if len(said) > TRIGGER_CHARS_MAX:
        return Trigger(text=said, readable=False)
    text = in_english(said)
    if _EVERYTHING.match(text):
        return Trigger(text=said)
    levels = known.find(text)
    timed = _UNRESOLVED.search(text)
    rest = text[: timed.start()] + " " + text[timed.end() :] if timed else text
    rest = LEVEL_SETS.sub(" ", rest)
    for level in levels:
        rest = re.sub(rf"(?<![\w-]){re.escape(level)}(?![\w-])", " ", rest, flags=re.IGNORECASE)
    category = read_category(re.sub(r"[()\[\],;:+/<>≥≤.]", " ", rest))
    by_hand = bool(_BY_HAND.search(text)) or len((category or "").split()) > CATEGORY_WORDS_MAX
    said_nothing = not levels and category is None and timed is None
    named_level = levels and category and known.find(category)
    if by_hand or said_nothing:
        return Trigger(text=said, readable=False)
    return Trigger(
        text=said,
        levels=levels,
        category=None if named_level else category,
        unresolved_for=read_span(timed[0]) if timed else None,
    )
