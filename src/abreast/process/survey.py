"""What runs of one home: every start of which a process is left, by the tokens in the processes' environments."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from abreast.process.identity import Identity
from abreast.process.table import Row


@dataclass(frozen=True)
class Left:
    """One start and the ids of its living processes, in ascending order."""

    identity: Identity
    pids: tuple[int, ...]

    def __str__(self) -> str:
        """As people are told of it: ``instance v1-1 (process 12)``."""
        several = f"processes {', '.join(map(str, self.pids))}" if len(self.pids) > 1 else f"process {self.pids[0]}"
        return f"{self.identity.kind} {self.identity.name} ({several})"


def survey(home: str, table: Iterable[Row]) -> Sequence[Left]:
    """All of that home, by kind and name. A process that wrote over its environment is not found so."""
    found: dict[Identity, list[int]] = defaultdict(list)
    for row in table:
        identity = Identity.parse(row.token) if row.token and not row.dead else None
        if identity is not None and identity.home == home:
            found[identity].append(row.pid)
    return [Left(identity, tuple(sorted(found[identity]))) for identity in sorted(found, key=lambda each: each.token)]
