"""The lines of what the playbook holds as plain values: the keys and entries of the front matter."""

from typing import cast

import yaml

from tocsin.playbook.blocks import Document

_FRONT_CHARS_MAX = 20_000
"""In a longer front matter nobody looks for a line; what is in it is read all the same."""
_DEPTH = 3
"""`tocsin:`, an option, an entry of it."""


def front_places(document: Document) -> dict[str, int]:
    """The line of each key of the front matter, of each option under `tocsin:` and of each of its entries, as
    `tocsin.routes.0`. Empty where there is none, or where it cannot be read."""
    if not document.front or document.lines[0].strip() != "---":
        return {}
    last = next((at for at, line in enumerate(document.lines[1:], 1) if line.strip() == "---"), 0)
    text = "\n".join(document.lines[1:last])
    if len(text) > _FRONT_CHARS_MAX:
        return {}
    try:
        # PyYAML says nothing about the type of what it composes.
        node = cast(object, yaml.compose(text, yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType]
    except (yaml.YAMLError, ValueError, RecursionError, TypeError):
        return {}
    found: dict[str, int] = {}
    _walk(node, "", _DEPTH, found)
    return found


def _walk(node: object, path: str, depth: int, found: dict[str, int]) -> None:
    if depth == 0:
        return
    entries: list[tuple[str, yaml.Node, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        pairs: list[tuple[yaml.Node, yaml.Node]] = node.value
        entries = [(str(key.value), key, value) for key, value in pairs if isinstance(key, yaml.ScalarNode)]
    elif isinstance(node, yaml.SequenceNode):
        items: list[yaml.Node] = node.value
        entries = [(str(at), item, item) for at, item in enumerate(items)]
    for name, at, value in entries:
        here = f"{path}.{name}" if path else name
        # The front matter begins in the second line, and YAML counts from 0.
        found.setdefault(here, at.start_mark.line + 2)
        _walk(value, here, depth - 1, found)


def place_of(places: dict[str, int], *keys: str) -> int:
    """The line of the first of these that has one; 1 where none has."""
    return next((places[key] for key in keys if key in places), 1)
