"""What each gateway counted, second by second: for two minutes, until whoever decides has read it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make node_seconds."""
    op.create_table(
        "node_seconds",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("node", sa.String, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("written_at", sa.Double, nullable=False),
        sa.Column("late_s", sa.Double, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.UniqueConstraint("service", "node", "since", "number", name="node_seconds_once"),
        sqlite_autoincrement=True,
    )
