"""The outbox: what waits, who has claimed it, and what became of it."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, Update, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tocsin.adapters.store import rows
from tocsin.adapters.store.schema import outbox
from tocsin.base import limits
from tocsin.base.ids import IncidentId, PageId
from tocsin.engine.records import OutboxRow, OutboxStatus
from tocsin.incident.outgoing import RaiseAlert, Send

_PENDING = outbox.c.status == OutboxStatus.PENDING.value


async def enqueue(
    connection: AsyncConnection, effects: Sequence[Send | RaiseAlert], insert: Callable[[Table], Any]
) -> None:
    """Put effects into the outbox; a key that is there already is left as it is."""
    if effects:
        statement = insert(outbox).on_conflict_do_nothing(index_elements=["key"])
        await connection.execute(statement, [rows.outbox_columns(effect) for effect in effects])


async def cancel(connection: AsyncConnection, incident: IncidentId, pages: Sequence[PageId]) -> int:
    """Cancel what is pending under these pages; returns how many rows."""
    if not pages:
        return 0
    statement = (
        update(outbox)
        .where(outbox.c.incident == incident, outbox.c.page.in_(pages), _PENDING)
        .values(status=OutboxStatus.CANCELLED.value, lease_until=None)
    )
    return (await connection.execute(statement)).rowcount


async def claim(
    connection: AsyncConnection, now: datetime, lease_until: datetime, limit: int, held: Collection[str]
) -> list[OutboxRow]:
    """Lease due rows and their bundle mates. Rows that another worker is claiming now are passed over."""
    never_that_long = (outbox.c.bundle != "") | (outbox.c.attempts > 0)
    lost_in_time = never_that_long & (outbox.c.ready_at > now + limits.outbox_page_wait_max)
    due: Select[Any] = select(outbox).where(_PENDING, (outbox.c.ready_at <= now) | lost_in_time)
    if held:
        due = due.where(outbox.c.bundle.not_in(held))
    free = due.with_for_update(skip_locked=True)
    in_order = (outbox.c.due_at, outbox.c.position)
    found = list((await connection.execute(free.order_by(*in_order).limit(limit))).mappings().all())
    bundles = {row["bundle"] for row in found if row["bundle"]}
    if bundles:
        taken = [row["position"] for row in found]
        mates = free.where(outbox.c.bundle.in_(bundles), outbox.c.position.not_in(taken))
        found.extend((await connection.execute(mates)).mappings().all())
    if not found:
        return []
    positions = [row["position"] for row in found]
    leased = (
        update(outbox)
        .where(outbox.c.position.in_(positions))
        .values(attempts=outbox.c.attempts + 1, lease_until=lease_until, ready_at=lease_until)
    )
    await connection.execute(leased)
    found.sort(key=lambda row: (row["due_at"], row["position"]))
    leases = ({"attempts": row["attempts"] + 1, "lease_until": lease_until} for row in found)
    return [rows.read_outbox({**row, **lease}) for row, lease in zip(found, leases, strict=True)]


async def finish(
    connection: AsyncConnection,
    key: str,
    status: OutboxStatus,
    at: datetime,
    error: str,
    retry_at: datetime | None,
) -> None:
    """End a claim. That something was delivered is true whatever was decided meanwhile; every other
    outcome is of what is still pending."""
    ended: Update = update(outbox).where(outbox.c.key == key)
    if status is OutboxStatus.PENDING:
        again = retry_at or at
        ended = ended.where(_PENDING).values(due_at=again, ready_at=again)
    else:
        if status is not OutboxStatus.DELIVERED:
            ended = ended.where(_PENDING)
        ended = ended.values(status=status.value, done_at=at)
    await connection.execute(ended.values(lease_until=None, last_error=error))
