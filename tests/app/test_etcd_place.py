"""How a key in etcd is named, and how to log in there."""

from pathlib import Path

import pytest
import trustme

from abreast.app.etcd_place import EtcdPlace, etcd_client, etcd_place
from abreast.model.errors import UsageError

PLAIN = EtcdPlace("etcd://h/k", ("http://h:2379",), "k")
SECURE = EtcdPlace("etcds://h/k", ("https://h:2379",), "k")


@pytest.mark.parametrize(
    ("url", "addresses", "key"),
    [
        ("etcd://127.0.0.1:2379/abreast/shop", ["http://127.0.0.1:2379"], "abreast/shop"),
        ("etcd://etcd.internal/shop", ["http://etcd.internal:2379"], "shop"),
        ("etcds://a:1,b:2,c/shop", ["https://a:1", "https://b:2", "https://c:2379"], "shop"),
        ("etcd://[::1]:5/shop", ["http://[::1]:5"], "shop"),
        ("etcd://h//services/shop", ["http://h:2379"], "/services/shop"),
        ("etcd://h/my%20shop%3F", ["http://h:2379"], "my shop?"),
    ],
)
def test_an_address_names_members_and_key(url: str, addresses: list[str], key: str) -> None:
    place = etcd_place(url)
    assert (list(place.addresses), place.key, str(place)) == (addresses, key, url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("abreast.yaml", "'abreast.yaml' is no address of etcd"),
        ("http://h:2379/k", "is no address of etcd"),
        ("etcd:///k", "is no address of etcd"),
        ("etcd://a,,b/k", "is no address of etcd"),
        ("etcd://h:2379", "names no key"),
        ("etcd://h:2379/", "names no key"),
        ("etcd://h:2379/k?x=1", "names no key"),
        ("etcd://h:99999/k", "no address of etcd (Port out of range"),
        ("etcd://[h/k", "no address of etcd (Invalid IPv6 URL"),
    ],
)
def test_what_is_none_says_what_to_write(url: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        etcd_place(url)
    assert words in caught.value.message
    assert "etcd://HOST:2379/KEY" in caught.value.remedy


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError, match="would be seen by everybody") as caught:
        etcd_place("etcd://ada:s3cret@h:2379/k")
    assert "s3cret" not in str(caught.value)
    assert "ETCDCTL_USER" in caught.value.remedy


@pytest.mark.parametrize(
    ("environment", "login"),
    [
        ({}, ("", "")),
        ({"ETCDCTL_USER": "ada:s3cret"}, ("ada", "s3cret")),
        ({"ETCDCTL_USER": "ada", "ETCDCTL_PASSWORD": "a:b"}, ("ada", "a:b")),
    ],
)
def test_who_logs_in_is_in_the_environment_as_for_etcdctl(environment: dict[str, str], login: tuple[str, str]) -> None:
    client = etcd_client(PLAIN, environment)
    assert (client._user, client._password) == login


def test_a_user_without_a_password_is_refused() -> None:
    with pytest.raises(UsageError, match="'ada', without a password") as caught:
        etcd_client(PLAIN, {"ETCDCTL_USER": "ada"})
    assert caught.value.remedy == "set ETCDCTL_PASSWORD"


def test_whom_to_trust_and_who_we_are_are_files(tmp_path: Path) -> None:
    authority = trustme.CA()
    ours = authority.issue_cert("127.0.0.1")
    ca, chain, key = tmp_path / "ca.pem", tmp_path / "chain.pem", tmp_path / "key.pem"
    authority.cert_pem.write_to_path(ca)
    ours.cert_chain_pems[0].write_to_path(chain)
    ours.private_key_pem.write_to_path(key)
    names = {"ETCDCTL_CACERT": str(ca), "ETCDCTL_CERT": str(chain), "ETCDCTL_KEY": str(key)}
    tls = etcd_client(SECURE, names)._http._tls
    assert tls is not None
    assert len(tls.get_ca_certs()) == 1
    assert etcd_client(SECURE, {})._http._tls is None, "as the system does"
    assert etcd_client(PLAIN, names)._http._tls is None


@pytest.mark.parametrize(
    "environment", [{"ETCDCTL_CACERT": "/nowhere/ca.pem"}, {"ETCDCTL_CERT": "/nowhere/c.pem", "ETCDCTL_KEY": "/x"}]
)
def test_a_file_that_cannot_be_read_is_named_by_its_variable(environment: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="No such file") as caught:
        etcd_client(SECURE, environment)
    assert caught.value.message.startswith(", ".join(environment))
