"""Where the API listens, and when it must not."""

import socket
from pathlib import Path

import pytest
import trustme

from abreast.api.listening import listen, require_certificate, require_safe
from abreast.model.api_settings import DEFAULT_LISTEN, ApiSettings
from abreast.model.errors import PortInUseError, UsageError
from abreast.model.service import Endpoint, Tls

EVERYWHERE = Endpoint("0.0.0.0", 8443)  # noqa: S104  # judged, never listened on
TLS = Tls("chain.pem", "key.pem")


@pytest.mark.parametrize(
    ("settings", "tokens"),
    [(ApiSettings(), 0), (ApiSettings(Endpoint("::1", 1)), 0), (ApiSettings(EVERYWHERE, TLS), 1)],
)
def test_what_is_safe_is_let_be(settings: ApiSettings, tokens: int) -> None:
    require_safe(settings, tokens)


@pytest.mark.parametrize(
    ("tls", "tokens", "words", "moves"),
    [
        (None, 1, ["no `api.tls`"], ["add `api.tls`"]),
        (TLS, 0, ["no token"], ["abreast token create"]),
        (None, 0, ["no `api.tls`", "no token"], ["add `api.tls`", "abreast token create"]),
    ],
)
def test_what_others_could_reach_is_refused_with_every_reason(
    tls: Tls | None, tokens: int, words: list[str], moves: list[str]
) -> None:
    with pytest.raises(UsageError) as refused:
        require_safe(ApiSettings(EVERYWHERE, tls), tokens)
    assert "api.listen: 0.0.0.0:8443 can be reached from other machines" in refused.value.message
    assert [word for word in ("no `api.tls`", "no token") if word in refused.value.message] == words
    assert [move for move in ("add `api.tls`", "abreast token create") if move in refused.value.remedy] == moves
    assert refused.value.remedy.endswith("or listen on 127.0.0.1:8081")


def test_where_the_usual_port_is_taken_another_is_found() -> None:
    first = listen(ApiSettings())
    second = listen(ApiSettings())
    with first.socket, second.socket:
        assert first.url != second.url
        assert second.url != f"http://{DEFAULT_LISTEN}"


def test_a_written_address_is_taken_or_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"127.0.0.1:{port} cannot be listened on: Address already in use"):
            listen(ApiSettings(Endpoint("127.0.0.1", port)))
    taken = listen(ApiSettings(Endpoint("127.0.0.1", port)))
    with taken.socket:
        assert taken.url == f"http://127.0.0.1:{port}"


def test_an_ipv6_address_is_a_url_too() -> None:
    taken = listen(ApiSettings(Endpoint("::1", 0)))
    with taken.socket:
        assert taken.url.startswith("http://[::1]:")


def test_a_certificate_and_a_key_that_are_not_of_each_other(tmp_path: Path) -> None:
    authority, files = trustme.CA(), []
    for name in ("one", "two"):
        issued = authority.issue_cert(f"{name}.test")
        issued.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.crt")
        issued.private_key_pem.write_to_path(tmp_path / f"{name}.key")
        files.append(Tls(str(tmp_path / f"{name}.crt"), str(tmp_path / f"{name}.key")))
    require_certificate(files[0])
    for wrong in (Tls(files[0].certificate, files[1].key), Tls(files[0].certificate, str(tmp_path / "gone.key"))):
        with pytest.raises(UsageError, match="cannot be used"):
            listen(ApiSettings(Endpoint("127.0.0.1", 0), wrong))


def test_answers_do_not_wait_for_acknowledgements_whichever_loop_serves_them() -> None:
    """The loop of asyncio itself sets TCP_NODELAY by the socket's protocol alone."""
    listener = listen(ApiSettings(Endpoint("127.0.0.1", 0)))
    with listener.socket:
        assert listener.socket.proto == socket.IPPROTO_TCP
