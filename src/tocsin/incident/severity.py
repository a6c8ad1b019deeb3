"""Which level an alert or a declaration has, and by what evidence."""

import re
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from tocsin.alerts.model import Alert
from tocsin.base.ids import LevelId
from tocsin.incident.events import Evidence
from tocsin.playbook.model import Playbook, Severity

CATEGORY_LABELS = frozenset({"category", "type", "class"})
"""Labels by which an alert says of which category it is."""

COVERAGE_LEAST = 0.6
"""The share of an example phrase's words that must stand in the alert for it to count as a match."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W_]+")
_CONDITION = re.compile(
    r"(?P<left>.*?)(?P<operator>[<>≥≤]=?)\s*(?P<number>\d+(?:[.,]\d+)?)\s*(?P<unit>%|ms|s|sec|seconds?)?"
)
_VALUE = re.compile(r"(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(?P<unit>%|ms|s\b)?")
_SHORT_CHARS = 200
"""The words of shorter texts are remembered: names of alerts come again and again."""
_IDLE = frozenset(
    ["a", "an", "the", "is", "are", "or", "and", "of", "in", "for", "to", "on", "there", "has", "with"]
)
_SAME = {"db": "database", "svc": "service", "auth": "authentication", "perf": "performance", "err": "error"}


class Verdict(msgspec.Struct, frozen=True):
    """A level with its evidence."""

    level: LevelId
    evidence: Evidence


class _Phrase(msgspec.Struct, frozen=True):
    severity: Severity
    text: str
    words: frozenset[str]
    condition: re.Match[str] | None = None


def judge_alert(alert: Alert, playbook: Playbook) -> Verdict:
    """The level of an alert: an explicit matcher; else its own severity label; else the example of the
    severity table that its text matches best; else the second least severe (design, section 4)."""
    for rule in playbook.options.severity:
        if rule.when.matches(alert.labels):
            return Verdict(_named(rule.level, playbook), Evidence(rule="matcher", detail=rule.when.text))
    answered = [
        rule for rule in playbook.triage if rule.when and rule.sets and rule.when.matches(alert.labels)
    ]
    if answered:
        worst = min(answered, key=lambda rule: _rank(rule.sets, playbook))
        assert worst.sets is not None
        return Verdict(_named(worst.sets, playbook), Evidence(rule="checklist", detail=worst.question))
    if verdict := _by_label(alert.labels.get("severity") or alert.labels.get("priority") or "", playbook):
        return verdict
    text = f"{alert.name} {alert.summary} {alert.annotations.get('description', '')}"
    return _by_examples(text, _value(alert), playbook) or _default(playbook)


def judge_text(text: str, playbook: Playbook) -> Verdict:
    """The level of what a person reported in their own words."""
    return _by_examples(text, None, playbook) or _default(playbook)


def categories_of(
    labels: dict[str, str], text: str, known: Iterable[str], playbook: Playbook
) -> dict[str, str]:
    """The categories that a signal belongs to, each with the reason.

    A matcher of the front matter decides; else every word of the category's name must stand in the
    text (an alert's name, a report's words), or a label (`category`, `type`, `class`) must say it.
    """
    found: dict[str, str] = {}
    words = words_of(text)
    for category in known:
        matchers = playbook.options.categories.get(category)
        if matchers is not None:
            if matchers.matches(labels):
                found[category] = f"its labels match {matchers.text}"
            continue
        wanted = words_of(category)
        said = next(
            (key for key in ("category", "type", "class") if wanted <= words_of(labels.get(key, ""))), None
        )
        if wanted and said:
            found[category] = f"its label {said} says so"
        elif wanted and wanted <= words:
            found[category] = f"its words name it: {text[:120]}"
    return found


def words_of(text: str) -> frozenset[str]:
    """The words of a text in a form that can be compared: CamelCase split, lower case, one spelling of
    common short forms, plural and verb endings off."""
    return _short_words(text) if len(text) <= _SHORT_CHARS else _words(text)


@lru_cache(maxsize=4_096)
def _short_words(text: str) -> frozenset[str]:
    return _words(text)


def _words(text: str) -> frozenset[str]:
    folded = (word.casefold() for word in _WORD.findall(_CAMEL.sub(" ", text)))
    return frozenset(_stem(_spelled(word)) for word in folded if word not in _IDLE)


def _spelled(word: str) -> str:
    return _SAME.get(word, word)


def _stem(word: str) -> str:
    for ending in ("ing", "ures", "ure", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending).removesuffix("e")
    return word.removesuffix("e")


def is_about_security(category: str) -> bool:
    """Whether a category's name speaks of security, so that nothing about it may settle by itself."""
    return bool(words_of(category) & _GUARDED)


_GUARDED = words_of("security breach exposure compromise leak")
"""Words of a question whose yes no workaround makes harmless."""


def _named(level: LevelId, playbook: Playbook) -> LevelId:
    """The level as its own table writes it, whatever its case elsewhere in the playbook."""
    found = playbook.severity(level)
    return found.level if found else level


def _rank(level: LevelId | None, playbook: Playbook) -> int:
    found = playbook.severity(level) if level else None
    return found.rank if found else len(playbook.severities) + 1


def _by_label(label: str, playbook: Playbook) -> Verdict | None:
    if not label:
        return None
    known = _made_ready(playbook).by_label
    if label not in known:
        if len(known) >= _LABELS_MAX:
            known.clear()
        known[label] = _read_label(label, playbook)
    return known[label]


def _read_label(label: str, playbook: Playbook) -> Verdict | None:
    mapped = {key.casefold(): level for key, level in playbook.options.severity_labels.items()}.get(
        label.casefold()
    )
    if mapped and playbook.severity(mapped):
        return Verdict(_named(mapped, playbook), Evidence(rule="severity label", detail=label))
    for each in playbook.severities:
        if label.casefold() in (each.level.casefold(), (each.name or "").casefold()):
            return Verdict(each.level, Evidence(rule="severity label", detail=label))
    return None


def _by_examples(text: str, value: re.Match[str] | None, playbook: Playbook) -> Verdict | None:
    said = words_of(text)
    best: tuple[float, int, int] | None = None
    chosen: _Phrase | None = None
    for phrase in _made_ready(playbook).phrases:
        common = phrase.words & said
        coverage = len(common) / len(phrase.words) if phrase.words else 0.0
        enough = coverage >= COVERAGE_LEAST and (
            len(common) >= 2 or (coverage == 1.0 and len(phrase.words) == 1)
        )
        if not enough or (phrase.condition and value and not _holds(phrase.condition, value)):
            continue
        score = (coverage, len(common), -phrase.severity.rank)
        if best is None or score > best:
            best, chosen = score, phrase
    if chosen is None:
        return None
    return Verdict(chosen.severity.level, Evidence(rule="example", detail=chosen.text))


_READY_MAX = 32
_LABELS_MAX = 1_000


class _Ready(msgspec.Struct):
    """What can be worked out once for a playbook: its phrases, and what severity labels come to."""

    playbook: Playbook
    phrases: tuple[_Phrase, ...]
    by_label: dict[str, Verdict | None] = {}


_ready: dict[int, _Ready] = {}
"""The playbooks that were asked about last, by their identity."""


def _made_ready(playbook: Playbook) -> _Ready:
    known = _ready.get(id(playbook))
    if known is None or known.playbook is not playbook:
        if len(_ready) >= _READY_MAX:
            _ready.clear()
        known = _ready[id(playbook)] = _Ready(playbook, tuple(_read_phrases(playbook)))
    return known


def _read_phrases(playbook: Playbook) -> Iterable[_Phrase]:
    for severity in playbook.severities:
        for text in (*severity.examples, *re.split(r"[,;]", severity.description)):
            condition = _CONDITION.search(text)
            left = condition["left"] if condition else text
            if words := words_of(left):
                yield _Phrase(severity, text.strip(), words, condition)
    for rule in playbook.triage:
        severity = playbook.severity(rule.sets) if rule.sets else None
        if severity:
            yield _Phrase(severity, rule.question, words_of(re.sub(r"\(.*?\)", "", rule.question)))


def _value(alert: Alert) -> re.Match[str] | None:
    for key in ("value", "current_value", "currentValue"):
        if found := _VALUE.search(alert.annotations.get(key, "") or alert.labels.get(key, "")):
            return found
    return None


def _holds(condition: re.Match[str], value: re.Match[str]) -> bool:
    limit = _scaled(float(condition["number"].replace(",", ".")), condition["unit"])
    actual = _scaled(float(value["number"]), value["unit"])
    if condition["unit"] == "%" and not value["unit"] and actual <= 1:
        # A bare ratio is how Prometheus rules usually carry a share; to take it for one assumes the worst.
        actual *= 100
    if actual == limit:
        return condition["operator"] not in ("<", ">")
    return actual > limit if condition["operator"][0] in ">≥" else actual < limit


def _scaled(number: float, unit: str | None) -> float:
    return number / 1000 if unit == "ms" else number


def _default(playbook: Playbook) -> Verdict:
    ranks = sorted(playbook.severities, key=lambda each: each.rank)
    if not ranks:
        return Verdict(LevelId("P3"), Evidence(rule="default", detail="the playbook has no severity levels"))
    second_least = ranks[-2] if len(ranks) > 1 else ranks[0]
    return Verdict(
        second_least.level, Evidence(rule="default", detail="nothing in the playbook speaks of it")
    )
