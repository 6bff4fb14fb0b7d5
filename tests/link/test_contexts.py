"""TLS at both ends: in memory, without a socket."""

import ssl

import pytest

from abreast.clock import SystemClock
from abreast.link import contexts
from abreast.link.certificates import SERVER_NAME, FleetAuthority, KeyPair, enrolment_of, fresh_key, signing_request
from abreast.model.agent import Enrolment
from tests.link.world import G1

NOW = SystemClock().now()
AUTHORITY = FleetAuthority.make(NOW)


def an_agent(authority: FleetAuthority = AUTHORITY) -> KeyPair:
    key = fresh_key()
    return KeyPair(authority.for_agent(signing_request(key, G1), Enrolment(G1, "shop", "e"), NOW), key)


def shaken(client: ssl.SSLContext, server: ssl.SSLContext, name: str = SERVER_NAME) -> ssl.SSLObject:
    """The server's end after the handshake. Raises ssl.SSLError."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(down, up, server_hostname=name),
        server.wrap_bio(up, down, server_side=True),
    ]
    for _ in range(6):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    ends[1].write(b"hello")
    assert ends[0].read(5) == b"hello"
    return ends[1]


def server_of(authority: FleetAuthority) -> ssl.SSLContext:
    return contexts.for_server(authority.for_server(NOW), authority.certificate)


def test_both_ends_know_each_other() -> None:
    end = shaken(contexts.for_agent(AUTHORITY.certificate, an_agent()), server_of(AUTHORITY))
    assert end.version() == "TLSv1.3"
    assert enrolment_of(end.getpeercert()) == Enrolment(G1, "shop", "e")


def test_an_agent_without_a_certificate_is_nobody() -> None:
    end = shaken(contexts.for_agent(AUTHORITY.certificate), server_of(AUTHORITY))
    assert enrolment_of(end.getpeercert()) is None


def test_a_server_of_another_authority_or_by_another_name_is_refused() -> None:
    other = FleetAuthority.make(NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(contexts.for_agent(AUTHORITY.certificate), server_of(other))
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shaken(contexts.for_agent(AUTHORITY.certificate), server_of(AUTHORITY), "elsewhere")


def test_an_agent_s_certificate_makes_no_server() -> None:
    posing = contexts.for_server(an_agent(), AUTHORITY.certificate)
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(contexts.for_agent(AUTHORITY.certificate), posing)


def test_a_stranger_talks_to_anybody() -> None:
    assert shaken(contexts.for_stranger(), server_of(FleetAuthority.make(NOW))).version() == "TLSv1.3"


def test_a_server_shows_its_newest_certificate() -> None:
    server = server_of(AUTHORITY)
    contexts.show(server, AUTHORITY.for_server(NOW + 10))
    shaken(contexts.for_agent(AUTHORITY.certificate), server)
    with pytest.raises(ssl.SSLError):
        contexts.show(server, KeyPair(AUTHORITY.certificate, fresh_key()))
