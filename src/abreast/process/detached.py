"""Start a process that is nobody's child, for programs that end themselves when their parent dies.

Envoy asks the kernel for SIGTERM at its parent's death (prctl(2), PR_SET_PDEATHSIG, in its hot-restart code), which
would end the gateway together with a killed control plane. So it is started by an intermediate process that exits
first: the child waits until it has been given to init (or the nearest subreaper) before it becomes the program.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from abreast.process.identity import VARIABLE, Identity
from abreast.process.logs import LogFile
from abreast.process.supervised import Mark, Supervised
from abreast.process.table import boot_id, read_row

_ORPHAN: Final = """
import os, sys, time
parent = os.getpid()
child = os.fork()
if child:
    print(child, flush=True)
    os._exit(0)
os.setsid()
told = os.dup(1)  # closed by a successful exec, and only then
os.dup2(2, 1)
while os.getppid() == parent:
    time.sleep(0.001)
try:
    os.execv(sys.argv[1], sys.argv[1:])
except OSError as error:
    os.write(told, str(error.errno).encode())
    os._exit(1)
"""

_START_S: Final = 10.0


def spawn_detached(
    identity: Identity, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: LogFile
) -> Supervised:
    """Start ``argv`` (an absolute path first) in a session of its own, as nobody's child; output goes to ``log``.

    How it ends is not told to us, only that it did. Raises OSError when it cannot be started.
    """
    output = log.open()
    try:
        told = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _ORPHAN, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            env={**env, VARIABLE: identity.token},
            cwd=cwd,
            check=True,
            timeout=_START_S,
        )
    except subprocess.SubprocessError as error:
        message = f"{argv[0]} could not be started apart from this process: {error}"
        raise OSError(message) from error
    finally:
        os.close(output)
    pid, *failed = map(int, told.stdout.split())
    if failed:
        raise OSError(failed[0], os.strerror(failed[0]), argv[0])
    row = read_row(pid)
    process = Supervised.adopt(identity, Mark(pid, row.start_ticks, boot_id())) if row is not None else None
    if process is None:
        message = f"{argv[0]} ended at once: {log.last_line()}"
        raise OSError(message)
    return process
