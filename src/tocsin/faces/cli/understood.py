"""What the reader made of each part of a playbook, by which signs, and how sure it is."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin.playbook.model import Playbook

TITLE = "Understood"
HEAD = ("Line", "As", "By", "How sure")


def understood(playbook: "Playbook") -> tuple[str, Sequence[str], list[tuple[str, ...]]]:
    """A titled table: heading, column headings, and a row for each part in the order of lines."""
    rows = [(str(each.line), each.kind, each.how, each.confidence.value) for each in playbook.recognised]
    return TITLE, HEAD, rows


WINDOWS = "Maintenance windows"


def windows(playbook: "Playbook", now: datetime) -> tuple[str, Sequence[str], list[tuple[str, ...]]]:
    """A titled table of the maintenance windows as of `now` (UTC)."""
    from tocsin.alerts.windows_told import HEAD as WINDOWS_HEAD
    from tocsin.alerts.windows_told import window_rows

    return WINDOWS, WINDOWS_HEAD, list(window_rows(playbook.options.noise.maintenance, now))
