"""Prometheus label matchers, with their escaping rules.

Regular expressions are those of RE2, as in Prometheus: anchored at both ends, and matched in time that is
linear in the text, whatever the expression (see docs/decisions/0016).
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, cast

import msgspec
import re2  # pyright: ignore[reportMissingTypeStubs]

from tocsin.base import limits

_RE2 = cast(Any, re2)
_EXPRESSION_BYTES_MAX = 256 * 1024
"""How much memory one expression may take, its automaton included; a larger one is refused."""

_EXPRESSIONS_REMEMBERED_MAX = 512


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
                return _fits(self.value, actual)
            case Operator.NOT_REGEX:
                return not _fits(self.value, actual)

    def __str__(self) -> str:
        """As Prometheus writes it; `parse_matchers` reads it again."""
        name = self.name if _BARE_NAME.fullmatch(self.name) else _quoted(self.name)
        return f"{name}{self.operator.value}{_quoted(self.value)}"


class Matchers(msgspec.Struct, frozen=True):
    """A set of matchers, all of which must hold. `text` is how its author wrote it."""

    text: str
    all: tuple[Matcher, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether every matcher holds; an empty set matches everything."""
        return all(matcher.matches(labels) for matcher in self.all)


_BARE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOKEN = re.compile(
    r'\s*(?:"(?P<quoted_name>(?:[^"\\\n]|\\.)+)"|(?P<name>[A-Za-z_][A-Za-z0-9_]*))'
    r"\s*(?P<operator>=~|!~|!=|=)\s*"
    r'(?:"(?P<quoted>(?:[^"\\\n]|\\.)*)"|(?P<bare>[^\s",{}=!~]+))\s*(?P<comma>,|$)'
)
_HUGE_REPEAT = re.compile(r"(?<!\\)\{\d*,?\d{8}")
_ESCAPE = re.compile(r"\\(?:x[0-7][0-9A-Fa-f]|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n", "\\t": "\t", "\\r": "\r"}


def parse_matchers(text: str) -> Matchers:
    r"""Read `{alertname=~"Service.*", team!="web"}`; the braces may be left out.

    The name of a label may stand in quotes, and then be any text, as in newer versions of Prometheus and
    Alertmanager. Inside quotes `\\`, `\"`, `\n`, `\t`, `\r`, and characters by their number as Go writes
    them (`\x7f`, `\u00e9`, `\U0001f525`) are escapes; any other is refused.

    Raises:
        ValueError: the text is no list of matchers; the message says from where on.
    """
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1]
    matchers: list[Matcher] = []
    position = 0
    while position < len(inner.rstrip()):
        if len(matchers) >= limits.silence_matchers_max:
            raise ValueError(f"there are more than {limits.silence_matchers_max} matchers")
        found = _TOKEN.match(inner, position)
        if not found:
            raise ValueError(
                f'cannot read a matcher at {inner[position:].strip()[:40]!r}; write name="value"'
            )
        matchers.append(_matcher(found))
        position = found.end()
    return Matchers(text.strip(), tuple(matchers))


def format_matchers(matchers: Iterable[Matcher]) -> str:
    """Matchers in one line, as `parse_matchers` reads them."""
    return ", ".join(str(each) for each in matchers)


def make_matcher(name: str, operator: Operator, value: str) -> Matcher:
    """A matcher whose expression, where it has one, can be used.

    Raises:
        ValueError: the name is empty, or the value is no regular expression.
    """
    if not name:
        raise ValueError("the name of the label is empty")
    if operator in (Operator.REGEX, Operator.NOT_REGEX):
        _compiled(value)
    return Matcher(name, operator, value)


def _matcher(found: re.Match[str]) -> Matcher:
    quoted, quoted_name = found["quoted"], found["quoted_name"]
    value = found["bare"] if quoted is None else _unquoted(quoted)
    name = found["name"] if quoted_name is None else _unquoted(quoted_name)
    return make_matcher(name, Operator(found["operator"]), value)


def _fits(expression: str, text: str) -> bool:
    # Bytes, since what the library does beyond matching characters is only to count them again.
    return _compiled(expression).fullmatch(text.encode("utf-8", "replace")) is not None


@lru_cache(_EXPRESSIONS_REMEMBERED_MAX)
def _compiled(expression: str) -> Any:
    if _HUGE_REPEAT.search(expression):
        # The library reads this as plain text, where Prometheus refuses it.
        raise ValueError(f"{expression[:200]!r} is no regular expression of RE2: it repeats too often")
    options = _RE2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _EXPRESSION_BYTES_MAX
    try:
        return _RE2.compile(expression, options)
    except _RE2.error as error:
        (why,) = error.args
        told = why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)
        raise ValueError(f"{expression[:200]!r} is no regular expression of RE2: {told[:200]}") from error
    except UnicodeEncodeError as error:
        raise ValueError(f"{expression[:200]!r} is no regular expression of RE2: it is no UTF-8") from error


def _unquoted(text: str) -> str:
    return _ESCAPE.sub(lambda each: _unescape(each[0]), text)


def _unescape(escape: str) -> str:
    if escape in _ESCAPES:
        return _ESCAPES[escape]
    number = int(escape[2:], 16) if len(escape) > 2 else -1
    if number < 0 or number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        raise ValueError(f'{escape!r} is no escape; inside quotes \\\\, \\", \\n, \\t, \\r and \\u00e9 are')
    return chr(number)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
