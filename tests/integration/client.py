"""A user's connection, byte by byte where a test wants it: HTTP/1.1 with pipelining."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

CONNECTIONS = 4
"""Over so few many users can be asked for quickly."""

BATCH = 50
"""Requests written before their answers are read."""


@dataclass(frozen=True)
class Answer:
    """An answer; header names are in lower case, of several values the last."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def version(self) -> str:
        """Which version answered; "" if it was the gateway itself."""
        return self.headers.get("x-version", "")


class Connection:
    """One connection to the gateway; use it in ``async with``, which closes it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect. Raises OSError when nobody listens."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.transport.abort()

    def send(
        self, path: str = "/", method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> None:
        """Write a request; several may be written before the first answer is read."""
        lines = [f"{method} {path} HTTP/1.1", "host: shop", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    async def head(self) -> Answer:
        """The next answer's status and headers. Raises IncompleteReadError when the connection ends."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        status, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines if ": " in line)}
        return Answer(int(status.split(" ")[1]), headers)

    async def answer(self) -> Answer:
        """The next whole answer. Raises IncompleteReadError when the connection ends before."""
        head = await self.head()
        body = b""
        if head.headers.get("transfer-encoding") == "chunked":
            while chunk := await self.chunk():
                body += chunk
        else:
            body = await self.reader.readexactly(int(head.headers.get("content-length", "0")))
        return Answer(head.status, head.headers, body)

    async def chunk(self) -> bytes:
        """The next piece of a chunked body; empty at its end."""
        size = int((await self.reader.readuntil(b"\r\n")).strip(), 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    async def ask(
        self, path: str = "/", method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """A request and its answer."""
        self.send(path, method, headers, body)
        return await self.answer()


async def answers(
    port: int, requests: Iterable[Mapping[str, str]], method: str = "GET", connections: int = CONNECTIONS
) -> list[Answer]:
    """The answers to requests with these headers, in their order; pipelined over so many connections."""
    wanted = list(requests)
    found: dict[int, Answer] = {}

    async def work(numbers: list[int]) -> None:
        async with await Connection.open(port) as connection:
            for begin in range(0, len(numbers), BATCH):
                batch = numbers[begin : begin + BATCH]
                for number in batch:
                    connection.send("/", method, wanted[number])
                for number in batch:
                    found[number] = await connection.answer()

    shares = [list(range(first, len(wanted), connections)) for first in range(min(connections, len(wanted)))]
    async with asyncio.TaskGroup() as group:
        for share in shares:
            group.create_task(work(share))
    return [found[number] for number in range(len(wanted))]


async def on_version(port: int, version: str, users: int, header: str = "x-user-id: {}") -> frozenset[int]:
    """Which of the users (numbers from 0) that version answers; ``header`` says how they identify themselves."""
    name, value = header.split(": ")
    seen = await answers(port, ({name: value.format(f"user-{user}")} for user in range(users)))
    assert {each.status for each in seen} == {200}
    return frozenset(user for user, each in enumerate(seen) if each.version == version)


def cookie(answer: Answer) -> str:
    """The value of the identity that the gateway set; "" if it set none."""
    found = re.search(r"abreast-id=([^;]+);", answer.headers.get("set-cookie", ""))
    return found[1] if found else ""
