"""The keys of the API in a spec, and what its address has against itself and the gateway's."""

import pytest

from abreast.model.api_settings import ApiSettings
from abreast.model.errors import SpecError
from abreast.model.service import Endpoint, Tls
from abreast.model.spec import parse_spec

VERSIONS = "versions: {v1: {endpoints: ['127.0.0.1:9001']}}\n"


def faults(text: str) -> list[str]:
    with pytest.raises(SpecError) as found:
        parse_spec(VERSIONS + text)
    return [f"{fault.path}: {fault.message} → {fault.remedy}" for fault in found.value.faults]


def test_left_out_it_is_for_the_machine_to_find_a_port() -> None:
    assert parse_spec(VERSIONS).api == ApiSettings(None, None)


def test_address_and_certificate_relative_to_the_spec() -> None:
    spec = parse_spec(
        VERSIONS + "api: {listen: '0.0.0.0:8443', tls: {certificate: api.crt, key: /etc/api.key}}",
        directory="/srv/shop",
    )
    assert spec.api == ApiSettings(Endpoint("0.0.0.0", 8443), Tls("/srv/shop/api.crt", "/etc/api.key"))  # noqa: S104  # never listened on


def test_an_address_that_others_reach_needs_a_certificate() -> None:
    (fault,) = faults("api: {listen: '0.0.0.0:8443'}")
    assert fault.startswith("api.listen: 0.0.0.0:8443 can be reached from other machines, and there is no `api.tls`")
    assert fault.endswith("→ add `api.tls`, or listen on 127.0.0.1")


@pytest.mark.parametrize(
    ("api", "gateway"),
    [
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("127.0.0.1:8080", "0.0.0.0:8080"),
    ],
)
def test_the_gateways_own_address_is_taken(api: str, gateway: str) -> None:
    (fault,) = faults(f"gateway: {{listen: '{gateway}'}}\napi: {{listen: '{api}'}}")
    assert fault == f"api.listen: {api} is the gateway's own address, {gateway} → choose another port"


@pytest.mark.parametrize(
    ("api", "gateway"), [("127.0.0.1:8081", "127.0.0.1:8080"), ("127.0.0.2:8080", "127.0.0.1:8080")]
)
def test_other_addresses_are_not(api: str, gateway: str) -> None:
    assert str(parse_spec(f"{VERSIONS}gateway: {{listen: '{gateway}'}}\napi: {{listen: '{api}'}}").api.listen) == api


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("api: {listen: 8081}", "api.listen"),
        ("api: {tls: {key: a}}", "api.tls.certificate"),
        ("api: {port: 1}", "api.port"),
    ],
)
def test_what_it_cannot_be(text: str, path: str) -> None:
    (fault,) = faults(text)
    assert fault.startswith(f"{path}: ")
