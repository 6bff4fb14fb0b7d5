"""The way from a server that decides to the relays that are connected to it."""

from collections.abc import Mapping

from abreast.link.relays import Present, RelayBook
from abreast.shadow.relay_client import Ask, RelayAnswer, RelayUnreachableError


class Door:
    """The relays that are connected to a server's desk, as `abreast.shadow.roster.Roster` asks them."""

    def __init__(self, book: RelayBook) -> None:
        self._book = book
        self._asks: dict[str, tuple[Present, Ask]] = {}

    def connected(self) -> Mapping[str, Ask]:
        """By name; another connection is another way to ask."""
        present = self._book.present
        self._asks = {
            name: self._asks[name] if name in self._asks and self._asks[name][0] is each else (each, _asking(each))
            for name, each in present.items()
        }
        return {name: ask for name, (_, ask) in self._asks.items()}


def _asking(relay: Present) -> Ask:
    async def ask(method: str, target: str, body: bytes) -> RelayAnswer:
        try:
            reply = await relay.ask(method, target, body)
        except (TimeoutError, ConnectionError) as error:
            raise RelayUnreachableError(str(error) or "it does not answer") from error
        return RelayAnswer(reply.status, reply.body.encode())

    return ask
