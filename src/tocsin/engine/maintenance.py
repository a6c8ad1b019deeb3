"""The maintenance windows of the current playbooks: which holds, which comes next."""

from datetime import datetime

import msgspec

from tocsin.alerts.rules import Window
from tocsin.alerts.windows import Occurrence, Windows, occurrence
from tocsin.engine.shelf import Book, Shelf

SHOWN_MAX = 200
"""Windows that are told of at once; a playbook with more of them is none that people wrote."""


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A window with the playbook that has it. `occurs` is None where it does not come again."""

    book: Book
    window: Window
    occurs: Occurrence | None


def planned(shelf: Shelf, now: datetime) -> list[Planned]:
    """The windows of every playbook: those that hold at `now` (UTC), the next to begin, then those that do
    not come again."""
    own = [(book, window) for book in shelf.books for window in book.playbook.options.noise.maintenance]
    found = [
        Planned(book=book, window=window, occurs=occurrence(window, now)) for book, window in own[:SHOWN_MAX]
    ]

    def place(each: Planned) -> tuple[bool, float]:
        occurs = each.occurs
        return occurs is None, occurs.starts_at.timestamp() if occurs else 0

    return sorted(found, key=place)


class Muting:
    """Which windows hold an alert back at one moment (UTC)."""

    def __init__(self, shelf: Shelf, now: datetime) -> None:
        self._open = {
            book.name: Windows(book.playbook.options.noise.maintenance).open_at(now) for book in shelf.books
        }

    def of(self, book: Book, labels: dict[str, str]) -> tuple[str, ...]:
        """The names of the open windows of its playbook that match an alert with these labels."""
        found = self._open.get(book.name, ())
        return tuple(each.window.name for each in found if each.window.matchers.matches(labels))
