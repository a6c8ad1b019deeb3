"""The rules of one playbook about noise, asked one after the other about one alert after the other."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from tocsin.alerts import flapping, storms
from tocsin.alerts.dependencies import all_parents, service_of
from tocsin.alerts.grouping import Attaches, Surroundings
from tocsin.alerts.holders import Holder, Holders
from tocsin.alerts.inhibition import Inhibitor
from tocsin.alerts.matchers import Operator
from tocsin.alerts.model import Alert
from tocsin.alerts.rules import NoiseRules
from tocsin.alerts.silences import Silence, SilenceState, silencing
from tocsin.alerts.storms import Storm
from tocsin.alerts.windows import OpenWindow, Windows, window_of
from tocsin.base.ids import IncidentId, incident_number
from tocsin.base.times import humane


class IncidentWatch(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules know of an open incident: the services that its alerts are about, and when an alert
    last joined it (UTC). `group` sets the incidents of its playbook apart."""

    incident: IncidentId
    group: str
    services: tuple[str, ...]
    last_alert_at: datetime


class Silences:
    """The silences that are active now, found by a label that they ask for."""

    def __init__(self, silences: Iterable[Silence], now: datetime) -> None:
        kept = [each for each in silences if each.state(now) is not SilenceState.EXPIRED]
        self.active = tuple(each for each in kept if each.state(now) is SilenceState.ACTIVE)
        ahead = [each.ends_at if each.starts_at <= now else each.starts_at for each in kept]
        self._since, self._until = now, min(ahead, default=None)
        self._by_label: dict[str, dict[str, list[Silence]]] = {}
        self._others: list[Silence] = []
        for silence in self.active:
            wanted = next((m for m in silence.matchers if m.operator is Operator.EQUAL and m.value), None)
            if wanted is None:
                self._others.append(silence)
            else:
                self._by_label.setdefault(wanted.name, {}).setdefault(wanted.value, []).append(silence)

    def changes_by(self, now: datetime) -> bool:
        """Whether other ones are active at `now` (UTC), or may be since the clock was set back."""
        return now < self._since or (self._until is not None and now >= self._until)

    def of(self, labels: Mapping[str, str], now: datetime) -> Silence | None:
        """The silence of an alert with these labels that ends last."""
        if not self.active:
            return None
        found = list(self._others)
        for name, by_value in self._by_label.items():
            found += by_value.get(labels.get(name, ""), ())
        return next(iter(silencing(found, labels, now)), None) if found else None


def silenced(silence: Silence) -> str:
    """Why a silenced alert opens nothing."""
    until = f"{silence.ends_at:%Y-%m-%d %H:%M:%S UTC}"
    return f"silenced by {silence.id} until {until}: {silence.comment} ({silence.created_by})"


class BookRules:
    """The rules of one playbook, made ready once, with the firing alerts that inhibit others. `group` sets
    the incidents of the playbook apart, and is "" for the default one."""

    def __init__(self, rules: NoiseRules, group: str) -> None:
        self.rules = rules
        self.group = group
        self.windows = Windows(rules.maintenance)
        self.inhibitor = Inhibitor(rules.inhibit)
        self.parents = all_parents(rules.depends_on)

    @property
    def watches(self) -> bool:
        """Whether a rule needs to know which alerts its open incidents have."""
        return bool(self.parents) or self.rules.group_window is not None


class BookSurroundings(Surroundings):
    """The rules of one playbook at one moment. `ask_about` begins with each alert anew."""

    def __init__(
        self,
        book: BookRules,
        silences: Silences,
        watches: Mapping[IncidentId, IncidentWatch],
        storm: Storm,
        holders: Holders,
        now: datetime,
    ) -> None:
        self.book = book
        self.storm = storm
        self.reopen_within: timedelta = book.rules.reopen_within
        self._silences = silences
        self._watches = watches
        self._holders = holders
        self._now = now
        self._windows: tuple[OpenWindow, ...] = book.windows.open_at(now)
        self._trail: list[str] = []
        self._changes: tuple[datetime, ...] = ()
        self.gathered = self.begins = False

    def ask_about(self, changes: tuple[datetime, ...]) -> "BookSurroundings":
        """Begin with an alert whose state changed at these times."""
        self._trail, self._changes = [], changes
        self.gathered = self.begins = False
        return self

    @property
    def trail(self) -> tuple[str, ...]:
        return tuple(self._trail)

    def counts_on(self, alert: Alert) -> str:
        rule = self.book.rules.flapping
        if rule is None or not flapping.flaps(self._changes, self._now, rule):
            return ""
        return flapping.because(rule)

    def keeps_back(self, alert: Alert) -> str:
        return self.mute_reason(alert.labels)

    def mute_reason(self, labels: Mapping[str, str]) -> str:
        """Why an alert with these labels is only recorded; "" where it is not."""
        if self._silences.active:
            silence = self._silences.of(labels, self._now)
            if silence is not None:
                return silenced(silence)
            self._trail.append("no active silence matches it")
        if self.book.rules.maintenance:
            window = window_of(self._windows, labels)
            if window is not None:
                return window.because
            self._trail.append("no maintenance window is open for it")
        if self.book.rules.inhibit:
            source = self.book.inhibitor.inhibiting(labels)
            if source is not None:
                return source.because
            self._trail.append("no firing alert inhibits it")
        return ""

    def takes(self, sibling: Holder) -> bool:
        window, watch = self.book.rules.group_window, self._watches.get(sibling.id)
        if window is None or watch is None or self._now < watch.last_alert_at + window:
            return True
        self._trail.append(
            f"{sibling.id} is of its group, but no alert has joined it for {humane(window)} or more"
        )
        return False

    def joins(self, alert: Alert, key: str) -> Attaches | None:
        stormed = storms.known_group(self.storm, key, self._holders)
        if stormed is not None:
            return Attaches(stormed, "its group was gathered in this incident with a storm", self.trail)
        if not self.book.parents:
            return None
        service = service_of(alert.labels, self.book.rules.service_labels)
        above = self.book.parents.get(service, ())
        found = self._of_parents(above)
        if found is not None:
            incident, parent = found
            return Attaches(
                incident, f"{service} depends on {parent}, and this incident is about {parent}", self.trail
            )
        if above:
            self._trail.append(f"no incident is open about what {service} depends on")
        return None

    def _of_parents(self, above: tuple[str, ...]) -> tuple[IncidentId, str] | None:
        """The oldest open incident of this playbook about the nearest of these services."""
        for parent in above:
            about = [
                each.incident
                for each in self._watches.values()
                if parent in each.services and each.group == self.book.group and self._is_open(each.incident)
            ]
            if about:
                return min(about, key=incident_number), parent
        return None

    def _is_open(self, incident: IncidentId) -> bool:
        holder = self._holders.get(incident)
        return holder is not None and holder.resolved_at is None

    def gathers(self, alert: Alert, key: str) -> Attaches | None:
        rule = self.book.rules.storm
        if rule is None:
            return None
        found = storms.gathered_in(self.storm, rule, self._holders, self._now)
        if found is None:
            return None
        major, self.begins = found
        self.gathered = True
        self.storm = storms.begun(self.storm, major, key, self._now)
        return Attaches(major, storms.because(rule), self.trail)
