"""Webhooks: JSON by POST, its fields documented in docs/alerts.md, signed if the address has a secret."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

import httpx

from abreast.alerts.alert import Alert, timestamp
from abreast.alerts.channel import DeliveryError
from abreast.alerts.outbox import Batch

SCHEMES: Final = {"webhook+http": "http", "webhook+https": "https"}
SIGNATURE: Final = "x-abreast-signature"
TIMEOUT_S: Final = 10.0


class Webhook:
    """One address, at ``webhook+https://[secret@]host[:port]/path``; with ``user:password@`` it logs in instead."""

    def __init__(self, url: str) -> None:
        scheme, _, place = url.partition("://")
        authority, slash, path = place.partition("/")
        login, _, host = authority.rpartition("@")
        user, colon, password = login.partition(":")
        self.name = f"{scheme}://{host}/…"
        self._url = f"{SCHEMES[scheme.lower()]}://{host}{slash}{path}"
        self._secret = b"" if colon else unquote(user).encode()
        self._login = f"{unquote(user)}:{unquote(password)}".encode() if colon else b""

    def send(self, batch: Batch) -> None:
        """Tell all of one service and rollout in one request. Raises DeliveryError."""
        body = json.dumps(document(batch), ensure_ascii=False).encode()
        headers = {"content-type": "application/json", "user-agent": "abreast"}
        if self._secret:
            headers[SIGNATURE] = f"sha256={hmac.new(self._secret, body, hashlib.sha256).hexdigest()}"
        if self._login:
            headers["authorization"] = f"Basic {base64.b64encode(self._login).decode('ascii')}"
        try:
            answer = httpx.post(self._url, content=body, headers=headers, timeout=TIMEOUT_S)
        except httpx.InvalidURL:
            raise DeliveryError("the address makes no sense to an HTTP client") from None
        except httpx.HTTPError as error:
            raise DeliveryError(f"{type(error).__name__}: {error}") from None
        if not answer.is_success:
            # Its body is not shown: it may repeat the path, which is a secret of many webhooks.
            raise DeliveryError(f"it answered {answer.status_code}")


def document(batch: Sequence[Alert]) -> dict[str, object]:
    """The body of one message; all alerts are of one service and rollout."""
    first = batch[0]
    return {
        "version": 1,
        "service": first.name.service,
        "rollout": first.name.rollout,
        "sent_at": timestamp(max(each.told_at for each in batch)),
        "alerts": [_alert(each) for each in batch],
    }


def _alert(alert: Alert) -> dict[str, object]:
    return {
        "id": "/".join(str(part) for part in alert.name if part != ""),
        "status": "resolved" if alert.over else "firing",
        "change": alert.change,
        "cause": alert.name.cause,
        "subject": alert.name.subject,
        "severity": alert.severity,
        "headline": alert.headline,
        "summary": alert.title,
        "see": alert.link,
        "labels": dict(alert.labels),
        "starts_at": timestamp(alert.at),
        "ends_at": timestamp(max(alert.told_at, alert.at)) if alert.over else None,
    }
