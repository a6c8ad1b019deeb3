"""HTML comments that speak to Tocsin: `<!-- tocsin: when={…} -->` behind a question of the checklist, and
`<!-- tocsin: ignore -->` before a block that is for reading only. Any other one is an error."""

import re
from collections.abc import Collection, Iterator

from tocsin.base.problems import Problem
from tocsin.playbook.blocks import Block, Comment, Listing, Paragraph
from tocsin.playbook.codes import problem

_OURS = re.compile(r"tocsin\s*:")


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
    yield from _ours(_comments_in(text))


def _comments_in(text: str) -> Iterator[str]:
    """The words of each comment. Searched for by hand: where many begin and none ends, an expression
    would look for the end of each through the whole text."""
    begin = text.find("<!--")
    while begin >= 0 and (end := text.find("-->", begin + 4)) >= 0:
        yield text[begin + 4 : end]
        begin = text.find("<!--", end + 3)


def _ours(comments: "Iterator[str] | Collection[str]") -> Iterator[str]:
    for words in comments:
        said = words.strip()
        if found := _OURS.match(said):
            yield said[found.end() :].strip()
