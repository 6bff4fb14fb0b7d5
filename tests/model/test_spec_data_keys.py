"""The keys of data in a spec: what they become, and what is refused with what to do about it."""

import pytest

from abreast.model.data_settings import DataSettings
from abreast.model.errors import SpecError
from abreast.model.spec import parse_spec
from abreast.model.spec_data_keys import BackfillKeys, DataKeys, file_places

VERSIONS = "service: shop\nversions: {v1: {run: a}, v2: {run: b}, v3: {run: c}}\n"
URL = "postgresql:///shop"


def data(text: str, **environment: str) -> DataSettings | None:
    return parse_spec(VERSIONS + text, directory="/srv/shop", environment=environment).data


def faults(text: str, **environment: str) -> list[str]:
    with pytest.raises(SpecError) as found:
        parse_spec(VERSIONS + text, environment=environment)
    return [f"{fault.line} {fault.path}: {fault.message} → {fault.remedy}" for fault in found.value.faults]


def keys(text: str) -> list[str]:
    """Faults of a block of data that has its address."""
    return faults(f"data:\n  url: {URL}\n  {text}")


def test_left_out_abreast_touches_no_database() -> None:
    assert data("") is None


def test_the_address_is_enough() -> None:
    assert data(f"data: {{url: '{URL}'}}") == DataSettings(URL)


def test_a_key_left_out_is_the_settings_own_default() -> None:
    left, own = DataKeys(url=URL), DataSettings(URL)
    for field in ("keep_tags_s", "lock_timeout_s", "oldest_transaction_s", "unused_for_s", "tags"):
        assert getattr(left, field) == getattr(own, field), field
    assert left.schema_name == own.schema
    assert BackfillKeys() == left.backfill
    assert (left.backfill.pause, left.backfill.replica_lag_s) == (own.pause, own.replica_lag_s)
    assert (own.schema, own.lock_timeout_s, own.keep_tags_s) == ("public", 0.2, 604_800.0)


def test_every_key_arrives() -> None:
    text = """
data:
  url: host=db dbname=shop
  mode: shared
  schema: sales
  migrations: {v2: migrations/02_price.yaml, v3: [a.yaml, /etc/b.json]}
  roles: {v1: shop_old, v3: 3}
  tags: [products, 1.10]
  keep_tags: 1d
  lock_timeout: 50ms
  oldest_transaction: 5m
  unused_for: 0
  backfill: {pause: 2, replica_lag: 1s}
"""
    assert data(text) == DataSettings(
        url="host=db dbname=shop",
        schema="sales",
        migrations=(("v2", ("/srv/shop/migrations/02_price.yaml",)), ("v3", ("/srv/shop/a.yaml", "/etc/b.json"))),
        roles=(("v1", "shop_old"), ("v3", "3")),
        tags=("products", "1.10"),
        keep_tags_s=86_400.0,
        lock_timeout_s=0.05,
        oldest_transaction_s=300.0,
        unused_for_s=0.0,
        pause=2.0,
        replica_lag_s=1.0,
    )


def test_every_table_may_be_journalled() -> None:
    for word, tags in (("true", True), ("false", ())):
        settings = data(f"data: {{url: '{URL}', tags: {word}}}")
        assert settings
        assert settings.tags == tags


def test_variables_in_the_address_are_replaced_and_nothing_shows_what_by() -> None:
    text = "data: {url: 'postgresql://abreast:${PASSWORD}@db/shop'}"
    spec = parse_spec(VERSIONS + text, environment={"PASSWORD": "hidden"})
    assert spec.data
    assert spec.data.url == "postgresql://abreast:hidden@db/shop"
    assert "hidden" not in repr(spec) + repr(spec.keys.data) + repr(spec.data)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://a:hidden@${NONE}/shop", "'postgresql://…' needs NONE, which is not set → set NONE"),
        ("${SECRET}", "this text is no address of a PostgreSQL → write one such as postgresql://"),
        ("postgresql://a:${SECRET}@db/shop", "'postgresql://…': a % is not followed by"),
        ("postgresql://a:hidden@db:x/shop", "'postgresql://…': what stands where the host should is none → write"),
    ],
)
def test_an_address_that_becomes_none_is_one_fault_without_its_secrets(url: str, words: str) -> None:
    (fault,) = faults(f"data: {{url: '{url}'}}", SECRET="hidden%")
    assert fault.startswith(f"3 data.url: {words}")
    assert "hidden" not in fault


def test_an_address_at_the_wrong_place_is_not_shown_either() -> None:
    (fault,) = faults("data: postgresql://a:hidden@db/shop")
    assert fault == "3 data: 'postgresql://…' is not allowed here, only a mapping of keys → write a mapping of keys"


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("mode: synced", "data.mode", "`synced` is not supported by this version of abreast yet"),
        ("schema: pg_temp", "data.schema", "'pg_temp' is PostgreSQL's own"),
        ("migrations: {v2: a.sql}", "data.migrations.v2", "is no migration in pgroll's format"),
        ("migrations: {v2: []}", "data.migrations.v2", "no file is listed"),
        ("migrations: a.yaml", "data.migrations", "write a mapping of names"),
        ("roles: {V1: a}", "data.roles.V1", "write the name of a version"),
        ("roles: {v1: pg_a}", "data.roles.v1", "PostgreSQL keeps for itself"),
        ("tags: products", "data.tags", "write a list of tables, or `true`"),
        ("tag: true", "data.tag", "did you mean `tags`?"),
        ("keep_tags: 5m", "data.keep_tags", "write a duration from 1h to 365d"),
        ("lock_timeout: 9ms", "data.lock_timeout", "write a duration from 10ms to 5s"),
        ("lock_timeout: 6s", "data.lock_timeout", "write a duration from 10ms to 5s"),
        ("lock_timeout: 200", "data.lock_timeout", "write a number with a unit"),
        ("oldest_transaction: 0", "data.oldest_transaction", "write a duration from 1s to 1d"),
        ("backfill: {pause: 50%}", "data.backfill.pause", "write a number from 0 to 100"),
        ("backfill: {replica_lag: 0}", "data.backfill.replica_lag", "write a duration from 100ms to 1h"),
        ("backfill: {paus: 1}", "data.backfill.paus", "did you mean `pause`?"),
    ],
)
def test_what_cannot_be_is_one_fault_with_its_line_and_remedy(text: str, path: str, words: str) -> None:
    (fault,) = keys(text)
    assert fault.startswith(f"5 {path}: ")
    assert words in fault


def test_a_block_without_an_address() -> None:
    assert faults("data: {}") == ["3 data.url: `url` is missing → add `url: …`"]
    (fault,) = faults("data:")
    assert "3 data: nothing is written under this key" in fault


@pytest.mark.parametrize("key", ["migrations: {v9: a.yaml}", "roles: {v9: a}"])
def test_versions_that_there_are_not(key: str) -> None:
    (fault,) = keys(key)
    assert f"{key.partition(':')[0]}.v9: no version is called 'v9'; `versions` has: v1, v2, v3 → name one" in fault


def test_a_version_whose_own_keys_are_at_fault_is_there_all_the_same() -> None:
    with pytest.raises(SpecError) as found:
        parse_spec(f"versions: {{v1: {{run: a}}, v2: 5}}\ndata: {{url: '{URL}', migrations: {{v2: a.yaml}}}}")
    assert [fault.path for fault in found.value.faults] == ["versions.v2"]


def test_a_migration_twice() -> None:
    assert keys("migrations: {v2: [m/a.yaml, b.yaml, ./m/a.yaml]}") == [
        "5 data.migrations.v2[2]: './m/a.yaml' is here twice → keep one of the two"
    ]
    assert keys("migrations: {v2: a.yaml, v3: [b.yaml, a.yaml]}") == [
        "5 data.migrations.v3[1]: 'a.yaml' is a migration of 'v2' already → keep it where its changes are needed first"
    ]


@pytest.mark.parametrize(
    ("roles", "path", "message"),
    [
        ("{v1: a, v3: a}", "data.roles.v3", "'a' is the role of 'v1' already: it could not be told who writes"),
        ("{v1: shop_v2}", "data.roles.v2", "'shop_v2' is the role of 'v1' already: it could not be told who writes"),
    ],
)
def test_two_versions_with_one_role(roles: str, path: str, message: str) -> None:
    (fault,) = keys(f"roles: {roles}")
    version = path[-2:]
    assert fault == f"5 {path}: {message} → write another one: `roles: {{{version}: NAME}}`"


@pytest.mark.parametrize(
    ("service", "version", "message"),
    [
        ("s" * 40, "v" * 23, "PostgreSQL cuts names of more than 63 bytes"),
        ("pg", "v1", "its role would be 'pg_v1', a name that PostgreSQL keeps for itself"),
    ],
)
def test_a_role_that_cannot_be_made_of_the_names(service: str, version: str, message: str) -> None:
    named = f"versions: {{{version}: {{run: a}}}}\ndata: {{url: '{URL}'%s}}"
    for text, directory in ((f"service: {service}\n{named}", ""), (named, f"/srv/{service}")):
        with pytest.raises(SpecError) as found:
            parse_spec(text % "", directory=directory)
        (fault,) = found.value.faults
        assert fault.path == f"data.roles.{version}"
        assert message in fault.message
        assert parse_spec(text % f", roles: {{{version}: mine}}", directory=directory).data


def test_a_table_twice() -> None:
    assert keys("tags: [a, b, a]") == ["5 data.tags[2]: 'a' is here twice → keep one of the two"]


def test_all_faults_at_once() -> None:
    found = keys("migrations: {v9: a.yaml, v2: 5}\n  roles: {v1: shop_v2}\n  tags: [a, a]\n  keep_tags: 1")
    assert len(found) == 5


def test_a_file_has_the_place_of_its_version_unless_it_is_one_of_several() -> None:
    places = list(file_places([("v2", ("a",)), ("v3", ("b", "c")), ("v4", ())]))
    assert places == [
        (("data", "migrations", "v2"), "a"),
        (("data", "migrations", "v3", 0), "b"),
        (("data", "migrations", "v3", 1), "c"),
    ]
