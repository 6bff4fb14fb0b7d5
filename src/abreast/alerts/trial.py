"""A test alert to addresses, all at once: did it arrive, and how fast."""

import threading
import time
from collections.abc import Sequence

from abreast.alerts.address import Address
from abreast.alerts.alert import Alert
from abreast.alerts.channel import LIMIT_S, DeliveryError
from abreast.ports import AlertTrial


def try_out(addresses: Sequence[Address], alert: Alert, limit_s: float = LIMIT_S) -> list[AlertTrial]:
    """Send it to each in a thread of its own; waits ``limit_s`` at most."""
    began = time.monotonic()
    outcomes: dict[int, AlertTrial] = {}

    def work(number: int, address: Address) -> None:
        failure = ""
        try:
            address.connect()((alert,))
        except DeliveryError as error:
            failure = str(error)
        outcomes[number] = AlertTrial(address.name, failure, time.monotonic() - began)

    # Daemons: an address that hangs must not keep the program from ending.
    threads = [
        threading.Thread(target=work, args=each, name=f"alerts test {each[1].name}", daemon=True)
        for each in enumerate(addresses)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, began + limit_s - time.monotonic()))
    return [
        outcomes.get(number) or AlertTrial(address.name, _unfinished(threads[number], limit_s), limit_s)
        for number, address in enumerate(addresses)
    ]


def _unfinished(thread: threading.Thread, limit_s: float) -> str:
    return f"no answer within {limit_s:g} s" if thread.is_alive() else "sending broke off, see the log"
