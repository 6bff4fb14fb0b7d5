"""An address that cannot be listened on is told with who holds it."""

import os
import socket

import psutil
import pytest

from abreast.model.errors import PortInUseError
from abreast.model.service import Endpoint
from abreast.process.listening import require_listenable


def test_a_free_port_is_left_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    require_listenable(Endpoint("127.0.0.1", port))
    socket.create_server(("127.0.0.1", port)).close()


def test_a_port_in_use_is_told_with_its_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(PortInUseError) as caught:
            require_listenable(Endpoint("127.0.0.1", port))
    assert caught.value.message == (
        f"gateway.listen: 127.0.0.1:{port} cannot be listened on: Address already in use"
        f" (process {os.getpid()}, {psutil.Process().name()})"
    )


def test_who_may_not_see_the_holder_is_told_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_kind: str) -> list[object]:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", denied)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(PortInUseError, match="Address already in use") as caught:
            require_listenable(Endpoint("127.0.0.1", port))
    assert "process" not in caught.value.message


def test_an_address_of_another_machine() -> None:
    with pytest.raises(PortInUseError, match="Cannot assign requested address"):
        require_listenable(Endpoint("192.0.2.1", 8080))


def test_ipv6() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(PortInUseError, match=r"Address already in use"):
            require_listenable(Endpoint("::1", port))
