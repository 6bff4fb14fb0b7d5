"""How fast a driver looks, and how long it is patient; tests are more hurried."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """All in seconds, except ``failures``: that many failed probes in a row count as one fact."""

    starting_s: float = 0.1
    """Between two ready probes of an instance that has not been ready yet; later the probe's own interval."""
    failures: int = 3
    backoff_first_s: float = 0.5
    backoff_most_s: float = 30.0
    steady_s: float = 60.0
    """After being ready for so long an instance starts its back-off anew."""
    leave_s: float = 1.0
    """How long an instance that is replaced or scaled away shows as stopping before its SIGTERM.

    The gateway stops sending to it meanwhile. A version that is stopped as a whole has been released by the
    gateway before, and is not made to wait.
    """
    rotate_s: float = 5.0
    """Between two looks at the size of the logs."""
    first_answer_s: float = 1.0
    """How long adoption waits for the first probe, so that what serves users is seen as ready at once."""
