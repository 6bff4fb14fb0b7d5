"""A ParallelRun as it is read."""

from abreast.operator.resource import FINALIZER, wanted
from tests.operator.stage import URL, parallel_run


def test_what_is_left_out_is_the_schemas_default() -> None:
    want = wanted(
        {
            "metadata": {"name": "shop", "namespace": "web"},
            "spec": {"controlPlane": {"url": URL + "/"}, "candidate": "v2"},
        }
    )
    assert (want.url, want.secret, want.attempt, want.alone, want.abort_on_delete) == (URL, "", 1, False, False)
    assert want.place == "ParallelRun web/shop"
    assert not want.deleted


def test_everything_is_read() -> None:
    found = parallel_run("v3", attempt=2, reason="why", alone=True, abortOnDelete=True)
    found["metadata"] |= {"generation": 4, "deletionTimestamp": "now", "finalizers": [FINALIZER]}
    want = wanted(found)
    assert (want.candidate, want.attempt, want.reason, want.alone, want.abort_on_delete) == ("v3", 2, "why", True, True)
    assert (want.generation, want.deleted, want.finalizers) == (4, True, (FINALIZER,))
    assert (want.secret, want.key) == ("abreast-token", "token")


def test_a_secret_without_names_has_those_of_the_schema() -> None:
    found = parallel_run()
    found["spec"]["controlPlane"]["tokenSecret"] = {}
    assert (wanted(found).secret, wanted(found).key) == ("abreast-token", "token")
