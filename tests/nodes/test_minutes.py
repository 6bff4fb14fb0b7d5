"""Seconds put together by the minute."""

from abreast.nodes.minutes import by_minute
from abreast.ports import Latencies, VersionCounts
from tests.nodes.seconds import second

MINUTE = 20
START = MINUTE * 60.0


def test_seconds_of_all_gateways_add_up_in_the_minute_in_which_they_began() -> None:
    told = by_minute(
        [second("a", 60, 10, 2, since=START), second("b", 1, 5, since=START), second("a", 61, 1, since=START)]
    )
    assert told == {
        MINUTE: {"v2": VersionCounts({200: 13, 500: 2}, Latencies({5000: 15}))},
        MINUTE + 1: {"v2": VersionCounts({200: 1}, Latencies({5000: 1}))},
    }


def test_what_had_no_requests_is_not_in_it() -> None:
    assert by_minute([second("a", 1, in_flight=3, since=START)]) == {}
    assert by_minute([]) == {}
