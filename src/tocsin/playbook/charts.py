"""Decision charts: a Mermaid flowchart of questions whose answers lead to levels."""

import re

import msgspec

from tocsin.base.ids import LevelId
from tocsin.playbook.levels import Known
from tocsin.playbook.mermaid import Link, read_links

_YES = re.compile(r"^\W*(?:yes|y|true|ja|sí|si|oui|sim)\W*$", re.IGNORECASE)
STEPS_MAX = 30
"""Questions on the way to one answer; a longer way is a circle."""


class Answer(msgspec.Struct, frozen=True):
    """A question of the chart whose yes leads to a level; `row` counts from 0 in the drawing."""

    question: str
    level: LevelId
    row: int


def read_chart(text: str, known: Known) -> tuple[Answer, ...]:
    """The questions that a yes answers with a level. One that is only reached over the yes of another
    stands behind that one; where a no leads to a level, the other rules and the default decide."""
    links = read_links(text)
    over: dict[str, Link] = {}
    for link, _ in links:
        over.setdefault(link.to, link)
    found: list[Answer] = []
    for link, row in links:
        levels = known.find(link.to) if _YES.match(link.words) else ()
        if len(levels) == 1:
            found.append(Answer(_question(link.source, over), levels[0], row))
    return tuple(found)


def _question(asked: str, over: dict[str, Link]) -> str:
    questions = [asked]
    here = asked
    for _ in range(STEPS_MAX):
        link = over.get(here)
        if link is None:
            break
        here = link.source
        if _YES.match(link.words):
            questions.insert(0, here)
    return " ".join(questions)
