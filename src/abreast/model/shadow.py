"""How requests are copied and answers compared: the part of the spec that the relay is told."""

from dataclasses import dataclass, field
from typing import Final

from abreast.model.units import FULL_WEIGHT

BODY_LIMIT: Final = 65_536
"""Bytes of a request's or an answer's body that are captured; larger ones are skipped and counted."""


@dataclass(frozen=True)
class TolerancePolicy:
    """How far apart two values may be: numbers by ``absolute`` or ``relative`` (0.01 is 1 %), times by ``seconds``."""

    absolute: float = 0.0
    relative: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class RulePolicy:
    """Rules of comparing for the endpoints that match ``endpoint`` (a glob over names such as ``GET /orders/{id}``).

    Paths are JSON Pointers with ``*`` for one segment and ``**`` for any number, or ``header:NAME``.
    """

    endpoint: str = "*"
    ignore: tuple[str, ...] = ()
    unordered: tuple[str, ...] = ()
    keyed: tuple[tuple[str, str], ...] = ()
    tolerance: tuple[tuple[str, TolerancePolicy], ...] = ()
    mask: tuple[str, ...] = ()


@dataclass(frozen=True)
class IsolatedRoute:
    """Unsafe methods that may be copied, because the candidate is isolated: nothing it writes is anybody else's."""

    methods: tuple[str, ...]
    prefix: str = "/"


@dataclass(frozen=True)
class ShadowPolicy:
    """Everything about shadowing except how much of it: that is a step's.

    - ``at_most_per_s``: copies per second at most, over all of a gateway.
    - ``controls``: share (hundredths of a percent) of the copies that are also sent to another instance of stable.
    - ``isolated``: routes whose unsafe methods are copied.
    - ``rules``, ``redact``: what is compared how, and what is never kept.
    - ``operation``: where an endpoint's operation is named, as ``header:x-amz-target`` or ``query:Action`` or
      ``body:/operationName``; ``templates``: routes given by the spec, as ``/orders/{id}``.
    - ``timeout_s``: how long an answer to a copy may take.
    - ``sample_ttl_s``: how long samples are kept.
    """

    at_most_per_s: float = 100.0
    controls: int = FULL_WEIGHT
    isolated: tuple[IsolatedRoute, ...] = ()
    rules: tuple[RulePolicy, ...] = ()
    redact: tuple[str, ...] = ()
    operation: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    timeout_s: float = 10.0
    sample_ttl_s: float = 604_800.0
    descriptors: str = field(default="")
    """Path of a protobuf FileDescriptorSet, absolute; empty: gRPC messages are compared as bytes."""
