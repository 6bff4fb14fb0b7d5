"""Frozen evidence whose windows are capped, for what is stored with each change."""

from dataclasses import dataclass, replace

from abreast.analysis.eprocess import Evidence


@dataclass(frozen=True)
class Windowed:
    """``settled`` is the growth of each bet up to the present ``window``, ``open`` what the window adds so far.

    A window is worth ``cap`` at most (see `abreast.analysis.process`), so one burst is no proof by itself.
    """

    settled: Evidence
    open: Evidence
    cap: float
    window: int | None = None

    @classmethod
    def of(cls, bets: tuple[float, ...], cap: float) -> "Windowed":
        """No evidence yet."""
        return cls(Evidence.of(bets), Evidence.of(bets), cap)

    def after(
        self, window: int, bad_c: float, seen_c: float, bad_s: float, seen_s: float, *, delta: float = 0.0
    ) -> "Windowed":
        """With one more stratum, in that window: a later one, or the same."""
        before = self
        if self.window is not None and window > self.window:
            before = replace(self, settled=self.evidence, open=Evidence.of(self.open.bets))
        latest = window if self.window is None else max(window, self.window)
        return replace(before, open=before.open.after(bad_c, seen_c, bad_s, seen_s, delta=delta), window=latest)

    @property
    def evidence(self) -> Evidence:
        """What it is worth now."""
        grown = zip(self.settled.growth, self.open.growth, strict=True)
        return replace(self.settled, growth=tuple(before + min(added, self.cap) for before, added in grown))
