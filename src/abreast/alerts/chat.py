"""Chats, mail, webhooks: whatever apprise has an URL for (https://appriseit.com/services/)."""

import logging
from typing import TYPE_CHECKING, Final

from abreast.alerts.channel import DeliveryError
from abreast.alerts.outbox import Batch
from abreast.compare.model import Kind

if TYPE_CHECKING:  # apprise takes a quarter of a second to import, which only who has alerts should pay
    from apprise import NotifyBase
    from apprise.logger import NotifyLogEntry

GRAVE: Final = Kind.STATUS.risk
"""Differences of this risk or a graver one are told as a failure, the others as a warning."""


class Chat:
    """One address of apprise's. Raises DeliveryError for one that it does not know."""

    def __init__(self, url: str) -> None:
        from apprise import Apprise  # noqa: PLC0415  # see above

        # What it logs of a message that did not arrive is told by the channel, once, and nobody else need hear it.
        logger = logging.getLogger("apprise")
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
        self._apprise = Apprise()
        if not self._apprise.add(url):
            raise DeliveryError("apprise knows no such address: see https://appriseit.com/services/ for its form")

    def send(self, batch: Batch) -> None:
        """Tell them one after the other. Raises DeliveryError."""
        from apprise import NotifyType  # noqa: PLC0415  # see above

        for alert in batch:
            said: list[str] = []

            def hear(entry: "NotifyLogEntry", _service: "NotifyBase | None", said: list[str] = said) -> None:
                said.append(entry.message)

            grave = alert.kind.risk <= GRAVE
            done = self._apprise.notify(
                alert.body,
                alert.headline,
                NotifyType.FAILURE if grave else NotifyType.WARNING,
                log_callback=hear,
                log_level=logging.WARNING,
            )
            if not done:
                raise DeliveryError("; ".join(said) or "apprise could not deliver it and does not say why")


def private(url: str) -> str:
    """An address without what may be secret in it: tokens are in the user, the path, even in the host."""
    return f"{url.partition(':')[0]}://…"
