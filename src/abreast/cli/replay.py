"""``abreast replay``: a recorded rollout decided anew, under its own policy or another."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from abreast.cli.fleet_store import fleet_store
from abreast.cli.options import DEFAULT_FILE, SpecFile
from abreast.model.errors import UsageError

if TYPE_CHECKING:
    from abreast.model.rollout import Policy
    from abreast.replay.course import Moment
    from abreast.replay.recording import Recording

OTHER_EXIT_CODE: Final = 1
"""It took another course than the record."""


def replay(
    source: Annotated[
        Path | None, typer.Argument(help="a state directory, a store, or a recording; default: the spec's directory")
    ] = None,
    *,
    store: Annotated[
        str, typer.Option("--store", help="instead: the PostgreSQL that a fleet shares, as abreast server is told it")
    ] = "",
    rollout: Annotated[int | None, typer.Option("--rollout", min=0, help="its number; default: the newest")] = None,
    policy: Annotated[Path | None, typer.Option("--policy", help="a spec: decide by its policy instead")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="also write the recording to this file, as NDJSON")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="also write what was found, as JSON")] = None,
    file: SpecFile = DEFAULT_FILE,
) -> None:
    """Decide a recorded rollout anew, second by second: what would happen, and when; exit code 1 if that differs."""
    from rich.console import Console

    from abreast.replay.ndjson import lines
    from abreast.replay.outcome import Outcome
    from abreast.replay.table import replay_table

    recording = _recording(source, store, rollout, file)
    other = None if policy is None else _policy(policy, recording.start.candidate or "")
    if out is not None:
        _write("--out", out, "".join(f"{line}\n" for line in lines(recording)))
    console = Console(highlight=False)
    with _progress(len(recording.ticks)) as tell:
        outcome = Outcome.of(recording, other, tell)
    if json_file is not None:
        _write("--json", json_file, json.dumps(outcome.as_dict(), indent=2) + "\n")
    console.print(replay_table(outcome))
    console.print(outcome.summary(), markup=False)
    for note in outcome.notes():
        console.print(f"– {note}", markup=False)
    for written in filter(None, (out, json_file)):
        console.print(f"written: {written}", soft_wrap=True, markup=False)
    raise typer.Exit(0 if outcome.same else OTHER_EXIT_CODE)


def _recording(source: Path | None, store: str, rollout: int | None, file: Path) -> "Recording":
    """What is to be decided anew. Raises SpecError, StoreError, UsageError."""
    from abreast.replay.source import load, load_shared
    from abreast.state_dir import StateDir

    if not store:
        return load(source or StateDir.beside(file.resolve().parent).path, rollout)
    if source is not None:
        raise UsageError(f"--store and {str(source)!r} are two sources", "name one of them")
    return load_shared(*fleet_store(store, file), rollout)


@contextmanager
def _progress(seconds: int) -> Iterator[Callable[["Moment"], None]]:
    """On a terminal a bar, while it takes time: about 2 ms for each second of the record."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("seconds"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("seconds", total=seconds)

        def move(moment: "Moment") -> None:
            if moment.tick is not None:
                bar.advance(task)

        yield move


def _policy(spec_file: Path, candidate: str) -> "Policy":
    """The spec's for this candidate, or for its newest version if it has none of that name. Raises SpecError."""
    from abreast.spec_source import load_spec

    spec = load_spec(spec_file)
    versions = spec.keys.versions
    return spec.policy(candidate if candidate in versions else next(reversed(versions)))


def _write(option: str, file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        message = f"{option}: {str(file)!r} cannot be written: {error.strerror}"
        raise UsageError(message, "name a file in a directory that is there and yours") from error
