"""Deliveries for the tests of channels."""

from datetime import UTC, datetime

from msgspec.structs import replace

from tocsin.base.ids import IncidentId
from tocsin.engine.ports import Outgoing
from tocsin.incident.outgoing import Letter

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PAGE = Outgoing(
    key="INC-7/p3/0",
    address="alice@example.org",
    letter=Letter(
        subject="P1 INC-7: VaultSealed",
        lines=("Vault is sealed.", "Respond by Mon 02 Mar 2026, 10:15 CET", "ü <b>not bold</b> & so on"),
    ),
    incident=IncidentId("INC-7"),
    thread="INC-7",
    urgent=True,
    link="https://tocsin.example.org/a/INC-7?t=a&b=c",
)


def outgoing(**changes: object) -> Outgoing:
    return replace(PAGE, **changes)


def letter(subject: str, *lines: str) -> Letter:
    return Letter(subject=subject, lines=lines)
