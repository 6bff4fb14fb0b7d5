"""A registry whose answers a test gives one by one."""

import asyncio
from dataclasses import dataclass, field

from abreast.drivers.registry.found import Found, NoAnswerError
from abreast.model.service import Endpoint

ONE, TWO = Endpoint("127.0.0.1", 9001), Endpoint("127.0.0.1", 9002)


@dataclass
class FakeSource:
    """`abreast.drivers.registry.found.Source`: waits for the next answer that is said."""

    answers: asyncio.Queue[Found | Exception] = field(default_factory=asyncio.Queue)
    asked: int = 0
    closed: bool = False

    def say(self, *endpoints: Endpoint, again_s: float = 0.0) -> None:
        """The next answer."""
        self.answers.put_nowait(Found(endpoints, again_s=again_s))

    def fail(self, error: Exception | None = None) -> None:
        """The next question is not answered."""
        self.answers.put_nowait(error or NoAnswerError("refused"))

    async def ask(self) -> Found:
        self.asked += 1
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        self.closed = True
