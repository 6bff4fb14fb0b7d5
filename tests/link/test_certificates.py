"""The fleet's authority and what it signs."""

import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from abreast.link.certificates import (
    AGENT_S,
    SERVER_NAME,
    SERVER_S,
    FleetAuthority,
    enrolment_of,
    fingerprint,
    fresh_key,
    key_digest,
    lifetime,
    signing_request,
)
from abreast.model.agent import Enrolment
from tests.link.world import G1

NOW = 1_800_000_000.0
AUTHORITY = FleetAuthority.make(NOW)
ENROLMENT = Enrolment(G1, "shop", "0a1b")


def test_an_authority_is_kept_whole_and_told_by_its_certificate_s_digest() -> None:
    kept = FleetAuthority.read(AUTHORITY.written)
    assert kept == AUTHORITY
    assert kept.fingerprint == fingerprint(AUTHORITY.certificate)
    assert len(bytes.fromhex(kept.fingerprint)) == 32
    assert FleetAuthority.make(NOW).fingerprint != kept.fingerprint
    assert "PRIVATE" not in repr(kept)


def test_a_server_s_certificate_is_for_its_one_name_and_not_for_long() -> None:
    pair = AUTHORITY.for_server(NOW)
    own, above = x509.load_pem_x509_certificates(pair.certificate.encode())
    own.verify_directly_issued_by(above)
    assert fingerprint(above.public_bytes(serialization.Encoding.PEM).decode()) == AUTHORITY.fingerprint
    names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [SERVER_NAME]
    since, until = lifetime(pair.certificate)
    assert since < NOW, "clocks differ"
    assert until == NOW + SERVER_S


def test_an_agent_s_certificate_says_its_enrolment_whatever_it_asked_for(tmp_path: Path) -> None:
    key = fresh_key()
    request = signing_request(key, type(G1)(G1.kind, "somebody-else"))
    certificate = AUTHORITY.for_agent(request, ENROLMENT, NOW)
    file = tmp_path / "certificate.pem"
    file.write_text(certificate, encoding="ascii")
    # The interpreter's own reader, of the same shape as `getpeercert`.
    decoded = ssl._ssl._test_decode_cert(str(file))  # type: ignore[attr-defined]  # of CPython's own tests
    assert enrolment_of(decoded) == ENROLMENT
    assert lifetime(certificate)[1] == NOW + AGENT_S


@pytest.mark.parametrize(
    "peer",
    [None, {}, {"subject": ((("commonName", "g1"),),)}, {"subject": ((("commonName", "abreast-server"),),)}],
)
def test_who_shows_none_of_an_agent_is_nobody(peer: dict[str, object] | None) -> None:
    assert enrolment_of(peer) is None


def test_keys_are_told_apart_by_their_digest() -> None:
    key = fresh_key()
    assert key_digest(signing_request(key, G1)) == key_digest(signing_request(key, G1))
    assert key_digest(signing_request(fresh_key(), G1)) != key_digest(signing_request(key, G1))


def test_a_request_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="PEM"):
        AUTHORITY.for_agent("none", ENROLMENT, NOW)
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    with pytest.raises(ValueError, match="on an elliptic curve"):
        AUTHORITY.for_agent(request.public_bytes(serialization.Encoding.PEM).decode(), ENROLMENT, NOW)
