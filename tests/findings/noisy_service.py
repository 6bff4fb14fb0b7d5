"""A made-up service whose answers are full of noise: what differs between answers, and between processes."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from uuid import UUID

from abreast.compare.model import Answer

Body = dict[str, object]
Change = Callable[[Body, random.Random], None]

_FLAGS = ["dark-mode", "fast-checkout", "gift-wrap", "new-search", "reviews"]
_NAMES = ["Ada", "Barbara", "Donald", "Edsger", "Grace", "Leslie", "Margaret", "Tony"]
START = 1_800_000_000.0


@dataclass
class Process:
    """One instance: what it keeps for its life, and a counter. ``seed`` decides everything about it."""

    name: str
    seed: str
    dice: random.Random = field(init=False)
    served: int = 0

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.host = (
            f"{self.name}-{self.dice.getrandbits(40):010x}-{''.join(self.dice.choices('bcdfghjklmnpqrst2456', k=5))}"
        )
        self.pid = self.dice.randrange(2, 4_000_000)
        self.port = self.dice.randrange(20_000, 60_000)
        self.started = START - self.dice.randrange(100, 900_000)
        self.served = self.dice.randrange(1_000_000)
        self.features = self.dice.sample(_FLAGS, len(_FLAGS))

    def answer(self, request: int, at: float, change: Change | None = None) -> Answer:
        """The answer to the ``request``-th request, asked at ``at`` (Unix s)."""
        dice = self.dice
        self.served += dice.randrange(1, 5)
        now = at + dice.uniform(0, 0.3)
        body: Body = {
            "order": f"order-{request % 97}",
            "customer": _NAMES[request % 8],
            "total": {"amount": (request * 7919) % 10_000, "currency": "EUR"},
            "paid": request % 3 == 0,
            "request_id": str(UUID(int=dice.getrandbits(128))),
            "generated_at": datetime.fromtimestamp(now, UTC).isoformat(),
            "epoch_ms": int(now * 1000),
            "served_by": self.host,
            "pid": self.pid,
            "started_at": datetime.fromtimestamp(self.started, UTC).isoformat(),
            "self": f"http://{self.host}:{self.port}/orders/{request % 97}",
            "served": self.served,
            "tags": dice.sample(["gift", "new", "sale", f"t{request % 5}"], 4),
            "price": round(dice.uniform(3, 90), 2),
            "tier": dice.choice(["gold", "silver", "bronze"]),
            "state": f"paid; nonce={dice.getrandbits(32):08x}",
            "lucky": dice.random() < 0.3,
            "suggested": [{"sku": f"sku-{dice.randrange(50)}"} for _ in range(dice.randrange(1, 6))],
            "features": self.features,
            "cache": {"hit": dice.random() < 0.004, "token": f"{dice.getrandbits(120):030X}"},
        }
        if dice.random() < 0.4:
            body["note"] = f"see order {request % 97}"
        if dice.random() < 0.01:
            body["warning"] = None
        if change is not None:
            change(body, dice)
        headers = (
            ("content-type", "application/json"),
            ("last-modified", format_datetime(datetime.fromtimestamp(int(now), UTC), usegmt=True)),
            ("x-features", ", ".join(self.features)),
            ("x-trace", f"{dice.getrandbits(64):016x}"),
            ("set-cookie", f"session={dice.getrandbits(96):024x}; path=/"),
        )
        return Answer(200, headers, json.dumps(body).encode(), instance=self.name)
