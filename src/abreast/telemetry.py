"""Logging: one JSON object a line, to a file; warnings also reach whoever runs ``abreast up``."""

import logging
import logging.handlers
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson

LIMIT_BYTES: Final = 10 * 2**20
KEPT: Final = 5


class JsonLines(logging.Formatter):
    """A record as one line: time (UTC, ISO 8601), level, logger, message, and the trace of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


def start_logging(directory: Path, level: int = logging.INFO) -> None:
    """Log to ``directory/abreast.log`` (rotated) and warnings to stderr. Raises OSError when it cannot be opened."""
    file = logging.handlers.RotatingFileHandler(
        directory / "abreast.log", maxBytes=LIMIT_BYTES, backupCount=KEPT, encoding="utf-8"
    )
    file.setFormatter(JsonLines())
    screen = logging.StreamHandler()
    screen.setLevel(logging.WARNING)
    screen.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logging.basicConfig(level=level, handlers=[file, screen], force=True)
    # httpx tells of every reading of the counts, four times a second.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
