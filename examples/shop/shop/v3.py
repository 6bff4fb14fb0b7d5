"""The version that fails once it is in use: it keeps a report of which products are looked at and which sell.

It divides by what was sold in the product's currency. Nobody has bought anything in kronor yet, so
from an instance's first sale on its pages of imported products (one in six) end in a 500. Copied
requests do not show it, since orders are not copied: a version that nobody buys from has no sales.
It also asks the warehouse about scarce products, one by one, which makes their pages slow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shop.service import Release, make_app

if TYPE_CHECKING:
    from shop.catalogue import Product
    from shop.service import Shelf

_SCARCE = 10
_WAREHOUSE_S = 0.12


def _looked(product: Product, shelf: Shelf) -> None:
    shelf.looks[product.number] += 1
    if shelf.sold:
        shelf.interest[product.number] = shelf.looks[product.number] / shelf.sold[product.currency]


def _delay_s(product: Product) -> float:
    return _WAREHOUSE_S if product.stock < _SCARCE else 0.0


app = make_app(Release("v3", delay_s=_delay_s, looked=_looked))
