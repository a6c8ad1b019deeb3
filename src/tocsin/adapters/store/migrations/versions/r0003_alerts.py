"""Alerts in columns of their own, with their history; incidents no longer list their alerts."""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PAGE = 1_000

_SEALED = (
    "number",
    "id",
    "state",
    "level",
    "title",
    "group_key",
    "updated_at",
    "resolved_at",
    "next_due_at",
    "last_seq",
    "last_hash",
    "body",
)
"""What the seal of an incident covers from this step on; before it, `fingerprints` came after the group."""


def upgrade() -> None:
    """Fill the new columns from the records, and seal the incidents anew."""
    _alerts()
    _steps()
    _incidents()


def _alerts() -> None:
    connection = op.get_bind()
    op.drop_index("ix_alerts_incident", "alerts")
    op.drop_index("ix_alerts_last_seen_at", "alerts")
    op.rename_table("alerts", "alerts_before")
    if connection.dialect.name == "postgresql":
        op.drop_constraint("pk_alerts", "alerts_before")
    op.create_table(
        "alerts",
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("incident", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
        sa.Column("first_seen_at", sa.Text, nullable=False),
        sa.Column("last_seen_at", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Text),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("changes", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_alerts"),
    )
    into = sa.table("alerts", *map(sa.column, ("fingerprint", "incident", "status", "because")))
    into.append_column(sa.column("first_seen_at"))
    for name in ("last_seen_at", "times", "changes", "body"):
        into.append_column(sa.column(name))
    for rows in _pages("alerts_before", "fingerprint", ("fingerprint", "incident", "last_seen_at", "body")):
        connection.execute(into.insert(), [_columns(row) for row in rows])
    op.drop_table("alerts_before")
    op.create_index("ix_alerts_incident_status", "alerts", ["incident", "status"])
    op.create_index("ix_alerts_last_seen_at", "alerts", ["last_seen_at"])
    op.create_index("ix_alerts_expires_at", "alerts", ["expires_at"])


def _pages(table: str, key: str, names: tuple[str, ...]) -> Iterator[list[Any]]:
    source = sa.table(table, *map(sa.column, names))
    reached: Any = None
    while True:
        query = sa.select(source).order_by(source.c[key]).limit(_PAGE)
        if reached is not None:
            query = query.where(source.c[key] > reached)
        found = [dict(row) for row in op.get_bind().execute(query).mappings()]
        if not found:
            return
        yield found
        reached = found[-1][key]


def _columns(row: dict[str, Any]) -> dict[str, Any]:
    record = msgspec.json.decode(row["body"])
    alert = record["alert"]
    return {
        "fingerprint": row["fingerprint"],
        "incident": row["incident"],
        "status": alert["status"],
        "because": record["because"].replace("\x00", "\u2400"),
        "first_seen_at": _instant(record["first_seen_at"]),
        "last_seen_at": row["last_seen_at"],
        "times": record["times"],
        "changes": "",
        "body": _canonical(alert),
    }


def _instant(text: str) -> str:
    """A time as it stands in JSON, with the six digits of the columns."""
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    return f"{seconds}.{fraction:0<6}Z"


def _canonical(value: object) -> str:
    return msgspec.json.encode(value, order="sorted").decode()


def _steps() -> None:
    op.create_table(
        "alert_steps",
        sa.Column("position", _BIG, autoincrement=True, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("incident", sa.Text),
        sa.Column("because", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_alert_steps"),
    )
    op.create_index("ix_alert_steps_fingerprint_position", "alert_steps", ["fingerprint", "position"])


def _incidents() -> None:
    connection = op.get_bind()
    before = (*_SEALED[:6], "fingerprints", *_SEALED[6:])
    head = sa.table("incidents", *map(sa.column, ("number", "seal")))
    for rows in _pages("incidents", "number", (*before, "seal")):
        for row in rows:
            # One that was changed behind Tocsin's back keeps its wrong seal, and `verify` goes on to tell.
            if _seal(row, before) == row["seal"]:
                sealed = head.update().where(head.c.number == row["number"])
                connection.execute(sealed.values(seal=_seal(row, _SEALED)))
    op.drop_column("incidents", "fingerprints")


def _seal(row: dict[str, Any], names: tuple[str, ...]) -> str:
    return hashlib.sha256(_canonical([row[name] for name in names]).encode()).hexdigest()
