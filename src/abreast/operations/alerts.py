"""Alerts, for people: do they arrive?"""

import asyncio

from abreast.model.errors import RefusedError
from abreast.operations.control import Control
from abreast.ports import AlertTrial


async def try_alerts(control: Control) -> list[AlertTrial]:
    """Send a test alert to every address; what each answered. Raises RefusedError where nobody is to be told."""
    trials = [] if control.alerts is None else await asyncio.to_thread(control.alerts.test)
    if not trials:
        message = f"nobody is told of what happens to {control.service.name}: it has no `alerts`"
        raise RefusedError(message, "name addresses in `alerts` of the spec, then start again: abreast up")
    return list(trials)
