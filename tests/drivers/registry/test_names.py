"""Endpoints out of DNS, from a server on loopback."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import dns.asyncresolver
import dns.rcode
import pytest

from abreast.drivers.registry import names
from abreast.drivers.registry.found import Found, NoAnswerError
from abreast.drivers.registry.names import EMPTY_S, LEAST_S, MOST_S, Names
from abreast.model.registry import DnsName, SrvName
from tests.fakes.dns_server import DnsServer


@pytest.fixture
async def server() -> AsyncIterator[DnsServer]:
    made = await DnsServer().start()
    yield made
    made.close()


async def look_up(server: DnsServer, name: str = "shop.test") -> Found:
    return await Names(DnsName(name, 8080, "127.0.0.1", server.port)).ask()


async def targets(server: DnsServer) -> Found:
    return await Names(SrvName("_http._tcp.shop.test", "127.0.0.1", server.port)).ask()


async def test_every_address_is_an_endpoint(server: DnsServer) -> None:
    server.zone[("shop.test.", "A")] = ["10.0.0.2", "10.0.0.1"]
    found = await look_up(server)
    assert [str(each) for each in found.endpoints] == ["10.0.0.1:8080", "10.0.0.2:8080"]
    assert found.again_s == 30.0


async def test_the_other_family_is_asked_only_without_the_first(server: DnsServer) -> None:
    server.zone[("shop.test.", "AAAA")] = ["fd00::1"]
    assert [str(each) for each in (await look_up(server)).endpoints] == ["[fd00::1]:8080"]
    server.zone[("shop.test.", "A")] = ["10.0.0.1"]
    assert [str(each) for each in (await look_up(server)).endpoints] == ["10.0.0.1:8080"]
    assert server.asked[("shop.test.", "AAAA")] == 1


@pytest.mark.parametrize(("ttl_s", "again_s"), [(0, LEAST_S), (7, 7.0), (86_400, MOST_S)])
async def test_it_is_asked_again_when_the_record_says_so_within_bounds(
    server: DnsServer, ttl_s: int, again_s: float
) -> None:
    server.ttl_s = ttl_s
    server.zone[("shop.test.", "A")] = ["10.0.0.1"]
    assert (await look_up(server)).again_s == again_s


async def test_the_shortest_time_to_live_on_the_way_counts(server: DnsServer) -> None:
    server.aliases["www.test."] = ("shop.test.", 3)
    server.zone[("shop.test.", "A")] = ["10.0.0.1"]
    found = await look_up(server, "www.test")
    assert (len(found.endpoints), found.again_s) == (1, 3.0)


async def test_a_name_that_is_not_there_is_an_answer(server: DnsServer) -> None:
    found = await look_up(server)
    assert found == Found((), "the name shop.test does not exist", EMPTY_S)


async def test_a_name_without_addresses_is_an_answer_of_its_own(server: DnsServer) -> None:
    server.zone[("shop.test.", "TXT")] = ['"here"']
    found = await look_up(server)
    assert found == Found((), "the name shop.test has neither A nor AAAA records", EMPTY_S)


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
async def test_a_server_that_fails_says_nothing_about_the_name(server: DnsServer, rcode: dns.rcode.Rcode) -> None:
    server.rcode = rcode
    with pytest.raises(NoAnswerError, match=rf"127\.0\.0\.1.*{dns.rcode.to_text(rcode)}"):
        await look_up(server)


async def test_a_server_that_is_silent_is_given_up(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "LIFETIME_S", 0.3)
    monkeypatch.setattr(names, "TRY_S", 0.1)
    server.silent = True
    with pytest.raises(NoAnswerError, match="timed out") as caught:
        await look_up(server)
    assert str(caught.value).count(f"127.0.0.1@{server.port}") <= 2, "not once for each try"
    assert server.asked["udp"] > 1


async def test_nobody_there_is_no_answer(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "LIFETIME_S", 0.3)
    monkeypatch.setattr(names, "TRY_S", 0.1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(NoAnswerError):
        await Names(DnsName("shop.test", 80, "127.0.0.1", port)).ask()


async def test_an_answer_too_long_for_a_datagram_comes_by_tcp(server: DnsServer) -> None:
    server.zone[("shop.test.", "A")] = [f"10.0.{number // 250}.{number % 250 + 1}" for number in range(400)]
    assert len((await look_up(server)).endpoints) == 400
    assert server.asked["tcp"] == 1


async def test_targets_have_ports_of_their_own(server: DnsServer) -> None:
    server.zone[("_http._tcp.shop.test.", "SRV")] = ["1 10 8001 a.test.", "1 20 8002 b.test."]
    server.zone[("a.test.", "A")] = ["10.0.0.1"]
    server.zone[("b.test.", "A")] = ["10.0.0.2", "10.0.0.3"]
    found = await targets(server)
    assert [str(each) for each in found.endpoints] == ["10.0.0.1:8001", "10.0.0.2:8002", "10.0.0.3:8002"]
    assert found.detail == ""


async def test_the_lowest_priority_with_an_address_is_taken(server: DnsServer) -> None:
    server.zone[("_http._tcp.shop.test.", "SRV")] = ["1 0 8001 a.test.", "2 0 8002 b.test.", "3 0 8003 c.test."]
    server.zone[("b.test.", "A")] = ["10.0.0.2"]
    server.zone[("c.test.", "A")] = ["10.0.0.3"]
    found = await targets(server)
    assert [str(each) for each in found.endpoints] == ["10.0.0.2:8002"]
    assert found.detail == "a.test. has no address"
    server.zone[("a.test.", "A")] = ["10.0.0.1"]
    assert [str(each) for each in (await targets(server)).endpoints] == ["10.0.0.1:8001"]
    assert server.asked[("c.test.", "A")] == 0


async def test_a_target_that_cannot_be_looked_up_says_nothing(server: DnsServer) -> None:
    server.zone[("_http._tcp.shop.test.", "SRV")] = ["1 0 8001 a.test."]
    server.zone[("a.test.", "A")] = ["10.0.0.1"]
    assert (await targets(server)).endpoints
    whole = server.answer

    def failing(wire: bytes, transport: str) -> bytes | None:
        server.rcode = dns.rcode.SERVFAIL if b"\x01a\x04test" in wire else None
        return whole(wire, transport)

    server.answer = failing  # type: ignore[method-assign]  # this server fails for one name alone
    with pytest.raises(NoAnswerError, match="SERVFAIL"):
        await targets(server)


@pytest.mark.parametrize(
    ("records", "detail"),
    [
        (None, "the name _http._tcp.shop.test does not exist"),
        (["0 0 0 ."], ". has no address"),
        (["1 0 0 a.test."], "0 is no port"),
    ],
)
async def test_no_service_is_an_answer(server: DnsServer, records: list[str] | None, detail: str) -> None:
    server.zone[("a.test.", "A")] = ["10.0.0.1"]
    if records:
        server.zone[("_http._tcp.shop.test.", "SRV")] = records
    assert await targets(server) == Found((), detail, EMPTY_S)


async def test_too_many_targets_are_a_wrong_name(server: DnsServer) -> None:
    server.zone[("_http._tcp.shop.test.", "SRV")] = [f"1 0 {port} a.test." for port in range(1000, 1101)]
    with pytest.raises(NoAnswerError, match="101 SRV records"):
        await targets(server)


async def test_the_systems_servers_are_asked_and_search_domains_are_tried(server: DnsServer, tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 127.0.0.1\nsearch other.test team.test\noptions ndots:2\n", encoding="utf-8")
    server.zone[("shop.team.test.", "A")] = ["10.0.0.1"]

    def system() -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(str(file))
        resolver.port = server.port
        return resolver

    found = await Names(DnsName("shop", 80), system).ask()
    assert [str(each) for each in found.endpoints] == ["10.0.0.1:80"]
    assert server.asked[("shop.other.test.", "A")] == 1
    await Names(DnsName("shop", 80), system).close()


async def test_a_machine_without_name_servers_is_no_answer(tmp_path: Path) -> None:
    def system() -> dns.asyncresolver.Resolver:
        return dns.asyncresolver.Resolver(str(tmp_path / "none"))

    with pytest.raises(NoAnswerError, match="cannot open"):
        await Names(DnsName("shop", 80), system).ask()
