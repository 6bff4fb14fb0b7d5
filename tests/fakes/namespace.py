"""Network namespaces for tests: to be in one for a while. Needs root."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_NEWNET: Final = 0x40000000


@contextmanager
def inside_network(namespace: Path) -> Iterator[None]:
    """This thread, and all that it starts, in that network (a file of /run/netns); back again afterwards."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(file: Path) -> None:
        with file.open("rb") as opened:
            if libc.setns(opened.fileno(), _NEWNET):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    with Path("/proc/self/ns/net").open("rb") as own:
        enter(namespace)
        try:
            yield
        finally:
            enter(Path(f"/proc/self/fd/{own.fileno()}"))
