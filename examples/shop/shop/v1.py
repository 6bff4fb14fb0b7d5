"""The version that serves: every product in its own currency."""

from __future__ import annotations

from shop.catalogue import Product
from shop.service import Release, make_app

app = make_app(Release("v1", Product.as_dict))
