"""What the machine lacks for running abreast."""

import os
import resource
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

ENOUGH_DESCRIPTORS: Final = 12_000
"""For 10,000 users at once and the connections to the versions."""

SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108  # Envoy's hot restart keeps its shared memory there

ENOUGH_DISK_BYTES: Final = 100 * 2**20


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``fault`` endangers users or the rollout, ``warning`` may."""

    state: Literal["ok", "warning", "fault"]
    what: str
    remedy: str = ""


def machine(directory: Path = Path()) -> Iterator[Finding]:
    """What the machine lacks; needs no running control plane."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < ENOUGH_DESCRIPTORS:
        yield Finding(
            "warning",
            f"only {hard} file descriptors are allowed, too few for 10,000 users at once",
            "raise the hard limit: ulimit -Hn, LimitNOFILE= in systemd",
        )
    else:
        yield Finding("ok", f"{max(soft, hard)} file descriptors")
    if not os.access(SHARED_MEMORY, os.W_OK):
        what = f"{SHARED_MEMORY} is not writable; Envoy needs it for hot restarts"
        yield Finding("fault", what, f"mount a tmpfs on {SHARED_MEMORY}")
    else:
        yield Finding("ok", f"{SHARED_MEMORY} is there for hot restarts")
    free = shutil.disk_usage(directory).free
    if free < ENOUGH_DISK_BYTES:
        yield Finding("warning", f"only {free // 2**20} MiB of disk are free here", "make room: store and logs need it")
    else:
        yield Finding("ok", f"{free // 2**30} GiB of disk are free")
