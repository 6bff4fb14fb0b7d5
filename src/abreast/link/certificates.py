"""The authority of a fleet, and the certificates that servers and agents know each other by.

The authority is made once and kept in the store. Servers are all called `SERVER_NAME`, wherever they run; an agent's
certificate holds its `Enrolment`. Keys are on the curve P-256, certificates X.509 version 3.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from abreast.model.agent import RELAY_NAME, AgentKind, AgentName, Enrolment

SERVER_NAME: Final = "abreast-server"

AUTHORITY_S: Final = 20 * 365 * 86_400.0
SERVER_S: Final = 7 * 86_400.0
"""A server makes itself a new one long before."""
AGENT_S: Final = 30 * 86_400.0

_SKEW_S: Final = 3600.0
"""Certificates are valid from so long before now: clocks differ."""


@dataclass(frozen=True)
class KeyPair:
    """A certificate, with those above it, and its key, both PEM."""

    certificate: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class FleetAuthority:
    """What signs: a certificate and its key (PEM)."""

    certificate: str
    key: str = field(repr=False)

    @classmethod
    def make(cls, now: float) -> "FleetAuthority":
        """A new one; ``now`` is Unix seconds."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name([(NameOID.COMMON_NAME, "abreast fleet")])
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            _begun(name, name, key.public_key(), now, AUTHORITY_S)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(identifier, critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(_pem(certificate), _key_pem(key))

    @classmethod
    def read(cls, text: str) -> "FleetAuthority":
        """From what `written` gave."""
        return cls(**json.loads(text))

    @property
    def written(self) -> str:
        """For the store: it holds the key."""
        return json.dumps({"certificate": self.certificate, "key": self.key})

    @property
    def fingerprint(self) -> str:
        """See `fingerprint`."""
        return fingerprint(self.certificate)

    def for_server(self, now: float) -> KeyPair:
        """A certificate for one server, with the authority's own, and a fresh key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name([(NameOID.COMMON_NAME, SERVER_NAME)])
        names = x509.SubjectAlternativeName([x509.DNSName(SERVER_NAME)])
        builder = self._for(subject, key.public_key(), now, SERVER_S, ExtendedKeyUsageOID.SERVER_AUTH)
        certificate = builder.add_extension(names, critical=False).sign(self._signing(), hashes.SHA256())
        return KeyPair(_pem(certificate) + self.certificate, _key_pem(key))

    def for_agent(self, request: str, enrolment: Enrolment, now: float, valid_s: float = AGENT_S) -> str:
        """A certificate (PEM) for the key of a signing request; what else the request says does not count.

        Raises ValueError for what is no request, or not signed with its key.
        """
        public = requested_key(request)
        subject = _name(
            [
                (NameOID.ORGANIZATION_NAME, enrolment.service),
                (NameOID.COMMON_NAME, str(enrolment.agent)),
                (NameOID.SERIAL_NUMBER, enrolment.id),
            ]
        )
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH]
        names = []
        if enrolment.agent.kind is AgentKind.RELAY:  # gateways come to it
            uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
            names.append(x509.DNSName(RELAY_NAME))
        builder = self._for(subject, public, now, valid_s, *uses)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return _pem(builder.sign(self._signing(), hashes.SHA256()))

    def _for(
        self,
        subject: x509.Name,
        public: ec.EllipticCurvePublicKey,
        now: float,
        valid_s: float,
        *uses: x509.ObjectIdentifier,
    ) -> x509.CertificateBuilder:
        own = x509.load_pem_x509_certificate(self.certificate.encode())
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._signing().public_key())
        return (
            _begun(subject, own.subject, public, now, valid_s)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(signer, critical=False)
        )

    def _signing(self) -> ec.EllipticCurvePrivateKey:
        return _elliptic(self.key)


def fingerprint(certificate: str) -> str:
    """The SHA-256 of a certificate (PEM), in hexadecimal. Raises ValueError for what is none."""
    read = x509.load_pem_x509_certificate(certificate.encode())
    return read.fingerprint(hashes.SHA256()).hex()


def fresh_key() -> str:
    """A new private key, PEM."""
    return _key_pem(ec.generate_private_key(ec.SECP256R1()))


def signing_request(key: str, agent: AgentName) -> str:
    """A request (PEM) for a certificate of that key."""
    subject = _name([(NameOID.COMMON_NAME, str(agent))])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return builder.sign(_elliptic(key), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def requested_key(request: str) -> ec.EllipticCurvePublicKey:
    """The key of a signing request. Raises ValueError for what is none, or not signed with its key."""
    read = x509.load_pem_x509_csr(request.encode())
    public = read.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey) and read.is_signature_valid:
        return public
    raise ValueError("the request is not signed with its own key, on an elliptic curve")


def key_digest(request: str) -> str:
    """The SHA-256 of a request's public key, in hexadecimal. Raises ValueError as `requested_key`."""
    encoded = requested_key(request).public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(encoded).hexdigest()


def lifetime(certificate: str) -> tuple[float, float]:
    """Since when and until when a certificate (PEM) is valid, Unix seconds. Raises ValueError for what is none."""
    read = x509.load_pem_x509_certificate(certificate.encode())
    return read.not_valid_before_utc.timestamp(), read.not_valid_after_utc.timestamp()


def enrolment_of(peer: Mapping[str, Any] | None) -> Enrolment | None:
    """Whose certificate that is, as `ssl.SSLSocket.getpeercert` tells a verified one; None without one."""
    if not peer:
        return None
    pairs: Sequence[Sequence[tuple[str, str]]] = peer.get("subject", ())
    said = {name: value for group in pairs for name, value in group}
    kind, _, name = said.get("commonName", "").partition("/")
    if kind not in set(AgentKind):
        return None
    agent = AgentName(AgentKind(kind), name)
    return Enrolment(agent, said.get("organizationName", ""), said.get("serialNumber", ""))


def _begun(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: float, valid_s: float
) -> x509.CertificateBuilder:
    at = datetime.fromtimestamp(now, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(seconds=_SKEW_S))
        .not_valid_after(at + timedelta(seconds=valid_s))
    )


def _name(parts: Sequence[tuple[x509.ObjectIdentifier, str]]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def _elliptic(key: str) -> ec.EllipticCurvePrivateKey:
    read = serialization.load_pem_private_key(key.encode(), password=None)
    if not isinstance(read, ec.EllipticCurvePrivateKey):
        raise ValueError("the key is not on an elliptic curve")  # noqa: TRY004  # of the right type, of another algorithm
    return read


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()
