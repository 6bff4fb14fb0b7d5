"""Versions that are Deployments, as the spec writes them."""

import pytest

from abreast.model.errors import SpecError
from abreast.model.spec import parse_spec
from abreast.model.workload import Workload


def workload(text: str) -> Workload | None:
    spec = parse_spec(f"versions: {{v1: {text}}}", directory="/srv/shop", environment={"TAG": "7"})
    return spec.service().versions[0].workload


def refusals(text: str) -> list[tuple[str, str]]:
    """Path and message of each fault; each has a remedy."""
    with pytest.raises(SpecError) as caught:
        workload(text)
    assert all(fault.remedy for fault in caught.value.faults)
    return [(fault.path, fault.message) for fault in caught.value.faults]


def test_a_name_and_a_number_are_enough() -> None:
    assert workload("{deployment: shop-v1, instances: 3}") == Workload(deployment="shop-v1")
    assert workload("{run: serve}") is None


def test_a_template_is_found_beside_the_spec() -> None:
    assert workload("{kubernetes: {template: k8s/deployment.yaml}}") == Workload(
        template="/srv/shop/k8s/deployment.yaml"
    )


def test_every_key_is_kept_and_variables_in_the_image_are_replaced() -> None:
    text = """{kubernetes: {template: d.yaml, namespace: web, context: prod, container: app, port: 8080,
    image: 'ghcr.io/acme/shop:${TAG}'}, env: {A: b}, instances: 2}"""
    assert workload(text) == Workload(
        template="/srv/shop/d.yaml",
        namespace="web",
        context="prod",
        container="app",
        port=8080,
        image="ghcr.io/acme/shop:7",
    )


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("{run: a, deployment: b, instances: 1}", "versions.v1", "`run` and `deployment`: a version is run in one way"),
        (
            "{deployment: a, instances: 1, kubernetes: {template: b}}",
            "versions.v1",
            "`deployment` and `kubernetes.template`",
        ),
        ("{deployment: a}", "versions.v1", "`instances` is missing: abreast scales the Deployment"),
        ("{deployment: A, instances: 1}", "versions.v1.deployment", "'A' is not allowed here"),
        ("{deployment: a, instances: 1, env: {A: b}}", "versions.v1.env", "`env` has no effect with `deployment`"),
        (
            "{deployment: a, instances: 1, kubernetes: {image: b}}",
            "versions.v1.kubernetes.image",
            "`image` has no effect with `deployment`",
        ),
        ("{run: a, kubernetes: {port: 80}}", "versions.v1.kubernetes", "no effect without a Deployment"),
        ("{kubernetes: {template: a}, cwd: b}", "versions.v1.cwd", "the image says where its command runs"),
        ("{kubernetes: {template: a}, ready: tcp}", "versions.v1.ready", "by the pods' own readinessProbe"),
        ("{kubernetes: {template: a}, live: tcp}", "versions.v1.live", "by the pods' own livenessProbe"),
        ("{kubernetes: {template: a}, stop_timeout: 5s}", "versions.v1.stop_timeout", "terminationGracePeriodSeconds"),
        ("{kubernetes: {template: a, namespace: A_b}}", "versions.v1.kubernetes.namespace", "'A_b' is not allowed"),
        ("{kubernetes: {template: a, port: 0}}", "versions.v1.kubernetes.port", "`0` is not allowed here"),
        ("{kubernetes: {template: a, image: b c}}", "versions.v1.kubernetes.image", "'b c' is not allowed here"),
    ],
)
def test_what_cannot_be_is_one_fault_at_its_place(text: str, path: str, message: str) -> None:
    (found,) = refusals(text)
    assert found[0] == path
    assert message in found[1]


def test_the_name_of_a_version_ends_as_labels_do() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec("versions: {v1.: {kubernetes: {template: a}}}")
    (fault,) = caught.value.faults
    assert fault.path == 'versions."v1."'
    assert "end in a letter or a digit" in fault.message


def test_a_deployment_is_one_version_only() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec("versions: {v1: {deployment: a, instances: 1}, v2: {deployment: a, instances: 1}}")
    (fault,) = caught.value.faults
    assert (fault.path, fault.message) == ("versions.v2.deployment", "the Deployment a is version 'v1' already")
    elsewhere = "kubernetes: {namespace: b}"
    parse_spec(f"versions: {{v1: {{deployment: a, instances: 1}}, v2: {{deployment: a, instances: 1, {elsewhere}}}}}")


def test_a_variable_that_is_not_set_is_a_fault_at_the_image() -> None:
    (found,) = refusals("{kubernetes: {template: a, image: 'shop:${MISSING}'}}")
    assert found[0] == "versions.v1.kubernetes.image"
    assert "MISSING, which is not set" in found[1]
