"""One address that alerts go to: a thread of its own, so that a slow or dead one holds up nobody."""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from abreast.alerts.outbox import Batch, Outbox

log: Final = logging.getLogger(__name__)

LIMIT_S: Final = 15.0
"""How long sending one message may take; what takes longer is left to itself, and told again later."""

REPEAT_S: Final = 60.0
"""How often what stands is told again, and at least also what did not arrive."""

RETRY_S: Final = 1.0
"""How soon after its first failure a message is tried again; after each further one twice as late."""

_DOUBLINGS: Final = 10

QUEUED: Final = 256
"""Changes that may wait for the thread; more are dropped and counted."""


class DeliveryError(Exception):
    """A message did not arrive; the text says why, without secrets of the address."""


@dataclass(frozen=True)
class Timing:
    """The limits of a channel, in seconds."""

    limit_s: float = LIMIT_S
    repeat_s: float = REPEAT_S
    retry_s: float = RETRY_S


USUAL: Final = Timing()

Post = Callable[[Outbox], None]
"""Puts something into the outbox, in the channel's thread."""

Send = Callable[[Batch], None]
"""Tells one message. Raises DeliveryError."""


class Channel:
    """Takes posts from any thread and sends from its own until `close`.

    ``connect`` is called in that thread before anything is sent, and again after it failed; it returns the way
    to send, and raises DeliveryError for an address that can never work.
    """

    def __init__(self, name: str, outbox: Outbox, connect: Callable[[], Send], timing: Timing) -> None:
        self.name = name
        self._outbox = outbox
        self._connect = connect
        self._timing = timing
        self._posts: queue.Queue[Post | None] = queue.Queue(QUEUED)
        self._failure = ""
        self._logged = False
        self._failures = 0
        self._retry_at = 0.0
        self._dropped = 0
        self._closing = False
        self._send: Send | None = None
        self._sending: threading.Thread | None = None
        # Daemons: an address that hangs must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name=f"alerts {name}", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> str:
        """Why the last message did not arrive, or that some were dropped; empty when all is well."""
        dropped = f"{self._dropped} alerts were dropped because too many waited" if self._dropped else ""
        return "; ".join(each for each in (self._failure, dropped) if each)

    def post(self, post: Post) -> None:
        """Have it sent soon; never waits. Beyond `QUEUED` it is dropped."""
        try:
            self._posts.put_nowait(post)
        except queue.Full:
            self._dropped += 1
            self._warn(self.failure)

    def close(self) -> None:
        """Stop once everything that was posted was tried; returns at once."""
        self._closing = True
        with contextlib.suppress(queue.Full):  # then the thread is not waiting, and sees the flag
            self._posts.put_nowait(None)

    def join(self, wait_s: float) -> None:
        """Wait until it has stopped, for so long at most."""
        self._thread.join(wait_s)

    def _run(self) -> None:
        self._deliver()  # an address that can never work is known before the first alert
        while not (self._closing and self._posts.empty()):
            with contextlib.suppress(queue.Empty):
                post = self._posts.get(timeout=self._pause_s())
                if post is None:
                    continue
                post(self._outbox)
            if time.monotonic() >= self._retry_at:
                self._deliver()
        if self._failures:
            self._deliver()  # the last chance of what waits

    def _pause_s(self) -> float:
        """How long to wait for a post: until it is time to tell what stands, or what did not arrive."""
        if not self._failures:
            return self._timing.repeat_s
        return max(0.0, self._retry_at - time.monotonic())

    def _deliver(self) -> None:
        try:
            self._send = self._send or self._connect()
            for batch in self._outbox.batches():
                self._limited(self._send, batch)
                self._outbox.delivered(batch)
        except DeliveryError as error:
            back_off_s = self._timing.retry_s * 2.0 ** min(self._failures, _DOUBLINGS)
            self._retry_at = time.monotonic() + min(back_off_s, self._timing.repeat_s)
            self._failures += 1
            self._failure = str(error)
            self._warn(self._failure)
        else:
            self._failures, self._retry_at = 0, 0.0
            self._failure, self._logged = "", False

    def _limited(self, send: Send, batch: Batch) -> None:
        """Send in a thread that can be left behind. Raises DeliveryError, also when it takes too long."""
        if self._sending is not None and self._sending.is_alive():
            raise DeliveryError("an earlier message is still being sent")
        outcome: DeliveryError | None = DeliveryError("sending broke off, see .abreast/logs/abreast.log")

        def work() -> None:
            nonlocal outcome
            try:
                send(batch)
            except DeliveryError as error:
                outcome = error
            else:
                outcome = None

        self._sending = threading.Thread(target=work, name=f"alerts {self.name} sending", daemon=True)
        self._sending.start()
        self._sending.join(self._timing.limit_s)
        if self._sending.is_alive():
            raise DeliveryError(f"no answer within {self._timing.limit_s:g} s")
        if outcome is not None:
            raise outcome

    def _warn(self, reason: str) -> None:
        """Once for each time that it stops working."""
        if not self._logged:
            self._logged = True
            log.warning("alerts do not reach %s: %s; they wait (see: abreast doctor)", self.name, reason)
