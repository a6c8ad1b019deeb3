"""Inhibition as in Alertmanager: while one alert fires, those that it explains are only recorded."""

from collections.abc import Mapping, Sequence

import msgspec

from tocsin.alerts.rules import InhibitRule


class InhibitSource(msgspec.Struct, frozen=True, kw_only=True):
    """A firing alert that may inhibit others."""

    fingerprint: str
    name: str
    labels: dict[str, str]

    @property
    def because(self) -> str:
        """Why an alert that it inhibits opens nothing."""
        return f"inhibited by {self.name} ({self.fingerprint}) for as long as that fires"


class _Rule:
    """One rule with the firing alerts on its source side, found by the values of its equal labels."""

    def __init__(self, rule: InhibitRule) -> None:
        self.rule = rule
        self.sources: dict[tuple[str, ...], dict[str, tuple[InhibitSource, bool]]] = {}

    def values(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(labels.get(name, "") for name in self.rule.equal)


class Inhibitor:
    """The inhibition rules of a playbook over the alerts that fire."""

    def __init__(self, rules: Sequence[InhibitRule]) -> None:
        self._rules = [_Rule(each) for each in rules]

    def clear(self) -> None:
        """No alert fires."""
        for each in self._rules:
            each.sources.clear()

    def concerns(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels would be a source of any rule."""
        return any(each.rule.source.matches(labels) for each in self._rules)

    def put(self, source: InhibitSource) -> None:
        """This alert fires."""
        for each in self._rules:
            if each.rule.source.matches(source.labels):
                both = each.rule.target.matches(source.labels)
                alike = each.sources.setdefault(each.values(source.labels), {})
                alike[source.fingerprint] = (source, both)

    def drop(self, fingerprint: str) -> None:
        """This alert does not fire any more."""
        for each in self._rules:
            for values in [values for values, alike in each.sources.items() if fingerprint in alike]:
                del each.sources[values][fingerprint]
                if not each.sources[values]:
                    del each.sources[values]

    def inhibiting(self, labels: Mapping[str, str]) -> InhibitSource | None:
        """The firing alert that inhibits one with these labels.

        An alert that matches both sides of a rule is not inhibited by another of which that is true,
        itself included, as Alertmanager has it.
        """
        for each in self._rules:
            if not each.sources or not each.rule.target.matches(labels):
                continue
            alike = each.sources.get(each.values(labels))
            if not alike:
                continue
            two_sided = each.rule.source.matches(labels)
            # The same one at any time, so that the reason changes only when the alerts do.
            names = (name for name, (_, both) in alike.items() if not both) if two_sided else alike
            first = min(names, default=None)
            if first is not None:
                return alike[first][0]
        return None
