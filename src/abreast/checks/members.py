"""Ask the other members of the release group what they say of themselves: each in a task of its own, every second."""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, Protocol

import httpx
from pydantic import TypeAdapter, ValidationError

from abreast.model.group import FORMAT, Heard, Standing
from abreast.model.visible import visible
from abreast.ports import Clock

EVERY_S: Final = 1.0
LIMIT_S: Final = 2.0
"""How long an answer may take."""

SLOWEST_S: Final = 4.0
"""Who does not answer is asked less and less often, down to this."""

LIMIT_BYTES: Final = 64 * 1024
_PATH: Final = "/api/v1/group"
_LONGEST: Final = 300
_STANDING: Final = TypeAdapter(Standing)


@dataclass(frozen=True)
class Place:
    """Where a member answers: by ``socket`` if there is one, else at ``url`` with ``token``. ``name`` is for people."""

    name: str
    url: str
    token: str = ""
    socket: str = ""


class SilentError(Exception):
    """A member gave no answer that makes sense; the text says who and why, without the token."""


class News(Protocol):
    """What is called when another answer came in than the one before."""

    def __call__(self) -> None:
        """Look again."""


class Members:
    """Follows the members at ``places``. Nothing that it is asked ever waits for one, but `refreshed`."""

    def __init__(self, places: Mapping[str, Place] | None, clock: Clock, on_news: News) -> None:
        self._places = places
        self._clock = clock
        self._on_news = on_news
        self._heard = {name: Heard() for name in places or ()}
        self._hurry = {name: asyncio.Event() for name in places or ()}
        self._changed = asyncio.Event()
        self._asked = asyncio.Condition()
        self._rounds = dict.fromkeys(places or (), 0)

    def heard(self) -> Mapping[str, Heard] | None:
        """What each member said last; None without a group."""
        return None if self._places is None else dict(self._heard)

    def follow(self, places: Mapping[str, Place] | None) -> None:
        """Ask these from now on; what another place said is forgotten."""
        if places == self._places:
            return
        before = self._places or {}
        self._heard = {
            name: self._heard[name] if before.get(name) == place else Heard() for name, place in (places or {}).items()
        }
        self._places = places
        self._hurry = {name: asyncio.Event() for name in places or ()}
        self._rounds = dict.fromkeys(places or (), 0)
        self._changed.set()

    async def refreshed(self, limit_s: float = LIMIT_S) -> None:
        """Ask everybody now, and wait until each has answered or failed to, for so long at most."""
        due = {name: count + 1 for name, count in self._rounds.items()}
        for hurry in self._hurry.values():
            hurry.set()
        try:
            async with asyncio.timeout(limit_s), self._asked:
                await self._asked.wait_for(lambda: all(self._rounds.get(name, n) >= n for name, n in due.items()))
        except TimeoutError:
            return

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            self._changed.clear()
            tasks = [asyncio.create_task(self._follow(name, place)) for name, place in (self._places or {}).items()]
            changed = asyncio.create_task(self._changed.wait())
            try:
                await asyncio.wait({changed, *tasks}, return_when=asyncio.FIRST_COMPLETED)
                _raise_faults(tasks)
            finally:
                await _end((changed, *tasks))

    async def _follow(self, name: str, place: Place) -> None:
        failed = 0
        hurry = self._hurry[name]
        async with _client(place) as client:
            while True:
                hurry.clear()
                asked_at = self._clock.now()
                try:
                    said = await ask(client, place)
                except SilentError as error:
                    failed += 1
                    heard = replace(self._heard[name], trouble=str(error))
                else:
                    failed = 0
                    heard = Heard(said, asked_at)
                if (self._places or {}).get(name) != place:
                    return  # somebody else is to be asked now, and who runs this is about to hear of it
                await self._take(name, heard)
                await self._pause(hurry, min(EVERY_S * 2 ** min(failed, 8), SLOWEST_S) if failed else EVERY_S)

    async def _take(self, name: str, heard: Heard) -> None:
        before, self._heard[name] = self._heard[name], heard
        async with self._asked:
            self._rounds[name] += 1
            self._asked.notify_all()
        if _told(before) != _told(heard):
            self._on_news()

    async def _pause(self, hurry: asyncio.Event, seconds: float) -> None:
        sleep, hurried = asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(hurry.wait())
        try:
            await asyncio.wait({sleep, hurried}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end((sleep, hurried))


async def ask(client: httpx.AsyncClient, place: Place) -> Standing:
    """What the member says of itself. Raises SilentError."""
    headers = {"authorization": f"Bearer {place.token}"} if place.token else {}
    try:
        async with asyncio.timeout(LIMIT_S), client.stream("GET", f"{place.url}{_PATH}", headers=headers) as response:
            body = await _read(response, place)
            status = response.status_code
    except TimeoutError:
        raise SilentError(f"{place.name} did not answer within {LIMIT_S:g} s") from None
    except httpx.ConnectError:
        raise SilentError(f"no abreast answers at {place.name}") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise SilentError(f"{place.name} broke off: {str(error) or type(error).__name__}") from None
    if status in {401, 403}:
        remedy = "make a token there: abreast token create NAME --role viewer"
        raise SilentError(f"{place.name} answered {status}: it does not take the token; {remedy}")
    if status != httpx.codes.OK:
        raise SilentError(f"{place.name} answered {status} to {_PATH}")
    return _understood(body, place)


def _understood(body: bytes, place: Place) -> Standing:
    try:
        said = _STANDING.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        message = f"{place.name} says what abreast does not understand: {where}: {first['msg']}"
        raise SilentError(f"{message}; both must speak format {FORMAT} of it") from None
    return replace(
        said,
        service=_shown(said.service),
        group=_shown(said.group),
        order=tuple(map(_shown, said.order)),
        because=_shown(said.because),
        reason=_shown(said.reason),
    )


def _shown(text: str) -> str:
    """What another machine says, as it may stand in a sentence."""
    return visible(text)[:_LONGEST]


async def _read(response: httpx.Response, place: Place) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > LIMIT_BYTES:
            raise SilentError(f"{place.name} sends more than {LIMIT_BYTES // 1024} KiB")
    return bytes(body)


def _client(place: Place) -> httpx.AsyncClient:
    if place.socket:
        transport = httpx.AsyncHTTPTransport(uds=place.socket, verify=False)
        return httpx.AsyncClient(transport=transport, timeout=httpx.Timeout(None))
    return httpx.AsyncClient(verify=_tls(), timeout=httpx.Timeout(None), follow_redirects=False, trust_env=False)


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the authorities' certificates takes a while. ``SSL_CERT_FILE`` names others."""
    return httpx.create_ssl_context()


def _told(heard: Heard) -> tuple[Standing | None, bool]:
    """What matters of it: not when it was said, nor how long the phase lasts."""
    return heard.said and replace(heard.said, phase_s=0.0), bool(heard.trouble)


def _raise_faults(tasks: Iterable[asyncio.Task[None]]) -> None:
    """A task that ended did so by a fault of ours."""
    for task in tasks:
        if task.done():
            task.result()


async def _end(tasks: Iterable[asyncio.Future[Any]]) -> None:
    ended = tuple(tasks)
    for task in ended:
        task.cancel()
    await asyncio.gather(*ended, return_exceptions=True)
