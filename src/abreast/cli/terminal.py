"""How times are told on a terminal."""

from datetime import UTC, datetime


def moment(at: float) -> str:
    """Unix seconds as local date and time."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
