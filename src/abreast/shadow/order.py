"""What the control plane tells a relay: whom to ask, what to compare how, and the secrets it needs."""

from dataclasses import dataclass, field
from typing import Final

from pydantic import TypeAdapter, ValidationError

from abreast.findings.report import Key
from abreast.model.service import Endpoint
from abreast.model.shadow import ShadowPolicy
from abreast.shadow.answers import Protocol


@dataclass(frozen=True)
class Arm:
    """One version and the instances of it that are ready."""

    version: str
    protocol: Protocol
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True)
class Order:
    """Everything a relay is told; each order replaces the one before.

    No ``candidate``: there is nobody to ask. ``accepted`` are (endpoint, key) of the differences that are intended.
    ``recording``: users' requests are also kept for whoever asks for them.
    ``signing_key`` signs what is sent to the service, ``redaction_salt`` keys the hashes that stand for secrets.
    """

    rollout: int
    stable: Arm
    candidate: Arm | None
    policy: ShadowPolicy
    accepted: tuple[tuple[str, Key], ...] = ()
    recording: bool = False
    signing_key: str = field(default="", repr=False)
    redaction_salt: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Refuse an order without its secrets: raises ValueError."""
        missing = [name for name in ("signing_key", "redaction_salt") if not getattr(self, name)]
        if missing:
            message = f"{' and '.join(missing)} must not be empty"
            raise ValueError(message)


ORDER_JSON: Final[TypeAdapter[Order]] = TypeAdapter(Order)
"""Says and reads an order."""


class OrderError(ValueError):
    """A text that is no order; the message names every fault at once, and never quotes a secret."""


def read_order(text: bytes) -> Order:
    """The order in JSON. Raises OrderError."""
    try:
        return ORDER_JSON.validate_json(text)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        words = "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'order'}: {fault['msg']}" for fault in faults)
        raise OrderError(words) from None
