"""The tables, the same on SQLite and PostgreSQL. Times are text that sorts as they do (see `Instant`)."""

from datetime import datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from tocsin.base.times import format_instant, parse_instant

REVISION: Final = "r0003"
"""The migration that leads to the tables below; a test holds the two together."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime as RFC 3339 text with microseconds."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """To the database."""
        return None if value is None else format_instant(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        return None if value is None else parse_instant(value)


class Plain(TypeDecorator[str]):
    """Text from outside. PostgreSQL keeps no NUL in text, so one is written as its visible symbol; the
    JSON columns, which escape it, keep the original."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """To the database."""
        return None if value is None else value.replace("\x00", "\u2400")

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """From the database."""
        return value


BigNumber = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself only in a column that is declared INTEGER."""

events = Table(
    "events",
    metadata,
    Column("incident", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

incidents = Table(
    "incidents",
    metadata,
    Column("number", BigNumber, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("level", Plain, nullable=False),
    Column("title", Plain, nullable=False),
    Column("group_key", Plain, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("resolved_at", Instant),
    Column("next_due_at", Instant),
    Column("last_seq", Integer, nullable=False),
    Column("last_hash", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("seal", Text, nullable=False),
    UniqueConstraint("id"),
    Index(None, "state", "number"),
    Index(None, "next_due_at"),
)
"""The read model. `body` is the canonical JSON of the incident, `seal` the SHA-256 over the other columns."""

alerts = Table(
    "alerts",
    metadata,
    Column("fingerprint", Plain, primary_key=True),
    Column("incident", Text),
    Column("status", Text, nullable=False),
    Column("because", Plain, nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("times", Integer, nullable=False),
    Column("changes", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "incident", "status"),
    Index(None, "last_seen_at"),
    Index(None, "expires_at"),
)
"""`body` is the canonical JSON of the alert as it was last told in full. `status` is whether
it counts as firing; `expires_at` is set while it fires.
`changes` are times as they are stored, with a space between them."""

alert_steps = Table(
    "alert_steps",
    metadata,
    Column("position", BigNumber, primary_key=True),
    Column("fingerprint", Plain, nullable=False),
    Column("at", Instant, nullable=False),
    Column("status", Text, nullable=False),
    Column("incident", Text),
    Column("because", Plain, nullable=False),
    Index(None, "fingerprint", "position"),
)
"""The history of alerts, to which lines are only ever added."""

outbox = Table(
    "outbox",
    metadata,
    Column("position", BigNumber, primary_key=True),
    Column("key", Plain, nullable=False),
    Column("form", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("page", Text),
    Column("bundle", Plain, nullable=False),
    Column("effect", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("ready_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("lease_until", Instant),
    Column("last_error", Plain, nullable=False),
    Column("done_at", Instant),
    UniqueConstraint("key"),
    Index(None, "status", "ready_at"),
    Index(None, "incident", "page"),
)
"""`ready_at` is when a row can next be claimed: `lease_until` while leased, else `due_at`."""

playbooks = Table(
    "playbooks",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("name", Plain, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("seen_at", Instant, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("key", Plain, primary_key=True),
    Column("body", Text, nullable=False),
)
"""`key` is the name without case."""

tokens = Table(
    "tokens",
    metadata,
    Column("id", Plain, primary_key=True),
    Column("secret_hash", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("secret_hash"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("secret_hash", Text, primary_key=True),
    Column("expires_at", Instant, nullable=False),
    Column("body", Text, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Plain, nullable=False),
)

records = Table(
    "records",
    metadata,
    Column("shape", Text, primary_key=True),
    Column("key", Plain, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "shape", "at"),
)
"""Small records that parts of the engine keep for themselves, each a JSON text under its shape's name."""

audit = Table(
    "audit",
    metadata,
    Column("seq", BigNumber, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Plain, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

heads = Table(
    "heads",
    metadata,
    Column("name", Text, primary_key=True),
    Column("number", BigNumber, nullable=False),
    Column("hash", Text, nullable=False),
)
"""Where the numbering of incidents and the chain of the audit log stand; a row is locked to take the next."""
