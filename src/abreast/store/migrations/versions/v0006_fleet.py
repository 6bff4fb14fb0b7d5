"""Several servers on one store: who decides, who is there, and orders from one to the other; events kept on PostgreSQL.

SQLite has had the triggers on events since 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

APPEND_ONLY = (
    """
    CREATE FUNCTION events_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'events are never changed or deleted'; END $$
    """,
    """
    CREATE TRIGGER events_never_change BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION events_refuse()
    """,
    """
    CREATE TRIGGER events_never_vanish BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_refuse()
    """,
)


def upgrade() -> None:
    """Make leases, replicas and orders, and the triggers."""
    op.create_table(
        "leases",
        sa.Column("service", sa.String, primary_key=True),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
    )
    op.create_table(
        "replicas",
        sa.Column("service", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("identity", sa.String, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.Column("nodes", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("service", "name", name="replicas_pk"),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("token", sa.BigInteger),
        sa.Column("answer", sa.Text),
    )
    op.create_index("orders_service", "orders", ["service", "at"])
    if op.get_bind().dialect.name == "postgresql":
        for statement in APPEND_ONLY:
            op.execute(sa.text(statement))
