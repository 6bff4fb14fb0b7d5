"""Where the control plane is: beside the spec, by its unix socket; or elsewhere, by ``ABREAST_URL`` and a token."""

import ipaddress
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import httpx

from abreast.model.errors import NotRunningError, UsageError
from abreast.state_dir import StateDir

URL, TOKEN, CA = "ABREAST_URL", "ABREAST_TOKEN", "ABREAST_CA"
_PREFIX: Final = "/api/v1"


class Place(Protocol):
    """What a call needs to know of where it goes."""

    @property
    def name(self) -> str:
        """For messages, such as ``abreast in '/srv/shop'``."""

    @property
    def see_log(self) -> str:
        """The remedy for an answer that nobody expects."""

    @property
    def remote(self) -> bool:
        """Whether a token says who asks, and this machine is not the control plane's."""

    def connect(self, timeout_s: float) -> httpx.Client:
        """A client for one call. Raises NotRunningError when it is certain that nobody listens, UsageError."""


@dataclass(frozen=True)
class Beside:
    """The control plane that runs for the spec in ``directory``."""

    directory: Path
    remote: bool = field(default=False, init=False)
    see_log: str = field(default="see its log: .abreast/logs/abreast.log", init=False)

    @property
    def name(self) -> str:
        """The directory."""
        return f"abreast in {str(self.directory)!r}"

    def connect(self, timeout_s: float) -> httpx.Client:
        """By the socket. Raises NotRunningError unless somebody listens on it."""
        path = str(StateDir.beside(self.directory).api)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                probe.connect(path)
        except OSError as error:
            message = f"no abreast runs for {str(self.directory)!r}"
            raise NotRunningError(message, "start it with: abreast up; or name its spec with --file") from error
        transport = httpx.HTTPTransport(uds=path, verify=False)
        return httpx.Client(transport=transport, base_url=f"http://abreast{_PREFIX}", timeout=timeout_s)


@dataclass(frozen=True)
class Elsewhere:
    """An API at ``url`` (without a path of its own); ``ca`` is a file of certificates to trust instead of the usual."""

    url: httpx.URL
    token: str = field(repr=False)
    ca: str = ""
    remote: bool = field(default=True, init=False)

    @property
    def name(self) -> str:
        """The address."""
        return f"abreast at {str(self.url)!r}"

    @property
    def see_log(self) -> str:
        """Its log is on another machine."""
        return f"see the log of abreast there, and whether {URL} names its API"

    def connect(self, timeout_s: float) -> httpx.Client:
        """Over TCP. Raises UsageError for certificates that cannot be read."""
        return httpx.Client(
            base_url=f"{str(self.url).rstrip('/')}{_PREFIX}",
            headers={"authorization": f"Bearer {self.token}"},
            verify=self._trusted() if self.url.scheme == "https" else False,
            timeout=timeout_s,
            trust_env=not _is_loopback(
                self.url.host
            ),  # a proxy of the environment cannot reach this machine's loopback
        )

    def _trusted(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.ca or None)
        except (ssl.SSLError, OSError) as error:
            message = f"{CA}: {self.ca!r} cannot be used: {error}"
            raise UsageError(message, "name a file of PEM certificates, or leave it out") from error


def place_of(spec_file: Path, environ: Mapping[str, str] = os.environ) -> Place:
    """Where ``ABREAST_URL`` says, else beside the spec. Raises UsageError with every fault of the variables at once."""
    text = environ.get(URL, "").strip()
    if not text:
        return Beside(spec_file.resolve().parent)
    token = environ.get(TOKEN, "").strip()
    faults = [*_url_faults(text), *_token_faults(token)]
    if faults:
        raise UsageError("; ".join(what for what, _ in faults), "; ".join(todo for _, todo in faults))
    url = httpx.URL(text.rstrip("/").removesuffix(_PREFIX))
    return Elsewhere(url, token, environ.get(CA, "").strip())


def _url_faults(text: str) -> list[tuple[str, str]]:
    """What is wrong with an address, and what to do; one with credentials is not quoted."""
    todo = "write it as abreast up prints it, such as https://abreast.example:8081"
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        return [(f"{URL}: this is no address: {error}", todo)]
    if url.userinfo:
        return [(f"{URL}: it has credentials in it", f"leave them out: the token belongs into {TOKEN}")]
    if url.scheme not in {"http", "https"} or not url.host:
        return [(f"{URL}: {text!r} is no address of an API", todo)]
    if url.query or url.fragment:
        return [(f"{URL}: {text!r} has a query or a fragment", todo)]
    if url.scheme == "http" and not _is_loopback(url.host):
        return [(f"{URL}: over {text!r} the token would go in clear", "use https; see `api.tls` in docs/spec.md")]
    return []


def _token_faults(token: str) -> list[tuple[str, str]]:
    if not token:
        return [(f"{URL} is set, but {TOKEN} is not", "make one with: abreast token create NAME --role operator")]
    if not (token.isascii() and token.isprintable() and " " not in token):
        return [(f"{TOKEN}: this is no token", "write what abreast token create printed, and nothing else")]
    return []


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
