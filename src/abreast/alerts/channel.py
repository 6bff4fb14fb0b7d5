"""One address that alerts go to: a thread of its own, so that a slow or dead one holds up nobody."""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from abreast.alerts.outbox import Batch, Outbox

log: Final = logging.getLogger(__name__)

LIMIT_S: Final = 15.0
"""How long sending one message may take; what takes longer is left to itself, and told again later."""

REPEAT_S: Final = 60.0
"""How often what stands, and what did not arrive, is told again."""

QUEUED: Final = 256
"""Changes that may wait for the thread; more are dropped and counted."""


class DeliveryError(Exception):
    """A message did not arrive; the text says why, without secrets of the address."""


@dataclass(frozen=True)
class Timing:
    """The limits of a channel, in seconds."""

    limit_s: float = LIMIT_S
    repeat_s: float = REPEAT_S


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
            try:
                post = self._posts.get(timeout=self._timing.repeat_s)
            except queue.Empty:
                self._deliver()
                continue
            if post is not None:
                post(self._outbox)
                self._deliver()

    def _deliver(self) -> None:
        try:
            self._send = self._send or self._connect()
            for batch in self._outbox.batches():
                self._limited(self._send, batch)
                self._outbox.delivered(batch)
            self._failure, self._logged = "", False
        except DeliveryError as error:
            self._failure = str(error)
            self._warn(self._failure)

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
