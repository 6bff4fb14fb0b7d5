"""The good version: v2's conversion with the missing rate, without the slow question, and a new field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shop.service import Release, make_app

if TYPE_CHECKING:
    from shop.catalogue import Product

_EURO_RATES = {"EUR": 1.0, "USD": 0.92, "GBP": 1.17, "SEK": 0.088}


def _describe(product: Product) -> dict[str, object]:
    euro_cents = round(product.price_cents * _EURO_RATES[product.currency])
    return {
        **product.as_dict(),
        "price_cents": euro_cents,
        "currency": "EUR",
        "delivery_days": 2 if product.stock else 14,
    }


app = make_app(Release("v3", _describe))
