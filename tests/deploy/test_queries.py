"""The check of queries finds what is wrong with one."""

import pytest

from tests.deploy.queries import faults, used


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("rate(abreast_request_total[1m])", "abreast_request_total is exposed by nothing"),
        ("rate(abreast_requests[1m])", "abreast_requests is exposed by nothing"),
        ("abreast_request_duration_seconds", "abreast_request_duration_seconds is exposed by nothing"),
        ("level:abreast_requests:rate1m", "level:abreast_requests:rate1m is exposed by nothing"),
        ('abreast_requests_total{code="500"}', "abreast_requests has no label code"),
        ('sum(abreast_requests_total{outcome!="okay"})', "abreast_requests: outcome is never okay"),
        ('abreast_rollout_phase{phase=~"paused|frozed"}', "abreast_rollout_phase: phase is never frozed"),
        ("process_threads", "process_threads is exposed by nothing"),
    ],
)
def test_a_fault_is_found(query: str, fault: str) -> None:
    assert faults(query) == [fault]


def test_a_good_query_has_none() -> None:
    query = (
        'sum by (le) (rate(abreast_request_duration_seconds_bucket{service="$service", version="v1"}[1m]))'
        ' and on (service) service:abreast:sum > 1 or abreast_events_total{kind=~"weight|phase"}'
    )
    assert [name for name, _ in used(query)] == [
        "abreast_request_duration_seconds_bucket",
        "abreast_events_total",
    ]
    assert faults(query) == []
    assert faults("level:abreast_requests:rate1m", frozenset({"level:abreast_requests:rate1m"})) == []
