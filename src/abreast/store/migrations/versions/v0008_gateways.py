"""Gateways apart from servers: who may join, who has, and what their Envoys obey."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Tell replicas apart by what they are, and make join_tokens and agents."""
    with op.batch_alter_table("replicas") as batch:
        batch.add_column(sa.Column("kind", sa.String, nullable=False, server_default="server"))
        batch.add_column(sa.Column("server", sa.String, nullable=False, server_default=""))
        batch.add_column(sa.Column("connection", sa.BigInteger, nullable=False, server_default="0"))
        batch.drop_constraint("replicas_pk", type_="primary")
        batch.create_primary_key("replicas_pk", ["service", "kind", "name"])
    op.create_table(
        "join_tokens",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("created_by", sa.String, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("used_by", sa.String),
        sa.Column("enrolment", sa.String),
    )
    op.create_table(
        "agents",
        sa.Column("service", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("enrolment", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("service", "kind", "name", name="agents_pk"),
    )
