"""The requests that are made of an API server, over HTTP."""

import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
import trustme
from aiohttp.test_utils import RawTestServer
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Pod

from abreast.drivers.kubernetes_access import find_access
from abreast.drivers.kubernetes_api import Api, RequestError, Selection, Trouble
from abreast.drivers.kubernetes_manifest import manifest
from tests.drivers.kubernetes_stage import OWNER, TEMPLATE, KubernetesStage, deployment, kubernetes_stage
from tests.fakes.cluster import kubeconfig

DEPLOYMENTS = Selection(Deployment, "default")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[KubernetesStage]:
    async with kubernetes_stage(tmp_path) as made:
        yield made


@pytest.fixture
async def api(stage: KubernetesStage) -> AsyncIterator[Api]:
    made = Api(find_access(environ=stage.environ))
    yield made
    await made.close()


async def names(api: Api, selection: Selection[Deployment]) -> list[str | None]:
    _, found = await api.list(selection)
    return [each.metadata.name if each.metadata else None for each in found]


async def test_a_list_is_selected_by_name_and_labels(stage: KubernetesStage, api: Api) -> None:
    for name in ("a", "b"):
        stage.cluster.write("deployments", deployment(name))
    assert await names(api, DEPLOYMENTS) == ["a", "b"]
    assert await names(api, Selection(Deployment, "default", fields="metadata.name=b")) == ["b"]
    assert await names(api, Selection(Deployment, "default", labels="app=b")) == []  # its pods have that label
    assert await names(api, Selection(Deployment, "elsewhere")) == []


async def test_a_watch_tells_what_changes_after_the_list(stage: KubernetesStage, api: Api) -> None:
    stage.cluster.write("deployments", deployment("a"))
    version, _ = await api.list(DEPLOYMENTS)
    stage.cluster.write("deployments", deployment("a", replicas=2))
    stage.cluster.write("deployments", deployment("b"))
    stage.cluster.remove("deployments", "default", "a")
    stage.cluster.bookmark()
    told = []
    async with aclosing(api.watch(DEPLOYMENTS, version)) as changes:
        async for change in changes:
            metadata = change.object.metadata if change.object else None
            told.append((change.type, metadata.name if metadata else None))
            if change.type == "BOOKMARK":
                break
    assert change.version == str(int(version) + 3)
    assert told == [("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "a"), ("BOOKMARK", None)]
    (asked,) = [each for each in stage.cluster.asked if each.params.get("watch") == "true"]
    assert asked.params["allowWatchBookmarks"] == "true"
    assert asked.params["timeoutSeconds"] == "120"


async def test_a_watch_from_a_version_that_is_forgotten_is_gone(stage: KubernetesStage, api: Api) -> None:
    version, _ = await api.list(DEPLOYMENTS)
    stage.cluster.forget()
    with pytest.raises(RequestError) as caught:
        await anext(api.watch(DEPLOYMENTS, version))
    assert caught.value.trouble is Trouble.GONE


async def test_apply_makes_and_changes_but_leaves_what_is_others(stage: KubernetesStage, api: Api) -> None:
    made = manifest(stage.version("v1", instances=2), TEMPLATE, OWNER, "default")
    await api.apply(made)
    (found,) = stage.cluster.all("deployments")
    found["metadata"]["annotations"]["theirs"] = "kept"
    changed = manifest(stage.version("v1", instances=2, image="shop:2"), TEMPLATE, OWNER, "default")
    del changed["metadata"]["labels"]["team"]
    await api.apply(changed)
    (found,) = stage.cluster.all("deployments")
    assert found["metadata"]["annotations"]["theirs"] == "kept"
    assert "team" not in found["metadata"]["labels"]
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "shop:2"
    (last,) = [each for each in stage.cluster.asked if each.method.value == "PATCH"][-1:]
    assert last.params == {"force": "true", "fieldManager": "abreast"}


async def test_what_the_schema_does_not_know_is_refused(api: Api, stage: KubernetesStage) -> None:
    made = manifest(stage.version(), TEMPLATE, OWNER, "default")
    made["spec"]["replica"] = 3
    with pytest.raises(RequestError, match="422") as caught:
        await api.apply(made)
    assert caught.value.trouble is Trouble.REFUSED
    assert stage.cluster.all("deployments") == []


async def test_scale_changes_the_replicas_alone(stage: KubernetesStage, api: Api) -> None:
    stage.cluster.write("deployments", deployment("a"))
    await api.scale("default", "a", 3)
    (found,) = stage.cluster.all("deployments")
    assert found["spec"]["replicas"] == 3
    assert {each.subresource for each in stage.cluster.asked} == {"scale"}


async def test_a_conflict_is_read_again_and_retried(stage: KubernetesStage, api: Api) -> None:
    stage.cluster.write("deployments", deployment("a"))
    fault = stage.fail(409, "PUT", "deployments", times=2)
    fault.before = lambda: stage.cluster.write("deployments", deployment("a", replicas=1))
    await api.scale("default", "a", 3)
    assert stage.cluster.all("deployments")[0]["spec"]["replicas"] == 3
    assert [each.method.value for each in stage.cluster.asked] == ["GET", "PUT"] * 3


async def test_conflicts_without_end_are_told(stage: KubernetesStage, api: Api) -> None:
    stage.cluster.write("deployments", deployment("a"))
    stage.fail(409, "PUT", "deployments", times=100)
    with pytest.raises(RequestError) as caught:
        await api.scale("default", "a", 3)
    assert caught.value.trouble is Trouble.CONFLICT
    assert stage.cluster.count("PUT", "deployments") == 5


async def test_only_the_one_that_was_seen_is_deleted(stage: KubernetesStage, api: Api) -> None:
    stage.cluster.write("deployments", deployment("a"))
    with pytest.raises(RequestError) as caught:
        await api.delete("default", "a", "another-uid")
    assert caught.value.trouble is Trouble.CONFLICT
    (found,) = stage.cluster.all("deployments")
    await api.delete("default", "a", found["metadata"]["uid"])
    assert stage.cluster.all("deployments") == []
    await api.delete("default", "a", found["metadata"]["uid"])  # it is gone already
    assert stage.cluster.writes[-1][3]["propagationPolicy"] == "Background"


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (403, Trouble.REFUSED),
        (404, Trouble.MISSING),
        (409, Trouble.CONFLICT),
        (410, Trouble.GONE),
        (429, Trouble.THROTTLED),
        (500, Trouble.AWAY),
        (503, Trouble.AWAY),
    ],
)
async def test_each_refusal_is_one_kind_of_trouble(
    stage: KubernetesStage, api: Api, status: int, trouble: Trouble
) -> None:
    stage.fail(status, "GET", "pods", headers={"Retry-After": "7"})
    with pytest.raises(RequestError, match=f"{status} as the test wants it") as caught:
        await api.list(Selection(Pod, "default"))
    assert caught.value.trouble is trouble
    assert caught.value.retry_after_s == 7.0


async def test_a_refused_watch_says_why(stage: KubernetesStage, api: Api) -> None:
    stage.fail(403, "GET", "pods", watch=True)
    with pytest.raises(RequestError, match="403 as the test wants it") as caught:
        await anext(api.watch(Selection(Pod, "default"), "1"))
    assert caught.value.trouble is Trouble.REFUSED


async def test_a_server_that_hangs_up_is_away(stage: KubernetesStage, api: Api) -> None:
    stage.cluster.cut = True
    with pytest.raises(RequestError) as caught:
        await api.list(DEPLOYMENTS)
    assert caught.value.trouble is Trouble.AWAY


async def test_a_token_that_was_replaced_in_its_file_is_read_again(stage: KubernetesStage, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    (tmp_path / "kubeconfig").write_text(kubeconfig(stage.url, user={"tokenFile": str(token)}))
    stage.cluster.token = "first"
    api = Api(find_access(environ=stage.environ))
    await api.list(DEPLOYMENTS)
    token.write_text("second\n")
    stage.cluster.token = "second"
    await api.list(DEPLOYMENTS)
    stage.cluster.token = "third"
    with pytest.raises(RequestError, match="401"):
        await api.list(DEPLOYMENTS)
    await api.close()


async def test_a_plugin_is_asked_for_the_token(stage: KubernetesStage, tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text('#!/bin/sh\necho "{\\"status\\": {\\"token\\": \\"$1\\"}}"\n')
    plugin.chmod(0o755)
    exec_ = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "args": ["of-the-plugin"]}
    (tmp_path / "kubeconfig").write_text(kubeconfig(stage.url, user={"exec": exec_}))
    stage.cluster.token = "of-the-plugin"
    api = Api(find_access(environ=stage.environ))
    await api.list(DEPLOYMENTS)
    await api.close()


async def test_a_plugin_that_is_missing_is_refused_not_away(stage: KubernetesStage, tmp_path: Path) -> None:
    exec_ = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(tmp_path / "missing")}
    (tmp_path / "kubeconfig").write_text(kubeconfig(stage.url, user={"exec": exec_}))
    api = Api(find_access(environ=stage.environ))
    with pytest.raises(RequestError, match="no credentials") as caught:
        await api.list(DEPLOYMENTS)
    assert caught.value.trouble is Trouble.REFUSED
    await api.close()


async def test_a_client_certificate_opens_the_door(stage: KubernetesStage, tmp_path: Path) -> None:
    authority = trustme.CA()
    door = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    door.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(door)
    authority.issue_cert("127.0.0.1").configure_cert(door)
    mine = authority.issue_cert("me@example.com")
    files = {"authority": authority.cert_pem, "key": mine.private_key_pem, "certificate": mine.cert_chain_pems[0]}
    for name, blob in files.items():
        blob.write_to_path(str(tmp_path / name))
    server = RawTestServer(stage.cluster, host="127.0.0.1")
    await server.start_server(ssl=door)
    url = str(server.make_url("")).rstrip("/")
    user = {"client-certificate": "certificate", "client-key": "key"}  # relative to the kubeconfig
    for who, trouble in ((user, None), ({}, Trouble.AWAY)):
        trusting = f"server: {url}\n    certificate-authority: authority"
        (tmp_path / "kubeconfig").write_text(kubeconfig(url, user=who).replace(f"server: {url}", trusting))
        api = Api(find_access(environ=stage.environ))
        if trouble is None:
            await api.list(DEPLOYMENTS)
        else:
            with pytest.raises(RequestError) as caught:
                await api.list(DEPLOYMENTS)
            assert caught.value.trouble is trouble
        await api.close()
    await server.close()
