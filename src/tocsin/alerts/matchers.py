"""Prometheus label matchers, with their escaping rules."""

import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Operator(StrEnum):
    """The four operators of a Prometheus matcher."""

    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"


class Matcher(msgspec.Struct, frozen=True):
    """One comparison of a label. A label that is absent counts as the empty string."""

    name: str
    operator: Operator
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels satisfy this comparison; regular expressions are anchored."""
        actual = labels.get(self.name, "")
        match self.operator:
            case Operator.EQUAL:
                return actual == self.value
            case Operator.NOT_EQUAL:
                return actual != self.value
            case Operator.REGEX:
                return re.fullmatch(self.value, actual) is not None
            case Operator.NOT_REGEX:
                return re.fullmatch(self.value, actual) is None


class Matchers(msgspec.Struct, frozen=True):
    """A set of matchers, all of which must hold. `text` is how its author wrote it."""

    text: str
    all: tuple[Matcher, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether every matcher holds; an empty set matches everything."""
        return all(matcher.matches(labels) for matcher in self.all)


_TOKEN = re.compile(
    r"\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*(?P<operator>=~|!~|!=|=)\s*"
    r'(?:"(?P<quoted>(?:[^"\\\n]|\\.)*)"|(?P<bare>[^\s",{}=!~]+))\s*(?P<comma>,|$)'
)
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def parse_matchers(text: str) -> Matchers:
    r"""Read `{alertname=~"Service.*", team!="web"}`; the braces may be left out.

    Inside quotes only `\\`, `\"` and `\n` are escapes, as in Prometheus.

    Raises:
        ValueError: the text is no list of matchers; the message says from where on.
    """
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1]
    matchers: list[Matcher] = []
    position = 0
    while position < len(inner.rstrip()):
        found = _TOKEN.match(inner, position)
        if not found:
            raise ValueError(
                f'cannot read a matcher at {inner[position:].strip()[:40]!r}; write name="value"'
            )
        matchers.append(_matcher(found))
        position = found.end()
    return Matchers(text.strip(), tuple(matchers))


def _matcher(found: re.Match[str]) -> Matcher:
    quoted = found["quoted"]
    value = found["bare"] if quoted is None else re.sub(r"\\.", lambda each: _unescape(each[0]), quoted)
    operator = Operator(found["operator"])
    if operator in (Operator.REGEX, Operator.NOT_REGEX):
        try:
            re.compile(value)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"{value!r} is no regular expression: {error}") from error
    return Matcher(found["name"], operator, value)


def _unescape(escape: str) -> str:
    if escape not in _ESCAPES:
        raise ValueError(f'{escape!r} is no escape; inside quotes only \\\\, \\" and \\n are')
    return _ESCAPES[escape]
