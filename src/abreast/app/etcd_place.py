"""A key in etcd, as `abreast up --config` names it, and how to log in there."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from abreast.drivers.registry.etcd_client import Etcd
from abreast.model.errors import UsageError

PORT: Final = 2379
_SCHEMES: Final = {"etcd": "http", "etcds": "https"}
_REMEDY: Final = "write etcd://HOST:2379/KEY, or etcds://… with TLS; several members: etcd://A:2379,B:2379/KEY"
_USER, _PASSWORD = "ETCDCTL_USER", "ETCDCTL_PASSWORD"
_AUTHORITY, _CERTIFICATE, _KEY = "ETCDCTL_CACERT", "ETCDCTL_CERT", "ETCDCTL_KEY"


@dataclass(frozen=True)
class EtcdPlace:
    """``addresses`` are the members' URLs; the ``key`` is what follows the slash after them."""

    name: str
    addresses: tuple[str, ...]
    key: str

    def __str__(self) -> str:
        return self.name


def etcd_place(url: str) -> EtcdPlace:
    """The key that the URL names. Raises UsageError; a password in it is not shown."""
    try:
        parts = urlsplit(url)
        hosts = [urlsplit(f"//{host}") for host in parts.netloc.split(",")]
        members = [(host.hostname, host.port or PORT) for host in hosts]
    except ValueError as error:
        raise UsageError(f"--config: no address of etcd ({error})", _REMEDY) from None
    if "@" in parts.netloc:
        remedy = f"set {_USER} and {_PASSWORD} in the environment instead, as for etcdctl"
        raise UsageError("--config: an address with a user would be seen by everybody on this machine", remedy)
    if parts.scheme not in _SCHEMES or not all(host for host, _ in members):
        raise UsageError(f"--config: {url!r} is no address of etcd", _REMEDY)
    key = unquote(parts.path.removeprefix("/"))
    if not key or parts.query or parts.fragment:
        raise UsageError(f"--config: {url!r} names no key", _REMEDY)
    scheme = _SCHEMES[parts.scheme]
    addresses = (f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}" for host, port in members if host)
    return EtcdPlace(url, tuple(addresses), key)


def etcd_client(place: EtcdPlace, environment: Mapping[str, str] = os.environ) -> Etcd:
    """A client that logs in, and trusts, by etcdctl's own variables. Raises UsageError."""
    user, _, password = environment.get(_USER, "").partition(":")
    password = password or environment.get(_PASSWORD, "")
    if user and not password:
        raise UsageError(f"{_USER} names {user!r}, without a password", f"set {_PASSWORD}")
    return Etcd(place.addresses, user, password, _tls(environment) if place.name.startswith("etcds:") else None)


def _tls(environment: Mapping[str, str]) -> ssl.SSLContext | None:
    """Whom to trust, and who we are; None: as the system does."""
    authority, certificate = environment.get(_AUTHORITY), environment.get(_CERTIFICATE)
    if not authority and not certificate:
        return None
    try:
        context = ssl.create_default_context(cafile=authority or None)
        if certificate:
            context.load_cert_chain(certificate, environment.get(_KEY) or None)
    except OSError as error:
        names = ", ".join(name for name in (_AUTHORITY, _CERTIFICATE, _KEY) if environment.get(name))
        message = f"{names}: {error.strerror or error}"
        raise UsageError(message, "name PEM files that this user may read") from None
    return context
