"""Webhooks, to a web server on loopback."""

import hashlib
import hmac
import json
import re
from pathlib import Path

import pytest

from abreast.alerts.channel import DeliveryError
from abreast.alerts.webhook import Webhook, document
from tests.alerts.server import Receiver
from tests.alerts.test_alert import a_cause, an_alert


def test_the_message_has_every_field_that_is_documented() -> None:
    with Receiver() as receiver:
        Webhook(f"webhook+http://{receiver.address}/hooks/abreast?room=7").send((a_cause("gateway-refuses"),))
    (posted,) = receiver.posted
    assert (posted.path, posted.authorization, posted.signature) == ("/hooks/abreast?room=7", None, None)
    assert posted.body == {
        "version": 1,
        "service": "shop",
        "rollout": 3,
        "sent_at": "1970-01-01T00:01:41.000Z",
        "alerts": [
            {
                "id": "shop/3/gateway-refuses",
                "status": "firing",
                "change": "new",
                "cause": "gateway-refuses",
                "subject": "",
                "severity": "critical",
                "headline": "shop: v2 was rolled back",
                "summary": "gate errors: worse",
                "see": "x",
                "labels": {},
                "starts_at": "1970-01-01T00:01:40.000Z",
                "ends_at": None,
            }
        ],
    }


def test_what_is_over_has_an_end_that_is_not_before_its_beginning() -> None:
    body = document((a_cause(change="resolved", told_at=160.0), an_alert(8, "accepted", now=0.0)))
    first, second = body["alerts"] if isinstance(body["alerts"], list) else []
    assert (first["status"], first["ends_at"]) == ("resolved", "1970-01-01T00:02:40.000Z")
    assert (second["id"], second["status"], second["change"]) == ("shop/1/finding/8", "resolved", "accepted")
    assert second["ends_at"] == second["starts_at"]
    assert second["labels"] == {"finding": "8", "endpoint": "GET /orders/{id}", "kind": "type"}


def test_a_secret_signs_what_is_sent_and_is_not_sent() -> None:
    with Receiver() as receiver:
        hook = Webhook(f"webhook+http://hunter%2F2@{receiver.address}/x")
        hook.send((a_cause(title="ünïcode"),))
    (posted,) = receiver.posted
    wanted = hmac.new(b"hunter/2", posted.raw, hashlib.sha256).hexdigest()
    assert posted.signature == f"sha256={wanted}"
    assert posted.authorization is None
    assert posted.body["alerts"][0]["summary"] == "ünïcode"
    assert "hunter" not in hook.name


def test_user_and_password_log_in() -> None:
    with Receiver() as receiver:
        hook = Webhook(f"webhook+http://ada:hunter2@{receiver.address}/x")
        hook.send((a_cause(),))
    assert receiver.posted[0].authorization == "Basic YWRhOmh1bnRlcjI="
    assert receiver.posted[0].signature is None
    assert hook.name == f"webhook+http://{receiver.address}/…"


def test_a_refusal_shows_its_code_and_nothing_of_the_address() -> None:
    with Receiver() as receiver:
        receiver.status = 404
        with pytest.raises(DeliveryError, match=r"^it answered 404$"):
            Webhook(f"webhook+http://{receiver.address}/secret").send((a_cause(),))


def test_a_redirect_is_not_followed() -> None:
    with Receiver() as receiver:
        receiver.status = 302
        with pytest.raises(DeliveryError, match="302"):
            Webhook(f"webhook+http://{receiver.address}/secret").send((a_cause(),))


@pytest.mark.parametrize("place", ["127.0.0.1:1/secret", "127.0.0.1:port/secret", "[::1/secret", "a b/secret", ""])
def test_nobody_there_or_no_address_at_all(place: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        Webhook(f"webhook+http://hunter2@{place}").send((a_cause(),))
    assert "secret" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_https_is_spoken_where_it_is_asked_for() -> None:
    with Receiver() as receiver, pytest.raises(DeliveryError, match=r"(?i)ssl|tls"):
        Webhook(f"WEBHOOK+HTTPS://{receiver.address}/x").send((a_cause(),))
    assert receiver.posted == []


def test_every_field_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text("utf-8")
    example = json.loads(text.split("```json")[1].split("```")[0])
    body = document((a_cause(),))
    alerts = body["alerts"]
    assert isinstance(alerts, list)
    assert set(example) == set(body)
    assert set(example["alerts"][0]) == set(alerts[0])
    described = {
        name for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for name in re.findall("`(.+?)`", row)
    }
    assert {*body, *alerts[0]} - described == {"service", "alerts"}
