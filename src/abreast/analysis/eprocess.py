"""The e-process: evidence that may be looked at after every request.

For a bet θ and the null hypothesis "in every stratum p_c ≤ ρ·p_s + δ", with e bad ones of n on either side:

    π = ρ·n_c / (ρ·n_c + n_s);  b = 1 / (1 + (θ−1)·π);  a = θ·b
    ℓ_θ = e_c·ln a + e_s·ln b − δ·n_c·(a−1)

E[exp ℓ_θ] ≤ 1 under the null, because ρ·n_c·(a−1) + n_s·(b−1) = 0 and 1+x ≤ eˣ. With θ < 1 the null is
"p_c ≥ ρ·p_s + δ". Several bets share the stake evenly. The construction follows Lindon, Sanden and Shirikian,
"Rapid Regression Detection in Software Deployments through Sequential Testing" (2022).
"""

from dataclasses import dataclass, replace
from math import exp, log
from typing import Final

WORSE_BETS: Final = (1.5, 2.0, 4.0, 10.0, 40.0)
"""θ of the bets against "not worse"."""

OK_BETS: Final = (0.05, 0.2, 0.4, 0.6, 0.8)
"""θ of the bets against "worse by the margin or more"."""


@dataclass(frozen=True)
class Evidence:
    """Each bet's growth so far, ℓ_θ summed over the strata."""

    bets: tuple[float, ...]
    growth: tuple[float, ...]

    @classmethod
    def of(cls, bets: tuple[float, ...]) -> "Evidence":
        """No evidence yet."""
        return cls(bets, (0.0,) * len(bets))

    def after(
        self, bad_c: float, seen_c: float, bad_s: float, seen_s: float, *, rho: float = 1.0, delta: float = 0.0
    ) -> "Evidence":
        """With one more stratum: ``bad_c`` of ``seen_c`` of the candidate's, ``bad_s`` of ``seen_s`` of stable's.

        A stratum that either side has nothing in says nothing.
        """
        if not seen_c or not seen_s:
            return self
        share = rho * seen_c / (rho * seen_c + seen_s)
        grown = []
        for bet, before in zip(self.bets, self.growth, strict=True):
            b = 1 / (1 + (bet - 1) * share)
            a = bet * b
            grown.append(before + bad_c * log(a) + bad_s * log(b) - delta * seen_c * (a - 1))
        return replace(self, growth=tuple(grown))

    @property
    def log_e(self) -> float:
        """The e-value as its ln: the null is refused at level α when this reaches ln(1/α)."""
        highest = max(self.growth)
        return highest + log(sum(exp(each - highest) for each in self.growth) / len(self.growth))
