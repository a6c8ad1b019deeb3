"""Rules about the text itself: what a browser could run, what only looks right, how old it is."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice

from tocsin.base.problems import Problem
from tocsin.playbook.codes import problem
from tocsin.playbook.dates import parse_day
from tocsin.playbook.subject import Rule, Subject, title_line
from tocsin.playbook.syntax import Quoted, read_quoted

STALE_AFTER = timedelta(days=365)
"""A document that nobody has looked at for longer is out of date."""

LOOKED_AT_MAX = 20
"""How many suspicious characters of a kind are looked at in one script; the first bare one is told."""

_CODE = re.compile(r"`+[^`\n]*`+")
_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>[a-z][a-z0-9]{0,20})(?P<rest>(?:\s{1,20}[a-z:-]{1,40}"
    r"(?:\s?=\s?(?:\"[^\"]{0,300}\"|'[^']{0,300}'|[^\s\"'<>]{1,300}))?){0,20})\s?/?>",
    re.IGNORECASE,
)
_TAGS = re.compile(
    r"a|abbr|b|blockquote|br|center|code|dd|del|details|div|dl|dt|em|"
    r"figure|font|h1|h2|h3|h4|h5|h6|hr|i|img|ins|kbd|li|mark|ol|"
    r"p|picture|pre|q|s|small|source|span|strike|strong|sub|summary|sup"
    r"|table|tbody|td|th|thead|tr|u|ul|video|audio|input|label|button"
)
_ACTIVE = re.compile(r"iframe|object|embed|form|style|link|meta|base|svg|math|frame|applet")
_HANDLER = re.compile(r"\son[a-z]{3,20}\s*=|javascript:|data:text/html", re.IGNORECASE)
_LINK = re.compile(r"\]\(\s*<?\s*(?P<scheme>javascript|vbscript|data):", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_DASH = re.compile(r"(?<=\s)[‐‑‒–—−]+(?=[A-Za-z])")
_QUOTE = re.compile(r"(?<=[\s=(])[“”„‘’]|[“”„‘’](?=\s|$)", re.MULTILINE)
_MIXED = re.compile(r"(?<!\w)(?=\w{0,80}[A-Za-z])(?=\w{0,80}[\u0370-\u03ff\u0400-\u04ff])\w{2,80}")
_FALSE_LEVEL = re.compile(r"(?<!\w)[\u0420\u03a1\u0405](?:[ЕΕE][VѴ])?-?[1-5](?!\w)")

_OLD_CONTROL = re.compile(r"\bA\.(?:[5-8]\.\d{1,2}\.\d{1,2}|(?:9|1[0-8])\.\d{1,2}(?:\.\d{1,2})?)(?![\d.]*\d)")
_OLD_EDITION = re.compile(r"\b2700[12](?:\s*:\s*|\s+\(?)(?:2005|2013)\b")
_STANDARD = re.compile(r"\b2700[12]\b")
_NEW_CONTROLS = {
    "A.16.1": "5.24 to 5.28 and 6.8",
    "A.16.1.1": "5.24",
    "A.16.1.2": "6.8",
    "A.16.1.3": "6.8",
    "A.16.1.4": "5.25",
    "A.16.1.5": "5.26",
    "A.16.1.6": "5.27",
    "A.16.1.7": "5.28",
    "A.6.1.2": "5.3",
    "A.6.1.3": "5.5",
    "A.6.1.4": "5.6",
    "A.12.4.1": "8.15",
    "A.12.4.4": "8.17",
}
"""Controls of 2013 about incidents, and their numbers of 2022."""

_REVIEWED = re.compile(
    r"^(?:last\s+)?(?:updated?|reviewed|review(?:ed)?\s+(?:on|date)|modified|revised|tested|verified)"
    r"(?:\s+on)?$"
    r"|^(?:last\s+(?:review|update|test|change)|date|as of)$",
    re.IGNORECASE,
)
_OWNER = re.compile(
    r"owner|maintain|author|approv|responsib|version|last\s+(?:tested|drill|exercis)|contact|team",
    re.IGNORECASE,
)


def html(subject: Subject) -> Iterator[Problem]:
    """Tags outside code: one finding for what a browser would run, one for the rest."""
    active: list[tuple[int, str]] = []
    plain: list[tuple[int, str]] = []
    for number, line in subject.prose:
        if "<" not in line and "](" not in line:
            continue
        bare = _CODE.sub("", line)
        for found in _TAG.finditer(bare):
            name = found["name"].casefold()
            # `<link>` alone is a placeholder in prose more often than a tag.
            if name == "script" or (
                found["rest"] and (_ACTIVE.fullmatch(name) or _HANDLER.search(found["rest"]))
            ):
                active.append((number, f"<{name}>"))
            elif (
                _TAGS.fullmatch(name)
                and name != "br"
                and (found["rest"] or found["end"] or name in ("hr", "img"))
            ):
                plain.append((number, f"<{name}>"))
        active += [(number, f"a {found['scheme'].casefold()}: link") for found in _LINK.finditer(bare)]
    for code, places, what in (("PB013", active, "something to run"), ("PB018", plain, "raw HTML")):
        if places:
            names = ", ".join(dict.fromkeys(name for _, name in places[:50]))
            yield problem(code, places[0][0], f"the document holds {what} ({names}), which is shown as text")


def controls(subject: Subject) -> Iterator[Problem]:
    """Control and bidirectional characters outside code; the first, and how many lines have some."""
    found = [(number, mark[0]) for number, line in subject.prose if (mark := _CONTROL.search(line))]
    if found:
        count = f", and {len(found) - 1} more lines hold such characters" if len(found) > 1 else ""
        said = f"the text holds the character U+{ord(found[0][1]):04X}, which nobody sees{count}"
        yield problem("PB019", found[0][0], said)


def false_levels(subject: Subject) -> Iterator[Problem]:
    """Levels written with a letter of another alphabet, which no rule recognises."""
    for number, line in subject.prose:
        if found := _FALSE_LEVEL.search(line):
            said = f"{found[0]!r} looks like a level, but its first letter is U+{ord(found[0][0]):04X}"
            yield problem("PB005", number, said)


def false_characters(subject: Subject) -> Iterator[Problem]:
    """Spaces, dashes, quotes and letters in commands that are not those of the shell; one a step."""
    for each in subject.shelled:
        script = each.action.script
        if script.isascii():
            continue
        quoted = read_quoted(script)
        found = [
            (match.start(), what)
            for pattern, what in _FALSE
            for match in islice(pattern.finditer(script), LOOKED_AT_MAX)
            if what == _LETTERS or _is_bare(quoted, script, match.start())
        ]
        if found:
            at, what = min(found)
            line = each.action.line + script.count("\n", 0, at)
            yield problem("PB005", line, f"the command holds {what}, here U+{ord(_odd(script, at)):04X}")


_LETTERS = "a word with letters of two alphabets"
_FALSE = (
    (_SPACES, "a space that does not separate words"),
    (_DASH, "a typographic dash where an option begins"),
    (_QUOTE, "typographic quotes, which the shell does not know"),
    (_MIXED, _LETTERS),
)


def _odd(script: str, at: int) -> str:
    return next((char for char in script[at : at + 80] if ord(char) > 127), script[at])


def _is_bare(quoted: Quoted, script: str, at: int) -> bool:
    """Whether a character stands outside quotes, here-documents and comments."""
    return not quoted.holds(len(script[:at].encode("utf-8", "replace")))


def old_numbering(subject: Subject) -> Iterator[Problem]:
    """Controls of ISO/IEC 27001 by their numbers of 2013; the first only."""
    if not any(_STANDARD.search(line) for _, line in subject.prose):
        return
    for number, line in subject.prose:
        if found := _OLD_CONTROL.search(line):
            said = (
                f"{found[0]} is a control's number in ISO/IEC 27001:2013, which the edition of 2022 replaced"
            )
            new = _NEW_CONTROLS.get(found[0])
            mend = f"Name it by its number of 2022: {new}." if new else ""
            yield problem("PB002", number, said, mend=mend)
            return
        if found := _OLD_EDITION.search(line):
            said = f"{found[0]!r} names an edition of the standard that the one of 2022 replaced"
            yield problem("PB002", number, said)
            return


def review_dates(subject: Subject) -> Iterator[Problem]:
    """Dates among the facts under the title that cannot be read or are long ago."""
    dated = (pair for pair in subject.playbook.metadata.items() if _REVIEWED.match(pair[0].strip()))
    for key, value in islice(dated, LOOKED_AT_MAX):
        line = _line_of(subject, key)
        day = parse_day(value)
        if day is None:
            yield problem("PB003", line, f"{key} is {value[:40]!r}, which cannot be read as a day")
        elif subject.today is not None:
            yield from _aged(key, day, subject.today, line)


def _aged(key: str, day: date, today: date, line: int) -> Iterator[Problem]:
    if day > today:
        yield problem("PB003", line, f"{key} is {day.isoformat()}, which is still to come")
    elif today - day > STALE_AFTER:
        days = (today - day).days
        yield problem("PB003", line, f"{key} is {day.isoformat()}, {days} days ago")


def _line_of(subject: Subject, key: str) -> int:
    """The first line that begins with a key of the facts; 0 where none does."""
    begins = re.compile(rf"^[\s*_>]*{re.escape(key)}[\s*_]*:", re.IGNORECASE)
    return next((number for number, line in subject.prose if begins.match(line)), 0)


def nobody_owns_it(subject: Subject) -> Iterator[Problem]:
    """No owner, approver or version among the facts."""
    playbook = subject.playbook
    if not any(_OWNER.search(key) for key in playbook.metadata):
        yield problem("PB094", title_line(subject))


TEXT_RULES: tuple[Rule, ...] = (
    html,
    controls,
    false_levels,
    false_characters,
    old_numbering,
    review_dates,
    nobody_owns_it,
)
"""The rules about the text."""
