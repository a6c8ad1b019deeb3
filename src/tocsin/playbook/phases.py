"""The phases of the process with their windows, and their checklists."""

import re
from collections.abc import Iterator

import msgspec

from tocsin.base.ids import slug
from tocsin.playbook.blocks import Item, Listing, Section
from tocsin.playbook.document import parse_document
from tocsin.playbook.model import ChecklistItem, Phase, Sure
from tocsin.playbook.outline import Outline, Place, split_lead
from tocsin.playbook.spans import read_window
from tocsin.playbook.vocabulary import ENGLISH, foreign, pattern

_PHASE = re.compile(
    rf"^\W*(?:{ENGLISH['phase_word']}|{foreign('phase_word')})\s+(?P<number>\d{{1,2}})\b"
    r"\s*[:.–—-]*\s*(?P<name>.*)$",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"^\W*(?:(?:step|paso|schritt|étape|etapa|passo)\s+)?(?P<number>\d{1,2})\s*[.):–—-]\s*(?P<name>.+)$",
    re.IGNORECASE,
)
_PROCESS = pattern("process")
_WINDOW = re.compile(r"\s*[(\[](?P<window>[^()\[\]]*)[)\]]\s*$")
_CHECKLIST = pattern("checklist")


_NAMED = ("a heading that says phase and number", Sure.HIGH)

_RUNBOOK_PART = re.compile(
    r"diagnos|investigat|triage|mitigat|resol|remediat|recover|repair|\bfix|verif|validat|\bsteps?\b",
    re.IGNORECASE,
)
_TOLD = re.compile(r"\bcauses?\b|\breasons?\b|\bsymptoms?\b|\bexpected\b|\bexamples?\b", re.IGNORECASE)


class Phased(msgspec.Struct, frozen=True):
    """A phase with the section that it was read from, and the lines of all headings in it."""

    phase: Phase
    section: Section
    lines: frozenset[int]


def find_phases(outline: Outline) -> tuple[Phased, ...]:
    """The phases in document order, still without their checklists."""
    for at, candidates in enumerate((_named_phases(outline), *_numbered_runs(outline))):
        if candidates:
            how, sure = ("a numbered run of headings under the process", Sure.MEDIUM) if at else _NAMED
            for _, _, section in candidates:
                outline.note("phase", section.line, how, sure)
            outline.claim(*(section.line for _, _, section in candidates))
            return tuple(_phased(number, name, section) for number, name, section in candidates)
    return ()


def _named_phases(outline: Outline) -> list[tuple[int, str, Section]]:
    return [
        (int(match["number"]), match["name"], section)
        for section in outline.document.sections()
        if (match := _PHASE.match(section.title))
    ]


def _numbered_runs(outline: Outline) -> Iterator[list[tuple[int, str, Section]]]:
    """A run 1, 2, 3 … of headings right under a heading about the process."""
    for section in outline.document.sections():
        if not _PROCESS.search(section.title):
            continue
        found = [(match, inner) for inner in section.sections if (match := _NUMBERED.match(inner.title))]
        run = [int(match["number"]) for match, _ in found]
        if len(run) >= 2 and run == list(range(run[0], run[0] + len(run))):
            yield [(int(match["number"]), match["name"], inner) for match, inner in found]


def _phased(number: int, name: str, section: Section) -> Phased:
    window = _WINDOW.search(name)
    start, end = read_window(window["window"]) if window else (None, None)
    if window and (start is not None or end is not None or len(name) > window.end() - window.start()):
        name = name[: window.start()]
    name = name.strip(" :–—-") or f"Phase {number}"
    return Phased(
        Phase(number=number, name=name, starts_after=start, ends_after=end, line=section.line),
        section,
        frozenset(inner.line for inner in section.walk()),
    )


def phase_of(place: Place, phased: tuple[Phased, ...]) -> Phased | None:
    """The phase in whose section a block stands; None outside of all."""
    return next((each for each in phased if place.section.line in each.lines), None)


def runbook_parts(outline: Outline) -> tuple[Phased, ...]:
    """The parts of a service runbook that hold things to do, as phases without windows: its sections of
    the second level that are named after what one does with an alert."""
    sections = outline.document.sections()
    found = [each for each in sections if each.level == 2 and _RUNBOOK_PART.search(each.title)]
    return tuple(_phased(number, each.title, each) for number, each in enumerate(found, 1))


def read_checklists(
    outline: Outline, phased: tuple[Phased, ...], is_service_runbook: bool = False
) -> tuple[Phase, ...]:
    """The phases with what their ordered and task lists ask for, save lists that were taken for rules, and
    in a service runbook those that only tell of causes or signs."""
    taken: dict[str, int] = {}
    phase_at = {line: at for at, each in enumerate(phased) for line in each.lines}
    items: list[list[ChecklistItem]] = [[] for _ in phased]
    for place in outline.places:
        at = phase_at.get(place.section.line)
        if at is None or place.depth or outline.is_claimed(place):
            continue
        if is_service_runbook and _TOLD.search(f"{place.intro} {place.label}"):
            continue
        entries = list(_entries(place))
        if entries:
            outline.claim(place.line)
            outline.note(
                "checklist", place.line, f"a list to work through in the phase {phased[at].phase.name}"
            )
            items[at].extend(_checklist_item(item, line, taken) for item, line in entries)
    return tuple(
        msgspec.structs.replace(each.phase, checklist=tuple(own))
        for each, own in zip(phased, items, strict=True)
    )


def _entries(place: Place) -> Iterator[tuple[Item, int]]:
    block = place.block
    if isinstance(block, Listing):
        yield from ((item, item.line) for item in _things_to_do(block))
        return
    content = getattr(block, "content", None)
    info = getattr(block, "language", "")
    if isinstance(content, str) and info in ("markdown", "md") and _CHECKLIST.search(place.label):
        for inner in parse_document(content).root.blocks:
            if isinstance(inner, Listing):
                yield from ((item, block.line + item.line - 1) for item in _things_to_do(inner))


def _things_to_do(listing: Listing) -> Iterator[Item]:
    if listing.ordered or all(item.task is not None for item in listing.items):
        yield from (item for item in listing.items if item.text)


def _checklist_item(item: Item, line: int, taken: dict[str, int]) -> ChecklistItem:
    title, text = split_lead(item)
    return ChecklistItem(id=unique(slug(title)[:80], taken), title=title, text=text, line=line)


def unique(wanted: str, taken: dict[str, int]) -> str:
    """The id, with a number behind it where it is taken; it counts as taken from then on. `taken` says
    how often each id was wanted."""
    count = taken.get(wanted, 0) + 1
    chosen = wanted if count == 1 else f"{wanted}-{count}"
    while chosen in taken and count > 1:
        count += 1
        chosen = f"{wanted}-{count}"
    taken[wanted] = count
    taken.setdefault(chosen, 1)
    return chosen
