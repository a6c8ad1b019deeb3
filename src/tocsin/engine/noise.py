"""What keeps alerts from becoming noise: where each belongs, and why.

Every decision about an alert is made here, so that there is one place to ask why. It is called by the
intake within its transaction: `refresh` once for a batch, `place` for each alert, `settle` before the end.
"""

from collections.abc import Sequence
from datetime import datetime

from tocsin.alerts import grouping
from tocsin.alerts.grouping import Placement
from tocsin.alerts.holders import Holders
from tocsin.alerts.model import Alert
from tocsin.base.ids import IncidentId
from tocsin.engine.desk import Desk
from tocsin.engine.library import Library
from tocsin.engine.ports import Reader, Unit
from tocsin.engine.records import AlertRecord
from tocsin.engine.silencing import Silencing


class Noise:
    """Decides where alerts belong."""

    def __init__(self, library: Library, silencing: Silencing, desk: Desk) -> None:
        self._library = library
        self._silencing = silencing
        self._desk = desk

    async def refresh(self, reader: Reader) -> None:
        """Take note of what has changed in the store since the last batch."""

    def place(self, alert: Alert, seen: AlertRecord | None, holders: Holders, now: datetime) -> Placement:
        """Where an alert belongs. `seen` is its record from before, None for a new one; `now` is UTC."""
        shelf = self._library.current
        book = shelf.for_alert(alert)
        group_by, apart = book.playbook.options.group_by, shelf.group_of(book)
        siblings = holders.of_group(grouping.group_key(alert, group_by, apart))
        return grouping.place(alert, group_by, holders.of_alert(alert.fingerprint), siblings, apart)

    async def settle(
        self, unit: Unit, opened: Sequence[IncidentId], holders: Holders, now: datetime
    ) -> list[IncidentId]:
        """Act on what a whole batch has led to, before it is committed. `opened` are the incidents that it
        opened; returns the incidents that were changed here."""
        return []
