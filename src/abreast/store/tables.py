"""The store's tables, in terms that SQLite and PostgreSQL share.

The migrations make them; a test holds that both say the same. JSON bodies are text written by pydantic, so
that every number comes back exactly as it went in.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
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
    UniqueConstraint,
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

FINDINGS: Final = Table(
    "findings",
    METADATA,
    Column("service", String, nullable=False),
    Column("rollout", Integer, nullable=False),
    # Counts the writes of this row from 1, for people who read the table: one process alone writes it.
    Column("revision", Integer, nullable=False),
    Column("book", Text, nullable=False),
    Column("ledger", Text, nullable=False),
    PrimaryKeyConstraint("service", "rollout", name="findings_pk"),
    ForeignKeyConstraint(
        ["service", "rollout"],
        ["rollouts.service", "rollouts.number"],
        name="findings_rollout_fk",
    ),
)

SAMPLES: Final = Table(
    "samples",
    METADATA,
    Column("service", String, nullable=False),
    Column("rollout", Integer, nullable=False),
    Column("id", String, nullable=False),
    Column("at", Double, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("service", "rollout", "id", name="samples_pk"),
    ForeignKeyConstraint(
        ["service", "rollout"],
        ["findings.service", "findings.rollout"],
        name="samples_findings_fk",
    ),
    Index("samples_age", "service", "at"),
)

SAMPLE_KEYS: Final = Table(
    "sample_keys",
    METADATA,
    Column("service", String, nullable=False),
    Column("rollout", Integer, nullable=False),
    Column("endpoint", String, nullable=False),
    Column("pattern", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("sample", String, nullable=False),
    PrimaryKeyConstraint("service", "rollout", "endpoint", "pattern", "kind", "sample", name="sample_keys_pk"),
    ForeignKeyConstraint(
        ["service", "rollout", "sample"],
        ["samples.service", "samples.rollout", "samples.id"],
        name="sample_keys_sample_fk",
        ondelete="CASCADE",
    ),
    Index("sample_keys_sample", "service", "rollout", "sample"),
)

RELAYS: Final = Table(
    "relays",
    METADATA,
    Column("service", String, nullable=False),
    Column("name", String, nullable=False),
    # The newest batch of this relay process that was recorded: they come in order, and one may come twice.
    Column("number", Integer, nullable=False),
    PrimaryKeyConstraint("service", "name", name="relays_pk"),
)

TICKS: Final = Table(
    "ticks",
    METADATA,
    Column("service", String, nullable=False),
    Column("rollout", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("data", Text, nullable=False),
    PrimaryKeyConstraint("service", "rollout", "at", name="ticks_pk"),
    ForeignKeyConstraint(
        ["service", "rollout"],
        ["rollouts.service", "rollouts.number"],
        name="ticks_rollout_fk",
    ),
    # A row is found by its key alone, so the key need not be kept a second time beside the rows.
    sqlite_with_rowid=False,
)

EVIDENCE: Final = Table(
    "evidence",
    METADATA,
    Column("service", String, nullable=False),
    Column("rollout", Integer, nullable=False),
    Column("state", Text, nullable=False),
    PrimaryKeyConstraint("service", "rollout", name="evidence_pk"),
    ForeignKeyConstraint(
        ["service", "rollout"],
        ["rollouts.service", "rollouts.number"],
        name="evidence_rollout_fk",
    ),
)

TOKENS: Final = Table(
    "tokens",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    # Of 256 random bits: see abreast.model.token.
    Column("sha256", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("created_by", String, nullable=False),
    Column("expires_at", Double),
    Column("used_at", Double),
    UniqueConstraint("name", name="tokens_name"),
)

SESSIONS: Final = Table(
    "sessions",
    METADATA,
    Column("sha256", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    Column("expires_at", Double, nullable=False),
    # None: opened by a link of `abreast up`.
    Column("token", String),
    ForeignKeyConstraint(["token"], ["tokens.id"], name="sessions_token_fk", ondelete="CASCADE"),
    Index("sessions_token", "token"),
)

FLAGS: Final = Table(
    "flags",
    METADATA,
    Column("service", String, nullable=False),
    Column("name", String, nullable=False),
    # The spec's, in JSON: by it a changed spec is told from one that was read before.
    Column("definition", Text, nullable=False),
    Column("on", Boolean, nullable=False),
    Column("at", Double, nullable=False),
    Column("actor", String, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("service", "name", name="flags_pk"),
)

TOKEN_CHANGES: Final = Table(
    "token_changes",
    METADATA,
    # Events of before the first rollout, which events need.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("service", String, nullable=False),
    Column("at", Double, nullable=False),
    Column("actor", String, nullable=False),
    Column("reason", Text, nullable=False),
)

LEASES: Final = Table(
    "leases",
    METADATA,
    Column("service", String, primary_key=True),
    # The identity of one process: its name and a part that no other start of it has.
    Column("holder", String, nullable=False),
    # Grows with each holder, also when the same takes it again.
    Column("token", BigInteger, nullable=False),
    # Unix seconds by the database's clock, as everywhere in this and the next two tables.
    Column("until", Double, nullable=False),
)

REPLICAS: Final = Table(
    "replicas",
    METADATA,
    Column("service", String, nullable=False),
    # "server", or what an agent keeps running.
    Column("kind", String, nullable=False, server_default="server"),
    Column("name", String, nullable=False),
    # Of one start; empty where an agent's connection ended and no other has begun.
    Column("identity", String, nullable=False),
    Column("seen_at", Double, nullable=False),
    # Its Envoys, in JSON: what each acknowledged.
    Column("nodes", Text, nullable=False),
    # Of an agent: the server that tells of it, and which of its connections that is.
    Column("server", String, nullable=False, server_default=""),
    Column("connection", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("service", "kind", "name", name="replicas_pk"),
)

JOIN_TOKENS: Final = Table(
    "join_tokens",
    METADATA,
    Column("id", String, primary_key=True),
    Column("service", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("created_by", String, nullable=False),
    Column("expires_at", Double, nullable=False),
    # The digest of the public key that came in with it: who asks again with the same one has lost the answer.
    Column("used_by", String),
    Column("enrolment", String),
)

AGENTS: Final = Table(
    "agents",
    METADATA,
    Column("service", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    # Of the newest joining: no other certificate of this name is good any more.
    Column("enrolment", String, nullable=False),
    PrimaryKeyConstraint("service", "kind", "name", name="agents_pk"),
)

ORDERS: Final = Table(
    "orders",
    METADATA,
    Column("id", String, primary_key=True),
    Column("service", String, nullable=False),
    Column("at", Double, nullable=False),
    # Nobody begins with it later.
    Column("until", Double, nullable=False),
    Column("body", Text, nullable=False),
    # The holder's that began with it: no other does.
    Column("token", BigInteger),
    Column("answer", Text),
    Index("orders_service", "service", "at"),
)

DATA_STATES: Final = Table(
    "data_states",
    METADATA,
    Column("service", String, primary_key=True),
    Column("state", Text, nullable=False),
)

NODE_SECONDS: Final = Table(
    "node_seconds",
    METADATA,
    # Readers go on after the last one that they have read: writers come one after the other, so none appears before it.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("service", String, nullable=False),
    Column("node", String, nullable=False),
    Column("since", Double, nullable=False),
    Column("number", BigInteger, nullable=False),
    # By the database's clock; how long after its end that was is by the clock of the server that wrote it.
    Column("written_at", Double, nullable=False),
    Column("late_s", Double, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("service", "node", "since", "number", name="node_seconds_once"),
    sqlite_autoincrement=True,
)
