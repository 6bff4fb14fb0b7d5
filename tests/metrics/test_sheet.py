"""Samples take their names and labels from the catalogue, or are refused."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from abreast.metrics.catalogue import DURATION, HELD, REQUESTS, VERSION_SIDE
from abreast.metrics.sheet import Sheet


def written(sheet: Sheet) -> list[str]:
    registry = CollectorRegistry()
    registry.register(sheet)
    return [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]


def test_every_sample_has_the_service() -> None:
    sheet = Sheet('a "shop"\n')
    sheet.add(HELD, 1)
    assert written(sheet) == [r'abreast_rollout_held{service="a \"shop\"\n"} 1.0']


def test_labels_come_in_any_order() -> None:
    sheet = Sheet("shop")
    sheet.add(REQUESTS, 7, outcome="ok", version="v1")
    sheet.add(REQUESTS, 8, version="v2", outcome="500")
    assert written(sheet) == [
        'abreast_requests_total{outcome="ok",service="shop",version="v1"} 7.0',
        'abreast_requests_total{outcome="500",service="shop",version="v2"} 8.0',
    ]


@pytest.mark.parametrize("labels", [{}, {"version": "v1"}, {"version": "v1", "outcome": "ok", "user": "ada"}])
def test_other_labels_than_the_catalogue_s_are_refused(labels: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="abreast_requests has the labels"):
        Sheet("shop").add(REQUESTS, 1, **labels)


def test_of_several_values_one_is_hot() -> None:
    sheet = Sheet("shop")
    sheet.one_hot(VERSION_SIDE, ("stable", "candidate"), "candidate", version="v2")
    assert written(sheet) == [
        'abreast_version_side{service="shop",side="stable",version="v2"} 0.0',
        'abreast_version_side{service="shop",side="candidate",version="v2"} 1.0',
    ]


def test_a_histogram_is_spread_and_a_number_is_added() -> None:
    sheet = Sheet("shop")
    sheet.spread(DURATION, [("0.1", 2), ("+Inf", 3)], 0.5, version="v1")
    assert written(sheet) == [
        'abreast_request_duration_seconds_bucket{le="0.1",service="shop",version="v1"} 2.0',
        'abreast_request_duration_seconds_bucket{le="+Inf",service="shop",version="v1"} 3.0',
        'abreast_request_duration_seconds_count{service="shop",version="v1"} 3.0',
        'abreast_request_duration_seconds_sum{service="shop",version="v1"} 0.5',
    ]
    with pytest.raises(TypeError, match="is a histogram: use `spread`"):
        sheet.add(DURATION, 1, version="v1")
    with pytest.raises(TypeError, match="abreast_requests is a counter: use `add`"):
        sheet.spread(REQUESTS, [("+Inf", 1)], 1.0, version="v1", outcome="ok")
