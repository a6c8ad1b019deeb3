"""One batch of alerts in one transaction: each is placed, then all is written at once, and every incident is
told once of all that concerns it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from tocsin.alerts import flapping, grouping
from tocsin.alerts.holders import Holders
from tocsin.alerts.model import Alert, AlertStatus
from tocsin.base.ids import IncidentId
from tocsin.engine.desk import Answer, Desk, RefusedError
from tocsin.engine.noise import Noise
from tocsin.engine.ports import ConflictError, Unit
from tocsin.engine.records import AlertRecord, AlertStep
from tocsin.engine.remembered import Remembered
from tocsin.incident import commands as c
from tocsin.incident.crowds import Crowd
from tocsin.incident.events import SYSTEM, Actor, ActorKind

TELL_EVERY = timedelta(seconds=10)
"""An incident of very many alerts is told of further ones that say nothing new at most this often."""

REPEATED_MEANWHILE = "it was repeated before it could count as ended"


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one alert. `incident` is None where `because` says why there is none."""

    fingerprint: str
    incident: IncidentId | None
    because: str


_Asked = tuple[c.AttachAlerts | c.ClearAlerts, Actor]


class _Stage(msgspec.Struct):
    """What one sender told of one incident: alerts that begin to fire in it, then some that end."""

    actor: Actor
    joins: dict[str, c.AttachAlert] = {}
    fresh: int = 0
    ends: dict[str, Alert] = {}


class Placing:
    """The work of one transaction. `place` each alert, then `write`."""

    def __init__(
        self, unit: Unit, noise: Noise, desk: Desk, remembered: Remembered, holders: Holders, now: datetime
    ) -> None:
        self._unit = unit
        self._noise = noise
        self._desk = desk
        self._remembered = remembered
        self._holders = holders
        self._now = now
        self._known: dict[str, AlertRecord] = {}
        self._steps: list[AlertStep] = []
        self._stages: dict[IncidentId, list[_Stage]] = {}
        self._recount: set[IncidentId] = set()
        self._opened: list[IncidentId] = []
        self.records: dict[str, AlertRecord] = {}
        self.crowds: dict[IncidentId, Crowd] = {}
        self.untold: dict[IncidentId, list[str]] = {}
        self.told: set[IncidentId] = set()
        self.changed: dict[IncidentId, None] = {}

    async def look_up(self, fingerprints: Sequence[str]) -> None:
        """Read what is known of the alerts that are to be placed."""
        found = await self._unit.alert_records(fingerprints)
        self._known = {record.alert.fingerprint: record for record in found}
        self._holders.look_at({key: record.incident for key, record in self._known.items()})

    async def place(self, alert: Alert) -> Taken:
        """Decide where an alert belongs."""
        seen = self._known.get(alert.fingerprint)
        if seen is not None and _is_overtaken(alert, seen):
            return Taken(fingerprint=alert.fingerprint, incident=seen.incident, because=REPEATED_MEANWHILE)
        if seen is not None and self._noise.is_outdated(alert, seen):
            return Taken(fingerprint=alert.fingerprint, incident=seen.incident, because=seen.because)
        placement = self._noise.place(alert, seen, self._holders, self._now)
        incident: IncidentId | None = None
        match placement:
            case grouping.Opens():
                incident = await self._open(alert, placement)
            case grouping.Attaches():
                incident = placement.incident
                self._join(alert, seen, incident, placement.because)
            case grouping.Clears():
                incident = placement.incident
                if seen is not None and seen.firing and seen.incident == incident:
                    self._stage(incident, alert).ends[alert.fingerprint] = alert
            case grouping.Recorded():
                pass
        if seen is not None and seen.firing and seen.incident not in (None, incident):
            self._leave(seen.incident)
        held = alert.status is AlertStatus.RESOLVED and isinstance(placement, grouping.Attaches)
        self._record(alert, seen, incident, placement.because, held=held)
        return Taken(fingerprint=alert.fingerprint, incident=incident, because=placement.because)

    async def _open(self, alert: Alert, placement: grouping.Opens) -> IncidentId:
        opening = c.OpenByAlert(alert=alert, group_key=placement.group_key, because=placement.because)
        answer = await self._desk.open_in(self._unit, opening, _actor(alert))
        self._opened.append(answer.incident.id)
        self.changed[answer.incident.id] = None
        return answer.incident.id

    def _join(self, alert: Alert, seen: AlertRecord | None, incident: IncidentId, because: str) -> None:
        if alert.status is AlertStatus.RESOLVED:
            return
        holder = self._holders.get(incident)
        ended = holder is not None and holder.resolved_at is not None
        of_it = seen is not None and seen.incident == incident
        if of_it and seen is not None and seen.firing and not ended:
            return
        crowd = self._remembered.crowds.get(incident)
        if crowd and incident not in self._stages and not crowd.is_news(alert):
            self.untold.setdefault(incident, []).append(alert.fingerprint)
            return
        stage = self._stage(incident, alert)
        stage.joins[alert.fingerprint] = c.AttachAlert(alert=alert, because=because)
        stage.fresh += not of_it
        if holder is not None and ended:
            # Whatever else of this batch belongs to it finds it open again.
            self._holders.put(replace(holder, resolved_at=None))

    def _stage(self, incident: IncidentId, alert: Alert) -> _Stage:
        stages, actor = self._stages.setdefault(incident, []), _actor(alert)
        fits = (
            stages
            and stages[-1].actor == actor
            and alert.fingerprint not in stages[-1].ends
            and (alert.status is AlertStatus.FIRING or alert.fingerprint not in stages[-1].joins)
        )
        if not fits:
            stages.append(_Stage(actor))
        return stages[-1]

    def _leave(self, incident: IncidentId | None) -> None:
        holder = self._holders.get(incident)
        if holder is not None and holder.resolved_at is None:
            self._recount.add(holder.id)

    def _record(
        self, alert: Alert, seen: AlertRecord | None, incident: IncidentId | None, because: str, *, held: bool
    ) -> None:
        latest, changes, first, times = alert, (), alert.received_at, 1
        stepped = True
        if seen is not None:
            first, times = seen.first_seen_at, seen.times + 1
            turned = seen.alert.status is not alert.status
            changes = flapping.changed(seen.changes, seen.alert.status, alert)
            told_why = incident is None and seen.because != because
            stepped = turned or seen.incident != incident or told_why
            because = because if stepped else seen.because
            if alert.status is AlertStatus.RESOLVED and not alert.annotations:
                latest = replace(alert, annotations=seen.alert.annotations)
        record = AlertRecord(
            alert=latest,
            incident=incident,
            because=because,
            first_seen_at=first,
            last_seen_at=alert.received_at,
            times=times,
            changes=changes,
            held=held,
        )
        self._known[alert.fingerprint] = self.records[alert.fingerprint] = record
        self._holders.belongs(alert.fingerprint, incident)
        if stepped:
            self._steps.append(
                AlertStep(
                    fingerprint=alert.fingerprint,
                    at=alert.received_at,
                    status=alert.status,
                    incident=incident,
                    because=because,
                )
            )

    async def write(self) -> None:
        """Write everything, and tell the incidents."""
        if self.records:
            await self._unit.save_alerts(list(self.records.values()))
            await self._unit.add_alert_steps(self._steps)
        asked = await self._commands()
        while asked:
            now = {incident: commands.pop(0) for incident, commands in asked.items()}
            asked = {incident: commands for incident, commands in asked.items() if commands}
            try:
                answers = await self._desk.handle_all(self._unit, now)
            except RefusedError as error:
                # It ended between the look and the lock; the next look finds another place.
                raise ConflictError(error.message) from error
            for answer in answers:
                self._took_note(answer)
        settled = await self._noise.settle(self._unit, self._opened, self._holders, self._now)
        self.changed.update(dict.fromkeys(settled))

    def _took_note(self, answer: Answer) -> None:
        incident = answer.incident
        self.told.add(incident.id)
        self.crowds[incident.id] = Crowd(incident, answer.rules, self._now)
        if answer.entries:
            self.changed[incident.id] = None

    async def _commands(self) -> dict[IncidentId, list[_Asked]]:
        late = self._late()
        touched = {*self._stages, *self._recount, *late}
        tallies = await self._unit.alert_tallies(touched) if touched else {}
        return {
            incident: self._commands_of(
                incident, tallies.get(incident, c.Tally(0, 0)), late.get(incident, ())
            )
            for incident in touched
        }

    def _late(self) -> dict[IncidentId, list[str]]:
        """What incidents have to be told by now of alerts that were only counted so far; everything, where
        the transaction is for nothing else."""
        before = self._remembered.untold
        due: dict[IncidentId, list[str]] = {}
        for incident in {*before, *self.untold}:
            if self._holders.get(incident) is None:
                # It has ended meanwhile, or become part of another, which was told of all its alerts then.
                self.untold.pop(incident, None)
                self.told.add(incident)
                continue
            crowd = self._remembered.crowds.get(incident)
            soon = crowd is not None and abs(self._now - crowd.at) < TELL_EVERY
            asked = incident in self._stages or incident in self._recount
            if asked or not self.records or not soon:
                due[incident] = [*before.get(incident, ()), *self.untold.pop(incident, ())]
        return due

    def _commands_of(self, incident: IncidentId, tally: c.Tally, unseen: Sequence[str]) -> list[_Asked]:
        """In the order in which it happened; the counts in between are reckoned back from the last."""
        made: list[_Asked] = []
        stages = self._stages.get(incident, [])
        for number, stage in reversed([*enumerate(stages)]):
            if stage.ends:
                made.append((c.ClearAlerts(alerts=tuple(stage.ends.values()), tally=tally), stage.actor))
                tally = c.Tally(tally.alerts, tally.firing + len(stage.ends))
            if stage.joins or (number == 0 and unseen):
                command = c.AttachAlerts(
                    new=tuple(stage.joins.values()),
                    tally=tally,
                    unseen=tuple(unseen) if number == 0 else (),
                )
                made.append((command, stage.actor))
                tally = c.Tally(tally.alerts - stage.fresh, tally.firing - len(stage.joins))
        if not made:
            made.append((c.AttachAlerts(new=(), tally=tally, unseen=tuple(unseen)), SYSTEM))
        return made[::-1]


def _is_overtaken(alert: Alert, seen: AlertRecord) -> bool:
    """Whether the end of an alert is one by the clock, and the alert has been repeated since."""
    if alert.status is AlertStatus.FIRING or alert.expires_at is None:
        return False
    return seen.alert.expires_at is None or seen.alert.expires_at > alert.expires_at


def _actor(alert: Alert) -> Actor:
    return Actor(ActorKind.SOURCE, alert.source, alert.source)
