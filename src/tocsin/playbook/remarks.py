"""HTML comments that speak to Tocsin: `<!-- tocsin: when={…} -->` behind a question of the checklist, and
`<!-- tocsin: ignore -->` before a block that is for reading only. Any other one is an error."""

import re
from collections.abc import Collection, Iterator

from tocsin.base.problems import Problem
from tocsin.playbook.blocks import Block, Comment, Listing, Paragraph
from tocsin.playbook.codes import problem

_COMMENT = re.compile(r"<!--(?P<words>.*?)-->", re.DOTALL)
_OURS = re.compile(r"\s*tocsin\s*:\s*(?P<said>.*?)\s*$", re.DOTALL)


def ignores_next(block: Block) -> bool:
    """Whether the block is a comment by which the block after it is for reading only."""
    return isinstance(block, Comment) and any(said == "ignore" for said in _said_in(block.text))


def stray_remarks(blocks: Collection[Block], rules: Collection[int]) -> Iterator[Problem]:
    """Comments for Tocsin that say nothing it knows, or stand where they have no effect. `blocks` are all
    of the document, `rules` the lines of the questions that were recognised."""
    for block in blocks:
        for line, said in _remarks(block, rules):
            words = f"the comment `tocsin: {said[:60]}` means nothing here"
            if said.startswith("when"):
                words = f"the comment `tocsin: {said[:60]}` stands behind no question that leads to a level"
            yield problem("PB007", line, words)


def _remarks(block: Block, rules: Collection[int]) -> Iterator[tuple[int, str]]:
    match block:
        case Comment():
            yield from ((block.line, said) for said in _said_in(block.text) if said != "ignore")
        case Paragraph():
            for each in block.lines:
                yield from ((each.number, said) for said in _ours(each.comments))
        case Listing():
            for item in block.items:
                comments = (*item.comments, *(words for each in item.lines for words in each.comments))
                # What a question says wrongly is told by whoever reads the questions.
                if item.line not in rules:
                    yield from ((item.line, said) for said in _ours(dict.fromkeys(comments)))
        case _:
            return


def _said_in(text: str) -> Iterator[str]:
    yield from _ours(found["words"] for found in _COMMENT.finditer(text))


def _ours(comments: "Iterator[str] | Collection[str]") -> Iterator[str]:
    for words in comments:
        if found := _OURS.match(words):
            yield found["said"]
