"""Prometheus' Alertmanager, API v2: https://prometheus.io/docs/alerting/latest/alerts_api/.

An alert that is not repeated is taken for resolved after its ``resolve_timeout`` (5 minutes unless configured): so
what stands is told each minute, and one more time with ``endsAt`` when it is over.
"""

from typing import Final

import httpx

from abreast.alerts.alert import TEST, TEST_S, Alert, timestamp
from abreast.alerts.channel import DeliveryError
from abreast.alerts.outbox import Batch

SCHEMES: Final = {"alertmanager": "http", "alertmanager+http": "http", "alertmanager+https": "https"}
PATH: Final = "/api/v2/alerts"
TIMEOUT_S: Final = 10.0


class Alertmanager:
    """One Alertmanager, at ``alertmanager://[user:password@]host:port[/prefix]``, or ``alertmanager+https://…``."""

    def __init__(self, url: str) -> None:
        scheme, _, place = url.partition("://")
        place = place.rstrip("/")
        self.name = f"{scheme}://{place.rpartition('@')[2]}"
        self._url = f"{SCHEMES[scheme.lower()]}://{place}{PATH}"

    def send(self, batch: Batch) -> None:
        """Tell all of them in one request. Raises DeliveryError."""
        try:
            answer = httpx.post(self._url, json=[_document(alert) for alert in batch], timeout=TIMEOUT_S)
        except httpx.InvalidURL as error:
            raise DeliveryError(f"the address makes no sense: {error}") from None
        except httpx.HTTPError as error:
            raise DeliveryError(f"{type(error).__name__}: {error}") from None
        if not answer.is_success:
            raise DeliveryError(f"it answered {answer.status_code}: {answer.text[:200]!r}")


def _document(alert: Alert) -> dict[str, object]:
    document: dict[str, object] = {
        "labels": {
            "alertname": "Abreast" + "".join(word.capitalize() for word in alert.name.cause.split("-")),
            "service": alert.name.service,
            "rollout": str(alert.name.rollout),
            "severity": alert.severity,
            **dict(alert.labels),
        },
        "annotations": {"summary": alert.title, "link": alert.link},
        "startsAt": timestamp(alert.at),
    }
    if alert.over:
        document["endsAt"] = timestamp(max(alert.told_at, alert.at))
    elif alert.name.cause == TEST:
        document["endsAt"] = timestamp(alert.at + TEST_S)
    if alert.link.startswith(("http://", "https://")):
        document["generatorURL"] = alert.link
    return document
