"""Free ports."""

import errno
import socket
from pathlib import Path
from random import Random

import pytest

from abreast.process import port as port_module
from abreast.process.port import PortPool


def test_a_port_can_be_listened_on_and_is_not_given_twice() -> None:
    pool = PortPool(Random(1))
    ports = [pool.take() for _ in range(50)]
    assert len(set(ports)) == 50
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def test_ports_lie_below_those_of_outgoing_connections() -> None:
    begin = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    pool = PortPool(Random(1))
    assert all(10_240 <= pool.take() < begin for _ in range(50))


def test_a_port_that_somebody_listens_on_is_passed_over() -> None:
    first = PortPool(Random(1)).take()
    with socket.create_server(("127.0.0.1", first)):
        assert PortPool(Random(1)).take() != first
    assert PortPool(Random(1)).take() == first


def test_a_port_comes_back_only_when_it_is_given_back() -> None:
    pool = PortPool(Random(1))
    first = PortPool(Random(1)).take()
    pool.keep(first)
    assert pool.take() != first
    again = PortPool(Random(1))
    again.keep(first)
    again.give_back(first)
    assert again.take() == first


def test_with_hardly_any_port_below_the_range_the_kernel_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_module, "_LOWEST", 70_000)
    assert PortPool(Random(1)).take() > 0


def test_having_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_module, "_ENOUGH", 1)
    pool = PortPool(Random(1))
    monkeypatch.setattr(pool, "_end", 10_242)
    for port in (10_240, 10_241):
        pool.keep(port)
    with pytest.raises(OSError, match="no free port on") as caught:
        pool.take()
    assert caught.value.errno == errno.EADDRINUSE
