"""The questions that set a level or shift it, and which roles may command at which level."""

import re

import msgspec

from tocsin.alerts.matchers import Matchers, parse_matchers
from tocsin.base.ids import LevelId, slug
from tocsin.base.problems import Problem
from tocsin.playbook.blocks import Listing, Table
from tocsin.playbook.charts import read_chart
from tocsin.playbook.codes import problem
from tocsin.playbook.levels import Known
from tocsin.playbook.model import CommandRule, Sure, TriageRule
from tocsin.playbook.outline import ARROW, Outline, Place, cell, column
from tocsin.playbook.phases import unique
from tocsin.playbook.vocabulary import ENGLISH, foreign, in_english, pattern

_SHIFT = re.compile(
    r"\b(?P<way>down|up)\s?-?(?:grade|graded)?\b(?:\s+severity)?\s*(?:by\s+)?(?P<count>\d|one|two"
    r"|three|a)\b\s*(?:level|step|notch|severit|priorit)",
    re.IGNORECASE,
)
_BARE_SHIFT = re.compile(
    r"^\W*(?P<way>down|up)grade(?:\s+(?:the\s+)?(?:severity|priority|level))?\W*$", re.IGNORECASE
)
_LOWER = re.compile(r"\b(?:lower|reduce|decrease)\b.*\bby\s+(?P<count>\d|one|two|three|a)\b", re.IGNORECASE)
_HIGHER = re.compile(r"\b(?:raise|increase)\b.*\bby\s+(?P<count>\d|one|two|three|a)\b", re.IGNORECASE)
_COUNTS = {"one": 1, "a": 1, "two": 2, "three": 3}
_TRIGGER = pattern("question")
_ACTION = pattern("action")
_MOVES = re.compile(r"\b(?:up|down)grade|\bminimum\b|\bat least\b|\braise\b|\blower\b", re.IGNORECASE)
_ANNOTATION = re.compile(r"^\s*tocsin:\s*when\s*=\s*(?P<matchers>.*)$", re.DOTALL)
_CLASSIFIES = re.compile(rf"{ENGLISH['severities']}|triage|decision|{foreign('severities')}", re.IGNORECASE)
_COMMANDER = pattern("commander")
_ROLES = re.compile(r"\s*(?:/|,|;|\bor\b|\belse\b|\bthen\b|\boder\b|\bou\b|(?<=\s)o(?=\s))\s*", re.IGNORECASE)


class Triage(msgspec.Struct, frozen=True):
    """What triage gives: its rules, and what is wrong with their annotations."""

    rules: tuple[TriageRule, ...]
    problems: tuple[Problem, ...]


def read_triage(outline: Outline, known: Known) -> Triage:
    """The severity checklist: items `question → level` or `→ shift`, and tables of reclassification."""
    rules: list[TriageRule] = []
    problems: list[Problem] = []
    taken: dict[str, int] = {}
    for place, listing in outline.lists():
        found = [(item, *_asked(item.text, known)) for item in listing.items]
        read = [each for each in found if each[2] is not None or each[3] is not None]
        if not read or len(read) * 2 < len(found) or _COMMANDER.search(place.group):
            continue
        outline.recognise("triage", place, "questions with an arrow to a level")
        for item, question, sets, shifts in read:
            when, trouble = _when(item.comments, item.line)
            problems.extend(trouble)
            identifier = unique(slug(question)[:80], taken)
            rules.append(
                TriageRule(
                    id=identifier, question=question, sets=sets, shifts=shifts, when=when, line=item.line
                )
            )
        problems.extend(
            problem("PB076", item.line) for item, _, sets, shifts in found if sets is shifts is None
        )
    for place, table in outline.tables():
        if not outline.is_claimed(place):
            rules.extend(_table_rules(outline, place, table, known, taken))
    for place, fence in outline.fences():
        if fence.language != "mermaid" or outline.is_claimed(place) or not place.under(_CLASSIFIES):
            continue
        answers = read_chart(fence.content, known)
        if answers:
            outline.recognise("triage", place, "a chart of questions that lead to levels", Sure.MEDIUM)
        rules.extend(
            TriageRule(
                id=unique(slug(each.question)[:80], taken),
                question=each.question,
                sets=each.level,
                line=fence.line + each.row,
            )
            for each in answers
        )
    return Triage(tuple(rules), tuple(problems))


def _asked(text: str, known: Known) -> tuple[str, LevelId | None, int | None]:
    """A question with the level that it sets or the shift; neither where there is no such arrow."""
    question, *outcome = ARROW.split(text)
    if not outcome:
        return text, None, None
    sets, shifts = _outcome(outcome[-1], known)
    return " → ".join([question, *outcome[:-1]]).strip(), sets, shifts


def _outcome(text: str, known: Known) -> tuple[LevelId | None, int | None]:
    text = in_english(text)
    if found := _SHIFT.search(text):
        count = _COUNTS.get(found["count"].casefold()) or int(found["count"])
        return None, count if found["way"].casefold() == "down" else -count
    for words, sign in ((_LOWER, 1), (_HIGHER, -1)):
        if found := words.search(text):
            return None, sign * (_COUNTS.get(found["count"].casefold()) or int(found["count"]))
    levels = known.find(text)
    if levels:
        return levels[0], None
    if found := _BARE_SHIFT.match(text):
        return None, 1 if found["way"].casefold() == "down" else -1
    return None, None


def _table_rules(
    outline: Outline, place: Place, table: Table, known: Known, taken: dict[str, int]
) -> list[TriageRule]:
    """A table with a trigger column and a column that says what it does to the level."""
    trigger_at = column(table.head, _TRIGGER)
    action_at = column(table.head, _ACTION, (trigger_at,))
    if trigger_at is None or action_at is None:
        return []
    moving = [row for row in table.rows if _MOVES.search(cell(row.cells, action_at))]
    if not moving or len(moving) * 2 < len(table.rows):
        return []
    outline.recognise("triage", place, "a table of what moves the level")
    rules: list[TriageRule] = []
    for row in moving:
        question = cell(row.cells, trigger_at)
        sets, shifts = _outcome(cell(row.cells, action_at), known)
        if question and (sets is not None or shifts is not None):
            identifier = unique(slug(question)[:80], taken)
            rules.append(
                TriageRule(id=identifier, question=question, sets=sets, shifts=shifts, line=row.line)
            )
    return rules


def _when(comments: tuple[str, ...], line: int) -> tuple[Matchers | None, list[Problem]]:
    for comment in comments:
        found = _ANNOTATION.match(comment)
        if found is None:
            if comment.strip().startswith("tocsin:"):
                return None, [problem("PB007", line, f"{comment.strip()[:60]!r} is no annotation of a rule")]
            continue
        try:
            return parse_matchers(found["matchers"]), []
        except ValueError as error:
            return None, [problem("PB007", line, str(error))]
    return None, []


def read_command(outline: Outline, known: Known) -> tuple[CommandRule, ...]:
    """Items `P1/P2: role or role` under words about the incident commander."""
    rules: list[CommandRule] = []
    for place, listing in outline.lists():
        if not _COMMANDER.search(f"{place.group} {place.intro}") or outline.is_claimed(place):
            continue
        found = [rule for rule in _command_rules(listing, known) if rule is not None]
        if found:
            outline.recognise("command", place, "levels with roles, under words about the commander")
            rules.extend(found)
    for place, table in outline.tables():
        rules.extend(_command_table(outline, place, table, known) if not outline.is_claimed(place) else ())
    return tuple(rules)


def _command_table(outline: Outline, place: Place, table: Table, known: Known) -> list[CommandRule]:
    """A table that says for each level, or each case of a level, who commands."""
    roles_at = column(table.head, _COMMANDER)
    if roles_at is None or len(table.rows) < 2:
        return []
    found = [
        CommandRule(levels=levels, roles=roles, line=row.line)
        for row in table.rows
        if (levels := known.find(row.cells[0] if roles_at else row.cells[-1]))
        and (
            roles := tuple(
                each.strip(" .") for each in _ROLES.split(cell(row.cells, roles_at)) if each.strip(" .—–-")
            )
        )
    ]
    if len(found) * 2 < len(table.rows):
        return []
    outline.recognise("command", place, "a table of levels and who commands them", Sure.MEDIUM)
    return found


def _command_rules(listing: Listing, known: Known) -> list[CommandRule | None]:
    rules: list[CommandRule | None] = []
    for item in listing.items:
        head, sign, rest = item.text.partition(":")
        if not sign:
            head, *after = ARROW.split(item.text, maxsplit=1)
            rest = after[0] if after else ""
        levels = known.find(head)
        roles = tuple(role.strip(" .") for role in _ROLES.split(rest) if role.strip(" ."))
        rules.append(CommandRule(levels=levels, roles=roles, line=item.line) if levels and roles else None)
    return rules
