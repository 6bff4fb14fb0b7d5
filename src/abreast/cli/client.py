"""Talks to the running ``abreast up``: over its unix socket, or over the network (see `place`)."""

import getpass
import ssl
from pathlib import Path
from typing import Any, Final

import httpx

from abreast.cli.place import CA, Place, place_of
from abreast.model.errors import AbreastError, NotRunningError, UsageError

TIMEOUT_S: Final = 60.0
AWAY: Final = frozenset({502, 503, 504})
"""What a proxy in front of the API answers while there is no control plane behind it."""


class RemoteError(AbreastError):
    """An error that the control plane told us; ends the command with the same exit code as there."""

    def __init__(self, message: str, remedy: str, exit_code: int) -> None:
        super().__init__(message, remedy)
        self.exit_code = exit_code  # type: ignore[misc]  # of the class at home, of the instance when it travelled


class Client:
    """Calls of the API for the spec at ``spec_file``, or of the one that ``ABREAST_URL`` names.

    Making one raises UsageError for variables that make no sense; every call raises NotRunningError, RemoteError, or
    UsageError for a certificate that is not trusted. ``timeout_s`` is the longest wait for an answer.
    """

    def __init__(self, spec_file: Path, timeout_s: float | None = None) -> None:
        self._place: Place = place_of(spec_file)
        self._timeout_s = timeout_s

    @property
    def remote(self) -> bool:
        """Whether it asks over the network: then nothing on this machine stands for what is asked about."""
        return self._place.remote

    def get(self, path: str, **query: int | str) -> Any:  # noqa: ANN401  # JSON
        """The JSON answer to a GET."""
        return self._call("GET", path, params=query)

    def post(self, path: str, body: dict[str, object]) -> Any:  # noqa: ANN401  # JSON
        """The JSON answer to a POST; the actor is whoever runs this, or over the network the token's name."""
        said = body if self.remote else {"actor": user(), **body}
        return self._call("POST", path, json=said)

    def _call(self, method: str, path: str, **content: Any) -> Any:  # noqa: ANN401  # JSON
        timeout_s = TIMEOUT_S if self._timeout_s is None else self._timeout_s
        name, see_log = self._place.name, self._place.see_log
        # A connection for each call: nothing has to be closed later, and nothing grows stale while one waits.
        with self._place.connect(timeout_s) as http:
            try:
                answer = http.request(method, path, **content)
            except httpx.TimeoutException as error:
                raise NotRunningError(f"{name} did not answer within {timeout_s:g} s", see_log) from error
            except httpx.TransportError as error:
                raise _unreached(self._place, error) from error
        try:
            body = answer.json()
        except ValueError:
            message = f"{name} gave no JSON but {answer.status_code}: {answer.text[:200]!r}"
            if answer.status_code in AWAY:
                raise NotRunningError(message, see_log) from None
            raise RemoteError(message, see_log, AbreastError.exit_code) from None
        if answer.is_success:
            return body
        raise _told(body, answer.status_code, see_log)


def _unreached(place: Place, error: httpx.TransportError) -> AbreastError:
    """What it means that the call did not get through."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            message = f"{place.name} shows a certificate that is not trusted: {cause.verify_message}"
            return UsageError(message, f"name the file with the certificate of who issued it in {CA}")
        cause = cause.__cause__ or cause.__context__  # httpcore only leaves the latter
    if place.remote:
        return NotRunningError(f"{place.name} is not reached ({error})", place.see_log)
    return NotRunningError(f"{place.name} ended while it was asked ({error})", "start it again with: abreast up")


def _told(problem: Any, status: int, see_log: str) -> RemoteError:  # noqa: ANN401  # JSON of whoever answered
    """The error of a problem document; what is missing in it is filled in."""
    known = problem if isinstance(problem, dict) else {}
    message = known.get("detail") or f"the control plane answered {status}"
    return RemoteError(message, known.get("remedy") or see_log, known.get("exit_code", AbreastError.exit_code))


def user() -> str:
    """The actor: whoever runs this."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown user"
