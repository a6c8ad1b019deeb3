"""A playbook, read: bytes to a typed value. Total: everything wrong becomes a finding."""

import re
from collections.abc import Iterator, Sequence
from datetime import date

import msgspec

from tocsin.base.limits import playbook_bytes_max, playbook_lines_max, playbook_marks_max
from tocsin.base.problems import Problem, Weight
from tocsin.playbook import lint
from tocsin.playbook.blocks import Comment, Document, Paragraph, Ruler, Section
from tocsin.playbook.calls import rooted
from tocsin.playbook.codes import problem
from tocsin.playbook.contacts import read_contacts
from tocsin.playbook.detection import read_detection
from tocsin.playbook.document import parse_document
from tocsin.playbook.escalation import read_escalation
from tocsin.playbook.levels import Known
from tocsin.playbook.messages import read_messages, with_rhythms
from tocsin.playbook.model import Playbook, Reference, Severity
from tocsin.playbook.options import Front, front_metadata, read_front
from tocsin.playbook.outline import Outline, outline
from tocsin.playbook.phases import find_phases, read_checklists, runbook_parts
from tocsin.playbook.places import front_places
from tocsin.playbook.postmortem import read_postmortem
from tocsin.playbook.remarks import stray_remarks
from tocsin.playbook.severities import read_severities
from tocsin.playbook.steps import read_steps
from tocsin.playbook.text import read_text
from tocsin.playbook.triage import read_command, read_triage

_PREFIX = re.compile(r"^(?:run\s?book|play\s?book|SOP)\s*:\s*", re.IGNORECASE)
_ALERT = re.compile(r"^alerts?(?:\s*names?)?$", re.IGNORECASE)


def read_playbook(source: bytes, name: str, today: date | None = None) -> Playbook:
    """Read a Markdown playbook of UTF-8 bytes (at most `playbook_bytes_max`). `name` is that of the file,
    for the title where the document has none, and for the findings; with `today`, they also tell what is
    out of date.

    Never raises: what cannot be read stays as reference text and is told in `findings`, in the order of
    lines. The same bytes, name and day always give the same value.
    """
    if len(source) > playbook_bytes_max:
        said = f"the file has {len(source)} bytes, and at most {playbook_bytes_max} are read"
        return Playbook(title=name, findings=_filed([problem("PB009", 0, said)], name))
    read = read_text(source)
    text, cut = _bounded(read.text)
    document = parse_document(text)
    view = outline(document)
    playbook, problems = _understand(view, name)
    problems = [*read.problems, *cut, *problems]
    reference = tuple(_references(view))
    # What stands under the title introduces the document, and nobody expects it to be a rule.
    title_line = next((each.line for each in document.sections() if each.level == 1), 0)
    problems += [
        problem("PB092", each.line, f"the section {each.title!r} was not recognised and is kept as text")
        for each in reference
        if each.line != title_line
    ]
    recognised = tuple(sorted(view.recognised.values(), key=lambda each: (each.line, each.kind)))
    playbook = msgspec.structs.replace(playbook, reference=reference, recognised=recognised)
    problems += lint.lint(playbook, document, today)
    return msgspec.structs.replace(playbook, findings=_filed(problems, name))


_LINE_CHARS = 4_096
_MARKS = re.compile(r"[\[\]*_`<|!&]")


def _bounded(text: str) -> tuple[str, list[Problem]]:
    """The lines that are read. A text of more than any person writes is not read to its end: the reader of
    Markdown takes a time for each mark, and some sequences of marks take it more than once."""
    if len(text) <= playbook_lines_max:
        return text, []
    marks, at = 0, 0
    for number, line in enumerate(text.split("\n"), 1):
        marks += len(_MARKS.findall(line)) + max(0, len(line) - _LINE_CHARS) // 8
        # Each cell of a table costs the more the wider the table is.
        marks += line.count("|") ** 2 // 500
        if number > playbook_lines_max or marks > playbook_marks_max:
            said = (
                f"only the {number - 1} lines before this one were read; the file has too many lines or marks"
            )
            return text[:at], [problem("PB009", number, said)]
        at += len(line) + 1
    return text, []


def _understand(view: Outline, name: str) -> tuple[Playbook, list[Problem]]:
    document = view.document
    title = _title(document)
    metadata = {**_metadata(document), **front_metadata(document.front)}
    alerts = tuple(_alerts(metadata))
    severities = read_severities(view)
    known = Known([each.level for each in severities], [(each.level, each.name) for each in severities])
    front = read_front(document, known)
    phased = find_phases(view)
    triage = read_triage(view, known)
    command = read_command(view, known)
    detection = read_detection(view, phased)
    postmortem = read_postmortem(view, phased, known)
    messages = read_messages(view, known)
    levels = [each.level for each in severities]
    steps = read_steps(view, phased, is_service_runbook=bool(alerts), levels=levels)
    path = read_escalation(view, known)
    contacts = read_contacts(view, known)
    parts = phased or runbook_parts(view) if alerts else phased
    phases = read_checklists(view, parts, is_service_runbook=bool(alerts))
    if not phased:
        phases = tuple(each for each in phases if each.checklist)
    playbook = Playbook(
        title=title or name,
        metadata=metadata,
        severities=_with_times(with_rhythms(severities, messages), front),
        phases=phases,
        detection=detection,
        triage=triage.rules,
        command=command,
        actions=steps.actions,
        postmortem=postmortem,
        templates=messages.templates,
        escalation=rooted(path.edges, contacts.contacts),
        escalation_steps=path.steps,
        contacts=contacts.contacts,
        alerts=alerts,
        options=front.options,
        places=_places(document),
    )
    problems = [*front.problems, *triage.problems, *steps.problems, *path.problems, *contacts.problems]
    problems += stray_remarks([each.block for each in view.places], {rule.line for rule in triage.rules})
    if not title:
        problems.append(problem("PB093", 1))
    return playbook, problems


def _with_times(severities: Sequence[Severity], front: Front) -> tuple[Severity, ...]:
    """The severities with the times that the front matter sets, which stand over those of the tables."""
    return tuple(
        msgspec.structs.replace(
            each,
            respond_within=front.acknowledge.get(each.level, each.respond_within),
            update_every=front.cadence.get(each.level, each.update_every),
        )
        for each in severities
    )


def _title(document: Document) -> str:
    headings = [section for section in document.sections() if section.title]
    first = next((each for each in headings if each.level == 1), headings[0] if headings else None)
    return _PREFIX.sub("", first.title).strip() if first else ""


def _metadata(document: Document) -> dict[str, str]:
    """The `**Key:** value` lines before the first heading of the second level or the first rule."""
    found: dict[str, str] = {}
    for block in _facts(document):
        found.update(_pairs(block))
    return found


def _facts(document: Document) -> Iterator[Paragraph]:
    sections = [document.root, *(each for each in document.root.sections[:1] if each.level == 1)]
    for section in sections:
        for block in section.blocks:
            if isinstance(block, Ruler):
                return
            if isinstance(block, Paragraph):
                yield block


def _pairs(paragraph: Paragraph) -> Iterator[tuple[str, str]]:
    for line in paragraph.lines:
        rest = line.text[len(line.lead) :] if line.text.startswith(line.lead) else ""
        if line.lead and (line.lead.endswith(":") or rest.lstrip().startswith(":")) and rest.strip(" :"):
            yield line.lead.rstrip(": "), rest.strip().removeprefix(":").strip()


def _alerts(metadata: dict[str, str]) -> Iterator[str]:
    for key, value in metadata.items():
        if _ALERT.match(key):
            yield from (name.strip(" `") for name in value.split(",") if name.strip(" `"))


def _places(document: Document) -> dict[str, int]:
    """The lines of the front matter, and that of the line that names alerts as `alert`."""
    found = front_places(document)
    facts = [line for block in _facts(document) for line in block.lines]
    named = [line.number for line in facts if line.lead and _ALERT.match(line.lead.rstrip(": "))]
    named += [line for key, line in found.items() if _ALERT.match(key)]
    return {**found, "alert": named[0]} if named else found


def _references(view: Outline) -> Iterator[Reference]:
    """The sections of which nothing was recognised, with their own text."""
    sections = list(view.document.sections())
    for section, following in zip(sections, [*sections[1:], None], strict=True):
        if section.line in view.claimed or not section.title or not _has_content(section):
            continue
        end = following.line - 1 if following else len(view.document.lines)
        text = "\n".join(view.document.lines[section.line : end]).strip("\n")
        if section.level > 1 or not _only_metadata(section):
            yield Reference(title=section.title, text=text, line=section.line)


def _has_content(section: Section) -> bool:
    return any(not isinstance(block, Ruler | Comment) for block in section.blocks)


def _only_metadata(section: Section) -> bool:
    return all(
        isinstance(block, Ruler)
        or (isinstance(block, Paragraph) and len(list(_pairs(block))) == len(block.lines))
        for block in section.blocks
    )


_WEIGHTS = {Weight.ERROR: 0, Weight.WARNING: 1, Weight.INFO: 2}


def _filed(problems: Sequence[Problem], name: str) -> tuple[Problem, ...]:
    """Each finding once, with the file's name, by line, the gravest of a line first."""
    named = {msgspec.structs.replace(each, file=name): None for each in problems}
    return tuple(
        sorted(named, key=lambda each: (each.line, _WEIGHTS[each.severity], each.code, each.message))
    )
