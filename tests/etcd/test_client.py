"""The client and the registry's source against a real etcd: watched, compacted, killed, cut off, with users and TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import trustme

from abreast.drivers.registry import etcd_client
from abreast.drivers.registry.etcd import EtcdKeys
from abreast.drivers.registry.etcd_client import Entry, Etcd
from abreast.drivers.registry.found import NoAnswerError
from abreast.model.registry import EtcdPrefix
from tests.fakes.etcd import EtcdServer, coded


@pytest.fixture
async def client(etcd: EtcdServer) -> AsyncIterator[Etcd]:
    made = Etcd([etcd.url])
    yield made
    await made.close()


async def waiting(client: Etcd, key: str, after: int) -> asyncio.Task[None]:
    """A watch that has begun; it would last far longer than a test if nobody changed anything."""
    task = asyncio.create_task(client.changed(key, after, prefix=True))
    await asyncio.sleep(0.2)
    assert not task.done()
    return task


async def test_keys_are_read_with_their_revisions(etcd: EtcdServer, client: Etcd) -> None:
    first = etcd.put("/v2/a", "1")
    second = etcd.put("/v2/b", b"\x00\xff")
    etcd.put("/v3/c", "3")
    reading = await client.read("/v2/", prefix=True)
    assert reading.entries == (Entry("/v2/a", b"1", first), Entry("/v2/b", b"\x00\xff", second))
    assert reading.revision == second + 1
    assert (await client.read("/v2/a")).entries == (Entry("/v2/a", b"1", first),)
    assert (await client.read("/v2")).entries == ()


async def test_a_watch_ends_with_a_write_a_deletion_and_the_end_of_a_lease(etcd: EtcdServer, client: Etcd) -> None:
    revision = etcd.put("/v2/a", "1")
    task = await waiting(client, "/v2/", revision)
    revision = etcd.put("/v2/b", "2")
    await asyncio.wait_for(task, 1)
    task = await waiting(client, "/v2/", revision)
    revision = etcd.delete("/v2/b")
    await asyncio.wait_for(task, 1)
    lease = etcd.post("lease/grant", TTL="1")["ID"]
    revision = etcd.put("/v2/c", "3", lease=lease)
    task = await waiting(client, "/v2/", revision)
    await asyncio.wait_for(task, 8)
    assert [entry.key for entry in (await client.read("/v2/", prefix=True)).entries] == ["/v2/a"]


async def test_a_watch_misses_nothing_of_before_it_began(etcd: EtcdServer, client: Etcd) -> None:
    revision = etcd.put("/v2/a", "1")
    etcd.put("/v2/a", "2")
    await asyncio.wait_for(client.changed("/v2/a", revision), 1)


async def test_a_watch_of_other_keys_goes_on(etcd: EtcdServer, client: Etcd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_client, "WATCH_S", 1.0)
    task = await waiting(client, "/v2/", etcd.put("/v2/a", "1"))
    etcd.put("/v3/a", "1")
    await asyncio.sleep(0.2)
    assert not task.done()
    await asyncio.wait_for(task, 3)


async def test_a_watch_from_what_was_compacted_is_a_change(etcd: EtcdServer, client: Etcd) -> None:
    revision = etcd.put("/v2/a", "1")
    newest = max(etcd.put("/other", str(number)) for number in range(5))
    etcd.compact(newest)
    await asyncio.wait_for(client.changed("/v2/a", revision), 1)
    assert (await client.read("/v2/a")).entries[0].value == b"1"


async def test_killed_and_restarted_it_is_read_and_watched_again(etcd: EtcdServer, client: Etcd) -> None:
    revision = etcd.put("/v2/a", "1")
    task = await waiting(client, "/v2/", revision)
    etcd.kill()
    with pytest.raises(NoAnswerError):
        await asyncio.wait_for(task, 2)
    with pytest.raises(NoAnswerError, match="connection attempts failed"):
        await client.read("/v2/a")
    etcd.start()
    reading = await client.read("/v2/a")
    assert reading.entries[0].value == b"1"
    task = await waiting(client, "/v2/", reading.revision)
    etcd.put("/v2/a", "2")
    await asyncio.wait_for(task, 1)


async def test_cut_off_it_is_no_answer_within_seconds(
    etcd: EtcdServer, client: Etcd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(etcd_client, "WATCH_S", 0.5)
    monkeypatch.setattr(etcd_client, "READ_S", 0.5)
    revision = etcd.put("/v2/a", "1")
    etcd.freeze()
    await asyncio.wait_for(client.changed("/v2/a", revision), 2)
    with pytest.raises(NoAnswerError, match=r"no answer within 0\.5 s"):
        await client.read("/v2/a")
    etcd.thaw()
    assert (await client.read("/v2/a")).entries[0].value == b"1"


async def test_endpoints_come_and_go_with_their_keys(etcd: EtcdServer) -> None:
    source = EtcdKeys(EtcdPrefix("/services/shop/v2/", etcd.url))
    assert (await source.ask()).endpoints == ()
    etcd.put("/services/shop/v2/a", "10.0.0.1:80")
    assert [str(each) for each in (await asyncio.wait_for(source.ask(), 2)).endpoints] == ["10.0.0.1:80"]
    etcd.put("/services/shop/v2/b", '{"host": "10.0.0.2", "port": 80}')
    assert len((await asyncio.wait_for(source.ask(), 2)).endpoints) == 2
    etcd.delete("/services/shop/v2/a")
    assert [str(each) for each in (await asyncio.wait_for(source.ask(), 2)).endpoints] == ["10.0.0.2:80"]
    await source.close()


def with_users(etcd: EtcdServer) -> None:
    """Root may do everything; ada may read what begins with /v2/."""
    for name, password in (("root", "r00t"), ("ada", "s3cret")):
        etcd.post("auth/user/add", name=name, password=password)
    etcd.post("auth/role/add", name="root")
    etcd.post("auth/role/add", name="reader")
    permission = {"permType": "READ", "key": coded("/v2/"), "range_end": coded("/v20")}
    etcd.post("auth/role/grant", name="reader", perm=permission)
    etcd.post("auth/user/grant", user="root", role="root")
    etcd.post("auth/user/grant", user="ada", role="reader")
    etcd.post("auth/enable")


async def test_a_user_reads_and_watches_what_they_may_also_after_a_restart(etcd: EtcdServer) -> None:
    revision = etcd.put("/v2/a", "1")
    with_users(etcd)
    ada = Etcd([etcd.url], "ada", "s3cret")
    assert (await ada.read("/v2/", prefix=True)).entries[0].value == b"1"
    task = await waiting(ada, "/v2/", revision)
    root = etcd.post("auth/authenticate", name="root", password="r00t")["token"]
    etcd.post("kv/put", token=root, key=coded("/v2/a"), value=coded("2"))
    await asyncio.wait_for(task, 1)
    with pytest.raises(NoAnswerError, match="permission denied"):
        await ada.read("/v3/", prefix=True)
    etcd.kill()
    etcd.start()
    assert (await ada.read("/v2/a")).entries[0].value == b"2", "its tokens are gone, a new one is got"
    await ada.close()


@pytest.mark.parametrize(
    ("user", "password", "words"),
    [("", "", "user name is empty"), ("ada", "wrong1", "'ada' cannot log in.*authentication failed")],
)
async def test_who_may_not_is_told_so(etcd: EtcdServer, user: str, password: str, words: str) -> None:
    with_users(etcd)
    client = Etcd([etcd.url], user, password)
    with pytest.raises(NoAnswerError, match=words) as caught:
        await client.read("/v2/a")
    assert "wrong1" not in str(caught.value)
    await client.close()


async def test_with_tls_only_a_certificate_that_is_trusted_is_talked_to(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    certificate.cert_chain_pems[0].write_to_path(chain)
    certificate.private_key_pem.write_to_path(key)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    server = EtcdServer(tmp_path, ("--cert-file", str(chain), "--key-file", str(key)), "https", verify=trusting)
    try:
        revision = server.start().put("/v2/a", "1")
        client = Etcd([server.url], tls=trusting)
        assert (await client.read("/v2/a")).entries[0].value == b"1"
        task = await waiting(client, "/v2/", revision)
        server.put("/v2/a", "2")
        await asyncio.wait_for(task, 1)
        await client.close()
        stranger = Etcd([server.url], tls=httpx.create_ssl_context())
        with pytest.raises(NoAnswerError, match="certificate verify failed"):
            await stranger.read("/v2/a")
        await stranger.close()
    finally:
        server.kill()
