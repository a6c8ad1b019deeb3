"""The rehearsal: the same core as in life, in a loop over virtual time, without a store or a server."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from tocsin.alerts.grouping import Opens, place
from tocsin.alerts.holders import Holders
from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.alerts.placing import BookRules, BookSurroundings, Silences
from tocsin.alerts.storms import Storm
from tocsin.alerts.windows import window_of
from tocsin.base.ids import IncidentId, PersonId
from tocsin.base.times import require_utc
from tocsin.drill.attached import Rehearsed, rehearsed, step_said
from tocsin.drill.scenario import DrillLine, DrillReport, Scenario, offset_text
from tocsin.drill.verdict import verdict
from tocsin.engine.queries import line_of
from tocsin.incident import commands as c
from tocsin.incident import events as e
from tocsin.incident.answer import Refused
from tocsin.incident.decide import handle
from tocsin.incident.outgoing import Cancel, Effect, Send
from tocsin.incident.rules import Rules
from tocsin.incident.settle import next_due_at
from tocsin.incident.state import Incident

DRILL = IncidentId("INC-1")
"""A rehearsal has no store that would give numbers, and only one incident."""

_SENDER = e.Actor(e.ActorKind.SOURCE, "drill", "the drill's alert")


def run_drill(scenario: Scenario, rules: Rules, notes: Iterable[str] = ()) -> DrillReport:
    """Rehearse a scenario under these rules, from its alert until its end. `notes` are handed through."""
    return _Drill(scenario, rules).run(tuple(notes))


class _Drill:
    """The state of one rehearsal while it runs."""

    def __init__(self, scenario: Scenario, rules: Rules) -> None:
        self.scenario = scenario
        self.rules = rules
        self.start = require_utc(scenario.at)
        self.end = self.start + scenario.until
        self.incident: Incident | None = None
        self.lines: list[DrillLine] = []
        self.waiting: list[Send] = []
        self.runbooks: tuple[Rehearsed, ...] = ()

    def run(self, notes: tuple[str, ...]) -> DrillReport:
        alert = self._alert(AlertStatus.FIRING, self.start)
        around = self._around()
        placed = place(alert, self.rules.playbook.options.group_by, (), (), around=around)
        if isinstance(placed, Opens):
            opening = c.OpenByAlert(alert=alert, group_key=placed.group_key, because=placed.because)
            self._ask(opening, _SENDER, self.start)
            self._attach(alert)
            self._deliver(self.start)
            self._pass_time()
        else:
            text = f"The alert {alert.name} opens no incident: {placed.because}."
            self._say(self.start, "Note", "trouble", text)
            self._tell_of_window(alert, around)
        return DrillReport(
            scenario=self.scenario,
            playbook=self.rules.playbook.title,
            notes=notes,
            lines=tuple(self.lines),
            verdict=verdict(self.lines, self.incident, self.rules, self.start, self.end),
            incident=self.incident,
            runbooks=self.runbooks,
        )

    def _around(self) -> BookSurroundings:
        """The playbook's rules about noise at the start, in a house where nothing else has happened."""
        book = BookRules(self.rules.playbook.options.noise, "")
        nothing = Silences((), self.start)
        around = BookSurroundings(book, nothing, {}, Storm(group=""), Holders(()), self.start)
        return around.ask_about(())

    def _tell_of_window(self, alert: Alert, around: BookSurroundings) -> None:
        window = window_of(around.book.windows.open_at(self.start), alert.labels)
        if window is not None:
            after = offset_text(window.ends_at - self.start)
            text = f"If it still fires when the window ends, at {after}, it is placed then."
            self._say(self.start, "Note", "note", text)

    def _attach(self, alert: Alert) -> None:
        """Tell the service runbooks that the incident has for its alert, each with its steps."""
        if self.incident is None or not self.rules.runbooks:
            return
        self.runbooks = rehearsed(self.incident, self.rules)
        for each in self.runbooks:
            self._say(self.start, "Runbook", "state", each.said)
            for step in each.steps:
                self._say(self.start, "Step", "note", step_said(step))
        if not self.runbooks:
            self._say(self.start, "Note", "note", f"No service runbook names the alert {alert.name}.")

    def _pass_time(self) -> None:
        ack_at = self._moment(self.scenario.ack_after)
        resolve_at = self._moment(self.scenario.resolve_after)
        while self.incident is not None:
            due_at = next_due_at(self.incident, self.rules)
            send_at = min((send.due_at for send in self.waiting), default=None)
            coming = [at for at in (due_at, send_at, ack_at, resolve_at) if at is not None]
            if not coming or (now := min(coming)) > self.end:
                return
            if due_at == now:
                # At one instant the clock goes first: who acknowledges at the deadline is too late.
                self._ask(c.Tick(), e.CLOCK, now)
                after = next_due_at(self.incident, self.rules)
                assert after is None or after > now, "a deadline that has come is still there after its tick"
            elif send_at == now:
                self._deliver(now)
            elif ack_at == now:
                ack_at = None
                self._acknowledge(now)
            else:
                resolve_at = None
                self._resolve(now)

    def _moment(self, after: timedelta | None) -> datetime | None:
        return None if after is None else self.start + after

    def _alert(self, status: AlertStatus, at: datetime) -> Alert:
        labels = {"alertname": self.scenario.alert, **self.scenario.labels}
        return Alert(
            fingerprint=fingerprint(labels),
            status=status,
            labels=labels,
            annotations=self.scenario.annotations,
            starts_at=self.start,
            received_at=at,
            source="drill",
            ends_at=at if status is AlertStatus.RESOLVED else None,
        )

    def _ask(self, command: c.Command, actor: e.Actor, now: datetime) -> None:
        decided = handle(self.incident, command, actor, self.rules, now, DRILL)
        if isinstance(decided, Refused):
            self._say(now, "Refused", "trouble", decided.message, who=actor.name)
            return
        self.incident = decided.incident
        for entry in decided.entries:
            line = line_of(entry)
            self._say(line.at, line.kind, line.weight.value, line.text, who=line.who, entry=entry)
        for effect in decided.effects:
            self._take(effect, now)

    def _take(self, effect: Effect, now: datetime) -> None:
        match effect:
            case Send():
                self.waiting.append(effect)
            case Cancel():
                self.waiting = [send for send in self.waiting if send.page not in effect.pages]
            case _:
                text = f"Tocsin raises an alert of its own: {effect.annotations.get('summary', effect.key)}."
                self._say(now, "Raised", "trouble", text)

    def _deliver(self, now: datetime) -> None:
        """Everything whose time has come leaves; what is bundled for one address leaves as one."""
        due = [send for send in self.waiting if send.due_at <= now]
        self.waiting = [send for send in self.waiting if send.due_at > now]
        bundles: dict[str, list[Send]] = {}
        for send in due:
            bundles.setdefault(send.bundle or send.key, []).append(send)
        for sends in bundles.values():
            first, subjects = sends[0], " / ".join(send.letter.subject for send in sends)
            what = first.kind.value.capitalize()
            text = f"{what} to {first.to} over {first.channel} ({first.address}): {subjects}"
            self._say(now, "Sent", "detail", text, sends=tuple(sends))
            for send in sends:
                told = c.RecordDelivery(
                    key=send.key, channel=send.channel, to=send.to, delivered=True, detail="drill"
                )
                self._ask(told, e.DELIVERY, now)

    def _acknowledge(self, now: datetime) -> None:
        person = self._who()
        if person is None:
            self._say(now, "Refused", "trouble", "Nobody was paged, so that nobody can acknowledge.")
            return
        self._ask(c.Acknowledge(person=person, via="drill"), self._actor(person), now)

    def _resolve(self, now: datetime) -> None:
        self._ask(c.ClearAlert(alert=self._alert(AlertStatus.RESOLVED, now)), _SENDER, now)
        assert self.incident is not None, "time passes only over an incident"
        person = self.incident.commander or self.incident.acknowledged_by or self._who()
        if person is None:
            self._say(now, "Refused", "trouble", "Nobody was paged, so that nobody can resolve it.")
            return
        resolution = c.Resolve(
            root_cause="stated by the drill, no real cause",
            fix="stated by the drill, nothing was changed",
            verification="stated by the drill, nothing was measured",
        )
        self._ask(resolution, self._actor(person), now)

    def _who(self) -> PersonId | None:
        """The person of the scenario, by id or by name; else whoever was paged first."""
        wanted = self.scenario.ack_by
        if not wanted:
            return self.incident.pages[0].person if self.incident and self.incident.pages else None
        people = self.rules.roster.people
        named = next(
            (each.id for each in people if wanted.casefold() in (each.id, each.name.casefold())), None
        )
        return named or PersonId(wanted)

    def _actor(self, person: PersonId) -> e.Actor:
        return e.Actor(e.ActorKind.PERSON, person, self.rules.roster.name_of(person))

    def _say(
        self,
        at: datetime,
        kind: str,
        weight: str,
        text: str,
        who: str = "",
        entry: e.Entry | None = None,
        sends: tuple[Send, ...] = (),
    ) -> None:
        line = DrillLine(
            offset=at - self.start,
            at=at,
            kind=kind,
            weight=weight,
            text=text,
            who=who,
            entry=entry,
            sends=sends,
        )
        self.lines.append(line)
