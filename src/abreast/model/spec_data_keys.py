"""The keys that say where rows are kept while two versions run, and what they have against the rest of a spec."""

from collections.abc import Callable, Collection, Iterator
from pathlib import PurePosixPath
from typing import Annotated, Final, Literal

from pydantic import Field

from abreast.model.data_settings import DataSettings, default_role
from abreast.model.document import Path
from abreast.model.rollout import DataGate
from abreast.model.spec_conflict import Conflict
from abreast.model.spec_data_values import (
    NAME_BYTES,
    database_url,
    migration_files,
    multiple,
    reserved_role,
    role_name,
    service_schema,
    sharing,
    tables,
)
from abreast.model.spec_entry import HOUR, YEAR, Keys, entry, seconds
from abreast.model.spec_values import VERSION_PATTERN, duration, show, whole, word

URL: Final[Path] = ("data", "url")
MIGRATIONS: Final[Path] = ("data", "migrations")
ROLES: Final[Path] = ("data", "roles")
TAGS: Final[Path] = ("data", "tags")
VERSIONS: Final[Path] = ("versions",)
SHORTEST_LOCK_S: Final = 0.01
LONGEST_LOCK_S: Final = 5.0
"""Others wait behind who waits for a lock: longer than this users would notice."""
DAY: Final = 86_400.0

_Version = Annotated[str, word(VERSION_PATTERN, "the name of a version")]


class BackfillKeys(Keys):
    """How fast the rows that are there get the new version's values."""

    pause: Annotated[float, multiple()] = entry(
        "rest after each batch, as a multiple of the time that the batch took", DataSettings.pause
    )
    replica_lag_s: Annotated[float, duration(0.1, HOUR)] = seconds(
        "replica_lag", "it waits while a replica is further behind than this", DataSettings.replica_lag_s
    )


class DataGateKeys(Keys):
    """The data gate: no row may say one thing to the old version and another to the new."""

    max_drift: Annotated[int, whole(0, 1_000_000_000)] = entry(
        "how many rows may contradict themselves between the versions; more is worse", DataGate.max_drift
    )


class DataKeys(Keys):
    """The PostgreSQL that the versions share, each through views of its own."""

    url: Annotated[str, database_url()] = Field(
        description="address of the database, as libpq takes it, with a role that may change tables and make roles",
        repr=False,
    )
    mode: Annotated[Literal["shared"], sharing()] = entry(
        "how two versions share rows: the same tables, a schema of views for each", "shared"
    )
    schema_name: Annotated[str, service_schema()] = entry(
        "schema that the service's tables are in", DataSettings.schema, alias="schema"
    )
    migrations: dict[_Version, Annotated[tuple[str, ...], migration_files()]] = Field(
        default_factory=dict,
        description="by version one path or a list, relative to the spec's directory: "
        "what it needs that the version before it had not",
    )
    roles: dict[_Version, Annotated[str, role_name()]] = Field(
        default_factory=dict, description="role by which a version connects; left out: SERVICE_VERSION"
    )
    tags: Annotated[tuple[str, ...] | Literal[True], tables()] = entry(
        "tables whose writes are journalled with the version that made them; true: every table", ()
    )
    keep_tags_s: Annotated[float, duration(HOUR, YEAR)] = seconds(
        "keep_tags", "how long the journal is kept", DataSettings.keep_tags_s
    )
    lock_timeout_s: Annotated[float, duration(SHORTEST_LOCK_S, LONGEST_LOCK_S)] = seconds(
        "lock_timeout",
        "how long a change of a table waits for its lock before it steps back and tries again",
        DataSettings.lock_timeout_s,
    )
    oldest_transaction_s: Annotated[float, duration(1, DAY)] = seconds(
        "oldest_transaction",
        "no change begins while a transaction is older than this",
        DataSettings.oldest_transaction_s,
    )
    unused_for_s: Annotated[float, duration(0, YEAR)] = seconds(
        "unused_for",
        "how long a version must have had no connection before its side is removed",
        DataSettings.unused_for_s,
    )
    backfill: BackfillKeys = Field(
        default_factory=BackfillKeys, description="how fast existing rows get the new version's values"
    )

    def settings(self, absolute: Callable[[str], str]) -> DataSettings:
        """What these keys say, with paths made ``absolute``."""
        return DataSettings(
            url=self.url,
            schema=self.schema_name,
            migrations=tuple((version, tuple(map(absolute, files))) for version, files in self.migrations.items()),
            roles=tuple(self.roles.items()),
            tags=self.tags,
            keep_tags_s=self.keep_tags_s,
            lock_timeout_s=self.lock_timeout_s,
            oldest_transaction_s=self.oldest_transaction_s,
            unused_for_s=self.unused_for_s,
            pause=self.backfill.pause,
            replica_lag_s=self.backfill.replica_lag_s,
        )


def file_places(migrations: Collection[tuple[str, tuple[str, ...]]]) -> Iterator[tuple[Path, str]]:
    """Each migration's file with the path of its key; one alone has that of its version, however it is written."""
    for version, files in migrations:
        for index, file in enumerate(files):
            yield (*MIGRATIONS, version, *((index,) if len(files) > 1 else ())), file


def data_conflicts(data: DataKeys, versions: Collection[str], service: str) -> Iterator[Conflict]:
    """What the keys have against each other, the versions, and the ``service``'s name, of which roles are made."""
    for place, named in ((MIGRATIONS, data.migrations), (ROLES, data.roles)):
        for version in named:
            if version not in versions:
                message = f"no version is called {version!r}; `versions` has: {', '.join(versions) or 'none'}"
                remedy = f"name one of these, or add `{version}` to them"
                yield Conflict((*place, version), message, remedy, ((*VERSIONS, version),))
    yield from _files(data)
    yield from _roles(data, versions, service)
    names = () if data.tags is True else data.tags
    for index, table in enumerate(names):
        if table in names[:index]:
            yield Conflict((*TAGS, index), f"{table!r} is here twice", "keep one of the two")


def _files(data: DataKeys) -> Iterator[Conflict]:
    """A migration that is there twice would run twice."""
    holders: dict[PurePosixPath, Path] = {}
    for path, file in file_places(data.migrations.items()):
        first = holders.setdefault(PurePosixPath(file), path)
        if first is path:
            continue
        if first[:3] == path[:3]:
            yield Conflict(path, f"{show(file)} is here twice", "keep one of the two")
        else:
            message = f"{show(file)} is a migration of {first[2]!r} already"
            yield Conflict(path, message, "keep it where its changes are needed first", (first[:3],))


def _roles(data: DataKeys, versions: Collection[str], service: str) -> Iterator[Conflict]:
    """Each version has a role of its own: by it the database knows who writes, and fences one of two."""
    holders: dict[str, str] = {}
    for version in versions:
        path: Path = (*ROLES, version)
        role = data.roles.get(version) or default_role(service, version)
        hangs_on: tuple[Path, ...] = (("service",), (*VERSIONS, version))
        remedy = f"write another one: `roles: {{{version}: NAME}}`"
        if role in holders:
            message = f"{role!r} is the role of {holders[role]!r} already: it could not be told who writes"
            yield Conflict(path, message, remedy, (*hangs_on, (*ROLES, holders[role])))
        elif len(role) > NAME_BYTES:
            message = f"its role would be {show(role)}, and PostgreSQL cuts names of more than {NAME_BYTES} bytes"
            yield Conflict(path, message, remedy, hangs_on)
        elif reserved_role(role):
            message = f"its role would be {role!r}, a name that PostgreSQL keeps for itself"
            yield Conflict(path, message, remedy, hangs_on)
        holders.setdefault(role, version)
