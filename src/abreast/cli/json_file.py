"""Every number of a long run in a file: found out before it begins whether that can be written."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from abreast.model.errors import UsageError


def require_writable(file: Path | None) -> None:
    """Find out before minutes of work; None: nobody wants a file. Raises UsageError."""
    if file is None:
        return
    try:
        file.touch()
    except OSError as error:
        message = f"--json: {str(file)!r} cannot be written: {error.strerror}"
        raise UsageError(message, "name a file in a directory that is there and yours") from error


def write(file: Path | None, data: dict[str, Any], console: Console) -> None:  # Any: JSON
    """Write it and say where; nothing without a file."""
    if file is not None:
        file.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
        console.print(f"every number is in {file}", soft_wrap=True, highlight=False)
