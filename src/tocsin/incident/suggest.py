"""Suggested answers to the checklist: each question held against what is known, with the reason in words."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from tocsin.alerts.model import Alert
from tocsin.incident.meaning import (
    BREACH,
    EVERYBODY,
    MANY,
    PARTIAL,
    SLOW,
    UNABLE,
    concerns_security,
    listed,
    offered,
    plain,
    wanted,
)
from tocsin.incident.severity import COVERAGE_LEAST, words_of
from tocsin.playbook.model import TriageRule

ALERTS_MAX = 50
"""So many alerts of an incident are asked; what hundreds of one outage say, the first of them say too."""
TEXT_CHARS_MAX = 2_000
QUOTE_CHARS_MAX = 90

_FILLER = listed(
    "is are was were be been do does did can could may might has have had will would should there any a an"
    " the in on of for to by with from it its that this these those they them their theirs you we our us"
    " somebody someone only just not no at than take takes longer more yet still currently active and"
    " related affected impacted impact involved confirmed detected discovered found hit"
    " severely severe significantly significant"
    " hay es una un la el los las esta va ist sind die der das ein eine est le les il y ha"
)
_GENERAL = words_of("service system customer user people application app platform site page") | {
    EVERYBODY,
    MANY,
}
"""What half of all questions ask about, so that it alone says little."""
_NEGATORS = listed("no not never without none neither nor kein keine keinen nicht sin pas sans nao sem")
_CHUNK = re.compile(r"[\w'-]+")
_CLAUSES = re.compile(
    r"[;!?\n]+|\.(?=\s|$)|,(?!\d)|\s(?:but|although|however|aber|pero|mais|mas)\s|\s[–—-]\s", re.IGNORECASE
)
_OR = re.compile(r"\s*(?:,\s*(?:or\b|and\b)?|\bor\b|\boder\b|\bou\b|\s/\s)\s*", re.IGNORECASE)
_INSTANCES = re.compile(r"\((?P<inner>[^()]*)\)")
_QUANTITY = r"(?P<number>\d+(?:[.,]\d+)?)\s*(?P<unit>%|percent\b|ms\b|s\b|sec(?:ond)?s?\b|min(?:ute)?s?\b)"
_LIMIT = re.compile(
    r"(?:(?P<sign>[<>≥≤]=?)|\b(?:longer|slower|greater|higher|more|mehr|länger|más|mais|plus)\s"
    rf"(?:than|als|que|do\sque|de)|\b(?:over|above|exceeds?|exceeding))\s*{_QUANTITY}",
    re.IGNORECASE,
)
_FIGURE = re.compile(
    r"(?P<before>(?:[<>≥≤]=?|\b(?:threshold|limit|over|above|than|last|for|within|window|every|past|of))\s*)?"
    rf"(?<![\w.,]){_QUANTITY}",
    re.IGNORECASE,
)
_VALUES = ("value", "current_value", "currentValue")
_ADDRESSES = listed(
    "alertname instance job pod node env environment namespace cluster region severity priority team owner"
    " prometheus container host device value current_value"
)
"""Labels that say where something is, who minds it or how bad it is, and not what it is."""
_TRUE, _FALSE = frozenset({"true", "yes"}), frozenset({"false", "no"})


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """What the known facts say to a question, and which of them."""

    answer: Literal["yes", "no"]
    because: str


class Clause(msgspec.Struct, frozen=True):
    """A few words that somebody or something said. Those from `denied_from` on are denied; `reason` is how
    to tell of it where the words are not to be quoted."""

    source: str
    words: tuple[str, ...]
    denied_from: int
    reason: str = ""

    @property
    def affirmed(self) -> tuple[str, ...]:
        """The words in front of a `no` or a `not`."""
        return self.words[: self.denied_from]


class Witness(msgspec.Struct, frozen=True):
    """One alert, or one report, with all that it says. `figures` are (text, number in seconds or per cent,
    unit `s` or `%`, "" where the sender gives none)."""

    clauses: tuple[Clause, ...]
    figures: tuple[tuple[str, float, str], ...] = ()


class _Limit(msgspec.Struct, frozen=True):
    text: str
    number: float
    unit: str
    over: bool


class _Question(msgspec.Struct, frozen=True):
    """What a question asks: any of `ways`, or one of `instances` together with `predicate`. With a limit
    only a figure answers it, where `topic` is spoken of."""

    ways: tuple[frozenset[str], ...]
    instances: frozenset[str]
    predicate: frozenset[str]
    limit: _Limit | None
    topic: frozenset[str]
    takes_denials: bool


def witnesses(title: str, description: str, marks: Iterable[str], alerts: Sequence[Alert]) -> list[Witness]:
    """Everything that speaks of an incident: its report where no alert opened it, what it is marked as, and
    its alerts, the latest first."""
    found = [witness_of_alert(alert) for alert in list(reversed(alerts))[:ALERTS_MAX]]
    if not alerts:
        found.append(witness_of_report(title, description))
    marked = [Clause("the incident is marked as", (*_CHUNK.findall(mark),), 99) for mark in marks]
    return [*found, *(Witness((each,)) for each in marked)]


def witness_of_report(title: str, description: str) -> Witness:
    """A person's own words."""
    text = f"{title}\n{description}"[:TEXT_CHARS_MAX]
    return Witness(tuple(_clauses("the report says", text)), tuple(_figures(text)))


def witness_of_alert(alert: Alert) -> Witness:
    """An alert: its name, its annotations, and the labels that are more than an address."""
    source = f"the alert {alert.name[:80]} says"
    texts = [text for key, text in alert.annotations.items() if "url" not in key and key not in _VALUES]
    text = "\n".join(dict.fromkeys([alert.name, *texts]))[:TEXT_CHARS_MAX]
    clauses = [*_clauses(source, text)]
    for key, value in list(alert.labels.items())[:TEXT_CHARS_MAX]:
        if key.casefold() not in _ADDRESSES:
            clauses.append(_label(key, value[:200], alert))
    figures = [*_figures(text)]
    for key in _VALUES:
        figures += _bare(alert.annotations.get(key, "") or alert.labels.get(key, ""))
    return Witness(tuple(clauses), tuple(figures))


def suggest(rule: TriageRule, known: Sequence[Witness], alerts: Sequence[Alert]) -> Suggestion | None:
    """The answer that what is known suggests; None where nothing speaks of it."""
    question = _read(rule.question)
    found: Suggestion | None = None
    for witness in known:
        told = _by_figure(question, witness) if question.limit else _by_words(question, witness)
        if told is not None and (told.answer == "yes" or found is None):
            found = told
        if found is not None and found.answer == "yes":
            return found
    if found is None and rule.when and alerts and not any(rule.when.matches(each.labels) for each in alerts):
        return Suggestion(answer="no", because=f"none of its alerts matches {rule.when.text}")
    return found


def _by_words(question: _Question, witness: Witness) -> Suggestion | None:
    said = _meant(
        word
        for clause in witness.clauses
        for word in (clause.words if question.takes_denials else clause.affirmed)
    )
    for way in _ways(question, said):
        if _holds(way, said):
            return Suggestion(answer="yes", because=_quoted(way, witness, question.takes_denials))
    if not question.takes_denials:
        for clause in witness.clauses:
            whole, denied = _meant(clause.words), _meant(clause.words[clause.denied_from :])
            if any(way & denied and _covers(way, whole) for way in _ways(question, whole)):
                said_so = clause.reason or f"{clause.source} “{_cut(' '.join(clause.words))}”"
                return Suggestion(answer="no", because=said_so)
    return None


def _ways(question: _Question, said: frozenset[str]) -> Iterator[frozenset[str]]:
    yield from question.ways
    for each in sorted(question.instances & said):
        yield question.predicate | {each}


def _holds(way: frozenset[str], said: frozenset[str]) -> bool:
    # Of a breach one word is enough.
    return BREACH in way & said or _covers(way, said)


def _covers(way: frozenset[str], said: frozenset[str]) -> bool:
    met = way & said
    if EVERYBODY in way and EVERYBODY not in said and said & PARTIAL:
        return False
    if "non" in way - said or any(f"non-{each}" in said for each in way):
        return False
    telling = way - _GENERAL
    if len(met & telling) < COVERAGE_LEAST * len(telling):
        return False
    return len(met) >= COVERAGE_LEAST * len(way) and (len(met) >= 2 or met == way)


def _by_figure(question: _Question, witness: Witness) -> Suggestion | None:
    """A figure against the limit of a question; the highest of several, to assume the worst."""
    limit = question.limit
    assert limit is not None, "only a question with a limit is asked for a figure"
    if not question.topic & _meant(word for clause in witness.clauses for word in clause.words):
        return None
    fitting: list[tuple[float, str]] = []
    for text, number, unit in witness.figures:
        # A bare ratio is how Prometheus rules usually carry a share.
        value = number * 100 if not unit and limit.unit == "%" and number <= 1 else number
        if unit in ("", limit.unit):
            fitting.append((value, text))
    if not fitting:
        return None
    value, text = max(fitting) if limit.over else min(fitting)
    is_past = value > limit.number if limit.over else value < limit.number
    source = witness.clauses[0].source if witness.clauses else "the alert says"
    way = ("over" if limit.over else "under") if is_past else ("not over" if limit.over else "not under")
    return Suggestion(answer="yes" if is_past else "no", because=f"{source} {text}, {way} {limit.text}")


def _quoted(way: frozenset[str], witness: Witness, takes_denials: bool) -> str:
    """The words that met the question, from the clause that has most of them, and from another one where
    that adds to them."""
    left, parts = way, list[str]()
    source = ""
    for _ in range(2):
        scored = [(len(_meant(_words(each, takes_denials)) & left), each) for each in witness.clauses]
        score, best = max(scored, key=lambda each: each[0])
        if not score or (source and best.source != source):
            break
        if best.reason:
            return best.reason
        source = best.source
        words = _words(best, takes_denials)
        at = [index for index, word in enumerate(words) if offered(word) & left]
        whole = " ".join(words)
        parts.append(
            f"“{whole if len(whole) <= QUOTE_CHARS_MAX else _cut(' '.join(words[at[0] : at[-1] + 1]))}”"
        )
        left -= _meant(words)
    return f"{source} {' and '.join(parts)}"


def _words(clause: Clause, takes_denials: bool) -> tuple[str, ...]:
    return clause.words if takes_denials else clause.affirmed


def _cut(text: str) -> str:
    return text if len(text) <= QUOTE_CHARS_MAX else f"{text[: QUOTE_CHARS_MAX - 1].rstrip()}…"


def _meant(words: Iterable[str]) -> frozenset[str]:
    found: set[str] = set()
    for word in words:
        found |= offered(word)
    return frozenset(found)


def _clauses(source: str, text: str) -> Iterator[Clause]:
    for part in _CLAUSES.split(plain(text)):
        if words := tuple(_CHUNK.findall(part)):
            yield Clause(source, words, _denied_from(words))


def _denied_from(words: Sequence[str]) -> int:
    for at, word in enumerate(words):
        folded = word.casefold()
        denies = folded in _NEGATORS or folded.endswith(("n't", "não"))
        if denies and folded != "can't" and words[at + 1 : at + 2] not in (("only",), ("just",)):
            return at
    return len(words)


def _label(key: str, value: str, alert: Alert) -> Clause:
    """A label as something said: its value, or for a yes or a no its own name."""
    source = f"the label {key[:60]} of {alert.name[:80]} says"
    folded, own = value.casefold(), tuple(_CHUNK.findall(key.replace("_", " ")))
    if folded in _TRUE or folded in _FALSE:
        reason = f"the label {key[:60]} of {alert.name[:80]} is {folded}"
        return Clause(source, own, 0 if folded in _FALSE else len(own), reason)
    words = tuple(_CHUNK.findall(plain(value.replace("_", " "))))
    return Clause(source, words, _denied_from(words))


def _figures(text: str) -> Iterator[tuple[str, float, str]]:
    for found in _FIGURE.finditer(text):
        if not found["before"]:
            number, unit = _scaled(found["number"], found["unit"])
            yield found[0].strip(), number, unit


def _bare(text: str) -> Iterator[tuple[str, float, str]]:
    text = text.strip()[:40]
    if figure := _FIGURE.match(text):
        yield text, *_scaled(figure["number"], figure["unit"])
        return
    try:
        number = float(text)
    except ValueError:
        return
    if number == number and abs(number) != float("inf"):
        yield text, number, ""


def _scaled(number: str, unit: str) -> tuple[float, str]:
    value, unit = float(number.replace(",", ".")), unit.casefold()
    if unit.startswith(("%", "percent")):
        return value, "%"
    scale = 0.001 if unit == "ms" else 60.0 if unit.startswith("min") else 1.0
    return value * scale, "s"


@lru_cache(maxsize=2048)
def _read(question: str) -> _Question:
    question = question[:TEXT_CHARS_MAX]
    limit, text = None, question
    if found := _LIMIT.search(question):
        number, unit = _scaled(found["number"], found["unit"])
        over = not (found["sign"] or ">").startswith(("<", "≤"))
        shown = found[0].lstrip("<>≥≤= ")
        shown = re.sub(r"^[^\d]+", "", shown)
        limit = _Limit(shown, number, unit, over)
        text = question.replace(found[0], " ")
    instances, predicate = frozenset[str](), frozenset[str]()
    if (inner := _INSTANCES.search(text)) and not limit:
        instances = _asked(inner["inner"])
        predicate = _telling(text[inner.end() :])
    bare = _INSTANCES.sub(" ", text)
    ways = tuple(dict.fromkeys(way for way in _alternatives(bare) if way))
    every = frozenset[str]().union(*ways)
    if concerns_security(text) and "data" in every and BREACH not in every:
        # Data that somebody may have seen is data exposed, in whatever words the question says it.
        ways = (*ways, frozenset({"data", BREACH}))
    topic = every | _asked(text)
    if limit and limit.unit == "s":
        topic |= {SLOW}
    return _Question(ways, instances, predicate, limit, topic, UNABLE in every)


def _alternatives(text: str) -> Iterator[frozenset[str]]:
    """The things of which one suffices: `security breach or data exposure`. A part of a single word takes
    the end of the last one with it, as in `search or sign-in failing`."""
    *parts, last = [part for part in _OR.split(text) if part.strip(" ?.")] or [text]
    tail = [word for word in _CHUNK.findall(last) if _telling(word)][1:]
    for part in parts:
        own = _asked(part)
        yield own if len(own) >= 2 else own | _telling(" ".join(tail))
    yield _asked(last)


def _asked(text: str) -> frozenset[str]:
    """What words ask about; where they are all common ones, those."""
    return _telling(text) or frozenset[str]().union(*(wanted(word) for word in _CHUNK.findall(text)))


def _telling(text: str) -> frozenset[str]:
    words = (word for word in _CHUNK.findall(plain(text)) if word.casefold() not in _FILLER)
    return frozenset[str]().union(*(wanted(word) for word in words))
