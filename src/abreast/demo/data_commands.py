"""``abreast data …`` as a person gives it: the real program in a process of its own, its words told as they come."""

import asyncio
import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from abreast.demo.stage import DemoError, Stage
from abreast.demo.teller import Teller

_FIRST: Final = 3
_LAST: Final = 2
"""So many lines of a long list are told, and so many of its end."""

Json = dict[str, Any]  # Any: JSON


@dataclass(frozen=True)
class Told:
    """What a command printed on standard output, and how it ended."""

    code: int
    lines: tuple[str, ...]


class DataCommands:
    """Gives commands for one spec; while one runs, what happens meanwhile is told if there is a stage."""

    def __init__(self, spec_file: Path, teller: Teller) -> None:
        self._spec_file = spec_file
        self._teller = teller

    async def give(self, *words: str, stage: Stage | None = None, expected: tuple[int, ...] = (0,)) -> Told:
        """Give ``abreast data WORDS`` and tell what it says. DemoError with its words if it ends as is not expected."""
        told = await self._done(words, stage, expected)
        for line in abridged(told.lines):
            self._teller.tell("abreast", line)
        return told

    async def json(self, *words: str, stage: Stage | None = None) -> Json:
        """The same with ``--json``: what it says is for programs, and not told."""
        told = await self._done((*words, "--json"), stage, (0,))
        found: Json = orjson.loads("\n".join(told.lines))
        return found

    async def _done(self, words: tuple[str, ...], stage: Stage | None, expected: tuple[int, ...]) -> Told:
        self._teller.tell("you", f"$ abreast data {' '.join(words)}", "order")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "abreast", "data", *words, "--file", str(self._spec_file)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is the demo's, which ends this in its turn
        )
        ending = asyncio.create_task(process.communicate())
        try:
            while not ending.done():
                if stage is not None:
                    await stage.look()
                await asyncio.wait({ending}, timeout=0.1)
            out, wrong = await ending
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
            ending.cancel()
        code = process.returncode or 0
        if code not in expected:
            message = f"abreast data {' '.join(words)} ended with {code}:\n{wrong.decode(errors='replace').strip()}"
            raise DemoError(message, "mend what it names")
        return Told(code, tuple(line for line in out.decode(errors="replace").splitlines() if line.strip()))


def abridged(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The first lines and the last of a long list, with how many are left out between them."""
    left_out = len(lines) - _FIRST - _LAST
    if left_out < 2:  # noqa: PLR2004 - a line that stands for one line saves none
        return lines
    return (*lines[:_FIRST], f"  … {left_out:,} more", *lines[-_LAST:])
