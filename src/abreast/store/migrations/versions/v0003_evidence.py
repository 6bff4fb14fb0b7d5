"""What verdicts are made from: ticks of each second, and the evidence so far."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make ticks and evidence."""
    op.create_table(
        "ticks",
        sa.Column("service", sa.String, nullable=False),
        sa.Column("rollout", sa.Integer, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("service", "rollout", "at", name="ticks_pk"),
        sa.ForeignKeyConstraint(
            ["service", "rollout"], ["rollouts.service", "rollouts.number"], name="ticks_rollout_fk"
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "evidence",
        sa.Column("service", sa.String, nullable=False),
        sa.Column("rollout", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("service", "rollout", name="evidence_pk"),
        sa.ForeignKeyConstraint(
            ["service", "rollout"], ["rollouts.service", "rollouts.number"], name="evidence_rollout_fk"
        ),
    )
