"""Waiting until a rollout rests: told line by line, and going on over a control plane that is restarted."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from abreast.cli.status_view import awaited, change
from abreast.model.errors import AbreastError, NotRunningError, UsageError, WaitTimeoutError
from abreast.model.units import about, format_duration, parse_duration
from abreast.model.visible import visible

Json = dict[str, Any]
T = TypeVar("T")

HALTED: Final = frozenset({"paused", "frozen"})
RESTING: Final = frozenset({"completed", "retiring", "rolled-back", *HALTED})
REFRESH_S: Final = 0.5
AGAIN_S: Final = 1.0
"""Between two calls while nobody answers."""
STILL_S: Final = 60.0
"""A log that says nothing for longer looks as if the build hung."""


class Reader(Protocol):
    """Reads of the API, as `Client` has them."""

    def get(self, path: str, **query: int | str) -> Any:  # noqa: ANN401  # JSON
        """The JSON answer to a GET."""


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds.

    ``whole_s`` for everything, ``halted_s`` while the rollout is paused or frozen, ``away_s`` while no control plane
    answers. ``quiet`` tells nothing.
    """

    whole_s: float
    halted_s: float = 0.0
    away_s: float = 120.0
    quiet: bool = False

    @classmethod
    def of(cls, timeout: str, halted_for: str = "0s", away_for: str = "2m", *, quiet: bool = False) -> "Patience":
        """Of the options' texts. Raises UsageError."""
        whole_s, halted_s = duration(timeout), duration(halted_for, "--halted-for")
        return cls(whole_s, halted_s, duration(away_for, "--away-for"), quiet)

    def tell(self, line: str) -> None:
        """One line on stderr, in which nothing is obeyed by a terminal or a log's viewer."""
        if not self.quiet:
            sys.stderr.write(f"{visible(line)}\n")
            sys.stderr.flush()


def duration(text: str, option: str = "--timeout") -> float:
    """Seconds of an option's value. Raises UsageError."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}", f"such as: {option} 30m") from None


def patiently(call: Callable[[], T], patience: Patience) -> T:
    """What the call returns, tried again while no control plane answers. Raises NotRunningError after ``away_s``."""
    since: float | None = None
    while True:
        try:
            found = call()
        except AbreastError as error:
            if error.exit_code != NotRunningError.exit_code:
                raise
            now = time.monotonic()
            if since is None:
                since = now
                patience.tell(f"{error.message}; asking again, for {about(patience.away_s)} at most")
            if now - since >= patience.away_s:
                message = f"{error.message}; asked for {about(patience.away_s)}"
                raise NotRunningError(message, error.remedy) from error
            time.sleep(AGAIN_S)
            continue
        if since is not None:
            patience.tell(f"abreast answers again, after {about(time.monotonic() - since)}")
        return found


def wait_for_rest(client: Reader, patience: Patience, rollout: int | None = None) -> Json:
    """Wait until nothing more happens by itself, telling each change on stderr; the status then.

    With the number of a ``rollout``, another one that has taken its place ends the wait: the status is then that of
    the other, with the first one's ``phase``, ``reason`` and ``explanation``. Raises WaitTimeoutError, NotRunningError.
    """
    began = time.monotonic()
    progress = _Progress(patience, began)
    halted_since: float | None = None
    while True:
        state: Json = patiently(lambda: client.get("/status"), patience)
        if rollout is not None and state["rollout"] != rollout:
            return patiently(lambda: _replaced(client, rollout), patience)
        progress.show(state)
        now = time.monotonic()
        if state["phase"] not in HALTED:
            halted_since = None
            if state["phase"] in RESTING:
                return state
        else:
            halted_since = halted_since or now
            if now - halted_since >= patience.halted_s:
                return state
        if now - began > patience.whole_s:
            limit = format_duration(patience.whole_s)
            message = f"the rollout is still {state['phase']} after {limit}: {state['because']}"
            raise WaitTimeoutError(visible(message), "wait longer, or see: abreast explain")
        time.sleep(REFRESH_S)


class _Progress:
    """A line for each change, with the time since the beginning; and one now and then when nothing changes."""

    def __init__(self, patience: Patience, began: float) -> None:
        self._patience = patience
        self._began = began
        self._told = ""
        self._told_at = began

    def show(self, state: Json) -> None:
        """Tell what is new in it."""
        now, line = time.monotonic(), change(state)
        if line == self._told:
            if now - self._told_at < STILL_S:
                return
            line = f"still {state['phase']}; next: {awaited(state)}"
        else:
            self._told = line
        self._told_at = now
        self._patience.tell(f"{about(now - self._began):>9}  {line}")


def _replaced(client: Reader, rollout: int) -> Json:
    """The last state of a rollout that is not the present one any more, as far as its record and the status tell it."""
    state: Json = client.get("/status")
    for row in client.get("/history"):
        if row["number"] == rollout:
            why = f"{row['reason']}; rollout {state['rollout']} has taken its place since"
            code = 0 if row["phase"] == "completed" else 5
            named = {key: row[key] for key in ("stable", "candidate", "phase", "weight")}
            ended = f"rollout {rollout} ({row['stable']} → {row['candidate']}) is {row['phase']}: {why}."
            return {**state, **named, "rollout": rollout, "reason": why, "exit_code": code, "explanation": [ended]}
    message = f"rollout {rollout} is not on record any more; the present one is rollout {state['rollout']}"
    raise UsageError(message, "see: abreast history")
