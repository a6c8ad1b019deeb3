"""What keeps alerts from becoming noise: where each belongs, and why.

Every decision about an alert is made here, so that there is one place to ask why. It is called by the
intake within its transaction: `refresh` once for a batch, `place` for each alert, `settle` before the end.
The rules themselves are in `alerts/`; what is here puts them together and remembers for them.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec.structs import replace

from tocsin.alerts import flapping, grouping, storms
from tocsin.alerts.dependencies import service_of
from tocsin.alerts.grouping import Attaches, Clears, Opens, Placement, Recorded
from tocsin.alerts.holders import Holders
from tocsin.alerts.inhibition import InhibitSource
from tocsin.alerts.model import Alert, AlertStatus
from tocsin.alerts.placing import BookRules, BookSurroundings, IncidentWatch, Silences
from tocsin.alerts.silences import Silence
from tocsin.alerts.storms import Storm
from tocsin.base import limits
from tocsin.base.ids import IncidentId
from tocsin.engine.desk import Desk, RefusedError
from tocsin.engine.library import Library
from tocsin.engine.noise_state import HeldAlert, MutedAlert, NoiseState
from tocsin.engine.ports import ConflictError, Reader, Unit
from tocsin.engine.records import AlertRecord
from tocsin.engine.shelf import Book, Shelf
from tocsin.engine.silencing import Silencing
from tocsin.incident import commands as c
from tocsin.incident.events import SYSTEM
from tocsin.incident.holding import holder_of
from tocsin.incident.state import Incident

READ_SILENCES_AGAIN = timedelta(seconds=5)
"""So long a silence that another node has made may be unknown here."""

SOURCES_READ_MAX = 10_000
"""So many of the last alerts are looked at for those that inhibit others, when such rules come up."""


class _Placed(msgspec.Struct, frozen=True):
    """An alert that opened an incident whose number is known as soon as it is kept."""

    fingerprint: str
    group: str
    service: str


class Noise:
    """Decides where alerts belong."""

    def __init__(self, library: Library, silencing: Silencing, desk: Desk) -> None:
        self._library = library
        self._silencing = silencing
        self._desk = desk
        self._state = NoiseState()
        self._shelf: Shelf | None = None
        self._books: dict[str, BookRules] = {}
        self._inhibitors: list[BookRules] = []
        self._all_silences: list[Silence] = []
        self._silences_read: tuple[int, datetime] | None = None
        self._silences = Silences((), datetime.min.replace(tzinfo=UTC))
        self._around: dict[str, BookSurroundings] = {}
        self._opened: list[_Placed] = []
        self._begun: dict[str, IncidentId] = {}
        self._flapping: dict[str, tuple[IncidentId, str]] = {}
        self._again: dict[str, Alert] = {}

    async def refresh(self, reader: Reader) -> None:
        """Take note of what has changed in the store since the last batch."""
        now = self._library.now()
        for each in (self._around, self._begun, self._flapping):
            each.clear()
        self._opened.clear()
        await self._read_silences(reader, now)
        shelf = self._library.current
        read_again = await self._state.refresh(reader, now)
        changed = shelf is not self._shelf
        if changed:
            self._books = books_of(shelf)
            self._inhibitors = [each for each in self._books.values() if each.rules.inhibit]
            if self._inhibitors:
                await self._find_sources(reader)
            self._shelf = shelf
        if self._inhibitors and (changed or read_again):
            for book in self._inhibitors:
                book.inhibitor.clear()
                for source in self._state.sources.values():
                    book.inhibitor.put(source)

    async def _read_silences(self, reader: Reader, now: datetime) -> None:
        version, read = self._silencing.version, self._silences_read
        if read and read[0] == version and timedelta(0) <= now - read[1] < READ_SILENCES_AGAIN:
            if not self._silences.changes_by(now):
                return
        else:
            self._all_silences = await reader.all_kept(Silence, limits.silences_max)
            self._silences_read = (version, now)
        self._silences = Silences(self._all_silences, now)

    async def _find_sources(self, reader: Reader) -> None:
        """The firing alerts that inhibit others under rules which were not there when they came."""
        for record in await reader.alerts(SOURCES_READ_MAX):
            if record.alert.status is AlertStatus.FIRING:
                self._note_source(record.alert)

    def is_outdated(self, alert: Alert, seen: AlertRecord) -> bool:
        """Whether an alert was asked about again by `Replacing`, and its sender was faster."""
        if not self._again or self._again.get(alert.fingerprint) is not alert:
            return False
        return seen.alert.status is not alert.status or (
            alert.status is AlertStatus.FIRING and seen.incident is not None
        )

    def again(self, alerts: Sequence[Alert]) -> None:
        """Say which alerts are being asked about again; none, when that is over."""
        self._again = {each.fingerprint: each for each in alerts}

    def place(self, alert: Alert, seen: AlertRecord | None, holders: Holders, now: datetime) -> Placement:
        """Where an alert belongs. `seen` is its record from before, None for a new one; `now` is UTC."""
        if seen is not None and _is_dismissed(alert, seen, holders):
            return Recorded(grouping.Because.FALSE_ALARM.value)
        shelf = self._library.current
        book = shelf.for_alert(alert)
        group_by, apart = book.playbook.options.group_by, shelf.group_of(book)
        if self._opened:
            self._catch_up(holders, now)
        around = self._around.get(apart) or self._surround(book, apart, holders, now)
        changes = flapping.changed(seen.changes, seen.alert.status, alert) if seen else ()
        placed = grouping.place(
            alert,
            group_by,
            holders.of_alert(alert.fingerprint),
            holders.of_group(grouping.group_key(alert, group_by, apart)),
            apart,
            around.ask_about(changes),
        )
        if self._inhibitors:
            self._note_source(alert)
        self._note(alert, seen, placed, around, now)
        if alert.status is AlertStatus.RESOLVED and isinstance(placed, Attaches):
            self._note_flapping(alert, seen, placed, changes, around)
        return placed

    def _surround(self, book: Book, apart: str, holders: Holders, now: datetime) -> BookSurroundings:
        storm = self._state.storms.get(apart) or Storm(group=apart)
        # A playbook that came between the refresh and now has no rules made ready yet.
        ready = self._books.get(apart) or BookRules(book.playbook.options.noise, apart)
        made = BookSurroundings(ready, self._silences, self._state.watches, storm, holders, now)
        self._around[apart] = made
        return made

    def _note_source(self, alert: Alert) -> None:
        """Remember a firing alert that may inhibit others, and forget one that has ended."""
        known = self._state.sources.get(alert.fingerprint)
        if alert.status is AlertStatus.RESOLVED:
            if known is not None:
                self._state.drop_source(alert.fingerprint)
                for book in self._inhibitors:
                    book.inhibitor.drop(alert.fingerprint)
        elif known is None and any(book.inhibitor.concerns(alert.labels) for book in self._inhibitors):
            source = InhibitSource(fingerprint=alert.fingerprint, name=alert.name, labels=alert.labels)
            self._state.put_source(source)
            for book in self._inhibitors:
                book.inhibitor.put(source)

    def _note(
        self,
        alert: Alert,
        seen: AlertRecord | None,
        placed: Placement,
        around: BookSurroundings,
        now: datetime,
    ) -> None:
        """Remember what the rules need to know of this alert later."""
        firing = alert.status is AlertStatus.FIRING
        if isinstance(placed, Recorded):
            if firing and placed.because != grouping.Because.INFORMATIONAL:
                if seen is None or seen.incident is not None or seen.because != placed.because:
                    muted = MutedAlert(
                        fingerprint=alert.fingerprint, labels=alert.labels, because=placed.because
                    )
                    self._state.mute(muted)
                return
        elif isinstance(placed, Clears):
            if seen is not None and seen.alert.status is AlertStatus.RESOLVED:
                # It was held while it flapped, or its sender repeats itself.
                self._state.release(alert.fingerprint)
        elif isinstance(placed, Opens):
            service = service_of(alert.labels, around.book.rules.service_labels)
            self._opened.append(_Placed(alert.fingerprint, around.book.group, service))
        elif firing:
            if around.gathered:
                self._state.put_storm(around.storm)
            if around.begins:
                self._begun[around.book.group] = placed.incident
            if around.book.watches:
                is_new = placed.because != grouping.Because.SAME_ALERT
                service = service_of(alert.labels, around.book.rules.service_labels)
                self._watch(placed.incident, around.book.group, service, is_new, now)
        if seen is not None and _was_kept_back(seen):
            self._state.unmute(alert.fingerprint)

    def _note_flapping(
        self,
        alert: Alert,
        seen: AlertRecord | None,
        placed: Attaches,
        changes: tuple[datetime, ...],
        around: BookSurroundings,
    ) -> None:
        rule = around.book.rules.flapping
        assert rule is not None, "without the rule the end would have counted"
        self._state.hold(HeldAlert(fingerprint=alert.fingerprint, until=changes[-1] + rule.within))
        # Two changes ago it ended as well: whether that end counted says if this is news.
        first = len(changes) < 3 or not flapping.flaps(changes[:-2], changes[-3], rule)
        if first and (seen is None or seen.because != placed.because):
            text = f"The alert {alert.name} has ended, but {placed.because}."
            self._flapping[alert.fingerprint] = (placed.incident, text)

    def _watch(self, incident: IncidentId, group: str, service: str, is_new: bool, now: datetime) -> None:
        known = self._state.watches.get(incident)
        services = known.services if known else ()
        if service and service not in services:
            services = (*services, service)
        elif known is not None and not is_new:
            return
        last = now if known is None or is_new else known.last_alert_at
        self._state.put_watch(
            IncidentWatch(incident=incident, group=group, services=services, last_alert_at=last)
        )

    def _catch_up(self, holders: Holders, now: datetime) -> None:
        """Take note of the incidents that the alerts before have opened, now that they have numbers."""
        for each in self._opened:
            found = holders.of_alert(each.fingerprint)
            around = self._around.get(each.group)
            if not found or around is None:
                continue
            if around.book.rules.storm is not None:
                around.storm = storms.opened(around.storm, found[0].id, around.book.rules.storm, now)
                self._state.put_storm(around.storm)
            if around.book.watches:
                self._watch(found[0].id, each.group, each.service, True, now)
        self._opened.clear()

    async def settle(
        self, unit: Unit, opened: Sequence[IncidentId], holders: Holders, now: datetime
    ) -> list[IncidentId]:
        """Act on what a whole batch has led to, before it is committed. `opened` are the incidents that it
        opened; returns the incidents that were changed here.

        Raises:
            ConflictError: an incident has changed meanwhile; the batch has to be placed anew.
        """
        self._catch_up(holders, now)
        changed: dict[IncidentId, None] = {}
        try:
            for group, major in self._begun.items():
                changed.update(dict.fromkeys(await self._gather(unit, group, major, holders, now)))
            for incident, text in self._flapping.values():
                await self._desk.handle_in(unit, incident, c.AddNote(text=text), SYSTEM)
                changed[incident] = None
        except RefusedError as error:
            raise ConflictError(error.message) from error
        for incident in [each for each in self._state.watches if holders.get(each) is None]:
            self._state.drop_watch(incident)
        await self._state.flush(unit, now)
        return list(changed)

    async def _gather(
        self, unit: Unit, group: str, major: IncidentId, holders: Holders, now: datetime
    ) -> list[IncidentId]:
        """Make one incident stand for a storm, and merge the others into it that nobody has taken on."""
        around = self._around[group]
        rule = around.book.rules.storm
        assert rule is not None, "only the rule finds a storm"
        storm = around.storm
        count = len(storms.recent(storm, rule, now))
        merged: list[Incident] = []
        for other in storms.to_gather(storm, rule, holders, now):
            if other != major:
                answer = await self._desk.handle_in(unit, other, c.Merge(into=major), SYSTEM)
                merged.append(answer.incident)
                storm = storms.begun(storm, major, answer.incident.group_key, now)
                holders.drop(other)
        command = c.GatherStorm(
            incidents=count,
            within=rule.within,
            levels=tuple(each.level for each in merged),
            because=storms.because(rule),
        )
        stands = (await self._desk.handle_in(unit, major, command, SYSTEM)).incident
        holders.put(holder_of(stands))
        storm = storms.pruned(replace(storm, openings=()), rule, holders, now)
        around.storm = storm
        self._state.put_storm(storm)
        return [major, *(each.id for each in merged)]


def _is_dismissed(alert: Alert, seen: AlertRecord, holders: Holders) -> bool:
    """Whether an alert only goes on to fire that was dismissed; its incident may have been reopened since."""
    if seen.because != grouping.Because.FALSE_ALARM or seen.alert.status is not alert.status:
        return False
    return alert.status is AlertStatus.FIRING and holders.get(seen.incident) is None


def _was_kept_back(seen: AlertRecord) -> bool:
    fires = seen.incident is None and seen.alert.status is AlertStatus.FIRING
    return fires and seen.because not in (grouping.Because.INFORMATIONAL, grouping.Because.FALSE_ALARM)


def books_of(shelf: Shelf) -> dict[str, BookRules]:
    """The rules about noise of every playbook, by what sets its groups apart."""
    return {
        shelf.group_of(book): BookRules(book.playbook.options.noise, shelf.group_of(book))
        for book in shelf.books
    }


def mute_reason(
    books: Mapping[str, BookRules], shelf: Shelf, silences: Silences, labels: dict[str, str], now: datetime
) -> str:
    """Why an alert with these labels would only be recorded at `now` (UTC); "" where it would be placed."""
    group = shelf.group_of(shelf.for_labels(labels))
    around = BookSurroundings(books[group], silences, {}, Storm(group=group), Holders(()), now)
    return around.mute_reason(labels)
