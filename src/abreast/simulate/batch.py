"""Many runs, on several cores. Which worker runs a seed changes nothing: each run is made of its truth and its seed."""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from queue import SimpleQueue
from typing import Final

from abreast.simulate.course import Outcome, Way, run
from abreast.simulate.truth import Truth

_CHUNK: Final = 20
_LATENCY_CHUNK: Final = 4
"""Seeds that a worker takes at a time: about half a second's work, so that an interrupt is obeyed soon."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The runs of one truth along one way: seeds 0 to ``seeds`` − 1, each by every rule of ``rules``."""

    truth: Truth
    way: Way
    rules: tuple[str, ...]
    seeds: int


Found = Sequence[tuple[Outcome, ...]]
"""For each seed the outcome of each rule."""


def run_all(batches: Sequence[Batch], workers: int, tell: Callable[[int], None]) -> list[Found]:
    """The runs of each batch, on ``workers`` processes (1: in this one). ``tell`` gets how many runs have ended.

    Raises BrokenProcessPool if a worker is killed.
    """
    chunks = [(batch, seeds) for batch in batches for seeds in _chunks(batch)]
    if workers <= 1:
        done = []
        for batch, seeds in chunks:
            done.append(_run_chunk(batch, seeds))
            tell(len(seeds))
    else:
        done = _spread(chunks, workers, tell)
    found: dict[Batch, list[tuple[Outcome, ...]]] = {batch: [] for batch in batches}
    for (batch, _), outcomes in zip(chunks, done, strict=True):
        found[batch] += outcomes
    return [found[batch] for batch in batches]


def _chunks(batch: Batch) -> list[range]:
    size = _CHUNK if batch.truth.latency is None else _LATENCY_CHUNK
    return [range(first, min(first + size, batch.seeds)) for first in range(0, batch.seeds, size)]


def _run_chunk(batch: Batch, seeds: range) -> list[tuple[Outcome, ...]]:
    return [run(batch.truth, seed, batch.rules, batch.way) for seed in seeds]


def _spread(
    chunks: Sequence[tuple[Batch, range]], workers: int, tell: Callable[[int], None]
) -> list[list[tuple[Outcome, ...]]]:
    others = set(active_children())
    ended: SimpleQueue[Future[list[tuple[Outcome, ...]]]] = SimpleQueue()
    # Spawned, not forked: whoever calls may have threads, and a progress bar is one.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_ignore_interrupts)
    try:
        with _interrupts_held():
            futures: dict[Future[list[tuple[Outcome, ...]]], int] = {
                pool.submit(_run_chunk, *chunk): len(chunk[1]) for chunk in chunks
            }
            for future in futures:
                future.add_done_callback(ended.put)
        for _ in futures:
            # Not `as_completed`: an interrupt while that takes the locks of all futures leaves some of them taken.
            future = ended.get()
            future.result()
            tell(futures[future])
        return [future.result() for future in futures]
    except BaseException:
        for worker in set(active_children()) - others:
            worker.terminate()  # nothing of theirs is wanted any more
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """A worker that is started within it is born deaf to Ctrl-C; here it is heard as soon as this is over."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ignore_interrupts() -> None:
    """Ctrl-C reaches the whole group; the parent alone decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
