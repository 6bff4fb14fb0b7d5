"""What the access log needs and no operator of Envoy's can make, taken from headers by regular expressions. Pure.

Envoy's filter ``header_to_metadata`` replaces every match of an expression in a header's value by a substitution. The
expressions here (RE2) match every character of the value, and keep what their groups hold: whatever is not understood
is left out, never passed on.
"""

import re
from collections.abc import Iterator
from typing import Final

from abreast.envoy.clusters import TYPE, Resource
from abreast.model.secret_names import PARAMETERS
from abreast.model.service import AccessLog

NAMESPACE: Final = "abreast.log"
HOST: Final = "host"
QUERY: Final = "query"
TRACE_ID: Final = "trace_id"
SPAN_ID: Final = "span_id"

_PORT: Final = r":[0-9]*$"
_PATH: Final = r"^[^?]*(?:\?|$)"
_NAMES_ALONE: Final = rf"{_PATH}|([^&=]*=)[^&]*(&|$)|[^&=]+(?:&|$)"
"""Each parameter's name. What has no ``=`` is dropped: it is all value, as in ``/reset?TOKEN``."""

# The two ids in ``traceparent``: https://www.w3.org/TR/trace-context/#traceparent-header
_TRACE_ID: Final = r"^[0-9a-f]{2}-([0-9a-f]{32})-.*$|^.*$"
_SPAN_ID: Final = r"^[0-9a-f]{2}-[0-9a-f]{32}-([0-9a-f]{16})-.*$|^.*$"


def request_filter(settings: AccessLog, *, traced: bool) -> Resource:
    """The HTTP filter that the log needs."""
    kind = "envoy.extensions.filters.http.header_to_metadata.v3.Config"
    rules = list(_rules(settings, traced=traced))
    return {"name": NAMESPACE, "typed_config": {"@type": TYPE + kind, "request_rules": rules}}


def _rules(settings: AccessLog, *, traced: bool) -> Iterator[Resource]:
    yield _rule(":authority", HOST, _PORT, "")
    if settings.query == "redact":
        yield _rule(":path", QUERY, _NAMES_ALONE, r"\1\2")
    elif settings.query == "keep":
        yield _rule(":path", QUERY, _secrets_hidden(settings.secrets), r"\1\2\3")
    if not traced:
        yield _rule("traceparent", TRACE_ID, _TRACE_ID, r"\1")
        yield _rule("traceparent", SPAN_ID, _SPAN_ID, r"\1")


def _rule(header: str, key: str, pattern: str, substitution: str) -> Resource:
    rewrite = {"pattern": {"regex": pattern}, "substitution": substitution}
    present = {"metadata_namespace": NAMESPACE, "key": key, "type": "STRING", "regex_value_rewrite": rewrite}
    return {"header": header, "on_header_present": present}


def _secrets_hidden(globs: tuple[str, ...]) -> str:
    """Every parameter as it came; of those that hold secrets the name alone."""
    names = [*sorted(PARAMETERS), *(each.lower() for each in globs)]
    secret = "|".join(dict.fromkeys(_named(name) for name in names))
    return rf"{_PATH}|((?i:{secret})=)[^&]*(&|$)|([^&]+(?:&|$)|&)"


def _named(glob: str) -> str:
    """A glob over names (as `fnmatch` has them) as an expression; ``-`` and ``_`` are one."""
    parts = []
    for part in re.split(r"(\*|\?|\[!?[^\]]+\])", glob):
        if part == "*":
            parts.append("[^&=]*")
        elif part == "?":
            parts.append("[^&=]")
        elif re.fullmatch(r"\[!?[^\]]+\]", part):
            parts.append(part.replace("[!", "[^", 1))
        else:
            parts.append("[-_]".join(map(re.escape, re.split("[-_]", part))))
    return "".join(parts)
