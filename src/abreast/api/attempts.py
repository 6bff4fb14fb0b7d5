"""Failed sign-ins, counted for each address."""

import math
from collections import OrderedDict, deque
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

from abreast.api.problems import TooManyError
from abreast.ports import Clock

MOST_FAILURES: Final = 10
WINDOW_S: Final = 60.0
"""So many failed sign-ins within so long, and an address has to wait."""

MOST_ADDRESSES: Final = 10_000
"""Those that have failed the longest ago are forgotten first: who has many addresses cannot fill the memory."""


class Attempts:
    """What failed lately; a sign-in that succeeds clears nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def require_patience(self, address: str) -> None:
        """Raise TooManyError while this address has failed too often."""
        failed = self._failed.get(_group(address))
        if failed is None or len(failed) < MOST_FAILURES:
            return
        left_s = failed[0] + WINDOW_S - self._clock.now()
        if left_s > 0:
            message = f"{MOST_FAILURES} sign-ins from {address} failed within {WINDOW_S:g} s"
            wait_s = math.ceil(left_s)
            raise TooManyError(message, f"try again in {wait_s} s", wait_s)

    def failed(self, address: str) -> None:
        """A sign-in from there failed."""
        group = _group(address)
        self._failed.setdefault(group, deque(maxlen=MOST_FAILURES)).append(self._clock.now())
        self._failed.move_to_end(group)
        if len(self._failed) > MOST_ADDRESSES:
            self._failed.popitem(last=False)


def _group(address: str) -> str:
    """An IPv6 address counts with its /64: whoever has one has 2**64 of them."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Network((found, 64), strict=False)) if isinstance(found, IPv6Address) else address
