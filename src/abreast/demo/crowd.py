"""The demo's users: the open-loop generator in a process of its own that tells every single answer.

``python -m abreast.demo.crowd`` reads a plan as JSON on standard input and prints lines of JSON, each a list of
answers (the fields of `Answer`), ten times a second. SIGTERM ends it once the last answer has come.
"""

import asyncio
import contextlib
import gc
import signal
import sys
import time
from typing import Any, Final, NamedTuple, Self

import orjson
import uvloop

from abreast.load import Load, Plan, Result
from abreast.model.errors import AbreastError

_TELL_S: Final = 0.1
_END_S: Final = 15.0
_LINE_LIMIT: Final = 1 << 24


class CrowdError(AbreastError):
    """The generator ended by itself; the message holds its words."""


class Answer(NamedTuple):
    """The end of one user's request. Times in Unix seconds; ``failure`` is empty after a good answer.

    ``version`` is empty where the service does not name its version. ``latency_s`` runs from the moment that the
    schedule meant, so a generator or a gateway that is late does not hide it.
    """

    user: int
    sent_s: float
    done_s: float
    latency_s: float
    status: int
    version: str
    failure: str


class Crowd:
    """``async with Crowd(plan) as crowd``: users that ask; ``answers`` grows while they do."""

    def __init__(self, plan: Plan) -> None:
        self.answers: list[Answer] = []
        self._plan = plan
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start it; its session is its own, so that Ctrl-C does not stop it before everything else."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "abreast.demo.crowd"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
            start_new_session=True,
        )
        self._reader = asyncio.create_task(self._read(self._process))
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it, if it has not ended."""
        process, reader = self._process, self._reader
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if reader is not None:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def stop(self) -> None:
        """Send no more; return when the last answer is here. Raises CrowdError when it does not end."""
        if self._process is None or self._reader is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._reader, _END_S)
        except TimeoutError:
            message = f"the load generator did not end within {_END_S:g} s"
            raise CrowdError(message, "the machine is short of processor time: run it again") from None

    def check(self) -> None:
        """Raise CrowdError if it has ended before it was told to."""
        if self._reader is not None and self._reader.done():
            self._reader.result()
            raise CrowdError("the load generator ended too early", "run it again; the demo took unusually long")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise CrowdError("the load generator has no pipes", "this is a fault of abreast; please report it")
        process.stdin.write(orjson.dumps(self._plan.as_dict()))
        process.stdin.close()
        async for line in process.stdout:
            self.answers += [Answer(*row) for row in orjson.loads(line)]
        words = (await process.stderr.read()).decode(errors="replace").strip()
        code = await process.wait()
        if code:
            raise CrowdError(f"the load generator ended with {code}: {words}", "mend what it names")


async def _ask(plan: Plan) -> None:
    """Run the plan, telling every answer."""
    told: list[Answer] = []
    # The monotonic clock is the generator's; whoever reads compares with events, which have the time of day.
    since_s = time.time() - time.monotonic()

    def note(result: Result) -> None:
        told.append(_answer(result, since_s))

    def tell() -> None:
        if told:
            sys.stdout.write(orjson.dumps([tuple(answer) for answer in told]).decode() + "\n")
            sys.stdout.flush()
            told.clear()

    async def keep_telling() -> None:
        while True:
            await asyncio.sleep(_TELL_S)
            tell()

    load = Load(plan, note)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, load.stop)
    gc.freeze()
    teller = loop.create_task(keep_telling())
    asking = loop.create_task(load.run())
    await asyncio.wait({teller, asking}, return_when=asyncio.FIRST_COMPLETED)
    teller.cancel()
    if asking.done():
        asking.result()
        tell()
    else:
        await teller


def _answer(result: Result, since_s: float) -> Answer:
    return Answer(
        user=result.user,
        sent_s=since_s + result.sent_s,
        done_s=since_s + result.done_s,
        latency_s=result.latency_s,
        status=result.status,
        version=result.version,
        failure=result.failure,
    )


def main() -> None:
    """Read the plan, run it."""
    data: dict[str, Any] = orjson.loads(sys.stdin.read())  # Any: JSON
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_ask(Plan.from_dict(data)))


if __name__ == "__main__":
    main()
