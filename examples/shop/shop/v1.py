"""The version that serves."""

from __future__ import annotations

from shop.service import Release, make_app

app = make_app(Release("v1"))
