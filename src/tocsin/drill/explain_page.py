"""An explanation on paper: as lines for a terminal, and as one page of HTML that needs nothing else."""

import textwrap
from collections.abc import Iterator

import msgspec

from tocsin.drill.explain import Explanation, Part, Table
from tocsin.playbook.picture import escalation_svg, plain

WIDTH = 110
CELL_LEAST = 8
"""Characters that a column of plain text keeps however little room there is."""

_STYLE = """
:root { color-scheme: light dark;
  --paper: #f8f7f4; --card: #fff; --ink: #1a1d21; --soft: #565d66; --line: #dedbd4; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #101317; --card: #181c22; --ink: #e9ebee; --soft: #a6aeb8; --line: #2e353e; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 1.5rem 1rem 3rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main { max-width: 62rem; margin: 0 auto; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .4rem; }
p { margin: .25rem 0; }
.soft { color: var(--soft); }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.drawing { padding: 1rem; }
.path { display: block; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .45rem .75rem; min-width: 7.5rem; }
td:nth-child(3) { min-width: 14rem; }
th { font-size: .85rem; color: var(--soft); font-weight: 600; }
tbody tr { border-top: 1px solid var(--line); }
tbody td:first-child { font-variant-numeric: tabular-nums; }
@media print { body { background: none; } .scroll { overflow: visible; } }
"""


class Paper(msgspec.Struct, frozen=True):
    """An explanation with its two forms."""

    explanation: Explanation

    def lines(self) -> tuple[str, ...]:
        """For a terminal, or a file of plain text."""
        return tuple(as_lines(self.explanation))

    def page(self) -> str:
        """One HTML document."""
        return as_page(self.explanation)


def as_lines(explanation: Explanation) -> Iterator[str]:
    """The explanation as plain text, at most `WIDTH` characters a line."""
    yield f"{explanation.title}: what happens when"
    yield from explanation.notes
    for part in explanation.parts:
        yield ""
        yield part.title
        yield "=" * len(part.title)
        for sentence in part.said:
            yield from textwrap.wrap(sentence, WIDTH)
        for table in part.tables:
            yield from _table_lines(table, part)


def _table_lines(table: Table, part: Part) -> Iterator[str]:
    yield ""
    if table.title != part.title:
        yield f"{table.title}:"
    rows = [table.head, *table.rows]
    widths = _widths(rows)
    for row in rows:
        folded = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row, widths, strict=True)]
        for at in range(max(len(cell) for cell in folded)):
            cells = [cell[at] if at < len(cell) else "" for cell in folded]
            line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
            yield f"  {line}".rstrip()


def _widths(rows: list[tuple[str, ...]]) -> list[int]:
    """What each column gets: all that it wants where that fits, else the widest give way first."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    room = WIDTH - 2 * len(widths)
    while sum(widths) > room and max(widths) > CELL_LEAST:
        widths[widths.index(max(widths))] -= 1
    return widths


def as_page(explanation: Explanation) -> str:
    """The explanation as one HTML document: no script, nothing from elsewhere, everything escaped."""
    return "\n".join(_page(explanation)) + "\n"


def _page(explanation: Explanation) -> Iterator[str]:
    title = plain(explanation.title)
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}: what happens when</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>"
    yield f'<h1>{title}</h1>\n<p class="soft">What happens when, computed from the playbook.</p>'
    yield from (f"<p>{plain(note)}</p>" for note in explanation.notes)
    if drawn := escalation_svg(explanation.escalation):
        yield f'<h2>Escalation</h2>\n<div class="scroll drawing" tabindex="0">{drawn}</div>'
    for part in explanation.parts:
        yield f"<h2>{plain(part.title)}</h2>"
        yield from (f"<p>{plain(sentence)}</p>" for sentence in part.said)
        for table in part.tables:
            yield from _table_html(table, part)
    yield "</main>\n</body>\n</html>"


def _table_html(table: Table, part: Part) -> Iterator[str]:
    if table.title != part.title:
        yield f"<h3>{plain(table.title)}</h3>"
    head = "".join(f'<th scope="col">{plain(cell)}</th>' for cell in table.head)
    yield f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>'
    for row in table.rows:
        yield "<tr>" + "".join(f"<td>{plain(cell)}</td>" for cell in row) + "</tr>"
    yield "</tbody></table></div>"
