"""The way to a cluster."""

from pathlib import Path

import pytest
import yaml

from abreast.drivers.kubernetes_access import find_access
from abreast.model.errors import DriverError
from tests.fakes.cluster import kubeconfig

URL = "https://10.0.0.1:6443"


@pytest.fixture
def service_account(tmp_path: Path) -> Path:
    """What kubelet mounts into a pod."""
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text("of the pod")
    (folder / "namespace").write_text("web")
    (folder / "ca.crt").write_text("")
    return folder


def environ(tmp_path: Path, text: str) -> dict[str, str]:
    (tmp_path / "config").write_text(text)
    return {"KUBECONFIG": str(tmp_path / "config")}


def test_a_kubeconfig_says_server_namespace_and_user(tmp_path: Path) -> None:
    found = find_access(environ=environ(tmp_path, kubeconfig(URL, "web", {"token": "secret"})))
    assert (found.cluster.server, found.namespace) == (URL, "web")
    assert found.user is not None
    assert found.user.token == "secret"


def test_a_context_is_found_by_name(tmp_path: Path) -> None:
    config = yaml.safe_load(kubeconfig(URL))
    config["contexts"].append({"name": "other", "context": {"cluster": "test", "namespace": "there"}})
    found = find_access("other", environ(tmp_path, yaml.safe_dump(config)))
    assert found.namespace == "there"
    assert found.user is not None  # nobody, but somebody to the library


def test_in_a_pod_it_is_the_service_account(service_account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    found = find_access(environ={}, service_account=service_account)
    assert (found.cluster.server, found.namespace) == ("https://[fd00::1]:443", "web")
    assert found.user is not None
    assert found.user.token_file == str(service_account / "token")


def test_a_kubeconfig_comes_before_the_service_account(tmp_path: Path, service_account: Path) -> None:
    found = find_access(environ=environ(tmp_path, kubeconfig(URL)), service_account=service_account)
    assert found.cluster.server == URL


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_plugin_of_either_version_can_be_asked(tmp_path: Path, version: str) -> None:
    plugin = {"apiVersion": f"client.authentication.k8s.io/{version}", "command": "plugin", "args": ["token"]}
    found = find_access(environ=environ(tmp_path, kubeconfig(URL, user={"exec": plugin})))
    assert found.user is not None
    assert found.user.exec is not None
    assert found.user.exec.apiVersion == "client.authentication.k8s.io/v1beta1"
    assert (found.user.exec.command, found.user.exec.args) == ("plugin", ["token"])


@pytest.mark.parametrize(
    ("text", "context", "message"),
    [
        ("a: [", "", "cannot be used: ParserError"),
        ("{}", "", "cannot be used: KeyError: 'clusters'"),
        ("", "", "cannot be used: AttributeError"),
        (kubeconfig(URL), "missing", "Context 'missing' not found"),
        (kubeconfig(URL).replace("current-context: test", ""), "", "No current context"),
    ],
)
def test_a_kubeconfig_that_names_no_cluster_is_refused(tmp_path: Path, text: str, context: str, message: str) -> None:
    with pytest.raises(DriverError) as caught:
        find_access(context, environ(tmp_path, text))
    assert message in caught.value.message
    assert caught.value.remedy


def test_without_anything_there_is_no_way(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="no way to a Kubernetes cluster") as caught:
        find_access(environ={"KUBECONFIG": str(tmp_path / "none")}, service_account=tmp_path)
    assert "KUBECONFIG" in caught.value.remedy


def test_who_has_no_home_has_no_kubeconfig_there(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="no way to a Kubernetes cluster"):
        find_access(environ={"KUBECONFIG": "~nobody-of-that-name/config"}, service_account=tmp_path)
