"""The front matter: what is under `tocsin:` sets options, everything else is metadata."""

from collections.abc import Mapping
from datetime import timedelta
from typing import cast

import msgspec

from tocsin.alerts.matchers import Matchers, parse_matchers
from tocsin.base.ids import LevelId
from tocsin.base.problems import Problem
from tocsin.base.times import parse_duration
from tocsin.playbook.blocks import Document
from tocsin.playbook.codes import problem
from tocsin.playbook.levels import Known
from tocsin.playbook.model import Options, SeverityRule
from tocsin.playbook.options_noise import NOISE_KEYS, read_noise
from tocsin.playbook.places import front_places, place_of

LIST_MAX = 200
"""How many entries of a list or a mapping are read; a document that needs more wants a settings file."""

_KEYS = (
    *("group_by", "categories", "severity", "severity_labels", "vars", "routes", "auto_run"),
    *("cadence", "acknowledge"),
    *NOISE_KEYS,
)


class Front(msgspec.Struct, frozen=True):
    """The options with what is wrong with them. `cadence` and `acknowledge` are times by level."""

    options: Options
    cadence: dict[LevelId, timedelta]
    acknowledge: dict[LevelId, timedelta]
    problems: tuple[Problem, ...]


class _Reader:
    """Reads the values under `tocsin:`; what does not fit is a problem at its line, and is left out."""

    def __init__(self, document: Document, known: Known) -> None:
        self._places = front_places(document)
        self._known = known
        self.problems: list[Problem] = []

    def refuse(self, key: str, why: str, entry: str = "") -> None:
        """Tell what is wrong with an option, at the line of its `entry` where it has one."""
        at = place_of(self._places, f"tocsin.{key}.{entry}", f"tocsin.{key}", "tocsin")
        self.problems.append(problem("PB008", at, f"tocsin.{key}: {why}", field=f"tocsin.{key}"))

    def text(self, value: object) -> str | None:
        return scalar(value)

    def items(self, key: str, value: object) -> list[object]:
        if not isinstance(value, list):
            self.refuse(key, "it must be a list")
            return []
        return cast(list[object], value)[:LIST_MAX]

    def entries(self, key: str, value: object) -> dict[str, object]:
        if not isinstance(value, dict):
            self.refuse(key, "it must be a mapping of names to values")
            return {}
        found = list(cast(dict[object, object], value).items())[:LIST_MAX]
        # A name that is no word, such as a number, is a name all the same; a list has no name.
        return {name: each for given, each in found if (name := scalar(given)) is not None}

    def texts(self, key: str, value: object) -> list[str]:
        values = cast(list[object], value) if isinstance(value, list) else [value]
        found = [text for each in values[:LIST_MAX] if (text := scalar(each)) is not None]
        if len(found) != len(values):
            self.refuse(key, "it must be a list of words")
        return found

    def mapping(self, key: str, value: object) -> dict[str, str]:
        if not isinstance(value, dict):
            self.refuse(key, "it must be a mapping of names to values")
            return {}
        found: dict[str, str] = {}
        for name, each in list(cast(dict[object, object], value).items())[:LIST_MAX]:
            text = scalar(each)
            if text is None:
                self.refuse(key, f"the value of {str(name)[:40]!r} must be one word or text", str(name))
            else:
                found[str(name)] = text
        return found

    def flag(self, key: str, value: object) -> bool:
        if not isinstance(value, bool):
            self.refuse(key, "it must be true or false")
            return False
        return value

    def matchers(self, key: str, text: str, entry: str = "") -> Matchers | None:
        try:
            return parse_matchers(text)
        except ValueError as error:
            self.refuse(key, str(error), entry)
            return None

    def level(self, key: str, text: str, entry: str) -> LevelId | None:
        found = self._known.find(text)
        if len(found) != 1:
            self.refuse(key, f"{text[:40]!r} is no level of the severities", entry)
            return None
        return found[0]

    def times(self, key: str, value: object) -> dict[LevelId, timedelta]:
        found: dict[LevelId, timedelta] = {}
        for name, text in self.mapping(key, value).items():
            level, span = self.level(key, name, name), parse_duration(text[:60])
            if span is None:
                self.refuse(key, f"{text[:40]!r} is no duration", name)
            elif level is not None:
                found[level] = span
        return found


def scalar(value: object) -> str | None:
    """A scalar of YAML as text; None for lists and mappings, which an alias could make endless."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, list | dict | set | tuple | bytes):
        return None
    try:
        return str(value)[:2000]
    except ValueError:
        # An integer of thousands of digits has no text.
        return None


def read_front(document: Document, known: Known) -> Front:
    """The options under `tocsin:`; all are optional."""
    reader = _Reader(document, known)
    if document.front_trouble is not None:
        why = document.front_trouble.why
        reader.problems.append(
            problem("PB008", document.front_trouble.line, f"the front matter cannot be read: {why}")
        )
    raw = document.front.get("tocsin")
    if raw is None:
        return Front(Options(), {}, {}, tuple(reader.problems))
    if not isinstance(raw, dict):
        reader.problems.append(problem("PB008", 1, "tocsin: it must be a mapping of keys to values"))
        return Front(Options(), {}, {}, tuple(reader.problems))
    given = {str(key): value for key, value in cast(dict[object, object], raw).items()}
    for key in list(given)[:LIST_MAX]:
        if key not in _KEYS:
            reader.refuse(key, "there is no such option")
    defaults = Options()
    options = Options(
        group_by=tuple(reader.texts("group_by", given["group_by"]))
        if "group_by" in given
        else defaults.group_by,
        categories=_categories(reader, given.get("categories", {})),
        severity=_severity_rules(reader, given.get("severity", {})),
        severity_labels=_labels(reader, given.get("severity_labels", {})),
        vars=reader.mapping("vars", given.get("vars", {})),
        routes=_routes(reader, given.get("routes", [])),
        auto_run=reader.flag("auto_run", given.get("auto_run", True)),
        noise=read_noise(reader, given),
    )
    cadence = reader.times("cadence", given.get("cadence", {}))
    acknowledge = reader.times("acknowledge", given.get("acknowledge", {}))
    return Front(options, cadence, acknowledge, tuple(reader.problems))


def _categories(reader: _Reader, value: object) -> dict[str, Matchers]:
    read = {
        name: reader.matchers("categories", text, name)
        for name, text in reader.mapping("categories", value).items()
    }
    return {name: each for name, each in read.items() if each is not None}


def _severity_rules(reader: _Reader, value: object) -> tuple[SeverityRule, ...]:
    rules: list[SeverityRule] = []
    for text, name in reader.mapping("severity", value).items():
        when, level = reader.matchers("severity", text, text), reader.level("severity", name, text)
        if when is not None and level is not None:
            rules.append(SeverityRule(when=when, level=level))
    return tuple(rules)


def _labels(reader: _Reader, value: object) -> dict[str, LevelId]:
    read = {
        name: reader.level("severity_labels", text, name)
        for name, text in reader.mapping("severity_labels", value).items()
    }
    return {name: level for name, level in read.items() if level is not None}


def _routes(reader: _Reader, value: object) -> tuple[Matchers, ...]:
    read = (reader.matchers("routes", text, str(at)) for at, text in enumerate(reader.texts("routes", value)))
    return tuple(each for each in read if each is not None)


def front_metadata(front: Mapping[str, object]) -> dict[str, str]:
    """The front matter's own keys as metadata; lists of words are joined by commas."""
    found: dict[str, str] = {}
    for key, value in list(front.items())[:LIST_MAX]:
        if key == "tocsin":
            continue
        if isinstance(value, list):
            parts = [scalar(each) for each in cast(list[object], value)[:LIST_MAX]]
            text = ", ".join(part for part in parts if part is not None) or None
        else:
            text = scalar(value)
        if text is not None:
            found[key] = text
    return found


def option_keys() -> tuple[str, ...]:
    """The keys under `tocsin:` in the front matter."""
    return _KEYS
