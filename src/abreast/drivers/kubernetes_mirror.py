"""What an API server has of one kind of object, kept in step by listing once and watching from there."""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from random import Random
from typing import Final, Generic

from abreast.drivers.backoff import Backoff
from abreast.drivers.kubernetes_api import Api, Kind, RequestError, Selection, Trouble
from abreast.drivers.timing import Timing
from abreast.ports import Clock

MOST_S: Final = 5.0
"""The longest pause before an API server that is away is asked again."""
_HOPELESS: Final = 3
"""How many times that is the pause after a refusal."""
PATIENCE_S: Final = 5.0
"""A server that is away for less is not worth a word: it was restarted, or a connection broke."""


class Reach:
    """Whether one API server answers: said once when it does not, and once when it does again."""

    def __init__(self, server: str, clock: Clock, say: Callable[[str], None]) -> None:
        self._server = server
        self._clock = clock
        self._say = say
        self._since: float | None = None
        self._said = False

    @property
    def away(self) -> bool:
        """Whether it has not answered for longer than a restart takes."""
        return self._said

    def failed(self, error: RequestError) -> None:
        """One more request has come to nothing."""
        now = self._clock.now()
        if self._since is None:
            self._since = now
        if not self._said and now - self._since >= PATIENCE_S:
            self._said = True
            words = f"the API server {self._server} does not answer ({error.message})"
            self._say(f"{words}; what it said last goes on holding")

    def answered(self) -> None:
        """A request was answered."""
        if self._said and self._since is not None:
            self._say(f"the API server {self._server} answers again, after {self._clock.now() - self._since:.0f} s")
        self._since, self._said = None, False


class Pauses:
    """How long to wait after a request that came to nothing: longer each time, and as long as the server asks."""

    def __init__(self, timing: Timing, random: Random) -> None:
        self._timing = replace(timing, backoff_most_s=min(timing.backoff_most_s, MOST_S))
        self._random = random
        self._backoff = Backoff(self._timing, random)

    @property
    def hopeless_s(self) -> float:
        """The pause after a refusal, which only a change of rights or of the cluster mends."""
        return self._timing.backoff_most_s * _HOPELESS

    def after_s(self, error: RequestError) -> float:
        """The pause after this one, in seconds."""
        if error.trouble in {Trouble.REFUSED, Trouble.MISSING}:
            return self.hopeless_s
        return max(self._backoff.next_s(0.0), error.retry_after_s)

    def reset(self) -> None:
        """All is well again."""
        self._backoff = Backoff(self._timing, self._random)


@dataclass(frozen=True)
class Line:
    """The connection to one API server, and what those who use it share."""

    api: Api
    reach: Reach
    clock: Clock
    timing: Timing
    random: Random

    def pauses(self) -> Pauses:
        """For one who asks by itself."""
        return Pauses(self.timing, self.random)


class Mirror(Generic[Kind]):
    """The objects of a selection, by name. While the server is away, those that it told of last.

    ``refusal`` says why it may not look, empty while it may; ``listed``: what there is has been told once.
    """

    def __init__(self, line: Line, selection: Selection[Kind], on_change: Callable[[], None]) -> None:
        self.objects: dict[str, Kind] = {}
        self.listed = False
        self.refusal = ""
        self._line = line
        self._selection: Selection[Kind] = selection
        self._on_change = on_change
        self._pauses = line.pauses()
        self._version = ""

    async def run(self) -> None:
        """Keep in step for ever."""
        while True:
            try:
                if self._version:
                    await self._watch()
                    pause_s = self._line.timing.starting_s  # who ends every watch at once must not keep us busy
                else:
                    await self._list()
                    pause_s = 0.0
            except RequestError as error:
                pause_s = self._failed(error)
            if pause_s:
                await self._line.clock.sleep(pause_s)

    async def _list(self) -> None:
        version, found = await self._line.api.list(self._selection)
        self.objects = {_name(each): each for each in found}
        self._version, self.listed, self.refusal = version, True, ""
        self._line.reach.answered()
        self._pauses.reset()
        self._on_change()

    async def _watch(self) -> None:
        async with aclosing(self._line.api.watch(self._selection, self._version)) as changes:
            async for change in changes:
                self._version = change.version
                if change.object is None:
                    continue
                if change.type == "DELETED":
                    self.objects.pop(_name(change.object), None)
                else:
                    self.objects[_name(change.object)] = change.object
                self._on_change()

    def learn(self, found: Kind) -> None:
        """Take in what a request of our own has answered: the watch tells it a moment later."""
        self.objects[_name(found)] = found
        self._on_change()

    def _failed(self, error: RequestError) -> float:
        """Begin anew with a list; the pause until then, in seconds."""
        self._version = ""
        if error.trouble in {Trouble.REFUSED, Trouble.MISSING}:
            self.refusal = error.message
            self._on_change()
        elif error.trouble is not Trouble.GONE:
            self._line.reach.failed(error)
        return self._pauses.after_s(error)


def _name(found: Kind) -> str:
    return (found.metadata.name if found.metadata else None) or ""
