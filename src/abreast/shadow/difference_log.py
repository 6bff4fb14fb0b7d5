"""A line of JSON for every difference, as many as a reader can bear; the number of the others is never lost."""

import logging
import logging.handlers
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson

from abreast.findings.report import ShownDifference
from abreast.shadow.pace import TokenBucket

LOGGER: Final = "abreast.differences"
LINES_PER_S: Final = 10.0
_LIMIT_BYTES: Final = 10 * 2**20
_KEPT: Final = 5


class DifferenceLog:
    """Writes to the logger `LOGGER`; ``clock`` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._logger = logging.getLogger(LOGGER)
        self._bucket = TokenBucket(LINES_PER_S, LINES_PER_S, clock)
        self._suppressed = 0

    def admits(self, differences: int) -> bool:
        """Whether the next exchange's differences may be told; if not they are counted as suppressed.

        Asked before the cost of redacting them.
        """
        if self._bucket.take():
            return True
        self._suppressed += differences
        return False

    def tell(self, exchange: str, endpoint: str, differences: tuple[ShownDifference, ...]) -> None:
        """One line each, as far as the rate allows; they are redacted already."""
        for place, difference in enumerate(differences):
            if place and not self._bucket.take():
                self._suppressed += len(differences) - place
                return
            self._logger.info(
                "%s: %s %s",
                endpoint,
                difference.key.kind,
                difference.path,
                extra={
                    "difference": {
                        "exchange": exchange,
                        "endpoint": endpoint,
                        "kind": difference.key.kind,
                        "path": difference.path,
                        "pattern": difference.key.pattern,
                        "left": difference.left,
                        "right": difference.right,
                        "suppressed": self._suppressed,
                    }
                },
            )
            self._suppressed = 0


class DifferenceLines(logging.Formatter):
    """A record as one line of JSON: time (UTC, ISO 8601), level, logger, message and the difference's fields.

    ``suppressed`` says how many differences were not told since the line before.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        return orjson.dumps(line | getattr(record, "difference", {})).decode()


def open_difference_log(path: Path) -> None:
    """Write the differences to ``path``, rotated, and nowhere else. Raises OSError when it cannot be opened."""
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=_LIMIT_BYTES, backupCount=_KEPT, encoding="utf-8")
    path.chmod(0o600)
    handler.setFormatter(DifferenceLines())
    logger = logging.getLogger(LOGGER)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
