"""Expressions over JSON (JMESPath) as settings hold them: compiled once, and plain about what they give.

Beside the functions of JMESPath there is `sub(text, pattern, replacement)`, which replaces what a regular
expression (RE2, so that no text takes long) finds.
"""

import json
from importlib import import_module
from typing import Any, cast

from tocsin.base.problems import Problem, ProblemsError

EXPRESSION_CHARS_MAX = 4_096
TEXT_ITEMS_MAX = 100
"""A list of more values than this gives the text of the first ones."""

# Neither library describes its types.
_jmespath: Any = import_module("jmespath")
_functions: Any = import_module("jmespath.functions")
_re2: Any = import_module("re2")
_Functions: Any = _functions.Functions


class _More(_Functions):  # pyright: ignore[reportUntypedBaseClass]
    """The functions of JMESPath, and our own."""

    @_functions.signature({"types": ["string", "null"]}, {"types": ["string"]}, {"types": ["string"]})
    def _func_sub(self, text: str | None, pattern: str, replacement: str) -> str | None:
        return None if text is None else cast(str, _re2.sub(pattern, replacement, text))


_OPTIONS: Any = _jmespath.Options(custom_functions=_More())


class ExpressionError(Exception):
    """An expression cannot be used on this document; the message says why."""


class Expression:
    """One expression. `place` is the setting that holds it, such as `mappings.nagios.title`."""

    def __init__(self, text: str, place: str) -> None:
        """Compile it.

        Raises:
            ProblemsError: it is no expression.
        """
        self.text = text
        self.place = place
        try:
            if len(text) > EXPRESSION_CHARS_MAX:
                raise ValueError(f"it has more than {EXPRESSION_CHARS_MAX} characters")
            self._compiled: Any = _jmespath.compile(text)
        except (ValueError, RecursionError) as error:
            why = " ".join(str(error).split("\n", maxsplit=1)[0].split())[:200]
            mend = (
                "Write a JMESPath expression, such as alert.title; docs/guide/sources/mapped.md shows more."
            )
            problem = Problem(
                code="bad-expression",
                field=place,
                message=f"{place} is no JMESPath expression: {why}.",
                mend=mend,
            )
            raise ProblemsError([problem]) from None

    def of(self, document: object) -> object:
        """What it gives of a JSON document; None where it gives nothing.

        Raises:
            ExpressionError: it does not fit the document.
        """
        try:
            return cast(object, self._compiled.search(document, _OPTIONS))
        except Exception as error:
            # The functions of expressions fail over values in ways that no list of exceptions covers.
            why = " ".join(str(error).split())[:200] or type(error).__name__
            raise ExpressionError(why) from error


def text_of(value: object) -> str | None:
    """A value as text: numbers and truths as JSON shows them, the values of a list with commas between
    them; None for an object, or a list that holds one."""
    match value:
        case str():
            return value
        case bool() | int() | float():
            return json.dumps(value)
        case list():
            parts = [
                text_of(each) for each in cast("list[object]", value)[:TEXT_ITEMS_MAX] if each is not None
            ]
            return None if None in parts else ", ".join(cast("list[str]", parts))
        case _:
            return None


def pairs_of(value: object) -> dict[str, str]:
    """The names and texts of an object, of a list of pairs, of `{"key"|"name"|"tag": …, "value": …}` or
    of "name:value" texts, or of such texts with commas between them. What is none of it is left out."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if isinstance(value, dict):
        value = [list(pair) for pair in cast("dict[str, object]", value).items()]
    found: dict[str, str] = {}
    for each in cast("list[object]", value) if isinstance(value, list) else []:
        name, text = _pair(each)
        if name and text:
            found.setdefault(name, text)
    return found


def _pair(value: object) -> tuple[str, str]:
    if isinstance(value, str):
        name, _, text = value.partition(":")
        return name.strip(), text.strip()
    if isinstance(value, list):
        listed = cast("list[object]", value)
        if len(listed) == 2 and isinstance(listed[0], str):
            return listed[0], text_of(listed[1]) or ""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        name = next((each for key in ("key", "name", "tag") if isinstance(each := fields.get(key), str)), "")
        return name, text_of(fields.get("value")) or ""
    return "", ""
