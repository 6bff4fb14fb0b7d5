"""``abreast down``: ends what ``abreast up`` of a directory runs, and leaves nothing over."""

import asyncio
import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from abreast.cli.options import DEFAULT_FILE, AsJson, SpecFile

if TYPE_CHECKING:
    from abreast.app.down import Outcome


def down(
    file: SpecFile = DEFAULT_FILE,
    as_json: AsJson = False,
    timeout: Annotated[str, typer.Option(help="the longest wait, such as 10m; what runs then is named")] = "5m",
) -> None:
    """End what runs for the spec's directory: the gateway drains, the versions end, nothing is left over.

    Asks the running abreast to end in order; without one, ends what a killed one has left. State stays, and so do
    named volumes, images and Deployments. Of the spec only the directory counts.
    """
    from abreast.app.down import run_down
    from abreast.cli.client import user
    from abreast.cli.place import URL
    from abreast.model.errors import DriverError, UsageError
    from abreast.model.units import parse_duration

    if os.environ.get(URL, "").strip():
        message = f"{URL} is set, and down ends only what runs on this machine"
        raise UsageError(message, f"run it there, or here with: env -u {URL} abreast down")
    try:
        longest_s = parse_duration(timeout)
    except ValueError as error:
        raise UsageError(f"--timeout: {error}", "such as: --timeout 10m") from None
    progress = sys.stderr if as_json else sys.stdout

    def say(sentence: str) -> None:
        progress.write(f"{sentence}\n")
        progress.flush()

    outcome = asyncio.run(run_down(file, say, user(), longest_s))
    sys.stdout.write(f"{json.dumps(asdict(outcome), indent=2)}\n" if as_json else _told(file, outcome))
    trouble = [*outcome.faults, *(f"{each} runs still" for each in outcome.left)]
    if trouble:
        raise DriverError("; ".join(trouble), "mend what is named, then run abreast down again: it goes on from there")


def _told(file: SpecFile, outcome: "Outcome") -> str:
    directory = str(file.resolve().parent)
    if outcome.nothing:
        first = [f"nothing runs for {directory!r}, and nothing is left of an earlier run"]
    else:
        first = [f"ended: {each}" for each in outcome.ended]
    stays = [f"stays: {each}" for each in outcome.stays]
    last = [] if outcome.nothing or outcome.left or outcome.faults else ["all has ended; store and logs stay"]
    return "".join(f"{line}\n" for line in [*first, *stays, *last])
