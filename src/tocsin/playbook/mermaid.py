"""The links of a Mermaid flowchart, as far as an escalation path uses them."""

import re

import msgspec

_NODE = (
    r"(?P<{0}>[A-Za-z0-9_-]*[A-Za-z0-9_])"
    r"(?:(?:\[+|\(+|\{{+|>)[\"/\\]*(?P<{0}_text>[^\[\](){{}}\"|]+)[\"/\\]*(?:\]+|\)+|\}}+))?"
)
_FIRST = re.compile(r"\s*" + _NODE.format("node"))
_LINK = re.compile(
    r"\s*(?:--\s*(?P<inner>[^->|][^>|]*?)\s*-{1,2}>|[-=.]{2,}>|-\.+->|={2,}>)\s*(?:\|(?P<words>[^|]*)\|)?\s*"
    + _NODE.format("to")
)
_STATEMENT = re.compile(
    r"^\s*(?:graph|flowchart|subgraph|end\b|style|class|classDef|click|linkStyle|%%|direction)"
)
LINES_MAX = 2000


class Link(msgspec.Struct, frozen=True):
    """An arrow between two nodes with the words on it."""

    source: str
    to: str
    words: str


def read_links(text: str) -> tuple[tuple[Link, int], ...]:
    """The links with their rows from 0. A node's text is that of the place where it is given one."""
    raw: list[tuple[str, str, str, int]] = []
    texts: dict[str, str] = {}
    for row, line in enumerate(text.split("\n")[:LINES_MAX]):
        first = None if _STATEMENT.match(line) else _FIRST.match(line[:1000])
        if first is None:
            continue
        source, position = first["node"], first.end()
        if first["node_text"]:
            texts.setdefault(source, _plain(first["node_text"]))
        while link := _LINK.match(line[:1000], position):
            if link["to_text"]:
                texts.setdefault(link["to"], _plain(link["to_text"]))
            raw.append((source, link["to"], _plain(link["words"] or link["inner"] or ""), row))
            source, position = link["to"], link.end()
    return tuple(
        (Link(texts.get(source, source), texts.get(to, to), words), row) for source, to, words, row in raw
    )


def _plain(text: str) -> str:
    return re.sub(r"\s*<br\s*/?>\s*", " ", text).strip(" \"'")
