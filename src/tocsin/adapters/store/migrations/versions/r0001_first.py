"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Come to this step from an empty database."""
    _incidents()
    _outbox()
    _people()
    _books()


def _incidents() -> None:
    op.create_table(
        "events",
        sa.Column("incident", sa.Text, nullable=False),
        sa.Column("seq", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("incident", "seq", name="pk_events"),
    )
    op.create_table(
        "incidents",
        sa.Column("number", _BIG, autoincrement=False, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("group_key", sa.Text, nullable=False),
        sa.Column("fingerprints", sa.Text, nullable=False),
        sa.Column("updated_at", sa.Text, nullable=False),
        sa.Column("resolved_at", sa.Text),
        sa.Column("next_due_at", sa.Text),
        sa.Column("last_seq", sa.Integer, nullable=False),
        sa.Column("last_hash", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("seal", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_incidents"),
        sa.UniqueConstraint("id", name="uq_incidents_id"),
    )
    op.create_index("ix_incidents_state_number", "incidents", ["state", "number"])
    op.create_index("ix_incidents_next_due_at", "incidents", ["next_due_at"])
    op.create_table(
        "alerts",
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("incident", sa.Text),
        sa.Column("last_seen_at", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_alerts"),
    )
    op.create_index("ix_alerts_incident", "alerts", ["incident"])
    op.create_index("ix_alerts_last_seen_at", "alerts", ["last_seen_at"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("position", _BIG, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("form", sa.Text, nullable=False),
        sa.Column("incident", sa.Text, nullable=False),
        sa.Column("page", sa.Text),
        sa.Column("bundle", sa.Text, nullable=False),
        sa.Column("effect", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("due_at", sa.Text, nullable=False),
        sa.Column("ready_at", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("lease_until", sa.Text),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("done_at", sa.Text),
        sa.PrimaryKeyConstraint("position", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
    )
    op.create_index("ix_outbox_status_ready_at", "outbox", ["status", "ready_at"])
    op.create_index("ix_outbox_incident_page", "outbox", ["incident", "page"])


def _people() -> None:
    op.create_table(
        "accounts",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_accounts"),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("secret_hash", name="uq_tokens_secret_hash"),
    )
    op.create_table(
        "sessions",
        sa.Column("secret_hash", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("secret_hash", name="pk_sessions"),
    )


def _books() -> None:
    op.create_table(
        "playbooks",
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("seen_at", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_playbooks"),
    )
    op.create_table(
        "settings",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_settings"),
    )
    op.create_table(
        "audit",
        sa.Column("seq", _BIG, autoincrement=False, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    heads = op.create_table(
        "heads",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("number", _BIG, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_heads"),
    )
    op.bulk_insert(
        heads,
        [{"name": "incidents", "number": 0, "hash": ""}, {"name": "audit", "number": 0, "hash": "0" * 64}],
    )
