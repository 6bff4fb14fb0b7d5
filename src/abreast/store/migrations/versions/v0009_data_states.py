"""What the database of a service said last, for servers that do not ask it themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make data_states."""
    op.create_table(
        "data_states",
        sa.Column("service", sa.String, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
    )
