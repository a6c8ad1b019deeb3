"""Commands by which incidents begin, and by which alerts come and go."""

from collections.abc import Sequence

from tocsin.alerts.model import Alert
from tocsin.base import limits
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident import path
from tocsin.incident.answer import Accepted, Ask, Refused, missing, too_long
from tocsin.incident.rules import Rules
from tocsin.incident.severity import Verdict, categories_of, judge_alert, judge_text
from tocsin.incident.state import ENDED, Incident, State
from tocsin.incident.triage import answered_by, at_arrival, at_opening


def open_by(command: c.OpenByAlert | c.Declare, rules: Rules) -> Accepted | Refused:
    """Open an incident, with its level judged and its categories recognised."""
    if isinstance(command, c.OpenByAlert):
        return _open_by_alert(command, rules)
    return _declare(command, rules)


def _open_by_alert(command: c.OpenByAlert, rules: Rules) -> Accepted:
    alert = command.alert
    verdict = judge_alert(alert, rules.playbook)
    opened = e.Opened(
        title=alert.summary[: limits.title_chars_max],
        description=alert.annotations.get("description", "")[: limits.note_chars_max],
        level=verdict.level,
        evidence=verdict.evidence,
        playbook=rules.playbook_hash,
        group_key=command.group_key,
        alert=alert,
        because=command.because,
    )
    return Accepted((opened, *at_opening(opened, rules), *_categories_of(alert, set(), rules)))


def _declare(command: c.Declare, rules: Rules) -> Accepted | Refused:
    title = " ".join(command.title.split())
    if not title:
        return missing("title", "what has happened, in one line")
    refused = too_long("title", title, limits.title_chars_max) or too_long(
        "description", command.description, limits.note_chars_max
    )
    if refused:
        return refused
    verdict = judge_text(f"{title} {command.description}", rules.playbook)
    if command.level is not None:
        chosen = rules.playbook.severity(command.level)
        if chosen is None:
            return unknown_level(command.level, rules)
        verdict = Verdict(chosen.level, e.Evidence(rule="person", detail="chosen by who declared it"))
    known = {name.casefold(): name for name in path.known_categories(rules)}
    unknown = [name for name in command.categories if name.casefold() not in known]
    if unknown:
        return unknown_category(unknown[0], rules)
    chosen_categories = [known[name.casefold()] for name in command.categories]
    opened = e.Opened(
        title=title,
        description=command.description,
        level=verdict.level,
        evidence=verdict.evidence,
        playbook=rules.playbook_hash,
        group_key="",
        categories=tuple(chosen_categories),
        drill=command.drill,
    )
    found = categories_of({}, f"{title} {command.description}", path.known_categories(rules), rules.playbook)
    added = [
        e.CategoryAdded(category=name, because=why)
        for name, why in found.items()
        if name not in chosen_categories
    ]
    return Accepted((opened, *at_opening(opened, rules), *added))


def unknown_level(level: str, rules: Rules) -> Refused:
    """The refusal of a level that the playbook does not have."""
    known = ", ".join(each.level for each in rules.playbook.severities) or "none at all"
    return Refused("unknown-level", f"The playbook has no level {level!r}; it has {known}.")


def unknown_category(category: str, rules: Rules) -> Refused:
    """The refusal of a category of which the playbook does not speak."""
    known = ", ".join(path.known_categories(rules)) or "of none"
    return Refused("unknown-category", f"The playbook does not speak of {category!r}; it speaks of {known}.")


def attach(ask: Ask[c.AttachAlert]) -> Accepted | Refused:
    """An alert joins, or fires again. One that is known to be firing changes nothing."""
    incident, alert = ask.incident, ask.command.alert
    if incident.state in ENDED:
        return Refused("ended", f"{incident.id} has ended; the alert belongs elsewhere.")
    known = next((each for each in incident.alerts if each.fingerprint == alert.fingerprint), None)
    events: list[e.AnyEvent] = []
    if known is None or known.ends_at is not None or incident.state is State.RESOLVED:
        events.append(e.AlertAttached(alert=alert, because=ask.command.because, again=known is not None))
        present = {name.casefold() for name in incident.categories}
        events += _categories_of(alert, present, ask.rules)
        events += _risen(incident, [alert], ask.rules)
    if incident.state is State.RESOLVED:
        events.append(e.Reopened(reason=f"{alert.name} {ask.command.because}", alert=alert.fingerprint))
    return Accepted(tuple(events))


def clear(ask: Ask[c.ClearAlert]) -> Accepted | Refused:
    """An alert has ended; one that had ended already changes nothing."""
    incident, alert = ask.incident, ask.command.alert
    known = next((each for each in incident.alerts if each.fingerprint == alert.fingerprint), None)
    if known is None or known.ends_at is not None or incident.state in ENDED:
        return Accepted()
    left = [each for each in incident.firing if each.fingerprint != alert.fingerprint]
    ended_at = alert.ends_at or alert.received_at
    cleared = e.AlertCleared(
        fingerprint=alert.fingerprint, name=alert.name, ended_at=ended_at, still_firing=len(left)
    )
    return Accepted((cleared,))


def absorb(ask: Ask[c.Absorb]) -> Accepted | Refused:
    """Take over the alerts of an incident that is merged into this one, and what they mean for it."""
    incident, command = ask.incident, ask.command
    if incident.state in ENDED:
        return Refused("ended", f"{incident.id} has ended; merge into an incident that is still open.")
    if incident.state is State.RESOLVED:
        return Refused(
            "resolved", f"{incident.id} is resolved; reopen it first, or merge it into {command.other}."
        )
    if command.other in incident.absorbed:
        return Accepted(said=f"{command.other} is part of {incident.id} already.")
    firing = [alert for alert in command.alerts if alert.ends_at is None]
    present = {name.casefold() for name in incident.categories}
    found: dict[str, e.AnyEvent] = {}
    for alert in firing:
        for event in _categories_of(alert, present, ask.rules):
            found.setdefault(event.category, event)
    absorbed = e.Absorbed(other=command.other, title=command.title, alerts=command.alerts)
    return Accepted((absorbed, *found.values(), *_risen(incident, firing, ask.rules)))


def _risen(incident: Incident, alerts: Sequence[Alert], rules: Rules) -> list[e.AnyEvent]:
    """What these alerts answer of the checklist, and the rise to the most severe level that they give, where
    a person has not settled the level."""
    answered: dict[str, e.TriageAnswered] = {}
    for alert in alerts:
        answered |= {each.rule: each for each in answered_by(alert, rules, incident.answers)}
    if incident.level_by_hand or not alerts:
        return [*answered.values()]
    judged = [(alert, judge_alert(alert, rules.playbook)) for alert in alerts]
    worst = min((verdict for _, verdict in judged), key=lambda each: path.level_of(each.level, rules).rank)
    level, risen = incident.level, list[e.AnyEvent]()
    if path.level_of(worst.level, rules).rank < path.severity(incident, rules).rank:
        level = worst.level
        risen = [e.SeverityChanged(before=incident.level, after=level, evidence=worst.evidence)]
    answers = {**incident.answers, **dict.fromkeys(answered, "yes")}
    return [*answered.values(), *risen, *at_arrival(incident, level, judged, answers, rules)]


def _categories_of(alert: Alert, present: set[str], rules: Rules) -> list[e.CategoryAdded]:
    found = categories_of(alert.labels, alert.name, path.known_categories(rules), rules.playbook)
    return [
        e.CategoryAdded(category=name, because=why)
        for name, why in found.items()
        if name.casefold() not in present
    ]
