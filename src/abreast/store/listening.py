"""The connection on which a server hears what others have written: LISTEN, in the background, met again when lost.

While it is down its server looks by itself as often as it did before there were signals. A pooler that hands out
connections by the transaction does not pass signals on: then each change is seen up to a second later.
"""

import logging
from collections.abc import Callable
from typing import Final

import psycopg
from psycopg import sql

from abreast.ports import Clock
from abreast.store.postgresql import Address, Patience, connection_words
from abreast.store.signals import CHANNEL, Signal, heard

PAUSES_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""How long until it is tried again, by how often it failed in a row."""

log: Final = logging.getLogger(__name__)


class Listener:
    """Tells ``on_signal`` of every signal for the service; after each new beginning of all, as some may be missed."""

    def __init__(self, address: Address, service: str, clock: Clock, on_signal: Callable[[Signal], None]) -> None:
        self.listening = False
        self._address = address
        self._service = service
        self._clock = clock
        self._on_signal = on_signal

    async def run(self) -> None:
        """Listen until cancelled."""
        misses, trouble = 0, ""
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError) as error:
                if self.listening:
                    misses, trouble = 0, ""
                words = str(error).strip()
                if words != trouble:
                    log.warning("what other servers write is not heard of at once: %s", words)
                trouble = words
            finally:
                self.listening = False
            await self._clock.sleep(PAUSES_S[min(misses, len(PAUSES_S) - 1)])
            misses += 1

    async def _listen(self) -> None:
        words = connection_words(self._address, Patience())
        connection = await psycopg.AsyncConnection.connect(words, autocommit=True)
        async with connection:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
            self.listening = True
            for signal in Signal:
                self._on_signal(signal)
            async for told in connection.notifies():
                signal_heard = heard(told.payload, self._service)
                if signal_heard is not None:
                    self._on_signal(signal_heard)
