"""The store's tables, in terms that SQLite and PostgreSQL share.

The migrations make them; a test holds that both say the same. JSON bodies are text written by pydantic, so
that every number comes back exactly as it went in.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

METADATA: Final = MetaData()

ROLLOUTS: Final = Table(
    "rollouts",
    METADATA,
    Column("service", String, nullable=False),
    Column("number", Integer, nullable=False),
    # Counts the writes of this row from 1; a write names the one it has read.
    Column("revision", Integer, nullable=False),
    # Copied out of the body for people who read the table.
    Column("phase", String, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("service", "number", name="rollouts_pk"),
)

EVENTS: Final = Table(
    "events",
    METADATA,
    # SQLite counts up by itself only where the type is exactly INTEGER.
    Column(
        "id",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("service", String, nullable=False),
    Column("rollout", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("kind", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("data", JSON, nullable=False),
    ForeignKeyConstraint(
        ["service", "rollout"],
        ["rollouts.service", "rollouts.number"],
        name="events_rollout_fk",
    ),
    Index("events_service", "service", "id"),
    sqlite_autoincrement=True,
)

COUNTS: Final = Table(
    "counts",
    METADATA,
    Column("minute", Integer, nullable=False),
    Column("service", String, nullable=False),
    Column("version", String, nullable=False),
    Column("body", Text, nullable=False),
    # The minute comes first: what is too old is found without reading the rest.
    PrimaryKeyConstraint("minute", "service", "version", name="counts_pk"),
)

SECRETS: Final = Table(
    "secrets",
    METADATA,
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
)
