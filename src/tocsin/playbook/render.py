"""Message templates filled with what is known. What is not known is told, never sent as a bracket."""

import re
from collections.abc import Mapping
from functools import partial

import msgspec

from tocsin.base.ids import LevelId, slug
from tocsin.playbook.model import MessageKind, MessageTemplate, Playbook
from tocsin.playbook.slots import field_names, find_slots


class Filled(msgspec.Struct, frozen=True):
    """A text with its fields filled; it still shows `[field]` for every name in `missing`."""

    text: str
    missing: tuple[str, ...]


def fill(template: MessageTemplate, values: Mapping[str, str]) -> Filled:
    """Put values into the fields of a template. Names are compared as slugs; a field takes the value
    under its name, or under its own words where these occur once. An empty value counts as unknown."""
    known = {slug(name): value for name, value in values.items() if value.strip()}
    slots = find_slots(template.body)
    words = [slug(slot.words) for slot in slots]
    parts: list[str] = []
    missing: dict[str, None] = {}
    at = 0
    for slot, own in zip(slots, words, strict=True):
        value = known.get(slug(slot.name))
        if value is None and words.count(own) == 1:
            value = known.get(own)
        parts.append(template.body[at : slot.start])
        if value is None:
            missing[slot.name] = None
            parts.append(template.body[slot.start : slot.end])
        else:
            parts.append(value)
        at = slot.end
    parts.append(template.body[at:])
    return Filled("".join(parts), tuple(missing))


def template_for(playbook: Playbook, level: LevelId, kind: MessageKind) -> MessageTemplate | None:
    """The template of a level and kind, else that of the nearest level that has one, the more severe
    first, with that level's name in its text changed to the wanted one; None where no level has one."""
    of_kind = [template for template in playbook.templates if template.kind is kind]
    own = next((each for each in of_kind if each.level.casefold() == level.casefold()), None)
    if own is not None or not of_kind:
        return own
    ranks = {each.level: each.rank for each in playbook.severities}
    wanted = playbook.severity(level)
    rank = wanted.rank if wanted else len(ranks) + 1
    nearest = min(
        of_kind,
        key=lambda each: (abs(ranks.get(each.level, 0) - rank), ranks.get(each.level, 0)),
    )
    name = wanted.level if wanted else level
    body = re.sub(rf"(?<![\w-]){re.escape(nearest.level)}(?![\w-])", lambda _: name, nearest.body)
    return MessageTemplate(level=name, kind=kind, body=body, fields=field_names(body), line=nearest.line)


class PostmortemFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an incident for its post-mortem, as text that is ready to be read.

    `date` is the day of the opening (`2026-12-25`), `duration` is such as `3 hours 5 minutes`.
    `moments` maps a kind (opened, triage, cause-identified, mitigated, restored, fix-deployed, resolved)
    to its time of day (`03:12`). `entries` are further lines of the timeline, each a time and a
    sentence; `actions` are action items, each with its text, its owner and its due date.
    An empty text means that it is not known.
    """

    title: str
    date: str = ""
    duration: str = ""
    severity: str = ""
    commander: str = ""
    moments: dict[str, str] = {}
    root_cause: str = ""
    fix: str = ""
    impact: str = ""
    entries: tuple[tuple[str, str], ...] = ()
    actions: tuple[tuple[str, str, str], ...] = ()


class PostmortemDraft(msgspec.Struct, frozen=True):
    """A post-mortem as far as it can be written. `unbound` are the slots that stay as the author wrote
    them, in order."""

    text: str
    unbound: tuple[str, ...]


_MOMENTS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (
        re.compile(
            r"fix\w*\s+(?:was\s+)?(?:deployed|released|shipped)|resolved|cause was gone|closed|all.?clear",
            re.IGNORECASE,
        ),
        ("fix-deployed", "resolved"),
    ),
    (
        re.compile(r"cause\s+(?:was\s+|is\s+)?(?:identified|found|known|confirmed)|diagnosed", re.IGNORECASE),
        ("cause-identified",),
    ),
    (re.compile(r"restor|recover|service (?:is )?back|back to normal", re.IGNORECASE), ("restored",)),
    (re.compile(r"mitigat|contain|harm was stopped|workaround|stabili", re.IGNORECASE), ("mitigated",)),
    (
        re.compile(
            r"triage|acknowledg|took it|taken|responder|assigned|investigation (?:began|started)",
            re.IGNORECASE,
        ),
        ("triage",),
    ),
    (
        re.compile(
            r"alert|report|detect|first sign|fired|noticed|opened|declared|began|started", re.IGNORECASE
        ),
        ("opened",),
    ),
)
_CLOCK = re.compile(r"\b(?:HH:MM|hh:mm|XX:XX|\d\d:MM)(?::SS)?\b")
_DAY = re.compile(r"\bYYYY-MM-DD\b|\bDD[./-]MM[./-]YYYY\b|\[(?:date|YYYY-MM-DD)\]", re.IGNORECASE)
_LASTING = re.compile(
    r"\[?\bX\s+hours?(?:,)?(?:\s+(?:and\s+)?[YX]\s+minutes?)?\]?|\[?\bX\s+minutes?\]?|\[duration\]",
    re.IGNORECASE,
)
_LEVEL_CHOICE = re.compile(
    r"\b(?:[A-Za-z]+-?\d)(?:\s*/\s*(?:[A-Za-z]+-?\d))+|\b(?:SEV|P|S)-?X\b|\[(?:severity|level|P\d[^\]]*)\]",
    re.IGNORECASE,
)
_TITLE = re.compile(
    r"\[(?:incident\s+)?(?:title|name|incident[ -]?id|brief description|short description|incident)\]",
    re.IGNORECASE,
)
_HEADING = re.compile(r"^(?P<marks>#{1,6})\s+(?P<words>.*)$")
_KEY = re.compile(r"^[\s>*_-]*(?P<key>[A-Za-z][\w /-]{1,40}?)\s*[*_]*:")
_LONE = re.compile(r"^\s*(?:[-*]\s+)?\[(?P<words>[^\[\]]+)\]\s*$")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")
_TASK_ITEM = re.compile(r"^(?P<mark>\s*[-*]\s+\[ \]\s+)\[(?P<words>[^\[\]]+)\](?P<rest>.*)$")
_STAYS = re.compile(r"\bHH:MM\b|\bYYYY-MM-DD\b|\bX hours Y minutes\b|\bX minutes\b|(?<=: )\$?X%?(?=$)")


def fill_postmortem(template: str, facts: PostmortemFacts) -> PostmortemDraft:
    """Fill the author's own template with the facts, line by line; what is not known stays literal."""
    writing = _Postmortem(facts)
    for line in template.rstrip("\n").split("\n"):
        writing.take(line)
    text = "\n".join(writing.finish())
    unbound = [slot for line in text.split("\n") for slot in _unbound(line)]
    return PostmortemDraft(text + "\n", tuple(dict.fromkeys(unbound)))


_OWNER_SLOT = re.compile(r"(owner\W*)\[[^\[\]]+\]", re.IGNORECASE)
_DUE_SLOT = re.compile(r"((?:due|deadline)\W*)\[[^\[\]]+\]", re.IGNORECASE)


def _put(value: str, found: re.Match[str]) -> str:
    return found[1] + value


def _unbound(line: str) -> list[str]:
    """The slots that a line still shows; a moment without its time is told with its words."""
    if _CLOCK.search(line):
        return [_ITEM.sub("", line).strip(" |")]
    return [*_STAYS.findall(line), *(f"[{slot.words}]" for slot in find_slots(line))]


class _Postmortem:
    """The document so far, and under which heading the next line stands."""

    def __init__(self, facts: PostmortemFacts) -> None:
        self._facts = facts
        self._lines: list[str] = []
        self._heading = ""
        self._last_entry: int | None = None
        self._bullet = "- "
        self._separator = " — "

    def take(self, line: str) -> None:
        """Write one line of the template."""
        heading = _HEADING.match(line)
        if heading:
            self._heading = heading["words"]
            self._lines.append(_TITLE.sub(lambda _: self._facts.title, line) if self._facts.title else line)
            if re.search(r"\bimpact\b", self._heading, re.IGNORECASE) and self._facts.impact:
                self._lines.append(self._facts.impact)
            return
        if re.search(r"timeline|chronolog", self._heading, re.IGNORECASE) and _CLOCK.search(line):
            self._moment(line)
            return
        if self._is_action(line):
            return
        lone = _LONE.match(line)
        said = self._section_text() if lone else ""
        if lone and said is None:
            return
        self._lines.append(said or self._labelled(line))

    def finish(self) -> list[str]:
        """All lines, the further entries behind the last line of the timeline."""
        if self._last_entry is not None:
            new = [
                f"{self._bullet}{time}{self._separator}{sentence}" for time, sentence in self._facts.entries
            ]
            self._lines[self._last_entry + 1 : self._last_entry + 1] = new
        return self._lines

    def _moment(self, line: str) -> None:
        clock = _CLOCK.search(line)
        assert clock is not None, "the caller has looked for it"
        label = line[clock.end() :]
        if item := _ITEM.match(line):
            self._bullet = item[0]
            self._separator = label[: len(label) - len(label.lstrip(" \t–—:|-"))] or " — "
        kinds = next((kinds for pattern, kinds in _MOMENTS if pattern.search(label)), ())
        time = next((self._facts.moments[kind] for kind in kinds if self._facts.moments.get(kind)), "")
        if line.lstrip().startswith("|") and not time and self._facts.entries:
            rows = [f"| {when} | {what} |" for when, what in self._facts.entries]
            self._lines.extend(rows)
            return
        self._lines.append(_CLOCK.sub(lambda _: time, line, count=1) if time else line)
        if not line.lstrip().startswith("|"):
            self._last_entry = len(self._lines) - 1

    def _is_action(self, line: str) -> bool:
        """Write the action items where the template shows the form of one."""
        form = _TASK_ITEM.match(line)
        if (
            not form
            or not self._facts.actions
            or not re.search(r"action|follow", self._heading, re.IGNORECASE)
        ):
            return False
        for text, owner, due in self._facts.actions:
            rest = _OWNER_SLOT.sub(partial(_put, owner or "nobody yet"), form["rest"])
            rest = _DUE_SLOT.sub(partial(_put, due or "no date"), rest)
            self._lines.append(f"{form['mark']}{text}{rest}")
        return True

    def _section_text(self) -> str | None:
        """What a slot that is alone on its line stands for, by its heading; "" where that is unknown,
        None where it was said already."""
        facts = self._facts
        if re.search(r"root cause|\bcause\b", self._heading, re.IGNORECASE):
            return facts.root_cause
        if re.search(
            r"\bfix\b|resolution|how (?:it|we) (?:was )?(?:fixed|resolved)", self._heading, re.IGNORECASE
        ):
            return facts.fix
        if re.search(r"\bimpact\b", self._heading, re.IGNORECASE) and facts.impact:
            return None
        return ""

    def _labelled(self, line: str) -> str:
        """A line with a key before a colon, such as `**Severity:** P1/P2/P3/P4`."""
        key = _KEY.match(line)
        if not key:
            return line
        facts, name, head = self._facts, key["key"].casefold(), line[: key.end()]
        pattern, value = _fact_of_key(name, facts)
        if pattern is None or not value:
            return line
        return head + pattern.sub(lambda _: value, line[key.end() :], count=1)


def _fact_of_key(name: str, facts: PostmortemFacts) -> tuple[re.Pattern[str] | None, str]:
    """The slot that a key's line holds, and the fact for it."""
    if "date" in name and "update" not in name:
        return _DAY, facts.date
    if "duration" in name or "time to resol" in name:
        return _LASTING, facts.duration
    if name in ("severity", "level", "priority"):
        return _LEVEL_CHOICE, facts.severity
    if "commander" in name or name in ("ic", "incident lead"):
        return _ANY_SLOT, facts.commander
    if "root cause" in name:
        return _ANY_SLOT, facts.root_cause
    if name in ("fix", "resolution"):
        return _ANY_SLOT, facts.fix
    if name in ("title", "incident"):
        return _ANY_SLOT, facts.title
    return None, ""


_ANY_SLOT = re.compile(r"\[[^\[\]]+\]|\{[^{}]+\}")
