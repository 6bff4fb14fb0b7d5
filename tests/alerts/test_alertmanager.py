"""Alertmanager's API v2, spoken to a receiver of the same shape."""

from typing import Any

import pytest

from abreast.alerts.alert import Alert
from abreast.alerts.alertmanager import Alertmanager
from abreast.alerts.channel import DeliveryError
from tests.alerts.server import Receiver
from tests.alerts.test_alert import a_cause, an_alert

LABELS = {
    "alertname": "AbreastFinding",
    "service": "shop",
    "rollout": "1",
    "severity": "warning",
    "finding": "7",
    "endpoint": "GET /orders/{id}",
    "kind": "type",
}


def told(receiver: Receiver) -> list[dict[str, Any]]:
    (posted,) = receiver.posted
    assert posted.path.endswith("/api/v2/alerts")
    documents: list[dict[str, Any]] = posted.body
    return documents


def test_an_alert_has_labels_that_name_it_and_annotations_that_explain_it() -> None:
    with Receiver() as receiver:
        Alertmanager(f"alertmanager://{receiver.address}").send((an_alert(),))
    assert told(receiver) == [
        {
            "labels": LABELS,
            "annotations": {"summary": an_alert().title, "link": "http://127.0.0.1:9090/findings/7"},
            "startsAt": "2025-11-13T02:13:20.250Z",
            "generatorURL": "http://127.0.0.1:9090/findings/7",
        }
    ]


def test_all_that_stand_are_told_at_once_and_what_is_over_has_an_end() -> None:
    with Receiver() as receiver:
        batch = (an_alert(), an_alert(8, "accepted"), an_alert(9, "resolved", now=0.0))
        Alertmanager(f"alertmanager+http://{receiver.address}/am/").send(batch)
    assert receiver.posted[0].path == "/am/api/v2/alerts"
    ends = {document["labels"]["finding"]: document.get("endsAt") for document in told(receiver)}
    # An end before its start would be refused.
    assert ends == {"7": None, "8": "2025-11-13T02:16:40.000Z", "9": "2025-11-13T02:13:20.250Z"}


def test_a_cause_is_an_alert_of_its_own_name() -> None:
    with Receiver() as receiver:
        Alertmanager(f"ALERTMANAGER://{receiver.address}").send((a_cause(labels=(("gateway", "gateway-1"),)),))
    assert told(receiver)[0]["labels"] == {
        "alertname": "AbreastRolledBack",
        "service": "shop",
        "rollout": "3",
        "severity": "critical",
        "gateway": "gateway-1",
    }


def test_a_test_ends_by_itself() -> None:
    with Receiver() as receiver:
        Alertmanager(f"alertmanager://{receiver.address}").send((Alert.test("shop", 100.0),))
    (document,) = told(receiver)
    assert document["labels"]["alertname"] == "AbreastTest"
    assert (document["startsAt"], document["endsAt"]) == ("1970-01-01T00:01:40.000Z", "1970-01-01T00:02:40.000Z")


def test_a_link_that_is_no_url_is_an_annotation_only() -> None:
    with Receiver() as receiver:
        Alertmanager(f"alertmanager://{receiver.address}").send((an_alert(link="abreast finding {finding}"),))
    (document,) = told(receiver)
    assert document["annotations"]["link"] == "abreast finding 7"
    assert "generatorURL" not in document


def test_user_and_password_are_sent_and_never_shown() -> None:
    with Receiver() as receiver:
        manager = Alertmanager(f"alertmanager://ada:hunter2@{receiver.address}")
        manager.send((an_alert(),))
    assert receiver.posted[0].authorization == "Basic YWRhOmh1bnRlcjI="
    assert manager.name == f"alertmanager://{receiver.address}"


def test_a_refusal_is_told_with_its_words() -> None:
    with Receiver() as receiver:
        receiver.status = 400
        with pytest.raises(DeliveryError, match=r"it answered 400: 'so it is'"):
            Alertmanager(f"alertmanager://{receiver.address}").send((an_alert(),))


@pytest.mark.parametrize("place", ["127.0.0.1:1", "", "127.0.0.1:port", "[::1", "a b"])
def test_nobody_there_or_no_address_at_all(place: str) -> None:
    with pytest.raises(DeliveryError):
        Alertmanager(f"alertmanager://{place}").send((an_alert(),))


def test_https_is_spoken_where_it_is_asked_for() -> None:
    with Receiver() as receiver:
        manager = Alertmanager(f"alertmanager+https://{receiver.address}")
        with pytest.raises(DeliveryError, match=r"(?i)ssl|tls"):
            manager.send((an_alert(),))
    assert receiver.posted == []
