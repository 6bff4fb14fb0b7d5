"""How far a long command on a database has got: a bar where somebody looks, a line now and then where nobody does."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from abreast.model.visible import visible
from abreast.postgres.patience import Telling

EVERY_S: Final = 2.0


@contextmanager
def shown() -> Iterator[Telling]:
    """Takes what is done and how much of it; writes to stderr."""
    if sys.stderr.isatty():
        with _bar() as tell:
            yield tell
    else:
        yield _lines()


@contextmanager
def _bar() -> Iterator[Telling]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)

        def tell(what: str, share: float | None) -> None:
            progress.update(task, description=visible(what), total=None if share is None else 1.0, completed=share or 0)

        yield tell


def _lines() -> Telling:
    last: tuple[str, float] = ("", 0.0)

    def tell(what: str, share: float | None) -> None:
        nonlocal last
        now = time.monotonic()
        topic = what.split(":", maxsplit=1)[0]
        if topic == last[0] and now - last[1] < EVERY_S:
            return
        last = (topic, now)
        done = "" if share is None else f" ({share:.0%})"
        sys.stderr.write(f"{visible(what)}{done}\n")

    return tell
