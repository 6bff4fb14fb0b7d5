"""What is different in each answer of each instance, and means nothing: when, who, and which request it was."""

from __future__ import annotations

import os
import platform
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fastapi.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping


def stamped(content: Mapping[str, object], status_code: int = 200) -> JSONResponse:
    """An answer with a stamp: the time, the host and process, and an id for the log."""
    stamp = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "by": f"{platform.node()}/{os.getpid()}",
        "request": str(uuid.uuid4()),
    }
    return JSONResponse({**content, "served": stamp}, status_code)
