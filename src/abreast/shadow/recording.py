"""Requests for a file: one JSON object on each line, redacted, kept for whoever records until they are fetched."""

import base64
import json
from collections import deque
from typing import Final

from abreast.compare.model import Request
from abreast.findings.finding import REDACTED_MARK

KEPT: Final = 2000
"""Lines that wait to be fetched; the oldest make room."""


class Recording:
    """The requests since they were fetched last."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=KEPT)

    def add(self, request: Request) -> None:
        """Keep a redacted request. What is redacted is left out: nobody could send it."""
        headers = tuple(each for each in request.headers if REDACTED_MARK not in each[1])
        self._lines.append(line_of(Request(request.method, request.path, headers, request.body)))

    def taken(self) -> str:
        """All of them, one on each line; then there are none."""
        lines = "".join(f"{line}\n" for line in self._lines)
        self._lines.clear()
        return lines


def line_of(request: Request) -> str:
    """The request as one line of NDJSON, without a line's end."""
    members: dict[str, object] = {"method": request.method, "path": request.path}
    if request.headers:
        members["headers"] = request.headers
    if request.body:
        try:
            members["body"] = request.body.decode()
        except UnicodeDecodeError:
            members["body_base64"] = base64.b64encode(request.body).decode()
    return json.dumps(members, ensure_ascii=False)
