"""Every error that a user can meet, in one tree.

    AbreastError                exit  1  http 500   something failed that has no narrower name
    ├── SpecError               exit  2  http 422   the spec file has faults; carries all of them
    ├── RequestsError           exit  2  http 422   a file of requests to compare by has faults; carries all of them
    ├── MigrationError          exit  2  http 422   a migration has faults; carries all of them
    ├── UsageError              exit  2  http 400   a request or option makes no sense
    ├── RefusedError            exit  6  http 409   not allowed in the present phase
    │   └── ConflictError       exit  6  http 412   somebody else changed the rollout in between
    ├── NotRunningError         exit  7  http 503   no ``abreast up`` answers for this directory
    ├── AlreadyRunningError     exit  8  http 409   another ``abreast up`` holds this directory
    ├── StoreError              exit  9  http 507   the store cannot be read or written
    │   ├── StoreCorruptError   exit  9  http 500   the store's file is damaged
    │   └── LeaseLostError      exit  9  http 503   another server decides for the service
    ├── GatewayError            exit 10  http 502   Envoy would not start or refused what it was told
    │   └── PortInUseError      exit 10  http 502   the gateway's address is taken
    ├── DriverError             exit 11  http 502   a version could not be started
    ├── WaitTimeoutError        exit 12  http 504   ``--wait`` ran out of time
    ├── DatabaseError           exit 14  http 502   a PostgreSQL is not reached, or refused a statement
    ├── JoinError               exit 16  http 403   a join token or a certificate does not let this agent in
    └── AuthorityError          exit 17  http 502   what answers is none of the fleet's servers

Exit codes 0, 3, 4 and 5 belong to ``abreast status``, 13 to ``abreast compare``: it found differences, 15 to
``abreast data check``: the versions' data diverges. Each error has a ``message`` that quotes what was wrong and where,
and a ``remedy``: the next move.
"""

from dataclasses import dataclass
from typing import ClassVar


class AbreastError(Exception):
    """The root: ``message`` says what is wrong, ``remedy`` what to do next."""

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.remedy}"


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a spec: where (``file``, 1-based ``line``, dotted ``path``), what, and what to do.

    ``path`` is empty for a fault of the file as a whole.
    """

    file: str
    line: int
    path: str
    message: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: {self.path}" if self.path else f"{self.file}:{self.line}"
        return f"{where}: {self.message}\n  → {self.remedy}"


def _counted(faults: tuple[Fault, ...], unnamed: str) -> str:
    """How many there are and where; the caller's word for the file where none is named."""
    count = f"{len(faults)} fault{'s' * (len(faults) != 1)}"
    files = {fault.file for fault in faults}
    return f"{count} in {len(files)} files" if len(files) > 1 else f"{next(iter(files), unnamed)}: {count}"


class SpecError(AbreastError):
    """The spec has faults; ``faults`` holds all of them in the order of their lines."""

    exit_code = 2
    http_status = 422

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: (fault.file, fault.line)))
        super().__init__(_counted(self.faults, "spec"), "mend what is listed, then run: abreast check")

    def __str__(self) -> str:
        return "\n".join([*map(str, self.faults), f"{self.message}"])


class RequestsError(AbreastError):
    """A file of requests has faults; ``faults`` holds all of them in the order of their lines."""

    exit_code = 2
    http_status = 422

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: fault.line))
        super().__init__(_counted(self.faults, "requests"), "mend what is listed, or leave those requests out")

    def __str__(self) -> str:
        return "\n".join([*map(str, self.faults), self.message])


class MigrationError(AbreastError):
    """A migration has faults; ``faults`` holds all of them, file by file in the order of their lines."""

    exit_code = 2
    http_status = 422

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: (fault.file, fault.line)))
        super().__init__(_counted(self.faults, "migration"), "mend what is listed, then run: abreast data plan")

    def __str__(self) -> str:
        return "\n".join([*map(str, self.faults), self.message])


class UsageError(AbreastError):
    """A request or an option makes no sense."""

    exit_code = 2
    http_status = 400


class RefusedError(AbreastError):
    """The command is not allowed in the present phase; the remedy names what is."""

    exit_code = 6
    http_status = 409


class ConflictError(RefusedError):
    """The rollout's revision is not the one the writer had read."""

    http_status = 412


class NotRunningError(AbreastError):
    """No control plane answers for this directory."""

    exit_code = 7
    http_status = 503


class AlreadyRunningError(AbreastError):
    """Another control plane holds this directory."""

    exit_code = 8
    http_status = 409


class StoreError(AbreastError):
    """The store cannot be read or written (disk full, permissions)."""

    exit_code = 9
    http_status = 507


class StoreCorruptError(StoreError):
    """The store's file is damaged, or is no store of abreast's."""

    http_status = 500


class LeaseLostError(StoreError):
    """Another server decides for this service by now: what the writer wanted to record is refused."""

    http_status = 503


class GatewayError(AbreastError):
    """Envoy would not start, or refused what it was told."""

    exit_code = 10
    http_status = 502


class PortInUseError(GatewayError):
    """The address that the gateway should listen on is taken."""


class DriverError(AbreastError):
    """A version could not be started."""

    exit_code = 11
    http_status = 502


class WaitTimeoutError(AbreastError):
    """What was waited for did not happen in time."""

    exit_code = 12
    http_status = 504


class DatabaseError(AbreastError):
    """A PostgreSQL is not reached, or refused a statement; the message quotes its words."""

    exit_code = 14
    http_status = 502


class JoinError(AbreastError):
    """A join token, or a certificate, does not let this agent in."""

    exit_code = 16
    http_status = 403


class AuthorityError(AbreastError):
    """What answers in a server's place has not the fleet's authority: it is told nothing."""

    exit_code = 17
    http_status = 502
