"""What comparing found: books, samples by what they show, and how far each relay was read."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make findings, samples, sample_keys and relays."""
    op.create_table(
        "findings",
        sa.Column("service", sa.String, nullable=False),
        sa.Column("rollout", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("book", sa.Text, nullable=False),
        sa.Column("ledger", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("service", "rollout", name="findings_pk"),
        sa.ForeignKeyConstraint(
            ["service", "rollout"], ["rollouts.service", "rollouts.number"], name="findings_rollout_fk"
        ),
    )
    op.create_table(
        "samples",
        sa.Column("service", sa.String, nullable=False),
        sa.Column("rollout", sa.Integer, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("service", "rollout", "id", name="samples_pk"),
        sa.ForeignKeyConstraint(
            ["service", "rollout"], ["findings.service", "findings.rollout"], name="samples_findings_fk"
        ),
    )
    op.create_index("samples_age", "samples", ["service", "at"])
    op.create_table(
        "sample_keys",
        sa.Column("service", sa.String, nullable=False),
        sa.Column("rollout", sa.Integer, nullable=False),
        sa.Column("endpoint", sa.String, nullable=False),
        sa.Column("pattern", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("sample", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("service", "rollout", "endpoint", "pattern", "kind", "sample", name="sample_keys_pk"),
        sa.ForeignKeyConstraint(
            ["service", "rollout", "sample"],
            ["samples.service", "samples.rollout", "samples.id"],
            name="sample_keys_sample_fk",
            ondelete="CASCADE",
        ),
    )
    op.create_index("sample_keys_sample", "sample_keys", ["service", "rollout", "sample"])
    op.create_table(
        "relays",
        sa.Column("service", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("service", "name", name="relays_pk"),
    )
