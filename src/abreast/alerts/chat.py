"""Chats, mail, webhooks: whatever apprise has an URL for (https://appriseit.com/services/)."""

import logging
from typing import TYPE_CHECKING, Final

from abreast.alerts.channel import DeliveryError
from abreast.alerts.outbox import Batch

if TYPE_CHECKING:  # apprise takes a quarter of a second to import, which only who has alerts should pay
    from apprise import NotifyBase
    from apprise.logger import NotifyLogEntry

_TYPES: Final = {"critical": "failure", "warning": "warning", "info": "info"}
"""apprise's name of each severity."""


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
        """Tell them in one message. Raises DeliveryError."""
        from apprise import NotifyType  # noqa: PLC0415  # see above

        said: list[str] = []

        def hear(entry: "NotifyLogEntry", _service: "NotifyBase | None") -> None:
            said.append(entry.message)

        done = self._apprise.notify(
            text(batch), title(batch), NotifyType(manner(batch)), log_callback=hear, log_level=logging.WARNING
        )
        if not done:
            raise DeliveryError("; ".join(said) or "apprise could not deliver it and does not say why")


def title(batch: Batch) -> str:
    """The headline of one, or how many there are of what."""
    first = batch[0]
    if len(batch) == 1:
        return first.headline
    return f"{first.name.service}: {len(batch)} alerts in rollout {first.name.rollout}"


def text(batch: Batch) -> str:
    """What one says, or each under its headline."""
    if len(batch) == 1:
        return batch[0].body
    return "\n\n".join(f"{alert.headline}\n{alert.body}" for alert in batch)


def manner(batch: Batch) -> str:
    """Apprise's type of message: of the gravest that stands; success once all are over."""
    standing = {alert.severity for alert in batch if not alert.over}
    return next((_TYPES[severity] for severity in _TYPES if severity in standing), "success")


def private(url: str) -> str:
    """An address without what may be secret in it: tokens are in the user, the path, even in the host."""
    return f"{url.partition(':')[0]}://…"
