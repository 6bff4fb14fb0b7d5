"""What a relay reports, batch by batch: counts, and samples that are already redacted. Mergeable: all are sums."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import TypeAdapter

from abreast.compare.model import Kind


class Key(NamedTuple):
    """What is counted together within an endpoint: the place, with array indexes as ``*``, and the kind."""

    pattern: str
    kind: Kind


@dataclass(frozen=True)
class PathCount:
    """Exchanges in which this key differed, after rules and learned shapes.

    ``candidate_only``: the candidate from stable, while the control agreed (or was not asked, an unsafe method);
    ``control_only``: the other way round; ``both``. ``confirmed`` and ``transient``: of the candidate's, those asked
    again that differed again, or not. ``together`` is the exclusive or of the ids (64 bits) of the
    ``candidate_only`` exchanges: keys with the same count and the same ``together`` always differed together.
    Times are Unix seconds.
    """

    candidate_only: int = 0
    control_only: int = 0
    both: int = 0
    confirmed: int = 0
    transient: int = 0
    together: int = 0
    first_at: float = 0.0
    last_at: float = 0.0


@dataclass(frozen=True)
class PathReport:
    """The count of one key."""

    key: Key
    count: PathCount


@dataclass(frozen=True)
class EndpointReport:
    """One endpoint (``GET /orders/{id}``) in one batch.

    ``compared`` exchanges, of which ``controlled`` had a control chosen by chance (not because they differed);
    ``candidate_only`` and ``control_only`` count exchanges in which any key that is not accepted was so.
    ``noise`` tells each noisy pattern's learned shape in words.
    """

    endpoint: str
    compared: int = 0
    controlled: int = 0
    candidate_only: int = 0
    control_only: int = 0
    paths: tuple[PathReport, ...] = ()
    noise: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ShownDifference:
    """A difference as it may be stored: values as short JSON text, redacted; None: absent."""

    path: str
    key: Key
    left: str | None
    right: str | None


@dataclass(frozen=True)
class ShownAnswer:
    """An answer as it may be stored: redacted, decoded where it could be, cut to size."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str
    failure: str = ""
    instance: str = ""
    cut: bool = False


@dataclass(frozen=True)
class Sample:
    """One exchange that shows the differences ``keys``; everything in it is redacted."""

    id: str
    at: float
    endpoint: str
    keys: tuple[Key, ...]
    method: str
    path: str
    request_headers: tuple[tuple[str, str], ...]
    request_body: str
    stable: ShownAnswer
    candidate: ShownAnswer
    control: ShownAnswer | None
    differences: tuple[ShownDifference, ...]


@dataclass(frozen=True)
class Batch:
    """What one relay process did since its last batch.

    ``relay`` names the process (another one after each start), ``number`` counts from 1: a batch that comes twice is
    known by both. ``received = compared + sum(skipped.values()) + (held now - held before)``; ``held`` are received
    exchanges that are not decided yet.
    """

    relay: str
    number: int
    at: float
    rollout: int
    received: int
    compared: int
    held: int
    skipped: Mapping[str, int]
    endpoints: tuple[EndpointReport, ...] = ()
    samples: tuple[Sample, ...] = ()


BATCH_JSON: TypeAdapter[Batch] = TypeAdapter(Batch)
"""Says and reads a batch."""
