"""Made-up answers and events, as the demo gets them."""

from typing import Any

from abreast.demo.crowd import Answer

Json = dict[str, Any]  # Any: JSON


def answer(at_s: float, version: str = "v1", *, user: int = 1, failure: str = "", wait_s: float = 0.01) -> Answer:
    """One answer to a request sent at that second."""
    status = 500 if failure else 200
    return Answer(user, at_s, at_s + wait_s, wait_s, status, "" if failure else version, failure)


def event(kind: str, at_s: float = 0.0, *, rollout: int = 1, reason: str = "because", **data: object) -> Json:
    """One row of the audit log."""
    return {"id": 1, "at": at_s, "rollout": rollout, "kind": kind, "actor": "abreast", "reason": reason, "data": data}
