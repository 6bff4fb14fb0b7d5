"""What keeping data for two versions costs: each row written, the backfill, finding what differs."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from abreast.bench.data_backfill import Filling, filling
from abreast.bench.data_drift import Finding, finding
from abreast.bench.data_triggers import Cost, costs
from abreast.postgres.binaries import Binaries, find_binaries
from abreast.postgres.connection import connected
from abreast.postgres.launcher import Cluster

_SETTINGS: Final = {
    "autovacuum": "off",  # when it comes is chance
    "fsync": "off",  # a disk's moods are not what is measured
    "jit": "off",
    "max_wal_size": "4GB",
    "shared_buffers": "256MB",
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. ``written_rows`` are those of each statement."""

    rounds: int = 9
    written_rows: int = 20_000
    filled_rows: int = 200_000
    compared_rows: int = 1_000_000
    compared_rounds: int = 3
    quiet_s: float = 5.0

    @classmethod
    def quick(cls) -> "Sizes":
        """A look, not evidence."""
        return cls(
            rounds=3, written_rows=5_000, filled_rows=20_000, compared_rows=100_000, compared_rounds=1, quiet_s=1.0
        )


@dataclass(frozen=True, slots=True)
class Data:
    """The whole bench, on one major version of PostgreSQL."""

    sizes: Sizes
    major: int
    costs: tuple[Cost, ...]
    filling: Filling
    finding: Finding

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """Return plain data for JSON."""
        return {**asdict(self), "met": all(each.met for each in self.costs)}


def measure(sizes: Sizes, tell: Callable[[str], None] = lambda _: None, binaries: Binaries | None = None) -> Data:
    """Start a server, measure on it, remove it. DatabaseError when there is none to start."""
    chosen = binaries or find_binaries(os.environ)
    with tempfile.TemporaryDirectory(prefix="abreast-bench-") as directory:
        Path(directory).chmod(0o755)  # the server may run as another user
        cluster = Cluster.create(Path(directory) / "server", chosen, _SETTINGS)
        try:
            cluster.start()
            url = cluster.url()
            with connected(url) as connection:
                tell(f"PostgreSQL {chosen.major}: rows written, {sizes.rounds} rounds")
                written = costs(connection, sizes.written_rows, sizes.rounds)
                tell(f"PostgreSQL {chosen.major}: a backfill of {sizes.filled_rows:,} rows under load")
                filled = filling(connection, url, sizes.filled_rows, sizes.quiet_s)
                tell(f"PostgreSQL {chosen.major}: ten differences in {sizes.compared_rows:,} rows")
                found = finding(connection, url, sizes.compared_rows, sizes.compared_rounds)
        finally:
            cluster.remove()
    return Data(sizes, chosen.major, written, filled, found)
