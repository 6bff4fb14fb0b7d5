"""How Flagger and Argo Rollouts decide, written from what they document: fixed thresholds on averages.

Both are more than their rules. What is here is the rule of the example that each project's documentation begins with,
because that is what people copy; both let you choose other numbers, and no number is right for every service.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final

from abreast.analysis.tick import Side, Tick
from abreast.simulate.rules import Decision

MINUTE_S: Final = 60


class Flagger:
    """Flagger's canary analysis, as in its Istio tutorial and its pages "How it works" and "Deployment strategies".

    https://docs.flagger.app/tutorials/istio-progressive-delivery, https://docs.flagger.app/usage/how-it-works:
    ``interval: 1m``, ``threshold: 5``, ``request-success-rate`` at least 99 (% of responses that are no 5xx) and
    ``request-duration`` at most 500 (ms, P99), each over the last ``interval: 1m``. Read as follows:

    * each minute it first looks whether failed checks have reached the threshold, and if so rolls back; only then the
      metrics are checked: the fifth failed check is acted upon a minute later (``advanceCanary`` in its scheduler);
    * failed checks add up over the whole analysis, a passed one takes none away;
    * without traffic there is no value, which is a failed check;
    * a passed check raises the weight (``stepWeights`` permits any ladder); a failed one holds.
    """

    def __init__(
        self, interval_s: int = MINUTE_S, threshold: int = 5, success: float = 0.99, p99_ms: int = 500
    ) -> None:
        """Its counter of failed checks is at 0."""
        self._interval_s = interval_s
        self._threshold = threshold
        self._success = success
        self._p99_us = p99_ms * 1000
        self._recent: deque[Side] = deque(maxlen=interval_s)
        self._at_s = 0
        self._failed = 0

    def decide(self, tick: Tick) -> Decision:
        """After one more second."""
        self._at_s += 1
        self._recent.append(tick.candidate)
        if self._at_s % self._interval_s:
            return Decision.HOLD
        if self._failed >= self._threshold:
            return Decision.ROLL_BACK
        if self._passes():
            return Decision.ADVANCE
        self._failed += 1
        return Decision.HOLD

    def moved(self, next_weight: float) -> None:
        """Its interval goes on."""

    def _passes(self) -> bool:
        requests = sum(side.requests for side in self._recent)
        errors = sum(side.errors for side in self._recent)
        return requests > 0 and 1 - errors / requests >= self._success and p99_us(self._recent) <= self._p99_us


class Argo:
    """Argo Rollouts' background analysis, as in the first example of its page "Analysis & Progressive Delivery".

    https://argo-rollouts.readthedocs.io/en/stable/features/analysis/: ``interval: 5m``, ``successCondition:
    result[0] >= 0.95``, ``failureLimit: 3``, the query a ratio of ``irate(…[5m])``, between the weights
    ``pause: {duration: 10m}``. Read as follows:

    * ``initialDelay: 5m`` (same page), or the first measurement would find no data;
    * failed once *more* than ``failureLimit`` measurements have failed (the field's definition: "the maximum number of
      times the measurement is allowed to fail");
    * ``irate`` sees the last two scrapes in its range: the last 15 s, as Istio's Prometheus scrapes;
    * without traffic the ratio is 0/0, NaN, which is not ≥ 0.95: failed;
    * pauses end by the clock, whatever was measured until then.
    """

    def __init__(
        self,
        interval_s: int = 5 * MINUTE_S,
        failure_limit: int = 3,
        success: float = 0.95,
        pause_s: int = 10 * MINUTE_S,
        scrape_s: int = 15,
    ) -> None:
        """Nothing measured."""
        self._interval_s = interval_s
        self._failure_limit = failure_limit
        self._success = success
        self._pause_s = pause_s
        self._recent: deque[Side] = deque(maxlen=scrape_s)
        self._at_s = self._step_s = 0
        self._failed = 0

    def decide(self, tick: Tick) -> Decision:
        """After one more second."""
        self._at_s += 1
        self._step_s += 1
        self._recent.append(tick.candidate)
        if self._at_s % self._interval_s == 0 and not self._passes():
            self._failed += 1
            if self._failed > self._failure_limit:
                return Decision.ROLL_BACK
        return Decision.ADVANCE if self._step_s >= self._pause_s else Decision.HOLD

    def moved(self, next_weight: float) -> None:
        """The next pause begins."""
        del next_weight
        self._step_s = 0

    def _passes(self) -> bool:
        requests = sum(side.requests for side in self._recent)
        errors = sum(side.errors for side in self._recent)
        return requests > 0 and 1 - errors / requests >= self._success


def p99_us(sides: Iterable[Side]) -> int:
    """The bucket (µs) in which the 99th percentile of all their latencies lies; 0 without any."""
    counts: dict[int, int] = {}
    for side in sides:
        for bound, count in side.latencies.items():
            counts[bound] = counts.get(bound, 0) + count
    left = sum(counts.values()) * 0.01
    for bound in sorted(counts, reverse=True):
        left -= counts[bound]
        if left < 0:
            return bound
    return 0
