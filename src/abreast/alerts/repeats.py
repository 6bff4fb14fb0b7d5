"""What happens again and again: from counters that grow to how often within the last minutes."""

from collections import deque


class Repeats:
    """Follows counters by name. What they had counted before they were seen first does not count."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._counts: dict[str, int] = {}
        self._times: dict[str, deque[float]] = {}

    def seen(self, name: str, count: int, now: float) -> int:
        """Note the counter's present value; how often it grew within the window. One that fell began anew."""
        before = self._counts.get(name, count)
        times = self._times.setdefault(name, deque())
        times.extend([now] * max(0, count - before))
        while times and now - times[0] >= self._window_s:
            times.popleft()
        self._counts[name] = count
        return len(times)

    def forget(self, kept: set[str]) -> None:
        """Let go of every counter but these."""
        for name in self._counts.keys() - kept:
            del self._counts[name], self._times[name]
