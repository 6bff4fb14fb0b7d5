"""The committed dashboard: what it asks for exists, and a reader finds their way."""

import re
from typing import Any

import pytest

from abreast.metrics.catalogue import CATALOGUE, REQUESTS, Metric
from tests.deploy.boards import board, panels, queries
from tests.deploy.queries import faults, used

LEFT_OUT = {"abreast_rollout_number", "abreast_rollout_step", "abreast_rollout_steps", "abreast_rollout_held"} | {
    "abreast_candidate_silent",
    "abreast_alert_channels_failing",
}
"""Alerts and the API are for these: a line over time of them shows nothing."""


@pytest.mark.parametrize(("place", "query"), queries(), ids=[place for place, _ in queries()])
def test_a_query_asks_for_what_is_exposed(place: str, query: str) -> None:
    assert list(used(query)), place
    assert faults(query) == []
    assert "$" not in query, "a variable that the dashboard has not"


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_every_metric_is_shown(metric: Metric) -> None:
    asked = {name for _, query in queries() for name, _ in used(query)}
    assert bool(metric.samples & asked) == (metric.shown not in LEFT_OUT)


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows_and_in_what_unit(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["datasource"]["uid"] == "${datasource}"
    if panel["type"] == "timeseries":
        assert panel["fieldConfig"]["defaults"]["unit"] in {"reqps", "percentunit", "s", "short"}
        assert all(target["legendFormat"] for target in panel["targets"])
    shown = {label for target in panel["targets"] for label in re.findall(r"{{(\w+)}}", target["legendFormat"])}
    assert shown <= {label for metric in CATALOGUE for label in metric.labels} | {"le"}


def test_panels_fill_their_rows_and_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board()["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len(taken) == 24 * (1 + max(y for _, y in taken)), "no gap"


def test_panels_have_numbers_of_their_own() -> None:
    numbers = [panel["id"] for panel in board()["panels"]]
    assert len(numbers) == len(set(numbers))


def test_the_service_is_chosen_from_those_that_are_scraped() -> None:
    source, service = board()["templating"]["list"]
    assert (source["name"], source["query"]) == ("datasource", "prometheus")
    assert (service["name"], service["query"]) == ("service", "label_values(abreast_build_info, service)")


def test_events_of_the_rollout_are_marked() -> None:
    phases, events = board()["annotations"]["list"]
    assert (phases["titleFormat"], phases["useValueForTime"]) == ("{{phase}}", True)
    assert events["titleFormat"] == "{{kind}}"
    assert "kind" in events["expr"]
    assert REQUESTS.name not in events["expr"]
