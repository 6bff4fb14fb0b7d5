"""A control plane as the operator asks it: over its HTTP API, with a token."""

from dataclasses import dataclass, field
from typing import Any, Final

import httpx

PREFIX: Final = "/api/v1"
TIMEOUT_S: Final = 20.0
"""An order waits until every gateway obeys, for some seconds."""

_INVALID: Final = frozenset({400, 404, 422})
_UNAUTHORIZED: Final = frozenset({401, 403})


class PlaneError(Exception):
    """It did not do it, and why. ``invalid``: what was asked for cannot be; ``away``: it is not there, or not for us.

    Neither: it will not now, such as while another rollout is under way.
    """

    def __init__(self, message: str, *, invalid: bool = False, away: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.invalid = invalid
        self.away = away


@dataclass(frozen=True)
class Standing:
    """What a control plane says of its newest rollout; ``serving`` has all users where none is under way."""

    rollout: int
    revision: int
    stable: str
    candidate: str
    phase: str
    step: int
    steps: int
    weight: int
    because: str
    kind: str = ""
    """Of the present step, such as approve."""
    serving: str = ""
    allowed: tuple[str, ...] = field(default=())


class Plane:
    """One control plane. Every method raises PlaneError."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url
        self._http = httpx.AsyncClient(
            base_url=url + PREFIX, timeout=TIMEOUT_S, trust_env=False, transport=transport, follow_redirects=False
        )

    async def standing(self, token: str) -> Standing:
        """How its rollout stands."""
        return _standing(await self._call("GET", "/status", token))

    async def order(self, verb: str, token: str, revision: int, **body: object) -> None:
        """Give the command, unless anything has happened since that ``revision``."""
        headers = {"if-match": f'"{revision}"'}
        await self._call("POST", f"/commands/{verb}", token, headers=headers, json=body)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def _call(self, method: str, path: str, token: str, **content: Any) -> Any:  # noqa: ANN401  # JSON
        headers = {**content.pop("headers", {}), **({"authorization": f"Bearer {token}"} if token else {})}
        try:
            answer = await self._http.request(method, path, headers=headers, **content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PlaneError(f"{self._url} is not reached: {str(error) or type(error).__name__}", away=True) from error
        try:
            told = answer.json()
        except ValueError:
            told = None
        if answer.is_success and told is not None:
            return told
        words = told.get("detail") if isinstance(told, dict) else None
        message = f"{self._url} answered {answer.status_code}: {words or answer.text[:200] or 'nothing'}"
        away = told is None or answer.status_code in _UNAUTHORIZED or answer.is_server_error
        raise PlaneError(message, invalid=not away and answer.status_code in _INVALID, away=away)


def _standing(told: Any) -> Standing:  # noqa: ANN401  # JSON
    """Of the API's status. Raises PlaneError for an answer that is none."""
    try:
        step, ladder = told["step"], told["ladder"]
        serving = [each["name"] for each in told["versions"] if each["side"] == "stable"]
        return Standing(
            rollout=told["rollout"],
            revision=told["revision"],
            stable=told["stable"],
            candidate=told["candidate"] or "",
            phase=told["phase"],
            step=step,
            steps=told["steps"],
            weight=told["weight"],
            because=told["because"] or told["reason"],
            kind=ladder[step - 1]["name"] if 0 < step <= len(ladder) else "",
            serving=serving[0] if serving and told["phase"] == "completed" else "",
            allowed=tuple(told["allowed"]),
        )
    except (KeyError, TypeError, IndexError) as error:
        raise PlaneError(f"its status is none: {type(error).__name__}: {error}", away=True) from error
