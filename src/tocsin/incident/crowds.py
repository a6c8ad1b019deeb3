"""Incidents of very many alerts: whether one more of them says anything that is not known yet."""

from datetime import datetime

from tocsin.alerts.model import Alert
from tocsin.base import limits
from tocsin.incident import path
from tocsin.incident.answer_alerts import may_rise
from tocsin.incident.rules import Rules
from tocsin.incident.severity import CATEGORY_LABELS, categories_of, judge_alert
from tocsin.incident.state import Incident


class Crowd:
    """What is known of an incident's alerts at one moment, `at` (UTC), until the incident changes."""

    def __init__(self, incident: Incident, rules: Rules, at: datetime) -> None:
        self.at = at
        self._rules = rules
        self._full = incident.active and len(incident.alerts) >= limits.incident_alerts_whole
        self._names = frozenset(each.name for each in incident.alerts)
        self._rank = path.severity(incident, rules).rank if may_rise(incident, rules) else None
        self._unanswered = [
            rule.when for rule in rules.playbook.triage if rule.when and rule.id not in incident.answers
        ]
        present = {name.casefold() for name in incident.categories}
        self._categories = [name for name in path.known_categories(rules) if name.casefold() not in present]
        matched = rules.playbook.options.categories
        self._by_labels = any(matched.get(name) is not None for name in self._categories)

    def is_news(self, alert: Alert) -> bool:
        """Whether the incident must be told of the alert at once: there is room to keep it whole, its name
        is new, it answers a question, names a category or may raise the level. Otherwise it is enough that
        it is counted."""
        name, labels, playbook = alert.name, alert.labels, self._rules.playbook
        if not self._full or name not in self._names:
            return True
        if any(when.matches(labels) for when in self._unanswered):
            return True
        # The categories that its name speaks of came with the first alert of that name.
        may_say_more = self._by_labels or not CATEGORY_LABELS.isdisjoint(labels)
        if may_say_more and categories_of(labels, name, self._categories, playbook):
            return True
        if self._rank is None:
            return False
        verdict = judge_alert(alert, playbook)
        return path.level_of(verdict.level, self._rules).rank < self._rank
