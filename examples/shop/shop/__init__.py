"""A shop in four versions: v1 serves, v2 and v3 have a fault each, v4 mends them and brings something new.

``SHOP_VERSION=v2 python -m uvicorn shop:app --port 8001`` serves v2; ``shop.v2:app`` does too.
"""

from __future__ import annotations

import importlib
import os

from shop.service import VERSIONS

VERSION = os.environ.get("SHOP_VERSION", "v1")
if VERSION not in VERSIONS:
    raise SystemExit(f"SHOP_VERSION is {VERSION!r}; it must be one of {', '.join(VERSIONS)}")

app = importlib.import_module(f"shop.{VERSION}").app
"""What uvicorn serves."""
