"""The committed dashboard's queries."""

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "deploy" / "grafana" / "abreast.json"


def board() -> dict[str, Any]:
    """The dashboard."""
    document: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return document


def panels() -> list[dict[str, Any]]:
    """Those that show something."""
    return [panel for panel in board()["panels"] if panel["type"] != "row"]


def queries() -> list[tuple[str, str]]:
    """Every query: where it is, and the query as Grafana would send it, over a minute, for the service `shop`."""
    targets = [
        (f"{panel['title']} {target['legendFormat']}", target["expr"])
        for panel in panels()
        for target in panel["targets"]
    ]
    annotations = [(each["name"], each["expr"]) for each in board()["annotations"]["list"]]
    return [(place, _sent(expr)) for place, expr in (*targets, *annotations)]


def _sent(expr: str) -> str:
    return expr.replace("$__rate_interval", "1m").replace("$service", "shop")
