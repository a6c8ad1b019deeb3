"""Details that senders add to an alert in a shape of their own: flattened, bounded, and told apart into what
rules may look at and what is for people."""

import json
from collections.abc import Iterator, Mapping
from typing import cast

from tocsin.adapters.alertjson import is_web_address
from tocsin.alerts.model import Alert
from tocsin.base import limits

DEPTH_MAX = 6
LINKS_MAX = 20
LINK_CHARS_MAX = 2_048
LABELS = ("service", "team", "environment", "env", "region", "zone", "cluster", "namespace", "host", "job")
"""Details of these names say where it is, and become labels; others may be measured values, which would
tell one alert apart from itself."""


def flattened(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """The texts within a JSON value, each under its path: `{"a": {"b": 1}}` gives `a.b`."""
    return _flattened(value, name or "details", name, 0)


def _flattened(value: object, whole: str, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and depth < DEPTH_MAX:
        for key, each in cast("dict[str, object]", value).items():
            yield from _flattened(each, whole, f"{path}.{key}" if path else key, depth + 1)
    elif isinstance(value, list) and depth < DEPTH_MAX and _holds_values(cast("list[object]", value)):
        for number, each in enumerate(cast("list[object]", value)):
            yield from _flattened(each, whole, f"{path}.{number}" if path else str(number), depth + 1)
    elif value is not None and value not in ("", [], {}):
        yield path or whole, _text(cast(object, value))


def _holds_values(listed: list[object]) -> bool:
    return any(isinstance(each, dict | list) for each in listed)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(_text(each) for each in cast("list[object]", value))
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return "…"


def add_details(alert: Alert, details: object, labels: Mapping[str, str]) -> int:
    """Put details into the annotations of an alert, and those that say where it is into its labels, which
    `labels` go before; returns how many there was no room for."""
    for name, text in labels.items():
        put(alert.labels, name, text, limits.label_value_chars_max)
    left_out = 0
    for name, text in flattened(details):
        if name.casefold() in LABELS:
            put(alert.labels, name.casefold(), text, limits.label_value_chars_max)
        left_out += not put(alert.annotations, name, text, limits.annotation_chars_max)
    return left_out


def put(into: dict[str, str], name: str, text: str, chars_max: int) -> bool:
    """Add a text under a name that is not taken, as far as it can be kept; False where there is no room."""
    name, text = _stored(name.strip()), _stored(text.strip())[:chars_max]
    if not name or not text or name in into:
        return True
    if len(into) >= limits.labels_per_alert_max or len(name) > limits.label_name_chars_max:
        return False
    into[name] = text
    return True


def _stored(text: str) -> str:
    return text.replace("\0", "\ufffd")


def links_of(value: object, key: str = "href") -> list[tuple[str, str]]:
    """The web addresses of a list of `{key: …, "text"|"alt": …}`, each with its text."""
    found: list[tuple[str, str]] = []
    for each in cast("list[object]", value)[:LINKS_MAX] if isinstance(value, list) else []:
        fields = cast("dict[str, object]", each) if isinstance(each, dict) else {}
        address, text = fields.get(key), fields.get("text") or fields.get("alt") or ""
        if isinstance(address, str) and len(address) <= LINK_CHARS_MAX and is_web_address(address):
            found.append((address, text if isinstance(text, str) else ""))
    return found


def written(links: list[tuple[str, str]]) -> str:
    """Links as the lines of a text."""
    return "\n".join(f"{text} {address}".strip() for address, text in links)
