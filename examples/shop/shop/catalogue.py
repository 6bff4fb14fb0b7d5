"""What the shop sells: the same products in every instance and every version, from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

SIZE = 60
IMPORTED_EVERY = 6
"""Each sixth product is imported and priced in its maker's money."""

_SEED = 1852
_APART = (1, 7, 22)
"""How far on in the catalogue the products are that go with one."""

_MATERIALS = ("oak", "linen", "copper", "wool", "slate", "cork", "walnut", "clay")
_THINGS = ("lamp", "bowl", "chair", "rug", "clock", "shelf", "teapot", "frame")


@dataclass(frozen=True, slots=True)
class Product:
    """One product; the price is in hundredths of its currency."""

    number: int
    name: str
    price_cents: int
    currency: str
    stock: int

    @property
    def imported(self) -> bool:
        """Whether it comes from abroad."""
        return self.number % IMPORTED_EVERY == 0

    @property
    def goes_with(self) -> list[int]:
        """Numbers of other products; the order says nothing."""
        return [(self.number - 1 + apart) % SIZE + 1 for apart in _APART]

    def as_dict(self) -> dict[str, object]:
        """What every version of the shop says about it."""
        return {
            "id": self.number,
            "name": self.name,
            "price_cents": self.price_cents,
            "currency": self.currency,
            "in_stock": self.stock > 0,
        }


def products() -> dict[int, Product]:
    """All products by number, 1 to SIZE; always the same ones."""
    dice = random.Random(_SEED)
    made = {}
    for number in range(1, SIZE + 1):
        name = f"{dice.choice(_MATERIALS)} {dice.choice(_THINGS)}"
        currency = "SEK" if number % IMPORTED_EVERY == 0 else "EUR"
        made[number] = Product(number, name, dice.randrange(500, 25_000), currency, dice.randrange(40))
    return made
