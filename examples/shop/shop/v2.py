"""The version that answers otherwise: the price of an imported product is text.

It takes those prices from the makers' lists, as they stand there. Every page is a 200, and quick: no
error counter sees it, but whoever reads ``price_cents`` as a number breaks at one product in six.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shop.service import Release, make_app

if TYPE_CHECKING:
    from shop.catalogue import Product


def _describe(product: Product) -> dict[str, object]:
    told = product.as_dict()
    return {**told, "price_cents": str(product.price_cents)} if product.imported else told


app = make_app(Release("v2", _describe))
