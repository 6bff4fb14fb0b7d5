"""Talks to the running ``abreast up`` over its unix socket."""

import getpass
import socket
from pathlib import Path
from typing import Any, Final

import httpx

from abreast.model.errors import AbreastError, NotRunningError
from abreast.state_dir import StateDir

TIMEOUT_S: Final = 60.0
SEE_LOG: Final = "see its log: .abreast/logs/abreast.log"


class RemoteError(AbreastError):
    """An error that the control plane told us; ends the command with the same exit code as there."""

    def __init__(self, message: str, remedy: str, exit_code: int) -> None:
        super().__init__(message, remedy)
        self.exit_code = exit_code  # type: ignore[misc]  # of the class at home, of the instance when it travelled


class Client:
    """Calls of the API for the spec at ``spec_file``. Every call raises NotRunningError or RemoteError."""

    def __init__(self, spec_file: Path) -> None:
        self._directory = spec_file.resolve().parent
        self._socket = StateDir.beside(self._directory).api

    def get(self, path: str, **query: int | str) -> Any:  # noqa: ANN401  # JSON
        """The JSON answer to a GET."""
        return self._call("GET", path, params=query)

    def post(self, path: str, body: dict[str, object]) -> Any:  # noqa: ANN401  # JSON
        """The JSON answer to a POST; the actor is whoever runs this."""
        return self._call("POST", path, json={"actor": user(), **body})

    def _call(self, method: str, path: str, **content: Any) -> Any:  # noqa: ANN401  # JSON
        self._require_listener()
        # A connection for each call: it is a local socket, and nothing has to be closed later.
        transport = httpx.HTTPTransport(uds=str(self._socket), verify=False)
        try:
            with httpx.Client(transport=transport, base_url="http://abreast/api/v1", timeout=TIMEOUT_S) as http:
                answer = http.request(method, path, **content)
        except httpx.TimeoutException as error:
            message = f"abreast in {str(self._directory)!r} did not answer within {TIMEOUT_S:g} s"
            raise NotRunningError(message, SEE_LOG) from error
        except httpx.TransportError as error:
            message = f"abreast in {str(self._directory)!r} ended while it was asked ({error})"
            raise NotRunningError(message, "start it again with: abreast up") from error
        try:
            body = answer.json()
        except ValueError:
            message = (
                f"abreast in {str(self._directory)!r} gave no JSON but {answer.status_code}: {answer.text[:200]!r}"
            )
            raise RemoteError(message, SEE_LOG, AbreastError.exit_code) from None
        if answer.is_success:
            return body
        raise _told(body, answer.status_code)

    def _require_listener(self) -> None:
        """Raise NotRunningError unless somebody listens on the socket."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                probe.connect(str(self._socket))
        except OSError as error:
            message = f"no abreast runs for {str(self._directory)!r}"
            raise NotRunningError(message, "start it with: abreast up; or name its spec with --file") from error


def _told(problem: dict[str, Any], status: int) -> RemoteError:
    """The error of a problem document; what is missing in it is filled in."""
    message = problem.get("detail") or f"the control plane answered {status}"
    return RemoteError(message, problem.get("remedy") or SEE_LOG, problem.get("exit_code", AbreastError.exit_code))


def user() -> str:
    """The actor: whoever runs this."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown user"
