"""A stored request as a curl command against the gateway."""

import re
import shlex
from collections.abc import Iterator
from typing import Any, Final

from abreast.findings.finding import REDACTED_MARK
from abreast.model.visible import visible

_REDACTED: Final = re.compile(rf"{re.escape(REDACTED_MARK)}([0-9a-f]*)[^\x00-\x7f]")

_MADE_ANEW: Final = frozenset(
    {"accept-encoding", "connection", "content-length", "expect", "keep-alive", "te", "transfer-encoding", "upgrade"}
)
"""Headers of one connection and one body: curl makes its own (RFC 9110, 7.6.1)."""


def curl(sample: dict[str, Any], gateway: str) -> str:
    """The command, after comments that say what in it is not as it was sent."""
    notes = list(_notes(sample))
    method, body = sample["method"], sample["request_body"]
    words = ["curl", "--globoff", "--path-as-is", "--compressed", "--include"]
    if method == "HEAD":
        words[-1] = "--head"
    elif method != ("POST" if body else "GET"):
        words += ["--request", method]
    if gateway.startswith("https:"):
        words.append("--insecure")
        notes.append("--insecure: the gateway's certificate is for its public name; leave it out if you use that")
    lines = [" ".join(map(_quoted, words))]
    for name, value in sample["request_headers"]:
        if name.startswith((":", "x-abreast-", "x-envoy-")) or name in _MADE_ANEW:
            continue
        # With a semicolon curl sends a header without a value, with a colon it would send none.
        lines.append(f"--header {_quoted(f'{name}: {value}' if value else f'{name};')}")
    if body:
        lines.append(f"--data-binary {_quoted(body)}")
    lines.append(_quoted(f"{gateway}{sample['path']}"))
    return "".join(f"# {visible(note)}\n" for note in notes) + " \\\n  ".join(lines) + "\n"


def _notes(sample: dict[str, Any]) -> Iterator[str]:
    names = [name for name, value in sample["request_headers"] if _REDACTED.search(value)]
    places = [f"header {name}" for name in dict.fromkeys(names)]
    places += [
        word for word, text in (("path", sample["path"]), ("body", sample["request_body"])) if _REDACTED.search(text)
    ]
    if places:
        yield f"redacted when it was stored, put your own in place of REDACTED_…: {', '.join(places)}"
    if sample["method"] not in {"GET", "HEAD", "OPTIONS"}:
        yield f"a {sample['method']} may change what users see: the gateway asks the live version"


def _quoted(text: str) -> str:
    """One word for a shell, redacted values as placeholders that fit an URL and a header."""
    return shlex.quote(_REDACTED.sub(r"REDACTED_\1", text))
