"""`verify` on a database: one incident at a time, so that any number of them fits into memory."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, Executable, Text, select, text, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tocsin.adapters.store.address import Address
from tocsin.adapters.store.checking import (
    AUDIT,
    ChainCheck,
    Fold,
    Row,
    audit_link,
    check_incident,
    fault,
)
from tocsin.adapters.store.errors import translated
from tocsin.adapters.store.reader import STORED_EVENT
from tocsin.adapters.store.schema import Instant, audit, events, heads, incidents, settings
from tocsin.adapters.store.unit import UNUSED_NUMBERS
from tocsin.base.ids import incident_id
from tocsin.engine.ports import StoreUnavailableError
from tocsin.engine.records import Fault

_PAGE = 50
_AUDIT_PAGE = 1_000
_DAMAGE_SHOWN = 20


async def verify(engine: AsyncEngine, address: Address, fold: Fold) -> list[Fault]:
    """Everything that does not verify.

    Raises:
        StoreUnavailableError: a PostgreSQL server cannot be used. (A SQLite file that cannot be read
            any more is a finding.)
    """
    faults: list[Fault] = []
    try:
        with translated(address):
            async with engine.connect() as connection:
                await _Walk(connection, address, fold, faults).everything()
    except StoreUnavailableError as error:
        if not address.sqlite:
            raise
        faults.append(fault("", 0, str(error)))
    return faults


class _Walk:
    def __init__(
        self, connection: AsyncConnection, address: Address, fold: Fold, faults: list[Fault]
    ) -> None:
        self._connection = connection
        self._address = address
        self._fold = fold
        self._faults = faults

    async def everything(self) -> None:
        for part in (self._file, self._incidents, self._orphans, self._audit):
            try:
                with translated(self._address):
                    await part()
            except StoreUnavailableError as error:
                if not self._address.sqlite:
                    raise
                self._faults.append(fault("", 0, str(error)))

    async def _rows(self, query: Executable) -> list[Row]:
        found = await self._connection.execute(query)
        return [dict(zip(found.keys(), row, strict=True)) for row in found]

    async def _file(self) -> None:
        if self._address.sqlite:
            findings = await self._connection.execute(text(f"PRAGMA integrity_check({_DAMAGE_SHOWN})"))
            for (finding,) in findings:
                if finding != "ok":
                    self._faults.append(fault("", 0, f"the database file is damaged: {finding}"))

    async def _incidents(self) -> None:
        unused = await self._unused_numbers()
        wanted = 1
        async for head in self._pages(_stored(incidents.c), incidents.c.number, _PAGE):
            for number in range(wanted, head["number"]):
                if number not in unused:
                    self._faults.append(fault(f"INC-{number}", 0, "the incident is missing"))
            wanted = head["number"] + 1
            await self._incident(head)
        given = await self._head("incidents", "number")
        if not isinstance(given, int):
            self._faults.append(fault("", 0, f"the last number that was given reads {given!r}"))
            return
        for number in range(wanted, given + 1):
            if number not in unused:
                self._faults.append(fault(f"INC-{number}", 0, "the incident is missing"))

    async def _incident(self, head: Row) -> None:
        # By the number, which is the key: the id beside it may be damaged, and no text at all any more.
        name = incident_id(head["number"])
        query = select(*STORED_EVENT).where(events.c.incident == name).order_by(events.c.seq)
        try:
            with translated(self._address):
                found = await self._rows(query)
        except StoreUnavailableError as error:
            if not self._address.sqlite:
                raise
            self._faults.append(fault(name, 0, str(error)))
        else:
            self._faults.extend(check_incident(head, found, self._fold))

    async def _orphans(self) -> None:
        known = select(incidents.c.id)
        query = select(events.c.incident, events.c.seq).where(events.c.incident.not_in(known))
        for row in await self._rows(query.limit(_AUDIT_PAGE)):
            self._faults.append(fault(row["incident"], row["seq"], "it belongs to no incident that is there"))

    async def _audit(self) -> None:
        last_seq, last_hash = await self._head("audit", "number"), await self._head("audit", "hash")
        chain = ChainCheck(AUDIT, audit_link)
        async for line in self._pages(_stored(audit.c), audit.c.seq, _AUDIT_PAGE):
            chain.add(line)
        chain.end(last_seq, last_hash)
        self._faults.extend(chain.faults)

    async def _unused_numbers(self) -> set[int]:
        query = select(settings.c.value).where(settings.c.key == UNUSED_NUMBERS)
        try:
            for row in await self._rows(query):
                return msgspec.json.decode(row["value"], type=set[int])
        except (msgspec.MsgspecError, UnicodeError, TypeError):
            self._faults.append(fault("", 0, f"the setting {UNUSED_NUMBERS} was changed"))
        return set()

    async def _head(self, name: str, column: str) -> Any:
        for row in await self._rows(select(heads.c[column].label("value")).where(heads.c.name == name)):
            return row["value"]
        self._faults.append(fault("", 0, f"the record of where the {name} stand is missing"))
        return 0

    async def _pages(self, columns: Sequence[Any], key: Column[Any], page: int) -> AsyncIterator[Row]:
        reached: Any = 0
        while True:
            found = await self._rows(select(*columns).where(key > reached).order_by(key).limit(page))
            for row in found:
                yield row
            if len(found) < page:
                return
            reached = found[-1][key.name]


def _stored(columns: Any) -> list[Any]:
    """The columns with times as they are stored."""
    return [
        type_coerce(column, Text).label(column.name) if isinstance(column.type, Instant) else column
        for column in columns
    ]
