"""The second story: two real releases of one service, years apart, each with libraries of its time."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from abreast.demo import promises
from abreast.demo.play import Evidence, Outcome, Story
from abreast.demo.promises import Promise
from abreast.demo.stage import Stage
from abreast.demo.teller import Teller
from abreast.load import Request
from abreast.model.errors import UsageError

OLD: Final = "0.7.0"
NEW: Final = "0.10.4"

_OPENING: Final = f"""\
httpbin {OLD} (2018) serves, and httpbin {NEW} replaces it: two real releases whose libraries exclude each other, each
in a virtual environment of its own, which the first run makes. httpbin does not name its version, so the shares are
the gateway's own count."""

_MIX: Final = (
    Request("/get", weight=4),
    Request("/headers", weight=2),
    Request("/html", weight=1),
    Request("/status/200", weight=1),
    Request("/post", "POST", (("content-type", "application/json"),), '{"quantity": 1}', weight=1),
)
_READY_S: Final = 40.0
_WHOLE_S: Final = 90.0


async def _prepare(directory: Path, teller: Teller) -> None:
    """Make both environments, if they are not there."""
    teller.tell("demo", f"python {directory / 'prepare.py'}   (once: some ten seconds)")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(directory / "prepare.py")),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    words = out.decode(errors="replace").strip()
    if process.returncode:
        message = f"httpbin could not be installed:\n{words}"
        raise UsageError(message, "mend what it names; `abreast demo` with the shop needs nothing installed")
    for line in words.splitlines():
        teller.tell("demo", line, "detail")


async def _act(stage: Stage, teller: Teller) -> Outcome:
    teller.chapter(f"{OLD} serves everybody")
    await stage.rest(2.0)
    teller.chapter(f"{NEW} takes over, step by step")
    await stage.order("start", version=NEW)
    await stage.until(lambda status: status["phase"] == "progressing", _READY_S, f"{NEW} to be ready")
    await stage.until(lambda status: status["phase"] in {"completed", "rolled-back"}, _WHOLE_S, f"{NEW} to take over")
    await stage.rest(1.0)
    return Outcome()


def _promises(evidence: Evidence, _outcome: Outcome) -> Sequence[Promise]:
    answers = evidence.stage.crowd.answers
    return [
        promises.nobody_failed(answers),
        promises.promoted(evidence.status, NEW),
        promises.no_downtime(answers),
    ]


HTTPBIN: Final = Story(
    example="httpbin",
    opening=_OPENING,
    rate_per_s=100.0,
    users=500,
    requests=_MIX,
    watch_header="",
    prepare=_prepare,
    act=_act,
    promises=_promises,
)
