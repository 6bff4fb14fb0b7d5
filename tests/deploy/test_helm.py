"""The Helm chart, rendered by Helm's own engine: valid, and the same as the Kustomize base."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml

from abreast import __version__
from abreast.model.spec import parse_spec
from tests.deploy.test_kubernetes import BASE, FOLDER, OPERATOR, Manifest, only, rights
from tests.drivers.kubernetes_stage import TEMPLATE
from tests.fakes.cluster import KUBERNETES

OPERATOR_CHART = Path(__file__).parents[2] / "deploy" / "helm" / "abreast-operator"
CHART = Path(__file__).parents[2] / "deploy" / "helm" / "abreast"

EVERYTHING: Manifest = {
    "make": True,
    "port": 9090,
    "image": {"repository": "registry.example/abreast", "tag": "7"},
    "files": {"deployment.yaml": yaml.safe_dump(TEMPLATE)},
    "service": {"type": "LoadBalancer", "port": 8443, "annotations": {"a": "b"}},
    "serviceAccount": {"annotations": {"role": "me"}},
    "storage": {"size": "5Gi", "className": "fast"},
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "only", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
}


def rendered(
    values: Mapping[str, Any] | None = None, name: str = "abreast", folder: Path = CHART
) -> dict[str, Manifest]:
    """Every manifest by its kind, there is one of each."""
    with helm_python.Chart.load(str(folder)) as chart:
        texts = chart.render(dict(values or {}), name=name, namespace="web")
    found = [each for text in texts.values() for each in yaml.safe_load_all(text) if each]
    by_kind: dict[str, Manifest] = {each["kind"]: each for each in found}
    assert len(by_kind) == len(found)
    return by_kind


def pod(found: Mapping[str, Manifest]) -> Manifest:
    spec: Manifest = found["StatefulSet"]["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("values", [{}, EVERYTHING])
def test_every_manifest_is_valid(values: Manifest) -> None:
    found = rendered(values)
    assert set(found) == {"ConfigMap", "ServiceAccount", "Role", "RoleBinding", "StatefulSet", "Service"}
    for manifest in found.values():
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_helm_finds_nothing_wrong() -> None:
    found = helm_python.lint(str(CHART))
    assert [each for each in found["messages"] if each["severity"] in {"ERROR", "WARNING"}] == []


def test_it_is_the_same_as_the_kustomize_base() -> None:
    found = rendered({"image": {"tag": "x"}})
    (mine,), (theirs,) = pod(found)["containers"], only("StatefulSet")["spec"]["template"]["spec"]["containers"]
    assert (mine.pop("image"), mine.pop("imagePullPolicy")) == ("abreast:x", "IfNotPresent")
    assert theirs.pop("image") == "abreast"
    assert mine == theirs
    base = only("StatefulSet")["spec"]
    (spec, _), (generated, _) = pod(found)["volumes"], base["template"]["spec"]["volumes"]
    assert spec == generated
    assert pod(found) | {"containers": []} == base["template"]["spec"] | {"containers": []}
    assert found["StatefulSet"]["spec"]["volumeClaimTemplates"] == base["volumeClaimTemplates"]
    assert found["Role"]["rules"] == only("Role")["rules"]
    assert found["Service"]["spec"]["ports"] == only("Service")["spec"]["ports"]
    text = found["ConfigMap"]["data"]["abreast.yaml"]
    assert yaml.safe_load(text) == yaml.safe_load((BASE / "abreast.yaml").read_text("utf-8"))


def test_the_right_to_make_is_given_only_when_it_is_wanted() -> None:
    rules = rendered({"make": True})["Role"]["rules"]
    assert rules[:-1] == only("Role")["rules"]
    assert {("apps", "deployments", verb) for verb in rules[-1]["verbs"]} == rights(FOLDER / "make")


def test_the_right_to_write_routes_is_given_only_when_it_is_wanted() -> None:
    rules = rendered({"route": True})["Role"]["rules"]
    assert rules[:-1] == only("Role")["rules"]
    assert rules[-1:] == only("Role", FOLDER / "route")["rules"]


class TestOperator:
    """The chart of the operator."""

    @staticmethod
    def rendered(**values: object) -> dict[str, Manifest]:
        return rendered(values, "abreast-operator", OPERATOR_CHART)

    def test_it_is_the_same_as_the_kustomize_folder(self) -> None:
        found = self.rendered(image={"tag": "x"})
        assert set(found) == {"ServiceAccount", "Role", "RoleBinding", "Deployment"}
        assert found["Role"]["rules"] == only("Role", OPERATOR)["rules"]
        (mine,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
        assert (mine.pop("imagePullPolicy"), mine["image"]) == ("IfNotPresent", "abreast:x")
        mine["image"] = "abreast"
        assert found["Deployment"] == only("Deployment", OPERATOR)
        for manifest in found.values():
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)

    def test_it_reads_the_secret_that_the_values_name_and_no_other(self) -> None:
        assert self.rendered(secret="mine")["Role"]["rules"][-1]["resourceNames"] == ["mine"]

    def test_the_custom_resource_is_the_same(self) -> None:
        theirs = (OPERATOR / "crd.yaml").read_text("utf-8")
        assert (OPERATOR_CHART / "crds" / "parallelruns.yaml").read_text("utf-8") == theirs

    def test_helm_finds_nothing_wrong(self) -> None:
        found = helm_python.lint(str(OPERATOR_CHART))
        assert [each for each in found["messages"] if each["severity"] in {"ERROR", "WARNING"}] == []

    def test_it_is_of_this_version(self) -> None:
        assert yaml.safe_load((OPERATOR_CHART / "Chart.yaml").read_text("utf-8"))["appVersion"] == __version__


def test_what_the_values_say_is_where_it_belongs() -> None:
    found = rendered(EVERYTHING, name="shop")
    assert {each["metadata"]["name"] for kind, each in found.items() if kind != "ConfigMap"} == {"shop"}
    (container,) = pod(found)["containers"]
    assert container["image"] == "registry.example/abreast:7"
    assert container["ports"][0]["containerPort"] == 9090
    assert pod(found)["nodeSelector"] == {"disk": "ssd"}
    (claim,) = found["StatefulSet"]["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == "fast"
    assert found["Service"]["spec"]["type"] == "LoadBalancer"
    assert found["RoleBinding"]["subjects"][0]["namespace"] == "web"
    assert found["StatefulSet"]["spec"]["selector"]["matchLabels"] == found["Service"]["spec"]["selector"]


def test_files_lie_beside_the_spec_and_a_change_starts_the_pod_anew() -> None:
    def checksum(values: Manifest) -> str:
        annotations = rendered(values)["StatefulSet"]["spec"]["template"]["metadata"]["annotations"]
        return str(annotations["checksum/spec"])

    found = rendered(EVERYTHING)
    assert yaml.safe_load(found["ConfigMap"]["data"]["deployment.yaml"]) == TEMPLATE
    (container,) = pod(found)["containers"]
    mounts = {each.get("subPath"): each["mountPath"] for each in container["volumeMounts"]}
    assert mounts["deployment.yaml"] == "/srv/service/deployment.yaml"
    assert checksum(EVERYTHING) != checksum({})


def test_the_spec_of_the_values_is_one() -> None:
    spec = parse_spec(rendered()["ConfigMap"]["data"]["abreast.yaml"])
    assert [each.workload is not None for each in spec.service().versions] == [True, True]


def test_the_chart_is_of_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert chart["appVersion"] == __version__
