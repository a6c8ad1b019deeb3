"""Rules about levels, people and words: triage, escalation, contacts, messages, post-mortem, deadlines."""

import re
from collections.abc import Iterator
from datetime import timedelta

from tocsin.base.ids import role_key
from tocsin.base.problems import Problem
from tocsin.base.times import humane
from tocsin.playbook.blocks import Table
from tocsin.playbook.codes import problem
from tocsin.playbook.model import Edge, MessageKind, Playbook, Severity
from tocsin.playbook.subject import Rule, Subject

NEAR_LINES = 12
"""How many lines under its heading may say from when the time for the post-mortem counts."""

_BREACH = re.compile(
    r"\b(?:data|privacy|gdpr|personal)[\s-]{0,3}(?:breach|leak|exposure|loss)|\bbreach(?:ed)?\b|\bexfiltrat",
    re.IGNORECASE,
)
_SECURITY = re.compile(
    r"secur|breach|\bleak|compromis|\bexpos|unauthori[sz]ed|intru|exfiltrat|ransom|\battack", re.IGNORECASE
)
_EXCEPTION = re.compile(
    r"\bexcept\b|\bunless\b|\bnot (?:for|below|under|if|when)\b|\bnever\b|\bonly (?:for|if|when)\b"
    r"|\bno lower\b|\bminimum\b|\bat least\b|\bnon-?security\b",
    re.IGNORECASE,
)
_DEADLINE = re.compile(
    r"\b(?:GDPR|DSGVO|RGPD|NIS\s?2|DORA|HIPAA|CCPA|SEC)\b.{0,80}"
    r"\b\d{1,3}\s?(?:h|hours?|days?|months?|stunden|heures|horas)\b"
    r"|\b(?:72|24)[\s-]?(?:h\b|hours?\b).{0,80}\b(?:authorit|regulat|supervis|notif|customers|DPA\b|CSIRT)"
    r"|\b(?:authorit|regulat|supervis|notif)\w*.{0,80}\b(?:72|24)[\s-]?(?:h|hours?)\b",
    re.IGNORECASE,
)
_EVIDENCE = re.compile(
    r"\bevidence|\bforensic|\bpreserv|chain of custody|\bsnapshot|keep the logs?|\bBeweis|\bpreuve",
    re.IGNORECASE,
)
_RESPONSE = re.compile(r"respon|\bSLA\b|reaktion|répon|respuesta|resposta", re.IGNORECASE)
_MEANS = re.compile(r"ack|first|initial|mitigat|resol|engage|contain|update", re.IGNORECASE)
_AUDIENCE = re.compile(
    r"custom|public|internal|external|stakeholder|status ?page|regulat|authorit|executive|leadership|audience"
    r"|\bteam\b|\bstaff\b|employee|everyone|\bto:|channel|#\w",
    re.IGNORECASE,
)
_ANCHOR = re.compile(
    r"\b(?:of|after|since|from|following|post)\b[\w\s,-]{0,40}"
    r"(?:resol|incident|detect|clos|mitigat|recover|end)"
    r"|resol\w+\s*\+",
    re.IGNORECASE,
)
_MEETING = re.compile(r"post-?\s?mortem|retro|review|lessons|after[- ]action|\bPIR\b", re.IGNORECASE)
_CHANNEL = re.compile(
    r"[\w.+-]+@[\w-]+\.\w|(?<!\w)@[\w.-]{2}|\+?\d[\d\s().-]{6,}\d|https?://"
    r"|(?<!\w)#[a-z][\w-]+|\bslack\b|\bpager",
    re.IGNORECASE,
)
_FIXED = re.compile(r"\b(?:update\w*\s+(?:in|every|within)|every)\s+\d+\s?[a-z]*", re.IGNORECASE)
_OPEN = re.compile(r"\bupdate\w*\s*:?\s*[\[{<]", re.IGNORECASE)


def lowering_security(subject: Subject) -> Iterator[Problem]:
    """An answer that lowers the level, beside questions about security."""
    rules = subject.playbook.triage
    if not any(_SECURITY.search(rule.question) for rule in rules if rule.sets):
        return
    for rule in rules:
        if (rule.shifts or 0) <= 0:
            continue
        text = subject.document.lines[rule.line - 1] if 0 < rule.line <= len(subject.document.lines) else ""
        if not _EXCEPTION.search(text):
            said = "the answer lowers the level of every incident, a security incident's too"
            yield problem("PB083", rule.line, said)


def no_lowest_level(subject: Subject) -> Iterator[Problem]:
    """A checklist by whose answers the lowest level is never reached."""
    playbook = subject.playbook
    if not playbook.triage or len(playbook.severities) < 2:
        return
    lowest = playbook.severities[-1].level
    if not any(rule.sets and rule.sets.casefold() == lowest.casefold() for rule in playbook.triage):
        said = f"no question leads to {lowest}, so it is the level where every answer is no"
        yield problem("PB084", playbook.triage[0].line, said)


def levels_behind_roles(subject: Subject) -> Iterator[Problem]:
    """`Senior Engineer (P2)` at the end of a hop."""
    for edge in subject.playbook.escalation:
        if edge.to_owns:
            said = f"({'/'.join(edge.to_owns)}) behind {edge.to} is taken as the level that the role owns; "
            yield problem("PB085", edge.line, f"{said}it does not change the level of the incident")
            return


def slow_path(subject: Subject) -> Iterator[Problem]:
    """Roles that own a level and are reached only after its response time."""
    playbook = subject.playbook
    arrival = _arrivals(playbook.escalation)
    for edge in playbook.escalation:
        for level in edge.to_owns:
            severity = playbook.severity(level)
            waited = arrival.get(role_key(edge.to))
            if severity is None or severity.respond_within is None or waited is None:
                continue
            if waited > severity.respond_within and not _paged_at_once(playbook, edge.to, severity):
                said = (
                    f"an incident of {level} waits {humane(waited)} on the path until {edge.to}, who owns it,"
                    f" and its response time is {humane(severity.respond_within)}"
                )
                yield problem("PB086", edge.line, said)


def _arrivals(edges: tuple[Edge, ...]) -> dict[str, timedelta]:
    """How long the timed hops take until each role is reached, the shortest way; a few passes over the
    path, as a hop may stand before the one that leads to it."""
    targets = {role_key(edge.to) for edge in edges}
    reached = {key: timedelta(0) for edge in edges if (key := role_key(edge.source)) not in targets}
    for _ in range(8):
        before = dict(reached)
        for edge in edges:
            wait = edge.condition.unresolved_for or edge.condition.unacknowledged_for
            start = reached.get(role_key(edge.source))
            if start is None or wait is None:
                continue
            key = role_key(edge.to)
            reached[key] = min(reached.get(key, timedelta.max), start + min(wait, timedelta(days=3650)))
        if reached == before:
            break
    return reached


def _paged_at_once(playbook: Playbook, role: str, severity: Severity) -> bool:
    """Whether the contacts page the role for the level without waiting."""
    return any(
        contact.trigger.readable
        and contact.trigger.unresolved_for is None
        and contact.trigger.category is None
        and (not contact.trigger.levels or severity.level in contact.trigger.levels)
        for contact in playbook.contacts
        if role_key(contact.role) == role_key(role)
    )


def nobody_reachable(subject: Subject) -> Iterator[Problem]:
    """Contacts without an address, a number or a handle in their rows."""
    contacts = subject.playbook.contacts
    if not contacts:
        return
    lines = {contact.line for contact in contacts}
    for place in subject.places:
        for row in place.block.rows if isinstance(place.block, Table) else ():
            if row.line in lines and any(_CHANNEL.search(cell[:500]) for cell in row.cells):
                return
    if not any(_CHANNEL.search(contact.responsibility[:500]) for contact in contacts):
        yield problem("PB079", contacts[0].line)


def no_deadline(subject: Subject) -> Iterator[Problem]:
    """A data breach that nobody is told of in time."""
    playbook = subject.playbook
    breach = next(
        (
            (line, words)
            for line, words in (
                *((edge.line, edge.condition.category or "") for edge in playbook.escalation),
                *((rule.line, rule.question) for rule in playbook.triage),
                *((each.line, each.description) for each in playbook.severities),
            )
            if _BREACH.search(words)
        ),
        None,
    )
    if breach and not any(_DEADLINE.search(line[:2000]) for _, line in subject.prose):
        yield problem("PB080", breach[0])


def no_evidence(subject: Subject) -> Iterator[Problem]:
    """Nothing about evidence in a playbook with steps that change something."""
    playbook = subject.playbook
    if not playbook.severities or not playbook.actions:
        return
    titles = (action.title for action in playbook.actions)
    keeps = any(action.annotations.get("evidence") == "yes" for action in playbook.actions)
    told = any(_EVIDENCE.search(line[:2000]) for _, line in subject.prose)
    if not keeps and not told and not any(_EVIDENCE.search(title) for title in titles):
        yield problem("PB081", playbook.actions[0].line)


def meaning_of_response(subject: Subject) -> Iterator[Problem]:
    """A column of response times that does not say of what."""
    lines = {each.line for each in subject.playbook.severities if each.respond_within is not None}
    for place in subject.places:
        block = place.block
        if isinstance(block, Table) and any(row.line in lines for row in block.rows):
            told = [head for head in block.head if _RESPONSE.search(head)]
            if told and not any(_MEANS.search(head) for head in block.head):
                said = (
                    f"the column {told[0]!r} does not say what must have happened by then; it is taken as the"
                )
                yield problem("PB082", block.line, f"{said} time from opening to the first acknowledgement")
                return


def no_audience(subject: Subject) -> Iterator[Problem]:
    """Messages of which none says for whom it is."""
    templates = subject.playbook.templates
    if not templates:
        return
    lines = {template.line for template in templates}
    for place in subject.places:
        if place.line in lines and any(_AUDIENCE.search(text) for text in (*place.titles[1:], place.label)):
            return
    if not any(_AUDIENCE.search(template.body[:2000]) for template in templates):
        yield problem("PB087", templates[0].line)


def two_rhythms(subject: Subject) -> Iterator[Problem]:
    """A fixed rhythm in the first message and a field for it in the update, of one level."""
    promised: dict[str, str] = {}
    for each in subject.playbook.templates:
        fixed = _FIXED.search(each.body[:4000])
        if each.kind is MessageKind.INITIAL and fixed:
            promised.setdefault(each.level, fixed[0])
    for each in subject.playbook.templates:
        is_open = each.kind is MessageKind.UPDATE and _OPEN.search(each.body[:4000])
        if is_open and each.level in promised and not _FIXED.search(each.body[:4000]):
            said = (
                f"the first message of {each.level} promises {promised[each.level]!r}, and its update leaves"
            )
            yield problem("PB089", each.line, f"{said} the time open")
            return


def no_anchor(subject: Subject) -> Iterator[Problem]:
    """A time for the post-mortem that counts from something unsaid."""
    meeting = subject.playbook.postmortem
    if meeting is None or meeting.due_within is None or meeting.due_by_level:
        return
    headings = [each for each in subject.document.sections() if _MEETING.search(each.title)]
    near = {number for each in headings for number in range(each.line, each.line + NEAR_LINES)}
    if any(number in near and _ANCHOR.search(line[:500]) for number, line in subject.prose):
        return
    line = next((each.line for each in headings if re.search(r"\d", each.title)), meeting.line)
    yield problem("PB088", line)


PEOPLE_RULES: tuple[Rule, ...] = (
    lowering_security,
    no_lowest_level,
    levels_behind_roles,
    slow_path,
    nobody_reachable,
    no_deadline,
    no_evidence,
    meaning_of_response,
    no_audience,
    two_rhythms,
    no_anchor,
)
"""The rules about levels, people and words."""
