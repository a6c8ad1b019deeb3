"""A playbook in plain words: who is paged when, what is due when, what waits for whom, and every clock."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from tocsin.alerts.windows_told import HEAD, window_rows
from tocsin.base.ids import LevelId
from tocsin.base.times import humane
from tocsin.drill.foresee import SOME_DAY, Call, Foreseen, foresee
from tocsin.drill.gates import gate
from tocsin.drill.standin import stand_in_roster
from tocsin.incident.deadlines import RESOLUTION_MESSAGE_WITHIN
from tocsin.incident.path import is_for_everything, roles_that_command
from tocsin.incident.rules import Rules
from tocsin.playbook.model import Edge, MessageKind, Phase, RunMode
from tocsin.playbook.picture import condition_words
from tocsin.playbook.render import template_for


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows under headings, with a title of its own."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A chapter of the explanation: sentences, then tables."""

    title: str
    said: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of it. `notes` say what was made up; `escalation` is for the drawing."""

    title: str
    notes: tuple[str, ...]
    parts: tuple[Part, ...]
    escalation: tuple[Edge, ...] = ()


def explain(
    rules: Rules, levels: Sequence[LevelId], at: datetime = SOME_DAY, *, has_roster: bool = True
) -> Explanation:
    """Explain these levels of the playbook as of `at` (UTC); every level has to be one that it has.

    Without a roster, one made-up person stands in for each role.
    """
    notes: tuple[str, ...] = ()
    if not has_roster:
        rules = msgspec.structs.replace(rules, roster=stand_in_roster(rules.playbook))
        notes = ("No roster was given, so roles stand for the people who fill them.",)
    if not rules.playbook.severities:
        notes += ("The playbook has no severities that could be recognised, so nothing has a clock.",)
    foreseen = [foresee(level, rules, at) for level in levels]
    parts = [_level(each, rules, has_roster) for each in foreseen]
    parts += [_steps(rules), _windows(rules, at), _clocks(foreseen, rules)]
    return Explanation(
        title=rules.playbook.title,
        notes=notes,
        parts=tuple(part for part in parts if part.said or part.tables),
        escalation=rules.playbook.escalation,
    )


WINDOWS = "Maintenance windows"


def _after(span: timedelta) -> str:
    return f"after {humane(span)}" if span else "at once"


def _level(seen: Foreseen, rules: Rules, has_roster: bool) -> Part:
    severity = seen.severity
    name = f" ({severity.name})" if severity.name else ""
    said = [f"Somebody must acknowledge within {humane(seen.respond_within)} of the opening."]
    if severity.respond_within is None:
        said = [f"The playbook gives no response time; {humane(seen.respond_within)} is used."]
    elif not severity.respond_within:
        said = [f"The response is wanted at once, which is measured as {humane(seen.respond_within)}."]
    roles = roles_that_command(severity.level, rules)
    said.append(
        f"Command: {' or '.join(roles)}, whoever acknowledges first."
        if len(roles) > 1
        else f"Command: {roles[0]}."
        if roles
        else "Command: whoever acknowledges first, since the playbook names no role for it."
    )
    tables = [
        _calls("If nobody answers", seen.unanswered, has_roster, seen.respond_within),
        *(
            _calls(f"If it is about {category} and nobody answers, also", calls, has_roster)
            for category, calls in seen.by_category.items()
        ),
        _calls(
            "If it is acknowledged at once, but neither mitigated nor resolved", seen.answered, has_roster
        ),
        Table(title="Messages", head=("When", "Message", "Words"), rows=tuple(_messages(seen, rules))),
    ]
    if not seen.unanswered:
        said.append("Nobody is paged: no contact and no escalation path covers this level.")
    kept = tuple(table for table in tables if table.rows)
    return Part(title=f"{severity.level}{name}", said=tuple(said), tables=kept)


def _calls(title: str, calls: Sequence[Call], has_roster: bool, overdue: timedelta | None = None) -> Table:
    rows: list[tuple[timedelta, tuple[str, ...]]] = []
    for call in calls:
        who = f"{call.role}: {call.name}" if has_roster and call.reached else call.role
        why = call.why if call.reached else f"nobody can be reached ({call.why}); the fallback is used"
        rows.append((call.after, (_after(call.after), who, why)))
    if overdue is not None and calls:
        told = "the response time has run out, which is recorded and counted"
        rows.append((overdue, (_after(overdue), "—", told)))
    rows.sort(key=lambda each: each[0])
    return Table(title=title, head=("When", "Who is paged", "Why"), rows=tuple(row for _, row in rows))


_FROM = {
    MessageKind.INITIAL: "after the opening",
    MessageKind.UPDATE: "after the message before",
    MessageKind.RESOLUTION: "after the resolution",
}


def _messages(seen: Foreseen, rules: Rules) -> Iterator[tuple[str, ...]]:
    due = {each.kind: each.after for each in seen.messages}
    for kind in MessageKind:
        template = template_for(rules.playbook, seen.severity.level, kind)
        if template is None:
            words = "none in the playbook"
            if kind not in due:
                continue
        else:
            own = any(
                each.kind is kind and each.level == seen.severity.level for each in rules.playbook.templates
            )
            lines = f"line {template.line}"
            words = f"own template, {lines}" if own else f"the template of another level, {lines}"
        after = due.get(kind)
        when = f"{humane(after)} {_FROM[kind]}" if after and template else "when somebody sends it"
        yield when, kind.value, words


def _steps(rules: Rules) -> Part:
    playbook = rules.playbook
    said: list[str] = []
    if alone := sum(1 for each in playbook.actions if each.run is RunMode.AUTO and each.runnable):
        said.append(f"{alone} of the steps run by themselves, as the policy allows; the others wait.")
    elif playbook.actions:
        said.append("No step runs by itself: that takes a policy that lets it. Each is shown in its place.")
    asked = [rule for rule in playbook.triage if rule.when is None]
    if asked:
        count = len(asked)
        said.append(f"{count} {'question' if count == 1 else 'questions'} of the triage wait for a person.")
        said.append(
            "Until somebody answers, those of the two highest levels count as yes where the alert says so."
        )
    if answered := len(playbook.triage) - len(asked):
        said.append(f"{answered} of the triage can be answered by alerts.")
    if ticked := sum(len(phase.checklist) for phase in playbook.phases):
        said.append(f"{ticked} items of the checklists wait for a person to tick them off.")
    rows = tuple(
        (each.group, each.title, each.effect.value, gate(each), f"line {each.line}")
        for each in playbook.actions
    )
    tables = (Table(title="Steps", head=("Group", "Step", "Effect", "Waits for", "Place"), rows=rows),)
    return Part(title="Steps", said=tuple(said), tables=tables if rows else ())


def _windows(rules: Rules, at: datetime) -> Part:
    rows = tuple(window_rows(rules.playbook.options.noise.maintenance, at))
    said = "Alerts that fire in one of these and match it open nothing and page nobody until it ends."
    table = Table(title=WINDOWS, head=HEAD, rows=rows)
    return Part(title=WINDOWS, said=(said,) if rows else (), tables=(table,) if rows else ())


def _clocks(foreseen: Sequence[Foreseen], rules: Rules) -> Part:
    rows = [*_response_clocks(foreseen, rules), *_path_clocks(rules), *_later_clocks(foreseen, rules)]
    head = ("Clock", "Length", "Starts", "Ended by")
    return Part(title="Clocks", tables=(Table(title="Clocks", head=head, rows=tuple(rows)),) if rows else ())


_OPENING = "at the opening or the last reopening"


def _response_clocks(foreseen: Sequence[Foreseen], rules: Rules) -> Iterator[tuple[str, ...]]:
    for each in foreseen:
        level, within = each.severity.level, each.respond_within
        yield (
            f"Response, {level}",
            humane(within),
            "at the opening or the last reopening",
            "an acknowledgement",
        )
        share = rules.clocks.repeat_share
        again = max(within * share.numerator / share.denominator, rules.clocks.repeat_least)
        yield f"Paging again, {level}", humane(again), "at each page", "an acknowledgement, or the end"
    for each in foreseen:
        if every := each.severity.update_every:
            yield (
                f"Status message, {each.severity.level}",
                humane(every),
                "at the opening, then at each message",
                "the next message; the resolution",
            )


def _path_clocks(rules: Rules) -> Iterator[tuple[str, ...]]:
    playbook = rules.playbook
    targets = {edge.to.casefold() for edge in playbook.escalation}
    for edge in playbook.escalation:
        root = edge.source.casefold() not in targets
        condition = edge.condition
        starts = "at the opening" if root else f"when {edge.source} is reached"
        ends = "an acknowledgement"
        length = condition.unacknowledged_for
        if condition.category is not None:
            continue
        if condition.unresolved_for is not None:
            length, ends = condition.unresolved_for, "mitigation or resolution"
        shown = humane(length) if length is not None else "the response time"
        yield f"{edge.source} → {edge.to} ({condition_words(edge)})", shown, starts, ends
    for contact in playbook.contacts:
        trigger = contact.trigger
        if trigger.readable and trigger.unresolved_for and not is_for_everything(trigger):
            yield (
                f"{contact.role} ({trigger.text})",
                humane(trigger.unresolved_for),
                _OPENING,
                "mitigation or resolution",
            )


def _later_clocks(foreseen: Sequence[Foreseen], rules: Rules) -> Iterator[tuple[str, ...]]:
    for phase in rules.playbook.phases:
        for_levels = [each.severity.level for each in foreseen if phase.number in each.phases]
        if phase.ends_after is not None and for_levels:
            yield (
                f"Phase {phase.name} ({', '.join(for_levels)})",
                humane(phase.ends_after),
                _OPENING,
                _phase_end(phase),
            )
    if any(each.kind is MessageKind.RESOLUTION for each in rules.playbook.templates):
        yield (
            "Message that it is resolved",
            f"the rhythm of updates, else {humane(RESOLUTION_MESSAGE_WITHIN)}",
            "at the resolution, where messages were sent",
            "that message",
        )
    spans = {each.severity.level: each.postmortem_after for each in foreseen}
    for span in dict.fromkeys(span for span in spans.values() if span is not None):
        levels = ", ".join(level for level, own in spans.items() if own == span)
        yield f"Post-mortem {levels}", humane(span), "at the resolution", "its publication"


def _phase_end(phase: Phase) -> str:
    return "the incident leaving the phase" + (", or its checklist being done" if phase.checklist else "")
