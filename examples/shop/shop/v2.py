"""The version with a fault: it converts every price to euros, and nobody told it about kronor.

Imported products (one in six) end in a 500. It also asks the warehouse about scarce ones, one by
one, which makes their pages slow. Both are faults that no test found, and that traffic will.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shop.service import Release, make_app

if TYPE_CHECKING:
    from shop.catalogue import Product

_EURO_RATES = {"EUR": 1.0, "USD": 0.92, "GBP": 1.17}
_SCARCE = 10
_WAREHOUSE_S = 0.12


def _describe(product: Product) -> dict[str, object]:
    euro_cents = round(product.price_cents * _EURO_RATES[product.currency])
    return {**product.as_dict(), "price_cents": euro_cents, "currency": "EUR"}


def _delay_s(product: Product) -> float:
    return _WAREHOUSE_S if product.stock < _SCARCE else 0.0


app = make_app(Release("v2", _describe, _delay_s))
