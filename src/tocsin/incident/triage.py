"""The severity checklist of an incident: what its answers make the level, what is assumed until somebody
answers, and what each answer would change. No workaround makes a breach harmless."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from tocsin.alerts.model import Alert
from tocsin.base.ids import LevelId
from tocsin.incident import events as e
from tocsin.incident.meaning import BREACH, concerns_security, offered
from tocsin.incident.rules import Rules
from tocsin.incident.severity import Verdict, judge_alert
from tocsin.incident.state import Incident
from tocsin.incident.suggest import (
    ALERTS_MAX,
    Suggestion,
    Witness,
    suggest,
    witness_of_alert,
    witness_of_report,
    witnesses,
)
from tocsin.playbook.model import Playbook, Severity, TriageRule

Answer = Literal["yes", "no", "unknown"]
TOP_LEVELS = 2
"""For questions that set one of so many of the most severe levels the worst is assumed."""
QUESTIONS_SHOWN_MAX = 60


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question as it stands in the room. `answer` is "" where nobody has answered; `suggested` with
    `because` is what the known facts say, "" where nothing speaks of it. `assumed` says that it counts as
    yes until somebody answers. `becomes` is the level that each answer would give, with the others as they
    are; empty where no answer changes it, because a person chose the level."""

    id: str
    question: str
    sets: LevelId | None
    shifts: int | None
    answer: Literal["", "yes", "no", "unknown"]
    suggested: Literal["", "yes", "no"]
    because: str
    assumed: bool
    becomes: dict[Answer, LevelId]


def is_open(rule: str, answers: Mapping[str, str]) -> bool:
    """Whether a question is unanswered: an answer of "unknown" is none."""
    return answers.get(rule, "unknown") == "unknown"


def judge_answers(
    answers: Mapping[str, str],
    at_opening: Verdict,
    playbook: Playbook,
    assumed: Mapping[str, str] | None = None,
    is_breach: bool = False,
) -> Verdict:
    """The level that the checklist gives: the most severe of the levels that a yes sets, else the level at
    the opening; raised by what is `assumed` (question to reason); then shifted, upwards first. No shift goes
    below what a security question set, nor below anything in an incident that `is_breach`."""
    ranks = sorted(playbook.severities, key=lambda each: each.rank)
    yes = [rule for rule in playbook.triage if answers.get(rule.id) == "yes"]
    verdict, floor = at_opening, len(ranks)
    if worst := _worst(yes, playbook):
        verdict = _verdict(worst, playbook, e.Evidence(rule="checklist", detail=worst.question))
    taken = [rule for rule in playbook.triage if rule.id in (assumed or {}) and is_open(rule.id, answers)]
    worst = _worst(taken, playbook)
    if worst and assumed and _at(worst.sets, ranks) < _at(verdict.level, ranks):
        reason = f"{worst.question} {_sentence(assumed[worst.id])}"
        verdict = _verdict(worst, playbook, e.Evidence(rule="assumed", detail=reason))
    for rule in (*yes, *taken):
        if rule.sets is not None and concerns_security(rule.question):
            floor = min(floor, _at(rule.sets, ranks))
    if is_breach:
        floor = min(floor, _at(verdict.level, ranks))
    for rule in sorted((each for each in yes if each.shifts), key=lambda each: (each.shifts or 0) > 0):
        verdict, floor = _shifted(verdict, rule, ranks, floor)
    return verdict


def _shifted(
    verdict: Verdict, rule: TriageRule, ranks: Sequence[Severity], floor: int
) -> tuple[Verdict, int]:
    if not ranks or not rule.shifts:
        return verdict, floor
    here = min(_at(verdict.level, ranks), len(ranks) - 1)
    target = min(max(here + rule.shifts, 0), len(ranks) - 1)
    before = verdict.evidence.detail
    if target > floor:
        # What would lower a breach goes no further than this, and the evidence says so.
        said = f"{rule.question} (lowers no breach)"
        target = floor
    else:
        said = rule.question
    detail = f"{before}; then {said}" if before else said
    if rule.shifts < 0 and concerns_security(rule.question):
        floor = min(floor, target)
    return Verdict(ranks[target].level, e.Evidence(rule="checklist", detail=detail)), floor


def _worst(rules: Iterable[TriageRule], playbook: Playbook) -> TriageRule | None:
    setting = [rule for rule in rules if rule.sets is not None]
    ranks = sorted(playbook.severities, key=lambda each: each.rank)
    return min(setting, key=lambda rule: _at(rule.sets, ranks), default=None)


def _verdict(rule: TriageRule, playbook: Playbook, evidence: e.Evidence) -> Verdict:
    assert rule.sets is not None, "only a question that sets a level decides one"
    found = playbook.severity(rule.sets)
    return Verdict(found.level if found else rule.sets, evidence)


def _at(level: LevelId | None, ranks: Sequence[Severity]) -> int:
    """The place of a level among all, 0 the most severe; behind the last where it is none of them."""
    folded = (level or "").casefold()
    return next((at for at, each in enumerate(ranks) if each.level.casefold() == folded), len(ranks))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def answered_by(alert: Alert, rules: Rules, answers: Mapping[str, str]) -> list[e.TriageAnswered]:
    """The questions that an alert answers by its labels, as the playbook's `when` says."""
    return [
        e.TriageAnswered(rule=rule.id, question=rule.question, answer="yes")
        for rule in rules.playbook.triage
        if rule.when and is_open(rule.id, answers) and rule.when.matches(alert.labels)
    ]


def at_opening(opened: e.Opened, rules: Rules) -> tuple[e.AnyEvent, ...]:
    """What an opening does to the checklist: the questions that the alert answers, those that are assumed,
    and the level that they give. A person's level and an explicit matcher stand as they are."""
    answered = answered_by(opened.alert, rules, {}) if opened.alert else []
    if opened.evidence.rule in ("person", "matcher"):
        return tuple(answered)
    answers = {each.rule: "yes" for each in answered}
    if opened.alert:
        witness, known = witness_of_alert(opened.alert), [opened.alert]
    else:
        witness, known = witness_of_report(opened.title, opened.description), []
    assumed = _assumed(rules.playbook, opened.evidence.rule, witness, known, answers)
    if not answered and not assumed:
        return ()
    opening = Verdict(opened.level, opened.evidence)
    is_breach = _speaks_of_breach([witness]) or any(map(concerns_security, opened.categories))
    because = {each.rule: each.because for each in assumed}
    verdict = judge_answers(answers, opening, rules.playbook, because, is_breach)
    return (*answered, *assumed, *_change(opened.level, verdict))


def at_arrival(
    incident: Incident,
    level: LevelId,
    alerts: Sequence[tuple[Alert, Verdict]],
    answers: Mapping[str, str],
    rules: Rules,
) -> tuple[e.AnyEvent, ...]:
    """What further alerts, each with its own verdict, make assumed, and the rise that this and the `answers`
    give; nothing where a person has settled the level, or it is the highest already. `level` is the
    incident's with the alerts' own rise."""
    ranks = sorted(rules.playbook.severities, key=lambda each: each.rank)
    if incident.level_by_hand or _at(level, ranks) == 0:
        return ()
    assumed: dict[str, e.TriageAssumed] = {}
    is_breach = False
    for alert, verdict in alerts if len(incident.alerts) < ALERTS_MAX else ():
        if verdict.evidence.rule != "matcher":
            taken = {**answers, **dict.fromkeys((*incident.assumed, *assumed), "yes")}
            witness = witness_of_alert(alert)
            for each in _assumed(rules.playbook, verdict.evidence.rule, witness, [alert], taken):
                assumed[each.rule] = each
            is_breach = is_breach or _speaks_of_breach([witness])
    if not assumed and answers == incident.answers:
        return ()
    because = {**incident.assumed, **{rule: each.because for rule, each in assumed.items()}}
    found = judge_answers(answers, _opening(incident), rules.playbook, because, is_breach)
    rise = _change(level, found) if _at(found.level, ranks) < _at(level, ranks) else ()
    return (*assumed.values(), *rise)


def _assumed(
    playbook: Playbook,
    decided_by: str,
    witness: Witness,
    alerts: Sequence[Alert],
    taken: Mapping[str, str],
) -> list[e.TriageAssumed]:
    found: list[e.TriageAssumed] = []
    for rule in _assumable(playbook, decided_by):
        if not is_open(rule.id, taken):
            continue
        told = suggest(rule, [witness], alerts)
        if told is not None and told.answer == "yes":
            found.append(e.TriageAssumed(rule=rule.id, question=rule.question, because=told.because))
    return found


def _assumable(playbook: Playbook, decided_by: str) -> list[TriageRule]:
    """The questions of the highest levels. Where the alert's own severity decided the level, its sender has
    judged how bad it is, and only what concerns security is assumed beyond that."""
    top = sorted(playbook.severities, key=lambda each: each.rank)[:TOP_LEVELS]
    levels = {each.level.casefold() for each in top}
    return [
        rule
        for rule in playbook.triage
        if rule.sets is not None
        and rule.sets.casefold() in levels
        and (decided_by != "severity label" or concerns_security(rule.question))
    ]


def _change(before: LevelId, verdict: Verdict) -> tuple[e.SeverityChanged, ...]:
    if verdict.level == before:
        return ()
    return (e.SeverityChanged(before=before, after=verdict.level, evidence=verdict.evidence),)


def _opening(incident: Incident) -> Verdict:
    return Verdict(incident.level_at_opening, e.Evidence(rule="opening", detail="the level at the opening"))


def _speaks_of_breach(known: Iterable[Witness]) -> bool:
    return any(
        BREACH in offered(word) for witness in known for clause in witness.clauses for word in clause.affirmed
    )


def _is_denied(answers: Mapping[str, str], playbook: Playbook) -> bool:
    """Whether somebody answered no to a question about security, and nobody yes to one."""
    given = {answers.get(rule.id) for rule in playbook.triage if concerns_security(rule.question)}
    return "no" in given and "yes" not in given


class Checklist:
    """The checklist of one incident with all that is known about it, read once."""

    def __init__(self, incident: Incident, rules: Rules) -> None:
        self._incident = incident
        self._playbook = rules.playbook
        marks = incident.categories
        self._known = witnesses(incident.title, incident.description, marks, incident.alerts)
        self._is_breach = _speaks_of_breach(self._known) or any(map(concerns_security, marks))

    def assumed(self, answers: Mapping[str, str]) -> list[e.TriageAssumed]:
        """The questions that are to be assumed from now on, beside those that were before."""
        incident, playbook = self._incident, self._playbook
        if incident.level_by_hand:
            return []
        taken = {**answers, **dict.fromkeys(incident.assumed, "yes")}
        found: dict[str, e.TriageAssumed] = {}
        for alert in reversed(incident.alerts[-ALERTS_MAX:]):
            decided_by = judge_alert(alert, playbook).evidence.rule
            if decided_by != "matcher":
                for each in _assumed(playbook, decided_by, witness_of_alert(alert), [alert], taken):
                    found.setdefault(each.rule, each)
        if not incident.alerts:
            report = witness_of_report(incident.title, incident.description)
            for each in _assumed(playbook, "example", report, (), taken):
                found.setdefault(each.rule, each)
        return list(found.values())

    def judge(self, answers: Mapping[str, str], assumed: Iterable[e.TriageAssumed] = ()) -> Verdict:
        """The level that these answers give, with what is assumed."""
        because = {**self._incident.assumed, **{each.rule: each.because for each in assumed}}
        is_breach = self._is_breach and not _is_denied(answers, self._playbook)
        return judge_answers(answers, _opening(self._incident), self._playbook, because, is_breach)

    def suggestion(self, rule: TriageRule) -> Suggestion | None:
        """What is known says to a question."""
        return suggest(rule, self._known, self._incident.alerts)

    def questions(self) -> tuple[Question, ...]:
        """The questions as the room shows them."""
        incident = self._incident
        assumed = self.assumed(incident.answers)
        shown = self._playbook.triage
        return tuple(self._question(rule, assumed, len(shown) <= QUESTIONS_SHOWN_MAX) for rule in shown)

    def _question(self, rule: TriageRule, assumed: list[e.TriageAssumed], is_few: bool) -> Question:
        incident = self._incident
        told = self.suggestion(rule)
        counts = rule.id in incident.assumed and is_open(rule.id, incident.answers)
        because = incident.assumed[rule.id] if counts else told.because if told else ""
        becomes: dict[Answer, LevelId] = {}
        if is_few and not incident.level_by_hand:
            for answer in ("yes", "no", "unknown"):
                becomes[answer] = self.judge({**incident.answers, rule.id: answer}, assumed).level
        return Question(
            id=rule.id,
            question=rule.question,
            sets=rule.sets,
            shifts=rule.shifts,
            answer=incident.answers.get(rule.id, ""),
            suggested="yes" if counts else told.answer if told else "",
            because=because,
            assumed=counts and not incident.level_by_hand,
            becomes=becomes,
        )
