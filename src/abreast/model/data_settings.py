"""Where a service keeps its rows, and how they are changed while two versions run."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class DataSettings:
    """A PostgreSQL that two versions write to, each through its own views.

    ``url`` is libpq's, as a URI or as key=value, with the password if it has one: never to be shown. ``migrations``
    are absolute paths by version, in the order of the spec; ``roles`` those that are named there. ``tags`` are the
    tables whose writes are journalled; True: all there are. ``pause`` is the rest after a batch of a backfill, as a
    multiple of the time that the batch took.
    """

    url: str = field(repr=False)
    schema: str = "public"
    migrations: tuple[tuple[str, tuple[str, ...]], ...] = ()
    roles: tuple[tuple[str, str], ...] = ()
    tags: tuple[str, ...] | Literal[True] = ()
    keep_tags_s: float = 7 * 86_400.0
    lock_timeout_s: float = 0.2
    oldest_transaction_s: float = 60.0
    unused_for_s: float = 10.0
    pause: float = 0.5
    replica_lag_s: float = 10.0

    def role(self, service: str, version: str) -> str:
        """The database role by which the version of this service connects."""
        return dict(self.roles).get(version) or default_role(service, version)

    def files(self, version: str) -> tuple[str, ...]:
        """The version's migrations in their order; none for a version that needs nothing new."""
        return dict(self.migrations).get(version, ())


def default_role(service: str, version: str) -> str:
    """The role of a version for which the spec names none."""
    return f"{service}_{version}"
