"""Where alerts go: what the URLs of the spec mean, and how each kind of address is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from abreast.alerts import alertmanager, webhook
from abreast.alerts.alertmanager import Alertmanager
from abreast.alerts.channel import Send
from abreast.alerts.chat import Chat, private
from abreast.alerts.outbox import Once, Outbox, Standing
from abreast.alerts.webhook import Webhook


@dataclass(frozen=True)
class Address:
    """One address: its name without secrets, how to reach it, and how it is told.

    ``connect`` may take a moment, and raises DeliveryError for an address that can never work.
    """

    name: str
    connect: Callable[[], Send]
    outbox: Callable[[], Outbox]


def addresses(urls: Sequence[str]) -> list[Address]:
    """One for each URL; where several look alike without their secrets, their place tells them apart."""
    return [
        _address(url, f" ({number} of {len(urls)})" if len(urls) > 1 else "")
        for number, url in enumerate(urls, start=1)
    ]


def _address(url: str, place: str) -> Address:
    scheme = url.partition("://")[0].lower()
    if scheme in alertmanager.SCHEMES:
        manager = Alertmanager(url)
        return Address(manager.name, lambda: manager.send, Standing)
    if scheme in webhook.SCHEMES:
        hook = Webhook(url)
        return Address(f"{hook.name}{place}", lambda: hook.send, lambda: Once(ends=True))

    def connect() -> Send:
        return Chat(url).send

    return Address(f"{private(url)}{place}", connect, Once)
