"""Commands by which incidents begin, and by which alerts come and go."""

import hashlib
from collections.abc import Iterable, Sequence

from tocsin.alerts.model import Alert, AlertStatus
from tocsin.base import limits
from tocsin.base.times import humane
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident import path
from tocsin.incident.answer import Accepted, Ask, Refused, missing, not_active, too_long
from tocsin.incident.rules import Rules
from tocsin.incident.severity import Verdict, categories_of, judge_alert, judge_text
from tocsin.incident.state import ENDED, Incident, State
from tocsin.incident.triage import answered_by, at_arrival, at_opening

SINGLY_MAX = 5
"""So many alerts of one command get an entry each in the timeline; more share one."""


def open_by(command: c.OpenByAlert | c.Declare, rules: Rules) -> Accepted | Refused:
    """Open an incident, with its level judged and its categories recognised."""
    if isinstance(command, c.OpenByAlert):
        return _open_by_alert(command, rules)
    return _declare(command, rules)


def _open_by_alert(command: c.OpenByAlert, rules: Rules) -> Accepted:
    alert = command.alert
    verdict = judge_alert(alert, rules.playbook)
    opened = e.Opened(
        title=alert.title[: limits.title_chars_max],
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
    if alert.status is AlertStatus.RESOLVED:
        # It flaps: that it has ended is kept with the alert, and does not count yet.
        return Accepted()
    known = next((each for each in incident.alerts if each.fingerprint == alert.fingerprint), None)
    starts = known is None or known.ends_at is not None
    tally = c.Tally(
        incident.alert_count + (1 if known is None else 0), incident.firing_count + (1 if starts else 0)
    )
    new = (ask.command,) if starts or incident.state is State.RESOLVED else ()
    return attach_many(Ask(incident, c.AttachAlerts(new=new, tally=tally), ask.actor, ask.rules, ask.now))


def attach_many(ask: Ask[c.AttachAlerts]) -> Accepted | Refused:
    """Alerts join, or fire again. Few are told one by one, many as one event."""
    incident, command = ask.incident, ask.command
    if incident.state in ENDED:
        return Refused("ended", f"{incident.id} has ended; the alert belongs elsewhere.")
    alerts = [each.alert for each in command.new]
    events = _joined(incident, command)
    if alerts:
        present = {name.casefold() for name in incident.categories}
        news: dict[str, e.AnyEvent] = {}
        for alert in alerts:
            for category in _categories_of(alert, present, ask.rules):
                news.setdefault(category.category, category)
        events += [*news.values(), *_risen(incident, alerts, ask.rules)]
        if incident.state is State.RESOLVED:
            first = command.new[0]
            why = f"{first.alert.name} {first.because}"
            events.append(e.Reopened(reason=why, alert=first.alert.fingerprint))
    return Accepted(tuple(events))


def _joined(incident: Incident, command: c.AttachAlerts) -> list[e.AnyEvent]:
    tally = command.tally
    if len(command.new) <= SINGLY_MAX and not command.unseen:
        known = {each.fingerprint for each in incident.alerts}
        if not command.new and (tally.alerts, tally.firing) != (incident.alert_count, incident.firing_count):
            return [_together((), 0, "its alerts were counted again", tally, "")]
        return [
            e.AlertAttached(
                alert=each.alert,
                because=each.because,
                again=each.alert.fingerprint in known,
                alerts=tally.alerts,
                firing=tally.firing,
            )
            for each in command.new
        ]
    prints = sorted({*command.unseen, *(each.alert.fingerprint for each in command.new)})
    because = command.new[0].because if command.new else "it holds alerts of the same group"
    return [_together(_sample(command), len(prints), because, tally, digest_of(prints))]


def _together(
    sample: tuple[Alert, ...], count: int, because: str, tally: c.Tally, digest: str
) -> e.AlertsAttached:
    return e.AlertsAttached(
        count=count,
        sample=sample,
        because=because,
        digest=digest,
        alerts=tally.alerts,
        firing=tally.firing,
    )


def _sample(command: c.AttachAlerts) -> tuple[Alert, ...]:
    """Some of the alerts: first one of each name, since runbooks and people go by the names."""
    first: dict[str, Alert] = {}
    for each in command.new:
        first.setdefault(each.alert.name, each.alert)
    chosen = list(first.values())[: limits.incident_alert_names_max]
    taken = {alert.fingerprint for alert in chosen}
    room = max(0, limits.event_alerts_whole - len(chosen))
    rest = [each.alert for each in command.new if each.alert.fingerprint not in taken]
    return (*chosen, *rest[:room])


def digest_of(fingerprints: Iterable[str]) -> str:
    """SHA-256, in hexadecimal, over sorted fingerprints, each ended by a line feed."""
    text = "".join(f"{each}\n" for each in fingerprints)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def clear(ask: Ask[c.ClearAlert]) -> Accepted | Refused:
    """An alert has ended; one that had ended already changes nothing."""
    incident, alert = ask.incident, ask.command.alert
    known = next((each for each in incident.alerts if each.fingerprint == alert.fingerprint), None)
    if known is None or known.ends_at is not None:
        return Accepted()
    tally = c.Tally(incident.alert_count, incident.firing_count - 1)
    command = c.ClearAlerts(alerts=(alert,), tally=tally)
    return clear_many(Ask(incident, command, ask.actor, ask.rules, ask.now))


def clear_many(ask: Ask[c.ClearAlerts]) -> Accepted | Refused:
    """Alerts have ended. Few are told one by one, many as one event."""
    incident, command = ask.incident, ask.command
    if incident.state in ENDED:
        return Accepted()
    firing = command.tally.firing
    ends = [
        e.AlertEnd(fingerprint=each.fingerprint, ended_at=each.ends_at or each.received_at)
        for each in command.alerts
    ]
    if len(ends) <= SINGLY_MAX:
        return Accepted(
            tuple(
                e.AlertCleared(
                    fingerprint=end.fingerprint,
                    name=alert.name,
                    ended_at=end.ended_at,
                    still_firing=firing + len(ends) - number,
                )
                for number, (alert, end) in enumerate(zip(command.alerts, ends, strict=True), start=1)
            )
        )
    whole = {each.fingerprint for each in incident.alerts}
    cleared = e.AlertsCleared(
        count=len(ends),
        ends=tuple(end for end in ends if end.fingerprint in whole),
        still_firing=firing,
        digest=digest_of(sorted(end.fingerprint for end in ends)),
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
    tally = command.tally or _sum_of(incident, command.alerts)
    absorbed = e.Absorbed(
        other=command.other,
        title=command.title,
        alerts=command.alerts,
        alerts_in_all=tally.alerts,
        firing_in_all=tally.firing,
    )
    return Accepted((absorbed, *found.values(), *_risen(incident, firing, ask.rules)))


def _sum_of(incident: Incident, alerts: Sequence[Alert]) -> c.Tally:
    """The count of the incident's alerts together with others, where nobody has counted them."""
    known = {each.fingerprint: each.ends_at is None for each in incident.alerts}
    new = [each for each in alerts if each.fingerprint not in known]
    begun = [each for each in alerts if each.ends_at is None and not known.get(each.fingerprint)]
    return c.Tally(incident.alert_count + len(new), incident.firing_count + len(begun))


def may_rise(incident: Incident, rules: Rules) -> bool:
    """Whether an alert can raise the level: no person has settled it, and there is a worse one."""
    if incident.level_by_hand:
        return False
    here = path.severity(incident, rules).rank
    return any(each.rank < here for each in rules.playbook.severities)


def gather_storm(ask: Ask[c.GatherStorm]) -> Accepted | Refused:
    """Stand for a storm: with its title, and the worst of its levels where no person has settled one."""
    incident, command = ask.incident, ask.command
    refused = not_active(incident, "made to stand for a storm")
    if refused:
        return refused
    events: list[e.AnyEvent] = []
    own = path.severity(incident, ask.rules)
    others = (path.level_of(level, ask.rules) for level in command.levels)
    worst = min((own, *others), key=lambda each: each.rank)
    if not incident.level_by_hand and worst.rank < own.rank:
        evidence = e.Evidence(rule="storm", detail=f"the worst of {command.incidents} incidents")
        events.append(e.SeverityChanged(before=incident.level, after=worst.level, evidence=evidence))
    title = f"Storm: {command.incidents} incidents within {humane(command.within)}. First: {incident.title}"
    gathered = e.StormGathered(
        title=title[: limits.title_chars_max],
        before=incident.title,
        incidents=command.incidents,
        because=command.because,
    )
    return Accepted((*events, gathered), f"{incident.id} stands for the storm.")


def _risen(incident: Incident, alerts: Sequence[Alert], rules: Rules) -> list[e.AnyEvent]:
    """What these alerts answer of the checklist, and the rise to the most severe level that they give, where
    a person has not settled the level."""
    answered: dict[str, e.TriageAnswered] = {}
    for alert in alerts:
        answered |= {each.rule: each for each in answered_by(alert, rules, incident.answers)}
    if not alerts or not may_rise(incident, rules):
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
