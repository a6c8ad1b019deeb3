"""Small records by shape and key: silences, heartbeats, reports, deliveries that were seen."""

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "records",
        sa.Column("shape", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("shape", "key", name="pk_records"),
    )
    op.create_index("ix_records_shape_at", "records", ["shape", "at"])
