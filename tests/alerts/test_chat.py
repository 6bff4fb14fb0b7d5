"""Messages by apprise, to a web server on loopback."""

import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from abreast.alerts.alert import Alert
from abreast.alerts.channel import DeliveryError
from abreast.alerts.chat import Chat, manner, private
from abreast.alerts.outbox import Batch
from tests.alerts.server import Receiver
from tests.alerts.test_alert import a_cause, an_alert

# apprise imports it for one of its plug-ins, where Python still has it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


class _Ear(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.INFO)
        self.heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """What the root logger hears, as abreast's own log does; pytest listens to silenced loggers too."""
    ear = _Ear([])
    logging.getLogger().addHandler(ear)
    yield ear.heard
    logging.getLogger().removeHandler(ear)


def test_each_alert_is_a_message_with_headline_title_and_link() -> None:
    with Receiver() as receiver:
        chat = Chat(f"json://{receiver.address}/hook")
        chat.send((an_alert(7),))
        chat.send((an_alert(8, "reopened"),))
    first, second = (posted.body for posted in receiver.posted)
    assert receiver.posted[0].path.rstrip("/") == "/hook"
    assert first["title"] == "shop: the candidate answers differently (finding 7)"
    assert first["message"] == an_alert(7).body
    assert first["type"] == "warning"
    assert second["title"] == "shop: a difference is back (finding 8)"


def test_several_are_one_message_of_the_gravest_type() -> None:
    with Receiver() as receiver:
        Chat(f"json://{receiver.address}").send((an_alert(7), a_cause(rollout=1)))
    (posted,) = receiver.posted
    assert posted.body["title"] == "shop: 2 alerts in rollout 1"
    assert posted.body["type"] == "failure"
    assert an_alert(7).headline in posted.body["message"]
    assert a_cause(rollout=1).body in posted.body["message"]


@pytest.mark.parametrize(
    ("batch", "type_"),
    [
        ((a_cause(change="resolved"),), "success"),
        ((a_cause(change="resolved"), an_alert()), "warning"),
        ((Alert.test("shop", 0.0),), "info"),
    ],
)
def test_the_type_of_a_message_is_that_of_what_stands(batch: Batch, type_: str) -> None:
    assert manner(batch) == type_


def test_what_does_not_arrive_says_why_and_logs_nothing_by_itself(heard: list[str]) -> None:
    with Receiver() as receiver:
        receiver.status = 503
        chat = Chat(f"json://user:hunter2@{receiver.address}/secret-path")
        with pytest.raises(DeliveryError, match="503") as refused:
            chat.send((an_alert(),))
    with pytest.raises(DeliveryError) as gone:
        chat.send((an_alert(),))
    for told in (str(refused.value), str(gone.value)):
        assert told
        assert "hunter2" not in told
        assert "secret-path" not in told
    assert heard == []


@pytest.mark.parametrize("url", ["nonsense", "foo://bar", "slack://only-one-part", "", "json://"])
def test_an_address_that_apprise_does_not_know(url: str) -> None:
    with pytest.raises(DeliveryError, match=r"apprise knows no such address"):
        Chat(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "slack://…"),
        ("mailto:ada:hunter2@example.org", "mailto://…"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert private(url) == shown


def test_apprise_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, abreast.alerts.notify; print('apprise' in sys.modules, 'requests' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
