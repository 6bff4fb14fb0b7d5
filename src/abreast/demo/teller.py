"""Prints what happens as it happens: one line each, with the seconds since the demo began and who speaks."""

import time
from collections.abc import Callable
from typing import Final

from rich.console import Console
from rich.text import Text

_STYLES: Final = {"good": "green", "bad": "red", "news": "", "detail": "dim", "order": "bold cyan", "aside": "italic"}
_SPEAKERS: Final = {"abreast": "magenta", "you": "bold cyan", "users": "blue", "demo": "dim"}
_WIDTH: Final = 7


class Teller:
    """``tell(speaker, text, tone)``; speakers are abreast, you, users and demo."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.time) -> None:
        self.console = console
        self._clock = clock
        self._begun_s = clock()

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began."""
        return self._clock() - self._begun_s

    def tell(self, speaker: str, text: str, tone: str = "news", at_s: float | None = None) -> None:
        """Print one line; ``at_s`` (Unix seconds) when it happened, if not now."""
        seconds = (at_s if at_s is not None else self._clock()) - self._begun_s
        line = Text().append(f"{max(seconds, 0.0):6.1f} s  ", style="dim")
        line.append(f"{speaker:<{_WIDTH}}  ", style=_SPEAKERS.get(speaker, ""))
        line.append(text.replace("\n", " "), style=_STYLES.get(tone, ""))
        self.console.print(line, soft_wrap=True)

    def chapter(self, title: str) -> None:
        """Begin another part of the story."""
        self.console.print()
        self.console.print(Text(f"── {title}", style="bold"), soft_wrap=True)
