"""A test alert to real addresses on loopback."""

import pytest

from abreast.alerts.address import Address, addresses
from abreast.alerts.alert import Alert
from abreast.alerts.channel import Send
from abreast.alerts.outbox import Once
from abreast.alerts.trial import try_out
from tests.alerts.server import Receiver

TRIED = Alert.test("shop", 100.0)

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def test_it_arrives_by_all_three_ways() -> None:
    with Receiver() as receiver:
        ways = ("json", "alertmanager", "webhook+http")
        trials = try_out(addresses([f"{way}://{receiver.address}/hook" for way in ways]), TRIED)
    assert [trial.failure for trial in trials] == ["", "", ""]
    assert all(0 < trial.took_s < 15 for trial in trials)
    assert sorted(posted.path.rstrip("/") for posted in receiver.posted) == ["/hook", "/hook", "/hook/api/v2/alerts"]


def test_each_failure_is_told_beside_what_arrived_without_secrets() -> None:
    with Receiver() as receiver:
        urls = [
            "nonsense://hunter2",
            "webhook+http://hunter2@127.0.0.1:1/hunter2",
            f"json://{receiver.address}/hunter2",
        ]
        trials = try_out(addresses(urls), TRIED)
    assert [bool(trial.failure) for trial in trials] == [True, True, False]
    assert "apprise knows no such address" in trials[0].failure
    assert "hunter2" not in str(trials)


def test_one_that_hangs_is_not_waited_for() -> None:
    with Receiver() as receiver:
        receiver.going_on.clear()
        (trial,) = try_out(addresses([f"webhook+http://{receiver.address}/"]), TRIED, limit_s=0.1)
        assert (trial.failure, trial.took_s) == ("no answer within 0.1 s", 0.1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_is_not_taken_for_success() -> None:
    def connect() -> Send:
        raise ZeroDivisionError

    (trial,) = try_out([Address("test://…", connect, Once)], TRIED)
    assert trial.failure == "sending broke off, see the log"
