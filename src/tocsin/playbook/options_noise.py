"""What the front matter says about noise: maintenance windows, inhibition, dependencies, storms."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Protocol, TypeVar, cast

from tocsin.alerts import recurrence
from tocsin.alerts.dependencies import cycle
from tocsin.alerts.flapping import CHANGES_KEPT
from tocsin.alerts.matchers import Matchers
from tocsin.alerts.rules import Flapping, InhibitRule, NoiseRules, StormRule, Window
from tocsin.alerts.storms import OPENINGS_KEPT
from tocsin.alerts.windows import LASTS_MAX
from tocsin.base.ids import LevelId
from tocsin.base.times import parse_duration, zone

NOISE_KEYS = (
    *("maintenance", "inhibit", "depends_on", "service_labels", "group_window", "reopen_within"),
    *("flapping", "auto_resolve", "storm"),
)
"""The keys under `tocsin:` that are about noise."""

NEVER = timedelta(0)

T = TypeVar("T")


class OptionReader(Protocol):
    """What is needed of the reader of the front matter (`playbook/options.py`)."""

    def refuse(self, key: str, why: str) -> None:
        """Tell what is wrong with a key."""
        ...

    def texts(self, key: str, value: object) -> list[str]:
        """A list of words, or one."""
        ...

    def text(self, value: object) -> str | None:
        """A scalar as text; None for anything else."""
        ...

    def matchers(self, key: str, text: str) -> Matchers | None:
        """A set of matchers."""
        ...

    def times(self, key: str, value: object) -> dict[LevelId, timedelta]:
        """Levels to durations."""
        ...

    def items(self, key: str, value: object) -> list[object]:
        """The entries of a list."""
        ...

    def entries(self, key: str, value: object) -> dict[str, object]:
        """The entries of a mapping."""
        ...


def read_noise(reader: OptionReader, given: Mapping[str, object]) -> NoiseRules:
    """The rules about noise; all are optional. What does not fit is refused at its key and left out."""
    defaults = NoiseRules()

    def read(key: str, how: Callable[[OptionReader, str, object], T], otherwise: T) -> T:
        return how(reader, key, given[key]) if key in given else otherwise

    return NoiseRules(
        maintenance=read("maintenance", _windows, defaults.maintenance),
        inhibit=read("inhibit", _inhibit, defaults.inhibit),
        depends_on=read("depends_on", _depends_on, defaults.depends_on),
        service_labels=read("service_labels", _labels, defaults.service_labels),
        group_window=read("group_window", _span, defaults.group_window),
        reopen_within=read("reopen_within", _span, None) or defaults.reopen_within,
        flapping=read("flapping", _flapping, defaults.flapping),
        auto_resolve=read("auto_resolve", _auto_resolve, defaults.auto_resolve),
        storm=read("storm", _storm, defaults.storm),
    )


def _labels(reader: OptionReader, key: str, value: object) -> tuple[str, ...]:
    return tuple(reader.texts(key, value))


def _span(reader: OptionReader, key: str, value: object) -> timedelta | None:
    text = reader.text(value)
    span = None if text is None else parse_duration(text[:60])
    if span is None or span <= NEVER:
        reader.refuse(key, f"{str(text)[:40]!r} is no duration; write 30m or 2h")
        return None
    return span


def _auto_resolve(reader: OptionReader, key: str, value: object) -> dict[LevelId, timedelta]:
    found = reader.times(key, value)
    for level in [level for level, span in found.items() if span <= NEVER]:
        reader.refuse(key, f"the alerts of {level} must be clear for a while; write 5m or more")
        del found[level]
    return found


def _depends_on(reader: OptionReader, key: str, value: object) -> dict[str, tuple[str, ...]]:
    found = {
        service: tuple(reader.texts(key, parents)) for service, parents in reader.entries(key, value).items()
    }
    round_trip = cycle(found)
    if round_trip:
        circle = " → ".join(round_trip)[:200]
        reader.refuse(key, f"services cannot depend on each other in a circle: {circle}")
        return {}
    return found


def _flapping(reader: OptionReader, key: str, value: object) -> Flapping | None:
    if value is False:
        return None
    default = Flapping()
    fields = _fields(reader, key, value, ("changes", "within"))
    changes = _count(reader, key, fields, "changes", default.changes, 2, CHANGES_KEPT)
    return Flapping(changes=changes, within=_within(reader, key, fields, default.within))


def _storm(reader: OptionReader, key: str, value: object) -> StormRule | None:
    if value is False:
        return None
    default = StormRule()
    fields = _fields(reader, key, value, ("incidents", "within"))
    incidents = _count(reader, key, fields, "incidents", default.incidents, 1, OPENINGS_KEPT)
    return StormRule(incidents=incidents, within=_within(reader, key, fields, default.within))


def _fields(reader: OptionReader, key: str, value: object, names: tuple[str, ...]) -> dict[str, object]:
    """A mapping that may have these keys, or `false`."""
    if not isinstance(value, dict):
        reader.refuse(key, f"it must be false, or a mapping of {' and '.join(names)}")
        return {}
    fields = reader.entries(key, cast(object, value))
    for name in fields:
        if name not in names:
            reader.refuse(key, f"there is no {name[:40]!r}; it may have {', '.join(names)}")
    return fields


def _count(
    reader: OptionReader,
    key: str,
    fields: Mapping[str, object],
    name: str,
    default: int,
    least: int,
    most: int,
) -> int:
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        reader.refuse(key, f"{name} must be a whole number from {least} to {most}")
        return default
    return value


def _within(reader: OptionReader, key: str, fields: Mapping[str, object], default: timedelta) -> timedelta:
    return (_span(reader, key, fields["within"]) or default) if "within" in fields else default


def _inhibit(reader: OptionReader, key: str, value: object) -> tuple[InhibitRule, ...]:
    found: list[InhibitRule] = []
    for item in reader.items(key, value):
        fields = _fields_of_item(reader, key, item, ("source", "target"), ("equal",))
        if fields is None:
            continue
        source, target = (_matchers(reader, key, fields, name) for name in ("source", "target"))
        equal = tuple(reader.texts(key, fields.get("equal", [])))
        if source is not None and target is not None:
            found.append(InhibitRule(source=source, target=target, equal=equal))
    return tuple(found)


def _matchers(reader: OptionReader, key: str, fields: Mapping[str, object], name: str) -> Matchers | None:
    read = [reader.matchers(key, text) for text in reader.texts(key, fields[name])]
    found = [each for each in read if each is not None]
    if len(found) != len(read):
        return None
    whole = Matchers(", ".join(each.text for each in found), tuple(m for each in found for m in each.all))
    if not whole.all:
        reader.refuse(key, f"{name} names no label; an empty set would match every alert")
        return None
    return whole


def _fields_of_item(
    reader: OptionReader, key: str, item: object, needed: tuple[str, ...], further: tuple[str, ...]
) -> dict[str, object] | None:
    """An entry of a list with these keys; None where one is missing or unknown."""
    if not isinstance(item, dict):
        reader.refuse(key, f"each entry must be a mapping of {', '.join((*needed, *further))}")
        return None
    fields = reader.entries(key, cast(object, item))
    for name in fields:
        if name not in (*needed, *further):
            reader.refuse(key, f"there is no {name[:40]!r}; it may have {', '.join((*needed, *further))}")
            return None
    for name in needed:
        if name not in fields:
            reader.refuse(key, f"an entry has no {name!r}")
            return None
    return fields


def _windows(reader: OptionReader, key: str, value: object) -> tuple[Window, ...]:
    found: list[Window] = []
    for item in reader.items(key, value):
        fields = _fields_of_item(reader, key, item, ("name", "matchers", "start"), ("for", "zone", "from"))
        if fields is None:
            continue
        try:
            window = _window(reader, key, fields)
        except ValueError as error:
            reader.refuse(key, f"{str(fields['name'])[:40]!r}: {error}")
            continue
        if window is not None:
            found.append(window)
    return tuple(found)


def _window(reader: OptionReader, key: str, fields: Mapping[str, object]) -> Window | None:
    """One window.

    Raises:
        ValueError: a field is wrong; the message says which.
    """
    name, start = (reader.text(fields[each]) for each in ("name", "start"))
    place = reader.text(fields.get("zone", "UTC"))
    if not name or not start or not place:
        raise ValueError("name, start and zone must be texts")
    zone(place)
    since = _since(fields["from"]) if "from" in fields else recurrence.SINCE
    said = reader.text(fields["for"]) if "for" in fields else None
    if start.strip().upper().startswith(("FREQ=", "RRULE:")):
        rule = recurrence.parse_rule(start, since)
        lasts = parse_duration((said or "")[:60])
        if lasts is None:
            raise ValueError("a rule needs to know how long it lasts: add `for: 2h`")
    elif "for" in fields:
        raise ValueError("say how long it lasts once: in start, behind `for`")
    else:
        rule, lasts = recurrence.parse_words(start, since)
    if not NEVER < lasts <= LASTS_MAX:
        raise ValueError(f"it must last from a moment to {LASTS_MAX.days} days")
    matchers = _matchers(reader, key, fields, "matchers")
    if matchers is None:
        return None
    text = " ".join(start.split())
    return Window(name=name, matchers=matchers, start=rule, lasts=lasts, zone=place, text=text[:200])


def _since(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value)[:40])
    except ValueError:
        raise ValueError("from takes the first day, as 2026-03-01") from None
