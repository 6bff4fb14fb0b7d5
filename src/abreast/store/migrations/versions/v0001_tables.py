"""The first tables, and the triggers that keep events as they were written."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Replacing a row (INSERT OR REPLACE) fires no DELETE trigger, hence the third.
APPEND_ONLY = (
    """
    CREATE TRIGGER events_never_change BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are never changed'); END
    """,
    """
    CREATE TRIGGER events_never_vanish BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END
    """,
    """
    CREATE TRIGGER events_never_replaced BEFORE INSERT ON events
    WHEN EXISTS (SELECT 1 FROM events WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'events are never replaced'); END
    """,
)


def upgrade() -> None:
    """Make rollouts, events, counts and secrets."""
    op.create_table(
        "rollouts",
        sa.Column("service", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("phase", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("service", "number", name="rollouts_pk"),
    )
    op.create_table(
        "events",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("rollout", sa.Integer, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["service", "rollout"], ["rollouts.service", "rollouts.number"], name="events_rollout_fk"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("events_service", "events", ["service", "id"])
    op.create_table(
        "counts",
        sa.Column("minute", sa.Integer, nullable=False),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("minute", "service", "version", name="counts_pk"),
    )
    op.create_table(
        "secrets",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        for trigger in APPEND_ONLY:
            op.execute(sa.text(trigger))
