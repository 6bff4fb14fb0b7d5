"""``GET /`` and the files that the page loads: the same for everybody, so nobody has to sign in for them.

All data comes by the API, which asks who wants it. The page needs no build and loads nothing from elsewhere: what is
in ``static`` is what runs in the browser.
"""

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import Annotated, Final

from fastapi import APIRouter, Header, Response
from starlette.exceptions import HTTPException

PAGE: Final = "index.html"

CONTENT_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-cache",
}
"""Nothing but our own files runs; a browser may keep them, but asks each time whether they are still the same."""


@dataclass(frozen=True)
class Asset:
    """One file as it is served; ``etag`` is made of its content."""

    content: bytes
    content_type: str
    etag: str


def assets() -> dict[str, Asset]:
    """Every file of the page, by name: no other name is served."""
    folder = resources.files("abreast.dashboard") / "static"
    return {each.name: _asset(each.name, each.read_bytes()) for each in folder.iterdir() if each.is_file()}


def routes() -> APIRouter:
    """To be included without a prefix, without authentication, and not in the OpenAPI document: this is no API."""
    router = APIRouter(include_in_schema=False)
    known = assets()

    @router.get("/")
    async def get_page(if_none_match: Annotated[str, Header()] = "") -> Response:
        """The page itself."""
        return _answer(known[PAGE], if_none_match)

    @router.get("/dashboard/{name}")
    async def get_asset(name: str, if_none_match: Annotated[str, Header()] = "") -> Response:
        """A file that the page loads."""
        found = known.get(name)
        if found is None:
            raise HTTPException(404, "Not Found")
        return _answer(found, if_none_match)

    return router


def _asset(name: str, content: bytes) -> Asset:
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return Asset(content, CONTENT_TYPES[name.rpartition(".")[2]], etag)


def _answer(asset: Asset, if_none_match: str) -> Response:
    headers = {**HEADERS, "etag": asset.etag}
    if _holds(if_none_match, asset.etag):
        return Response(status_code=304, headers=headers)
    return Response(asset.content, headers={**headers, "content-type": asset.content_type})


def _holds(if_none_match: str, etag: str) -> bool:
    """Whether the reader has it already: one of its tags, weak or not, or any (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or tags == ["*"]
