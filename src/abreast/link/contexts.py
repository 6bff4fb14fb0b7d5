"""How both ends prove who they are: TLS 1.3, certificates of the fleet's authority and of no other."""

import ssl
import tempfile
from pathlib import Path

from abreast.link.certificates import KeyPair


def for_server(own: KeyPair, authority: str) -> ssl.SSLContext:
    """A server's: it shows ``own``; a client may show none, but none of another authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=authority)
    show(context, own)
    return context


def for_agent(authority: str, own: KeyPair | None = None) -> ssl.SSLContext:
    """An agent's: it talks to servers of that authority only, and shows ``own`` once it has joined."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=authority)
    if own is not None:
        show(context, own)
    return context


def for_stranger() -> ssl.SSLContext:
    """Of an agent that knows only its authority's digest: nothing secret may be said over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def show(context: ssl.SSLContext, own: KeyPair) -> None:
    """Connections that begin from now on show this. Raises ssl.SSLError where key and certificate do not fit.

    Python's ssl reads files only; these are there, for this user alone, while they are read.
    """
    with tempfile.TemporaryDirectory(prefix="abreast-") as directory:
        certificate, key = Path(directory) / "certificate.pem", Path(directory) / "key.pem"
        certificate.write_text(own.certificate, encoding="ascii")
        key.write_text(own.key, encoding="ascii")
        context.load_cert_chain(certificate, key)
