"""How a server keeps in touch with the others: tells of itself at once, and reads what they told."""

import logging
from collections.abc import Callable
from typing import Final

from abreast.app.ears import Ears
from abreast.app.fleet import Muster
from abreast.model.errors import StoreError
from abreast.operations.control import Control
from abreast.operations.flags import FlagDesk
from abreast.operations.recorded_findings import RecordedFindings

TOUCH_S: Final = 0.1
"""How often a server reads who is there while it hears of nothing."""

OWN_S: Final = 0.02
"""How often it looks at its own gateway meanwhile: that costs nothing."""

log: Final = logging.getLogger(__name__)


async def keep_in_touch(muster: Muster, ears: Ears, control: Control) -> None:
    """Report this server and read who else is there, and what their gateways counted."""
    clock = control.clock
    while True:
        before = ears.touching.happened
        if await muster.touch(control.controller.rollout):
            control.controller.wake()  # an order may be waiting for just that
        until = clock.now() + ears.pause_s(TOUCH_S)
        while ears.touching.happened == before and until - clock.now() > 0:
            await ears.touching.rest(OWN_S, before)
            if muster.has_news(control.controller.rollout):
                break


async def follow_flags(flags: FlagDesk, ears: Ears, control: Control, follows: Callable[[], bool]) -> None:
    """While another server decides: have its flags hold here too, and show what it found."""
    while True:
        before = ears.flags.happened
        if follows():
            try:
                await flags.follow()
                if isinstance(control.findings, RecordedFindings):
                    await control.findings.refresh()
            except StoreError as error:
                log.debug("what others switched cannot be read: %s", error)
        await ears.flags.rest(ears.pause_s(TOUCH_S), before)
