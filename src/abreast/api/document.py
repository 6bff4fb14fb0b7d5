"""The OpenAPI document, as true as what is answered."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from abreast.api.problems import Problem
from abreast.model.token import ROLE_DOCS

_UNUSED = ("HTTPValidationError", "ValidationError")


def described(app: FastAPI) -> Callable[[], dict[str, Any]]:  # Any: FastAPI's own type
    """What makes the document, once."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    return document


def _document(app: FastAPI) -> dict[str, Any]:
    roles = "\n".join(f"- `{role}` {text}" for role, text in ROLE_DOCS.items())
    made = get_openapi(
        title=app.title,
        version=app.version,
        description=f"A token or a session has one of three roles, each of which may do what those before it may:\n\n"
        f"{roles}\n\nEvery error is a problem document (RFC 9457).",
        routes=app.routes,
    )
    # FastAPI describes faults of a request as 422 in a shape of its own; here they are 400, as problem documents.
    for path in made["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    schemas = made["components"]["schemas"]
    for name in _UNUSED:
        schemas.pop(name, None)
    schemas["Problem"] = Problem.model_json_schema()
    return made
