"""What commands write on: aligned plain lines into a pipe, colours and widths on a terminal."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

STYLES: Mapping[str, str] = {
    "state": "bold",
    "page": "magenta",
    "message": "cyan",
    "note": "green",
    "trouble": "bold red",
    "detail": "dim",
}
"""How a line of the timeline looks on a terminal, by its weight."""

# Titles and notes come from outside: an escape sequence in one must not reach the terminal, and a
# bidirectional override must not make a line read as another one.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """The text without control characters; line ends and tabs stay."""
    return _UNSAFE.sub("", text)


def one_line(text: str) -> str:
    """The text in one line, for a place in a table."""
    return " ".join(clean(text).split())


def write(text: str = "", style: str = "") -> None:
    """One line (or several) to standard output; `style` shows only on a terminal."""
    text = clean(text)
    if style and sys.stdout.isatty():
        from rich.console import Console
        from rich.text import Text

        Console(highlight=False).print(Text(text, style=style))
    else:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def write_json(document: Any) -> None:
    """A JSON document, indented, in the order of keys in which it came."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def write_json_line(document: Any) -> None:
    """A JSON document in one line, at once, for a reader that follows."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], styles: Sequence[str] = ()) -> None:
    """Rows under headings. `styles` gives one style a row. In a pipe nothing is cut off or wrapped."""
    cells = [[_indented(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _rich_table(headings, cells, styles)
        return
    for row in _aligned([list(headings), *cells] if any(headings) else cells):
        sys.stdout.write(row + "\n")


def _indented(cell: str) -> str:
    return " " * (len(cell) - len(cell.lstrip(" "))) + one_line(cell)


def _rich_table(headings: Sequence[str], cells: list[list[str]], styles: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(
        box=None, show_header=any(headings), pad_edge=False, header_style="bold", padding=(0, 2, 0, 0)
    )
    for place, heading in enumerate(headings):
        last = place == len(headings) - 1
        drawn.add_column(heading, no_wrap=not last, overflow="fold" if last else "ellipsis")
    for place, row in enumerate(cells):
        drawn.add_row(*(Text(cell) for cell in row), style=styles[place] if place < len(styles) else "")
    Console(highlight=False).print(drawn)


def _aligned(rows: list[list[str]]) -> Iterable[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))] if rows else []
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def facts(pairs: Iterable[tuple[str, str]]) -> None:
    """Names and values, the values under each other; a pair without a value is left out."""
    table(("", ""), [(f"{name}:", value) for name, value in pairs if value])


def local_time(at: object, *, seconds: bool = False) -> str:
    """An RFC 3339 text (or an aware datetime) in the zone of this terminal, with its name; "" for none."""
    if not at:
        return ""
    try:
        moment = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
    except ValueError:
        return str(at)
    if moment.tzinfo is None:
        return str(at)
    return moment.astimezone().strftime("%a %d %b %Y, %H:%M:%S %Z" if seconds else "%a %d %b %Y, %H:%M %Z")


def text_of(document: object, *names: str) -> str:
    """The first of these keys that has a value in a JSON object, as text; "" where none has."""
    if not isinstance(document, dict):
        return ""
    fields = cast(dict[str, object], document)
    found = next((fields[name] for name in names if fields.get(name) not in (None, "", [], {})), "")
    return str(found)


def object_of(document: object, name: str = "") -> dict[str, Any]:
    """The JSON object itself, or the one under `name` in it; an empty one where there is none."""
    found = cast(dict[str, object], document).get(name) if name and isinstance(document, dict) else document
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def rows_of(document: object, name: str) -> list[dict[str, Any]]:
    """The objects in a JSON list, or in the list under `name` of a JSON object."""
    listed = cast(dict[str, object], document).get(name) if isinstance(document, dict) else document
    items = cast(list[object], listed) if isinstance(listed, list) else []
    return [cast(dict[str, Any], item) for item in items if isinstance(item, dict)]
