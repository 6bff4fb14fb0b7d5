"""Feature flags: what the spec says of them, and how each is switched."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from abreast.model.units import format_weight

BOOLEAN: Final[Mapping[str, object]] = {"on": True, "off": False}
"""The variants of a flag that names none."""

ROLLOUT_SALT: Final = "rollout"
"""As a rule's salt: the rollout's own, so that the users below a share are the gateway's first."""

Scalar = str | int | float | bool


@dataclass(frozen=True)
class FlagRule:
    """Gives ``variant`` to whom all its conditions fit; a condition that is None or empty is not asked.

    ``candidate``: the user is (or is not) on the candidate. ``below``: the user's bucket is below that share, in
    hundredths of a percent, with ``salt``. ``when``: each attribute of the context is one of its values.
    """

    variant: str
    candidate: bool | None = None
    below: int | None = None
    salt: str = ""
    when: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)

    def __str__(self) -> str:
        """Whom it fits, in words: ``users on the candidate, whose country is CH or DE``."""
        parts = [] if self.candidate is None else [f"users {'on' if self.candidate else 'not on'} the candidate"]
        if self.below is not None:
            parts.append(f"below {format_weight(self.below)}" + (f" by salt {self.salt}" if self.salt else ""))
        parts += [f"{name} is {' or '.join(map(str, values))}" for name, values in self.when.items()]
        return ", ".join(parts)


@dataclass(frozen=True)
class Flag:
    """A flag of the spec: the first of ``rules`` that fits decides, without one the ``default`` variant.

    ``on`` is how it begins; what a person switched later is kept by the store.
    """

    name: str
    variants: Mapping[str, object]
    default: str
    rules: tuple[FlagRule, ...] = ()
    on: bool = True

    def lines(self) -> list[str]:
        """Who gets which variant, a line for each rule, the default last."""
        rest = "everybody else" if self.rules else "everybody"
        return [*(f"{rule.variant}: {rule}" for rule in self.rules), f"{self.default}: {rest}"]


@dataclass(frozen=True)
class KeptFlag:
    """A flag as the store has it: the spec's ``definition`` in JSON; since ``at``, ``actor`` had it ``on`` or off."""

    name: str
    definition: str
    on: bool
    at: float
    actor: str
    reason: str
