"""Requests of vendors as their documentation shows them, kept beside the tests."""

import copy
import json
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).with_name("examples")


def recorded(name: str) -> dict[str, Any]:
    """The body of an example."""
    read: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return read


def changed(body: dict[str, Any], **values: object) -> dict[str, Any]:
    """A copy with other values; `a__b` stands for the key `b` within `a`, and None takes a key away."""
    made = copy.deepcopy(body)
    for path, value in values.items():
        *places, last = path.split("__")
        inner = made
        for place in places:
            inner = inner[place]
        if value is None:
            inner.pop(last, None)
        else:
            inner[last] = value
    return made
