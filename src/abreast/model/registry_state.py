"""What is known of where a version's endpoints are looked up, for people."""

from dataclasses import dataclass

from abreast.model.service import Endpoint


@dataclass(frozen=True)
class RegistryState:
    """What is known of where a version's endpoints are looked up.

    ``kept``: the ``endpoints`` are not what it says now; ``failure``: why it does not answer; ``detail``: what it left
    out, or why it has none; ``empty_since`` (Unix seconds): since when it says that there is none.
    """

    version: str
    registry: str
    endpoints: tuple[Endpoint, ...]
    kept: bool = False
    failure: str = ""
    detail: str = ""
    empty_since: float | None = None
