"""What the command line needs of the rest of Tocsin. `__main__` hands it in, so that no command imports an
adapter, and `tocsin --help` does not wait for a database driver."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from tocsin.engine.outside import World
    from tocsin.engine.ports import Clock, Randomness, Store
    from tocsin.engine.sources import Source
    from tocsin.incident.rules import Clocks, Runbook
    from tocsin.oncall.model import Roster
    from tocsin.playbook.model import Playbook


class ServeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The flags of `tocsin serve`; None where the settings decide."""

    playbook: Path | None = None
    roster: Path | None = None
    policy: Path | None = None
    config: Path | None = None
    host: str | None = None
    port: int | None = None
    data: Path | None = None
    database_url: str | None = None


class StoreOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Where the database of a local command is; None where the settings decide."""

    config: Path | None = None
    data: Path | None = None
    database_url: str | None = None


class DrillRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A rehearsal: which alert fires, when (in any zone), and what people do.

    `ack_after` and `resolve_after` run from the alert; None means that it is never done. `ack_by` is
    a person of the roster, "" the one who was paged first.
    """

    alert: str
    at: datetime
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    until: timedelta = timedelta(hours=6)
    ack_after: timedelta | None = None
    ack_by: str = ""
    resolve_after: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class DrillMaterial:
    """The documents that are rehearsed. `digest` is the SHA-256 of the playbook's bytes, in hexadecimal, or
    that of the list of its set; `roster` is None where nobody gave one; `notes` are for the head of the
    report; `runbooks` are the service runbooks beside the playbook."""

    playbook: "Playbook"
    digest: str
    roster: "Roster | None"
    clocks: "Clocks"
    notes: tuple[str, ...] = ()
    runbooks: "tuple[Runbook, ...]" = ()


class DrillLine(Protocol):
    """One thing that happened in a rehearsal. `clock` is `T+00:12:00` from the alert, `at` is UTC."""

    @property
    def clock(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def kind(self) -> str: ...
    @property
    def weight(self) -> str: ...
    @property
    def text(self) -> str: ...


class DrillReport(Protocol):
    """What a rehearsal came to. `notes` say what was made up for it, `verdict` are the closing sentences, and
    `document` is it as plain JSON values."""

    @property
    def playbook(self) -> str: ...
    @property
    def notes(self) -> Sequence[str]: ...
    @property
    def lines(self) -> Sequence[DrillLine]: ...
    @property
    def verdict(self) -> Sequence[str]: ...
    def document(self) -> dict[str, object]: ...


class Explained(Protocol):
    """A playbook in plain words: `lines` for a terminal, `page` as one HTML document."""

    def lines(self) -> Sequence[str]: ...
    def page(self) -> str: ...


class CliServices(Protocol):
    """The composition root as the commands see it."""

    def serve(self, options: ServeOptions) -> None:
        """Run the server until it is told to stop.

        Raises:
            ProblemsError: the settings, the playbook or the roster are refused.
        """
        ...

    def open_store(self, options: StoreOptions) -> AbstractAsyncContextManager["Store"]:
        """The database, without a server; it must exist.

        Raises:
            ProblemsError: the settings are refused, or there is no database.
            StoreUnavailableError: it cannot be read now.
        """
        ...

    def clock(self) -> "Clock":
        """The clock of this machine."""
        ...

    def randomness(self) -> "Randomness":
        """The source of secrets."""
        ...

    def drill(self, request: DrillRequest, material: DrillMaterial) -> DrillReport:
        """Rehearse on a virtual clock; nothing leaves the house. Without a roster, stand-ins fill in."""
        ...

    def world(self, folder: Path) -> "World":
        """What a check asks of this machine and its network; relative paths begin at `folder`.

        Raises:
            ProblemsError: the settings are refused.
        """
        ...

    def sources(self, options: StoreOptions) -> "Mapping[str, Source]":
        """The sources of alerts under the settings, by their kind, without the secrets of any.

        Raises:
            ProblemsError: the settings are refused.
        """
        ...

    def language_server(self) -> None:
        """Serve an editor on standard input and output until it leaves.

        Raises:
            ModuleNotFoundError: what it is made with is not installed.
        """
        ...

    def explain(self, material: DrillMaterial, levels: Sequence[str], at: datetime) -> Explained:
        """What the playbook does with incidents of these levels (of its own) opened at a time."""
        ...
