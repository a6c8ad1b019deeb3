"""What is wrong with a playbook, as a list of small rules. A new rule is a function and an entry."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from tocsin.base.ids import LevelId, role_key
from tocsin.base.problems import Problem
from tocsin.playbook.blocks import Document
from tocsin.playbook.codes import problem
from tocsin.playbook.lint_containers import CONTAINER_RULES
from tocsin.playbook.lint_people import PEOPLE_RULES
from tocsin.playbook.lint_release import RELEASE_RULES
from tocsin.playbook.lint_secrets import SECRET_RULES
from tocsin.playbook.lint_shell import SHELL_RULES
from tocsin.playbook.lint_sql import SQL_RULES
from tocsin.playbook.lint_steps import STEP_RULES
from tocsin.playbook.lint_text import TEXT_RULES
from tocsin.playbook.lint_web import WEB_RULES
from tocsin.playbook.model import MessageKind, Playbook, Severity, Trigger
from tocsin.playbook.render import template_for
from tocsin.playbook.subject import Rule, Subject, subject, title_line


def missing_parts(subject: Subject) -> Iterator[Problem]:
    """Parts without which nothing has a clock or nobody is paged. A service's runbook needs neither."""
    playbook = subject.playbook
    if playbook.alerts:
        return
    if is_runbook_by_shape(playbook):
        yield problem("PB095", title_line(subject))
        return
    if not playbook.severities:
        yield problem("PB090", 0)
    if not playbook.escalation and not playbook.contacts:
        yield problem("PB091", 0)


def is_runbook_by_shape(playbook: Playbook) -> bool:
    """Whether a document that names no alert is all the same no playbook: it has steps, and nothing that says
    how bad something is, who is called, or by when."""
    speaks_of_incidents = (
        *(playbook.severities, playbook.contacts, playbook.escalation, playbook.triage, playbook.command),
        *(playbook.templates, playbook.options.routes),
    )
    has_clocks = any(phase.starts_after or phase.ends_after for phase in playbook.phases)
    return bool(playbook.actions) and not has_clocks and not any(speaks_of_incidents)


def growing_response_times(subject: Subject) -> Iterator[Problem]:
    """Response times that do not grow from the most severe level to the least."""
    longest, holder = timedelta(0), ""
    for each in subject.playbook.severities:
        if each.respond_within is None:
            continue
        if each.respond_within < longest:
            yield problem(
                "PB078", each.line, f"{each.level} must be answered sooner than {holder}, which is graver"
            )
        if each.respond_within >= longest:
            longest, holder = each.respond_within, each.level


def levels_without_templates(subject: Subject) -> Iterator[Problem]:
    """Levels for which another level's messages stand in."""
    playbook = subject.playbook
    own = {template.level for template in playbook.templates}
    without = [each for each in playbook.severities if each.level not in own]
    if not without or playbook.alerts:
        return
    by_fallback: dict[str, list[Severity]] = {}
    for each in without:
        found = [template_for(playbook, each.level, kind) for kind in MessageKind]
        source = next((_owner(playbook, template.line) for template in found if template), "")
        by_fallback.setdefault(source, []).append(each)
    for source, levels in by_fallback.items():
        names = _joined([each.level for each in levels])
        have = "has" if len(levels) == 1 else "have"
        stands_in = f"those of {source} stand in" if source else "and there are none that could stand in"
        sign = "; " if source else ", "
        yield problem("PB072", levels[0].line, f"{names} {have} no message templates{sign}{stands_in}")


def _owner(playbook: Playbook, line: int) -> str:
    return next((each.level for each in playbook.templates if each.line == line), "")


def _joined(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def roles_without_contact(subject: Subject) -> Iterator[Problem]:
    """Roles that the path or the command rules name, and the contacts do not."""
    playbook = subject.playbook
    if not playbook.contacts:
        return
    known = {role_key(contact.role) for contact in playbook.contacts}
    for role, line, where in _named_roles(playbook):
        if role_key(role) not in known:
            known.add(role_key(role))
            yield problem("PB070", line, f"{role} is named in {where} and has no row among the contacts")


def _named_roles(playbook: Playbook) -> Iterator[tuple[str, int, str]]:
    for edge in playbook.escalation:
        yield edge.source, edge.line, "the escalation path"
        yield edge.to, edge.line, "the escalation path"
    for rule in playbook.command:
        for role in rule.roles:
            yield role, rule.line, "the command rules"


def hops_without_condition(subject: Subject) -> Iterator[Problem]:
    """Hops for which the playbook says no time and no category."""
    for edge in subject.playbook.escalation:
        condition = edge.condition
        if condition.unresolved_for is condition.unacknowledged_for is condition.category is None:
            said = f"the hop from {edge.source} to {edge.to} has no condition"
            yield problem("PB074", edge.line, f"{said}; it is taken when {edge.source} does not acknowledge")


RULES: tuple[Rule, ...] = (
    missing_parts,
    growing_response_times,
    levels_without_templates,
    roles_without_contact,
    hops_without_condition,
    *TEXT_RULES,
    *PEOPLE_RULES,
    *STEP_RULES,
    *SHELL_RULES,
    *SECRET_RULES,
    *CONTAINER_RULES,
    *RELEASE_RULES,
    *WEB_RULES,
    *SQL_RULES,
)
"""Every rule that needs only the document and the day."""


def lint(playbook: Playbook, document: Document, today: date | None = None) -> list[Problem]:
    """Everything that the rules find, rule by rule. Without `today`, nothing is too old."""
    seen = subject(playbook, document, today)
    return [found for rule in RULES for found in rule(seen)]


def lint_with_roster(playbook: Playbook, filled_roles: frozenset[str]) -> tuple[Problem, ...]:
    """What is wrong with a playbook under a roster. `filled_roles` are the roles (as `role_key` gives
    them) that somebody with a contact method fills."""
    return (*_unfilled(playbook, filled_roles), *_unreachable(playbook, filled_roles))


def _unfilled(playbook: Playbook, filled: frozenset[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    contacts = [(each.role, each.line, "the contacts") for each in playbook.contacts]
    for role, line, where in (*_named_roles(playbook), *contacts):
        key = role_key(role)
        if key not in filled and key not in seen:
            seen.add(key)
            yield problem("PB071", line, f"the role {role} of {where} has nobody in the roster")


def _unreachable(playbook: Playbook, filled: frozenset[str]) -> Iterator[Problem]:
    for severity in playbook.severities:
        if not any(role_key(role) in filled for role in _reached(playbook, severity.level)):
            yield problem("PB075", severity.line, f"nobody in the roster can be reached for {severity.level}")


def _reached(playbook: Playbook, level: LevelId) -> Iterator[str]:
    """The roles that an incident of this level reaches whatever it is about."""
    for contact in playbook.contacts:
        if contact.trigger.readable and contact.trigger.category is None and _covers(contact.trigger, level):
            yield contact.role
    targets = {role_key(edge.to) for edge in playbook.escalation}
    for edge in playbook.escalation:
        if edge.levels and level not in edge.levels:
            continue
        if role_key(edge.source) not in targets:
            yield edge.source
        if edge.condition.category is None:
            yield edge.to
    for rule in playbook.command:
        if level in rule.levels:
            yield from rule.roles


def _covers(trigger: Trigger, level: LevelId) -> bool:
    return not trigger.levels or level in trigger.levels
