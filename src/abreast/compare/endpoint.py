"""Names endpoints: what requests are counted together, ``GET /orders/{id}`` or ``POST / [DynamoDB.GetItem]``."""

import re
from collections.abc import Mapping
from itertools import product
from typing import Final
from urllib.parse import parse_qsl

from abreast.compare import forms, pointer, tree
from abreast.compare.model import Request, Value
from abreast.compare.segments import Segments, shown

MOST: Final = 500
"""Endpoints told apart at a time; the requests of all others are ``METHOD *``."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
_PARAMETER: Final = re.compile(r"\{[^{}/]*\}")
_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")
_LONGEST_ROUTE: Final = 400
_DEEPEST: Final = 32
"""Segments of a path that are told apart; what is below them is ``**``."""
_LONGEST_OPERATION: Final = 80
_BODY_READ: Final = 65_536
"""Bytes of a body beyond which no operation is looked for in it."""


class Endpoints:
    """Gives requests the name of their endpoint; remembers what it saw, within bounds, and so is one per process.

    ``templates``: routes (``/orders/{id}``) that come before what is inferred; of several that fit, the one whose
    first literal segments go further. ``operation``: where the operation is named (``header:x-amz-target``,
    ``query:Action``, ``body:/operationName``); the first that is there counts.

    Raises:
        ValueError: An ``operation`` is none of these.
    """

    def __init__(self, templates: tuple[str, ...] = (), operation: tuple[str, ...] = ()) -> None:
        # Sorted so that the first that fits is the most specific one.
        self._templates = tuple(
            (_fits(template), template) for template in sorted(dict.fromkeys(templates), key=_specificity)
        )
        self._operation = tuple(map(_source, operation))
        self._segments = Segments()
        self._names: dict[str, tuple[str, ...]] = {}

    def name(self, request: Request) -> str:
        """The endpoint's name. Never raises; the query is not part of it."""
        method = request.method if request.method in _METHODS else "*"
        target, _, query = _origin_form(request.path).partition("?")
        segments, route = self._route(request, target.partition("#")[0])
        operation = self._operation_of(request, query)
        name = f"{method} {route} [{operation}]" if operation else f"{method} {route}"
        if name not in self._names:
            if len(self._names) >= MOST:
                self._forget_collapsed()
            if len(self._names) >= MOST:
                return f"{method} *"
            self._names[name] = segments
        return name

    def _route(self, request: Request, path: str) -> tuple[tuple[str, ...], str]:
        """The segments that were inferred (none if the route was known), and the route."""
        decoded = tuple(map(shown, path.split("/")))
        whole = "/".join(decoded)
        if _is_grpc(request):
            return (), whole[:_LONGEST_ROUTE]
        for fits, template in self._templates:
            if fits.fullmatch(whole):
                return (), template
        if not path.startswith("/"):
            return (), whole[:_LONGEST_ROUTE]
        segments = self._segments.learned(decoded[1 : _DEEPEST + 1])
        names = (*segments, "**") if len(decoded) > _DEEPEST + 1 else segments
        return segments, ("/" + "/".join(names))[:_LONGEST_ROUTE]

    def _forget_collapsed(self) -> None:
        """Makes room: names that no request can have again, since one of their segments is an identifier by now."""
        self._names = {
            name: segments for name, segments in self._names.items() if not self._segments.collapsed(segments)
        }

    def _operation_of(self, request: Request, query: str) -> str:
        for kind, steps in self._operation:
            value = _operation_named(request, query, kind, steps)
            if value:
                return shown(value[:_LONGEST_OPERATION])
        return ""


def templates_of_openapi(document: Mapping[str, object]) -> tuple[str, ...]:
    """The routes of an OpenAPI document (3.x, or Swagger 2.0), with the paths of its servers before them.

    Raises:
        ValueError: It has no routes in ``paths``.
    """
    paths = document.get("paths")
    routes = [str(route) for route in paths if str(route).startswith("/")] if isinstance(paths, Mapping) else []
    if not routes:
        members = ", ".join(map(str, list(document)[:8])) or "nothing"
        raise ValueError(f"not an OpenAPI document with routes below 'paths', but one of {members}")
    return tuple(dict.fromkeys(base + route for base, route in product(_bases(document), routes)))


def _bases(document: Mapping[str, object]) -> list[str]:
    """The paths of the servers, without a slash at the end; [""] if none says one."""
    servers, base = document.get("servers"), document.get("basePath")
    urls = [base] if isinstance(base, str) else []
    urls += [
        _with_variables(server["url"], server.get("variables"))
        for server in (servers if isinstance(servers, list) else [])
        if isinstance(server, Mapping) and isinstance(server.get("url"), str)
    ]
    return list(dict.fromkeys(_origin_form(url).partition("?")[0].rstrip("/") for url in urls)) or [""]


def _with_variables(url: str, variables: object) -> str:
    """The address with each variable's default in its place (OpenAPI 3.1, 4.8.6)."""

    def default(match: re.Match[str]) -> str:
        variable = variables.get(match.group(1)) if isinstance(variables, Mapping) else None
        return str(variable.get("default", "")) if isinstance(variable, Mapping) else match.group()

    return _VARIABLE.sub(default, url)


def _origin_form(target: str) -> str:
    """The path and query of a target that may name a scheme and host too (RFC 9112, 3.2.2)."""
    if target.startswith("/") or "://" not in target:
        return target
    rest = target.partition("://")[2]
    at = next((at for at, each in enumerate(rest) if each in "/?#"), len(rest))
    return rest[at:] if rest[at : at + 1] == "/" else "/" + rest[at:]


def _fits(template: str) -> re.Pattern[str]:
    literals = (re.escape(literal) for literal in _PARAMETER.split(template))
    return re.compile("[^/]+?".join(literals))


def _specificity(template: str) -> tuple[list[int], str]:
    """Segment by segment: a literal, then a parameter with something beside it, then a parameter alone."""
    ranks = [
        0 if not _PARAMETER.search(segment) else 2 if _PARAMETER.fullmatch(segment) else 1
        for segment in template.split("/")
    ]
    return ranks, template


def _is_grpc(request: Request) -> bool:
    return any(name == "content-type" and value.startswith("application/grpc") for name, value in request.headers)


def _source(operation: str) -> tuple[str, tuple[str, ...]]:
    """Where an operation is named: the kind of place, and the name (or the steps of the pointer) in it."""
    kind, _, name = operation.partition(":")
    if kind == "body" and name.startswith("/"):
        return kind, pointer.split(name)
    if kind in {"header", "query"} and name:
        return kind, (name.lower() if kind == "header" else name,)
    raise ValueError(f"operation {operation!r}: write header:NAME, query:NAME or body:/json/pointer")


def _operation_named(request: Request, query: str, kind: str, steps: tuple[str, ...]) -> str:
    if kind == "header":
        return next((value for name, value in request.headers if name == steps[0]), "")
    if kind == "query":
        return next((value for name, value in _query(query) if name == steps[0]), "")
    value = _member(_body(request), steps) if 0 < len(request.body) <= _BODY_READ else None
    return value if isinstance(value, str) else ""


def _query(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True, errors="backslashreplace")


def _body(request: Request) -> Value:
    text = request.body.decode("utf-8", "replace")
    if any(key == "content-type" and "x-www-form-urlencoded" in value for key, value in request.headers):
        return forms.fields(text)
    try:
        return tree.parse(text)
    except ValueError:
        return None


def _member(value: Value, segments: tuple[str, ...]) -> Value:
    for segment in segments:
        if isinstance(value, dict):
            value = value.get(segment)
        elif isinstance(value, list):
            value = next((each for at, each in enumerate(value) if str(at) == segment), None)
        else:
            return None
    return value
