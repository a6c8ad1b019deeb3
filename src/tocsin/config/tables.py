"""Reading the table of one part or source out of the settings, with every problem told by its field."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar, cast

import msgspec

from tocsin.base.problems import Problem, ProblemsError
from tocsin.base.times import parse_duration

T = TypeVar("T", bound=msgspec.Struct)

_WHERE = re.compile(r" - at `\$(?P<path>[^`]*)`$")


def read_table(values: Mapping[str, Any], shape: type[T], place: str) -> T:
    """A table of the settings as a record. Durations are `Span`, and a record that refuses
    unknown keys (`forbid_unknown_fields`) has them told. `place` is the table's name, such as
    `sources.github`.

    Raises:
        ProblemsError: with the field and the mend.
    """
    try:
        return msgspec.convert(values, shape, dec_hook=_hook)
    except (msgspec.ValidationError, ValueError) as error:
        text = str(error)
        found = _WHERE.search(text)
        field = f"{place}{found['path'] if found else ''}"
        names = ", ".join(each.encode_name for each in msgspec.structs.fields(cast(Any, shape)))
        problem = Problem(
            code="bad-setting",
            field=field,
            message=f"{field}: {_WHERE.sub('', text)}.",
            mend=f"The keys of {place} are: {names}; docs/guide/settings.md shows what each takes.",
        )
        raise ProblemsError([problem]) from error


class Span(timedelta):
    """A duration in the settings, written as text: "90s", "5m", "1h 30m"."""


def _hook(kind: type[Any], value: object) -> Any:
    assert kind is Span, f"there is no rule for reading {kind.__name__}"
    span = parse_duration(value) if isinstance(value, str) else None
    if span is None or not span:
        raise ValueError(f'{str(value)[:40]!r} is no duration; write one such as "5m"')
    return Span(seconds=span.total_seconds())
