"""The Deployment that a version is made as."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import cast

import kubernetes_validate
import pytest
import yaml
from lightkube.resources.apps_v1 import Deployment

from abreast.drivers.kubernetes_manifest import FINGERPRINT, Owner, manifest, port_of, read_template, workload_of
from abreast.model.errors import DriverError
from abreast.model.service import Version
from abreast.model.workload import Workload
from tests.drivers.kubernetes_stage import CONTAINER, OWNER, TEMPLATE
from tests.fakes.cluster import KUBERNETES, Object

LABELS = {"abreast/home": "0123456789abcdef", "abreast/service": "shop", "abreast/version": "v2"}
VERSION = Version("v2", instances=3, stop_timeout_s=12.5, workload=Workload(template="d.yaml"))


def made(template: Object = TEMPLATE, **changes: object) -> Object:
    """The manifest of version v2, its workload changed so; checked against Kubernetes' schema."""
    env = cast("tuple[tuple[str, str], ...]", changes.pop("env", ()))
    workload = replace(Workload(template="d.yaml"), **changes)  # type: ignore[arg-type]  # by name, as tests want it
    found = manifest(replace(VERSION, env=env, workload=workload), template, OWNER, "web")
    kubernetes_validate.validate(found, KUBERNETES, strict=True)
    return found


def with_containers(*containers: Object) -> Object:
    template = copy.deepcopy(TEMPLATE)
    template["spec"]["template"]["spec"]["containers"] = list(containers)
    return template


def pod_of(found: Object) -> Object:
    pod: Object = found["spec"]["template"]["spec"]
    return pod


def test_it_has_our_name_labels_and_number() -> None:
    found = made()
    assert found["metadata"]["name"] == "shop-v2"
    assert found["metadata"]["namespace"] == "web"
    assert found["metadata"]["labels"] == {"team": "shop", "app.kubernetes.io/managed-by": "abreast", **LABELS}
    assert found["spec"]["replicas"] == 3
    assert found["spec"]["selector"] == {"matchLabels": LABELS}
    assert found["spec"]["template"]["metadata"]["labels"] == {"app": "shop", **LABELS}


def test_never_fewer_are_ready_than_before_unless_the_template_says_so() -> None:
    assert made()["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    template = copy.deepcopy(TEMPLATE)
    template["spec"]["strategy"] = {"type": "Recreate"}
    assert made(template)["spec"]["strategy"] == {"type": "Recreate"}


def test_the_version_names_image_and_variables_on_top_of_the_templates() -> None:
    written = [{"name": "A", "value": "of the template"}, {"name": "B", "value": "kept"}]
    found = made(with_containers({**CONTAINER, "env": written}), image="shop:2", env=(("A", "of the version"),))
    (container,) = pod_of(found)["containers"]
    assert container["image"] == "shop:2"
    assert {each["name"]: each.get("value") for each in container["env"]} == {
        "A": "of the version",
        "B": "kept",
        "ABREAST_SERVICE": "shop",
        "ABREAST_VERSION": "v2",
        "ABREAST_INSTANCE": None,
    }
    assert pod_of(made())["containers"][0]["image"] == "shop:1"


def test_only_the_container_that_serves_is_changed() -> None:
    proxy = {"name": "proxy", "image": "proxy:1"}
    first, second = pod_of(made(with_containers(proxy, CONTAINER), container="shop", image="shop:2"))["containers"]
    assert first == proxy
    assert second["image"] == "shop:2"


def test_the_grace_period_is_the_versions_unless_the_template_says_it() -> None:
    assert pod_of(made())["terminationGracePeriodSeconds"] == 13
    template = copy.deepcopy(TEMPLATE)
    template["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 60
    assert pod_of(made(template))["terminationGracePeriodSeconds"] == 60


def test_of_metadata_that_clusters_add_nothing_is_taken() -> None:
    template = copy.deepcopy(TEMPLATE)
    template["metadata"] |= {"uid": "1", "resourceVersion": "7", "ownerReferences": []}
    exported = {"deployment.kubernetes.io/revision": "3", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    template["metadata"]["annotations"] = {"a": "b", **exported}
    assert set(made(template)["metadata"]) == {"name", "namespace", "labels", "annotations"}
    assert set(made(template)["metadata"]["annotations"]) == {"a", FINGERPRINT}


def test_the_fingerprint_tells_changes_but_not_scaling() -> None:
    def fingerprint(found: Object) -> str:
        return str(found["metadata"]["annotations"][FINGERPRINT])

    scaled = manifest(replace(VERSION, instances=9), TEMPLATE, OWNER, "web")
    assert fingerprint(made()) == fingerprint(scaled)
    assert fingerprint(made()) != fingerprint(made(image="shop:2"))


def test_the_template_itself_stays_as_it_was() -> None:
    before = copy.deepcopy(TEMPLATE)
    made(image="shop:2")
    assert before == TEMPLATE


@pytest.mark.parametrize(
    ("template", "changes", "message"),
    [
        ({**TEMPLATE, "spec": {}}, {}, "d.yaml: Object missing required field `template`"),
        (with_containers(), {}, "d.yaml has 0 containers: none"),
        (with_containers(CONTAINER, {**CONTAINER, "name": "b"}), {}, "d.yaml has 2 containers: shop, b"),
        (TEMPLATE, {"container": "web"}, "d.yaml has no container 'web', only: shop"),
        (with_containers({"name": "a"}), {}, "Its container declares, of TCP: none"),
        (with_containers({**CONTAINER, "ports": 5}), {}, "Expected `array | null`, got `int`"),
    ],
)
def test_a_template_that_says_too_little_is_refused(template: Object, changes: dict[str, str], message: str) -> None:
    with pytest.raises(DriverError) as caught:
        made(template, **changes)
    assert message in caught.value.message
    assert caught.value.remedy


def test_the_port_is_what_is_written_or_the_only_one_declared() -> None:
    ports = [{"containerPort": 8080}, {"containerPort": 9090}, {"containerPort": 53, "protocol": "UDP"}]
    two = cast("Deployment", Deployment.from_dict(with_containers({**CONTAINER, "ports": ports})))
    one = cast("Deployment", Deployment.from_dict(with_containers({**CONTAINER, "ports": ports[1:]})))
    assert port_of(two.spec.template.spec, Workload(deployment="a", port=7000)) == 7000
    assert port_of(one.spec.template.spec, Workload(deployment="a")) == 9090
    with pytest.raises(DriverError, match="8080, 9090") as caught:
        port_of(two.spec.template.spec, Workload(deployment="a"))
    assert "Deployment a" in caught.value.message


def test_who_owns_a_deployment_is_told_by_its_label() -> None:
    mine = cast("Deployment", Deployment.from_dict(made()))
    assert OWNER.owns(mine)
    assert not Owner("another", "shop").owns(mine)
    assert not OWNER.owns(cast("Deployment", Deployment.from_dict(TEMPLATE)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        ("a: [", "is no YAML: while parsing"),
        ("", "holds 0 documents"),
        ("a: 1\n---\nb: 1", "holds 2 documents"),
        ("[1]", "is something else of no apiVersion, not a Deployment of apps/v1"),
        (yaml.safe_dump({**TEMPLATE, "kind": "StatefulSet"}), "is StatefulSet of apps/v1, not a Deployment"),
    ],
)
def test_a_file_that_is_no_template_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "d.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(DriverError) as caught:
        read_template(Workload(template=str(file)))
    assert caught.value.message.startswith(f"{file} {message}")


def test_a_template_may_have_empty_documents_around_it(tmp_path: Path) -> None:
    file = tmp_path / "d.yaml"
    file.write_text("---\n" + yaml.safe_dump(TEMPLATE) + "---\n")
    assert read_template(Workload(template=str(file))) == TEMPLATE


def test_only_a_deployment_has_a_workload() -> None:
    assert workload_of(VERSION) is VERSION.workload
    with pytest.raises(LookupError, match="v1 is no Deployment"):
        workload_of(Version("v1"))
