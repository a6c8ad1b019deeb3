"""Levels and sets of levels in the words of a playbook: `P1`, `SEV-2`, `P1/P2`, `P2+`, `P2–P4`."""

import re
from collections.abc import Sequence

from tocsin.base.ids import LevelId
from tocsin.playbook.languages import LEVEL_KINDS, LEVEL_WORDS
from tocsin.playbook.vocabulary import in_english, plain_words

_ID = rf"(?:SEVERITY|PRIORITY|LEVEL|{LEVEL_KINDS}|SEV|PRIO|P|S|L)"
LEVEL = re.compile(rf"(?<![\w-])(?P<kind>{_ID})(?P<gap>[\s_-]?)(?P<number>\d)(?![\d.%])(?!\w)", re.IGNORECASE)
"""A level with a number, wherever it stands in a text."""

LEVEL_SETS = re.compile(
    rf"{LEVEL.pattern}(?:\s*(?:/|,|&|-|–|\bor\b|\band\b|\bto\b)\s*(?:[A-Za-z]+[\s_-]?)?\d(?!\d))*\s*"
    r"(?:\+|(?:and|or)\s+(?:above|higher|up)\b)?",
    re.IGNORECASE,
)
"""A set of levels as it is written: `P1/P2`, `P2+`, `P1 to P3`."""

WORDS: tuple[tuple[str, ...], ...] = (
    ("critical", "blocker", "emergency", "severe", "disaster"),
    ("high", "major", "urgent", "error", "serious"),
    ("medium", "moderate", "warning", "normal", "standard"),
    ("low", "minor", "minimal", "trivial", "info", "informational", "cosmetic"),
)
"""Names of levels, the most severe first; the place in the table gives an order, not a rank."""

_ORDER = tuple((*names, *plain_words(others)) for names, others in zip(WORDS, LEVEL_WORDS, strict=True))
_ORNAMENT = re.compile(r"^[\W_]+|[\s:|*_`–—-]+$")
_JOINT = re.compile(
    r"\s*(?P<joint>/|,|&|\+(?=\s*\w)|\bor\b|\band\b|\bto\b|\bthrough\b|[-–—]|\.\.)\s*"
    rf"(?P<kind>{_ID})?[\s_-]?(?P<number>\d)(?![\d.%])(?!\s*(?:min|h|s\b|d\b|%|hour|day))",
    re.IGNORECASE,
)
_UPWARDS = re.compile(r"\s*(?:\+|(?:and|or)\s+(?:above|higher|up|more\s+severe|worse)\b)", re.IGNORECASE)


def undecorated(text: str) -> str:
    """The text without emoji, bullets and dashes around it."""
    return _ORNAMENT.sub("", text.strip()).strip()


def order_of_word(text: str) -> int | None:
    """The place of a level that is named by a word only; None where the word names none."""
    word = undecorated(text).casefold()
    return next((place for place, names in enumerate(_ORDER) if word in names), None)


def split_level(text: str) -> tuple[LevelId, str | None] | None:
    """A cell or heading such as `🔴 **P1** — Critical` as id and name; None where it names no level."""
    text = undecorated(text)
    found = LEVEL.search(text)
    if found is None:
        head = re.split(r"\s*(?:[–—:(]| - )", text, maxsplit=1)[0]
        return (LevelId(head.strip()), None) if order_of_word(head) is not None else None
    before, after = text[: found.start()], text[found.end() :]
    short = LEVEL.match(after.lstrip(" (["))
    if short and short["number"] == found["number"] and len(short[0]) < len(found[0]):
        # "Severity 1 (SEV-1) - Critical": the id that the rest of the document uses is the short one.
        found, after = short, after.lstrip(" ([")[short.end() :].lstrip(" )]")
    if len(before.strip(" ([").split()) > 1:
        return None
    name = undecorated(before).strip(" ([") or undecorated(re.split(r"[;.]", after, maxsplit=1)[0]).strip(
        "()[] "
    )
    return LevelId(found[0]), re.split(r"\s*\(", name, maxsplit=1)[0] or None


_GENERAL = re.compile(rf"severity|priority|sev|level|{LEVEL_KINDS}", re.IGNORECASE)
"""What a level may be called whatever its id begins with."""


class Known:
    """The levels of a playbook, by which texts are read."""

    def __init__(self, levels: Sequence[LevelId], names: Sequence[tuple[LevelId, str | None]] = ()) -> None:
        self.levels = tuple(levels)
        self._by_key = {_key(level): level for level in levels}
        self._by_number: dict[str, LevelId] = {}
        for level in levels:
            if found := LEVEL.fullmatch(level):
                self._by_number.setdefault(found["number"], level)
        self.names = {level: name for level, name in names if name}
        words = {name.casefold(): level for level, name in names if name}
        words |= {level.casefold(): level for level in levels if not LEVEL.fullmatch(level)}
        self._by_word = words

    def find(self, text: str) -> tuple[LevelId, ...]:
        """The set of levels that a text names, the most severe first; empty where it names none."""
        chosen: set[LevelId] = set()
        text, position = in_english(text), 0
        while found := LEVEL.search(text, position):
            position = found.end()
            first = self._level(found["kind"], found["number"])
            if first is None:
                continue
            last, position = self._joined(text, position, found["kind"], first, chosen)
            if up := _UPWARDS.match(text, position):
                chosen.update(self.levels[: self.levels.index(last) + 1])
                position = up.end()
        if not chosen:
            folded = text.casefold()
            for word, level in self._by_word.items():
                found = re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", folded)
                if found:
                    chosen.add(level)
                    if _UPWARDS.match(folded, found.end()):
                        chosen.update(self.levels[: self.levels.index(level) + 1])
        return tuple(level for level in self.levels if level in chosen)

    def _joined(
        self, text: str, position: int, kind: str, last: LevelId, chosen: set[LevelId]
    ) -> tuple[LevelId, int]:
        """Follow `/P2`, `, P2`, `-P4` from a first level on; the last level, and where the run ends."""
        chosen.add(last)
        while joint := _JOINT.match(text, position):
            following = self._level(joint["kind"] or kind, joint["number"])
            if following is None:
                break
            if joint["joint"].casefold() in ("-", "–", "—", "to", "through", ".."):
                ends = sorted((self.levels.index(last), self.levels.index(following)))
                chosen.update(self.levels[ends[0] : ends[1] + 1])
            chosen.add(following)
            last, position = following, joint.end()
        return last, position

    def _level(self, kind: str, number: str) -> LevelId | None:
        exact = self._by_key.get(_key(f"{kind}{number}"))
        if exact is not None or not _GENERAL.fullmatch(kind):
            return exact
        return self._by_number.get(number)


def _key(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()
