"""Aligns two sequences by a longest common subsequence, so that one inserted line or element is one difference.

Myers' greedy algorithm (E. W. Myers, An O(ND) Difference Algorithm and Its Variations, 1986), stopped at
`MOST_EDITS`: what is further apart than that is one gap, and its members are paired by their place.
"""

from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple

MOST_EDITS: Final = 160
"""Removed and added members together beyond which no alignment is looked for: the search is quadratic in them."""


class Gap(NamedTuple):
    """Members of the left and of the right, between common ones, that have no equal on the other side."""

    left: range
    right: range


def gaps(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[Gap]:
    """The gaps in order; none when the sequences are equal. What lies between two gaps is common."""
    found: list[Gap] = []
    x, y = 0, 0
    for match_x, match_y in (*common(left, right), (len(left), len(right))):
        if match_x > x or match_y > y:
            found.append(Gap(range(x, match_x), range(y, match_y)))
        x, y = match_x + 1, match_y + 1
    return found


def common(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[tuple[int, int]]:
    """The places (left, right) of a longest common subsequence, in order; only the common ends beyond `MOST_EDITS`."""
    start = _common_start(left, right)
    end = _common_end(left, right, start)
    inner = _searched(left[start : len(left) - end], right[start : len(right) - end])
    return [
        *((at, at) for at in range(start)),
        *((start + x, start + y) for x, y in inner),
        *((len(left) - at, len(right) - at) for at in range(end, 0, -1)),
    ]


def _common_start(left: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    shorter = min(len(left), len(right))
    return next((at for at in range(shorter) if left[at] != right[at]), shorter)


def _common_end(left: Sequence[Hashable], right: Sequence[Hashable], start: int) -> int:
    shorter = min(len(left), len(right)) - start
    return next((at for at in range(shorter) if left[-1 - at] != right[-1 - at]), shorter)


def _searched(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Places (left, right) of a longest common subsequence; none when it takes more than `MOST_EDITS` edits."""
    if not left or not right:
        return []
    goal = len(left) - len(right)
    furthest: dict[int, int] = {1: 0}
    trace: list[dict[int, int]] = []
    for edits in range(min(len(left) + len(right), MOST_EDITS) + 1):
        trace.append(dict(furthest))
        # Diagonals (x - y) that lie within the rectangle only.
        lowest = -edits + 2 * max(0, edits - len(right))
        highest = edits - 2 * max(0, edits - len(left))
        for diagonal in range(lowest, highest + 1, 2):
            x = _step(furthest, diagonal, edits)
            while x < len(left) and x - diagonal < len(right) and left[x] == right[x - diagonal]:
                x += 1
            furthest[diagonal] = x
            if diagonal == goal and x == len(left):
                return _walked_back(trace, len(left), len(right))
    return []


def _comes_down(furthest: dict[int, int], diagonal: int, edits: int) -> bool:
    """Whether the furthest way onto this diagonal is down (an added member), not right (a removed one)."""
    if diagonal in {-edits, edits}:
        return diagonal == -edits
    return furthest.get(diagonal - 1, -1) < furthest.get(diagonal + 1, -1)


def _step(furthest: dict[int, int], diagonal: int, edits: int) -> int:
    """Where one more edit arrives on this diagonal."""
    down = _comes_down(furthest, diagonal, edits)
    return furthest.get(diagonal + 1, -1) if down else furthest.get(diagonal - 1, -1) + 1


def _walked_back(trace: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    """The common places on the way that the trace took to (x, y)."""
    common: list[tuple[int, int]] = []
    for edits in range(len(trace) - 1, -1, -1):
        diagonal = x - y
        start = _step(trace[edits], diagonal, edits)
        while x > start:
            x, y = x - 1, y - 1
            common.append((x, y))
        x, y = (x, y - 1) if _comes_down(trace[edits], diagonal, edits) else (x - 1, y)
    common.reverse()
    return common
