"""Seconds that gateways in a test's hands counted."""

from abreast.nodes.second import NodeSecond, VersionSecond
from abreast.ports import Latencies, VersionCounts

BEGIN = 1000.0


def second(
    node: str, number: int, requests: int = 0, bad: int = 0, *, in_flight: int = 0, since: float = BEGIN
) -> NodeSecond:
    """The node's second of that number: of v2, with its last request in the middle if it had any."""
    codes = {code: count for code, count in ((200, requests - bad), (500, bad)) if count}
    counts = VersionCounts(codes, Latencies({5000: requests} if requests else {}), in_flight)
    at = since + number
    each = VersionSecond(counts, (in_flight,) * 9, at - 0.5 if requests else None)
    return NodeSecond(node, since, number, at, {"v2": each}, codes)
