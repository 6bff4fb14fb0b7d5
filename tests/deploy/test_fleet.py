"""A fleet in a cluster: the Kustomize folder and the chart are valid, the same, and what the program takes."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import typer
import yaml

from abreast import __version__
from abreast.app.gateway import LEAVE_S
from abreast.cli.agent import agent_name, listen_address, server_address
from abreast.cli.main import app
from abreast.model.agent import AgentKind
from abreast.model.spec import parse_spec
from tests.deploy.test_kubernetes import FOLDER, Manifest, kustomization, manifests, rights
from tests.fakes.cluster import KUBERNETES

FLEET = FOLDER / "fleet"
CHART = FOLDER.parent / "helm" / "abreast-fleet"
PARTS = ("server", "gateway", "relay")
EVERYTHING: Manifest = {
    "image": {"repository": "registry.example/abreast", "tag": "7"},
    "files": {"shop.pb": "descriptor"},
    "store": {"address": "postgresql://me:${STORE_PASSWORD}@db/x", "secret": "mine"},
    "tokens": "theirs",
    "endpoints": True,
    "port": 9090,
    "service": {"type": "LoadBalancer", "port": 8443, "annotations": {"a": "b"}},
    "serviceAccount": {"annotations": {"role": "me"}},
    **{
        part: {
            "replicas": 5,
            "storage": {"size": "5Gi", "className": "fast"},
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [{"key": "only", "operator": "Exists"}],
            "env": [{"name": "CONSUL_TOKEN", "valueFrom": {"secretKeyRef": {"name": "consul", "key": "token"}}}],
        }
        for part in ("servers", "gateways", "relays")
    },
}

Found = dict[tuple[str, str], Manifest]
"""Manifests by kind and name."""


def by_name(found: list[Manifest]) -> Found:
    named = {(each["kind"], each["metadata"]["name"]): each for each in found}
    assert len(named) == len(found)
    return named


def kustomized() -> Found:
    """The folder with both components, less what kustomize itself generates and patches."""
    return by_name([each for folder in (FLEET, FLEET / "relays", FOLDER / "endpoints") for each in manifests(folder)])


def rendered(values: Mapping[str, Any] | None = None, name: str = "abreast") -> Found:
    with helm_python.Chart.load(str(CHART)) as chart:
        texts = chart.render(dict(values or {}), name=name, namespace="web")
    return by_name([each for text in texts.values() for each in yaml.safe_load_all(text) if each])


def pod(part: str, found: Found | None = None, release: str = "abreast") -> Manifest:
    spec: Manifest = (found or kustomized())["StatefulSet", f"{release}-{part}"]["spec"]["template"]["spec"]
    return spec


def container(part: str, found: Found | None = None, release: str = "abreast") -> Manifest:
    (only,) = pod(part, found, release)["containers"]
    made: Manifest = only
    return made


def parsed(part: str, found: Found | None = None, release: str = "abreast") -> dict[str, Any]:
    """What the command line understands of a container's words, with a pod's name and address in them."""
    verb, *words = container(part, found, release)["args"]
    for name, value in (("POD_NAME", f"{release}-{part}-0"), ("POD_IP", "10.0.0.7"), ("STORE_ADDRESS", "the store")):
        words = [word.replace(f"$({name})", value) for word in words]
    assert verb == part
    assert "$(" not in shlex.join(words)
    command = typer.main.get_command(app).commands[verb]  # type: ignore[attr-defined]  # a group's
    understood: dict[str, Any] = command.make_context(verb, words).params
    return understood


@pytest.mark.parametrize("values", [{}, EVERYTHING])
def test_every_manifest_of_the_chart_is_valid(values: Manifest) -> None:
    for manifest in rendered(values).values():
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


@pytest.mark.parametrize("folder", [FLEET, FLEET / "relays"])
def test_every_manifest_of_the_folder_is_valid_and_part_of_it(folder: Path) -> None:
    for manifest in manifests(folder):
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    there = {each.name for each in folder.iterdir() if each.is_file()}
    assert there - {"abreast.yaml"} == {"kustomization.yaml", *kustomization(folder)["resources"]}


def test_the_chart_is_the_same_as_the_folder() -> None:
    found = rendered({"image": {"tag": "x"}})
    own = {key: each for key, each in kustomized().items() if key[1] != "abreast-endpoints"}
    spec = found.pop(("ConfigMap", "abreast-spec"))
    assert yaml.safe_load(spec["data"]["abreast.yaml"]) == yaml.safe_load((FLEET / "abreast.yaml").read_text("utf-8"))
    for part in PARTS:
        mine = container(part, found)
        assert (mine.pop("imagePullPolicy"), mine["image"]) == ("IfNotPresent", "abreast:x")
        mine["image"] = "abreast"
    assert found["Service", "abreast-gateway"]["spec"].pop("type") == "ClusterIP"
    assert {key: bare(each) for key, each in found.items()} == {key: bare(each) for key, each in own.items()}


def bare(found: Any) -> Any:  # noqa: ANN401  # YAML
    """Less what only Helm's objects carry: the release's name in selectors, labels, and the spec's checksum."""
    if isinstance(found, list):
        return [bare(each) for each in found]
    if not isinstance(found, dict):
        return found
    kept = {key: bare(each) for key, each in found.items() if key not in {"app.kubernetes.io/instance", "annotations"}}
    if "name" in kept:
        kept.pop("labels", None)
    return kept


@pytest.mark.parametrize("part", PARTS)
def test_the_program_takes_the_words_of_each_container(part: str) -> None:
    taken = parsed(part)
    assert taken["name"] == f"abreast-{part}-0"
    if part == "server":
        assert (taken["store"], taken["gateway"], str(listen_address(taken["link"]))) == (
            "the store",
            False,
            f"10.0.0.7:{port_of(part, 'link')}",
        )
        return
    assert agent_name(AgentKind(part), taken["name"]).name == taken["name"]
    mounts = {each["name"]: Path(each["mountPath"]) for each in container(part)["volumeMounts"]}
    assert taken["token_file"] == mounts["tokens"] / taken["name"]
    assert taken["state"].parent == mounts["state"], "a directory of its own in the volume, which is root's"
    if part == "relay":
        assert str(listen_address(taken["listen"])) == f"10.0.0.7:{port_of(part, 'copies')}"


def port_of(part: str, name: str) -> int:
    (number,) = [each["containerPort"] for each in container(part)["ports"] if each["name"] == name]
    found: int = number
    return found


@pytest.mark.parametrize("part", ["gateway", "relay"])
@pytest.mark.parametrize("release", ["abreast", "shop"])
def test_agents_name_every_server(part: str, release: str) -> None:
    found = kustomized() if release == "abreast" else rendered(EVERYTHING, release)
    servers = found["StatefulSet", f"{release}-server"]["spec"]
    named = [server_address(each) for each in parsed(part, found, release)["server"]]
    service = found["Service", servers["serviceName"]]["spec"]
    assert service["clusterIP"] == "None"
    assert service["selector"] == servers["template"]["metadata"]["labels"]
    assert [(each.host, each.port) for each in named] == [
        (f"{release}-server-{place}.{servers['serviceName']}", port_of("server", "link"))
        for place in range(servers["replicas"])
    ]


@pytest.mark.parametrize("part", PARTS)
def test_pods_are_private_hardened_and_on_several_nodes(part: str) -> None:
    found, own = kustomized(), pod(part)
    labels = found["StatefulSet", f"abreast-{part}"]["spec"]["template"]["metadata"]["labels"]
    assert own["securityContext"]["runAsNonRoot"] is True
    assert container(part)["securityContext"]["readOnlyRootFilesystem"] is True
    assert found["PodDisruptionBudget", f"abreast-{part}"]["spec"]["selector"]["matchLabels"] == labels
    node, _ = own["topologySpreadConstraints"]
    assert (node["topologyKey"], node["labelSelector"]["matchLabels"]) == ("kubernetes.io/hostname", labels)
    kept = found["StatefulSet", f"abreast-{part}"]["spec"].get("volumeClaimTemplates", [])
    assert bool(kept) == (part != "server")
    assert own["securityContext"].get("fsGroupChangePolicy") == ("OnRootMismatch" if kept else None)
    volumes = {each["name"] for each in (*own["volumes"], *(each["metadata"] for each in kept))}
    assert volumes == {each["name"] for each in container(part)["volumeMounts"]}


def test_only_servers_that_look_up_endpoints_have_a_right_and_a_token() -> None:
    assert [pod(part)["automountServiceAccountToken"] for part in ("gateway", "relay")] == [False, False]
    account = kustomized()["ServiceAccount", pod("server")["serviceAccountName"]]
    assert account["automountServiceAccountToken"] is False
    assert {key for key in rendered() if key[0] in {"Role", "RoleBinding"}} == set()
    found = rendered({"endpoints": True})
    assert found["ServiceAccount", "abreast-server"]["automountServiceAccountToken"] is True
    assert [each["name"] for each in found["RoleBinding", "abreast-server"]["subjects"]] == ["abreast-server"]
    endpoints = kustomized()["Role", "abreast-endpoints"]
    assert found["Role", "abreast-server"]["rules"] == endpoints["rules"]
    assert rights(FOLDER / "endpoints") == {
        ("discovery.k8s.io", "endpointslices", verb) for verb in endpoints["rules"][0]["verbs"]
    }


def test_the_component_gives_the_servers_the_right_of_the_one_for_endpoints() -> None:
    made, found = kustomization(FLEET / "endpoints"), kustomized()
    assert [(FLEET / "endpoints" / each).resolve() for each in made["components"]] == [FOLDER / "endpoints"]
    for each in made["patches"]:
        target: Any = found[each["target"]["kind"], each["target"]["name"]]  # Any: YAML
        (operation,) = yaml.safe_load(each["patch"])
        assert operation["op"] == "replace"
        *way, last = operation["path"].strip("/").split("/")
        for step in way:
            target = target[int(step) if step.isdigit() else step]
        assert last in target
        target[last] = operation["value"]
    account = pod("server", found)["serviceAccountName"]
    assert found["RoleBinding", "abreast-endpoints"]["subjects"] == [{"kind": "ServiceAccount", "name": account}]
    assert found["ServiceAccount", account]["automountServiceAccountToken"] is True


def test_a_gateway_has_the_time_to_drain() -> None:
    spec = parse_spec((FLEET / "abreast.yaml").read_text("utf-8")).service()
    assert str(spec.gateway.listen) == f"0.0.0.0:{port_of('gateway', 'http')}"
    _, pause_s = container("gateway")["lifecycle"]["preStop"]["exec"]["command"]
    assert pod("gateway")["terminationGracePeriodSeconds"] > int(pause_s) + LEAVE_S + spec.gateway.drain_s
    startup = container("server")["startupProbe"]
    patience_s = startup["periodSeconds"] * startup["failureThreshold"]
    assert patience_s > max(each.start_timeout_s for each in spec.versions)


def test_what_the_values_say_is_where_it_belongs() -> None:
    found = rendered(EVERYTHING, "shop")
    assert {name.split("-")[0] for _, name in found} == {"shop"}
    for part in PARTS:
        assert container(part, found, "shop")["image"] == "registry.example/abreast:7"
        assert pod(part, found, "shop")["nodeSelector"] == {"disk": "ssd"}
    server = container("server", found, "shop")
    environment = {each["name"]: each for each in server["env"]}
    assert environment["STORE_ADDRESS"]["value"] == "postgresql://me:${STORE_PASSWORD}@db/x"
    assert environment["STORE_PASSWORD"]["valueFrom"]["secretKeyRef"] == {"name": "mine", "key": "password"}
    assert environment["CONSUL_TOKEN"] == EVERYTHING["servers"]["env"][0]
    assert "/srv/service/shop.pb" in {each["mountPath"] for each in server["volumeMounts"]}
    (claim,) = found["StatefulSet", "shop-gateway"]["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == "fast"
    assert found["Service", "shop-gateway"]["spec"]["type"] == "LoadBalancer"
    tokens, _ = pod("relay", found, "shop")["volumes"]
    assert tokens["secret"]["secretName"] == "theirs"


def test_relays_are_left_out_where_none_is_wanted() -> None:
    left_out = set(rendered()) - set(rendered({"relays": {"replicas": 0}}))
    assert left_out == {(kind, "abreast-relay") for kind in ("Service", "PodDisruptionBudget", "StatefulSet")}


def test_a_changed_spec_starts_the_servers_anew() -> None:
    def checksum(values: Manifest) -> str:
        made = rendered(values)["StatefulSet", "abreast-server"]["spec"]["template"]["metadata"]["annotations"]
        return str(made["checksum/spec"])

    assert checksum({"files": {"shop.pb": "other"}}) != checksum({})


def test_a_release_whose_pods_could_not_join_is_refused() -> None:
    with pytest.raises(helm_python.HelmError, match="choose a shorter name for the release"):
        rendered(name="a" * 33)
    assert rendered(name="a" * 30)


def test_helm_finds_nothing_wrong_and_the_chart_is_of_this_version() -> None:
    found = helm_python.lint(str(CHART))
    assert [each for each in found["messages"] if each["severity"] in {"ERROR", "WARNING"}] == []
    assert yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))["appVersion"] == __version__
