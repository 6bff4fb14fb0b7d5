"""The spec's file, and what it names on this machine."""

import os
import sys
from pathlib import Path

import pytest

from abreast.model.errors import MigrationError, SpecError, UsageError
from abreast.spec_source import (
    LARGEST_OPENAPI,
    doubts,
    load_spec,
    migration_faults,
    migrations_of,
    missing_files,
    read_spec,
)

GOOD = f"versions: {{v1: {{run: '{sys.executable} -V', cwd: here}}}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good spec whose working directory exists."""
    (tmp_path / "here").mkdir()
    path = tmp_path / "abreast.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_paths_are_absolute_from_where_the_file_lies(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    service = load_spec(Path(file.name)).service()
    assert service.versions[0].cwd == str(file.parent / "here")


def test_a_sound_spec_misses_nothing(file: Path) -> None:
    spec = load_spec(file)
    assert list(missing_files(spec)) == []
    assert list(doubts(spec)) == []


def test_the_environment_is_passed_in(file: Path) -> None:
    file.write_text("versions: {v1: {run: 'app ${WHO}'}}", encoding="utf-8")
    assert load_spec(file, {"WHO": "me"}).service().versions[0].run == ("app", "me")
    with pytest.raises(SpecError, match="needs WHO"):
        load_spec(file, {})


def test_no_file_leads_to_init(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no spec") as caught:
        load_spec(tmp_path / "abreast.yaml")
    assert "abreast init" in caught.value.remedy


def test_a_directory_is_no_spec(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a directory") as caught:
        load_spec(tmp_path)
    assert str(tmp_path / "abreast.yaml") in caught.value.remedy


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be read: Not a directory"):
        load_spec(tmp_path / "a" / "abreast.yaml")


def test_what_is_no_utf_8_is_a_fault_at_its_line(file: Path) -> None:
    file.write_bytes(b"service: a\nstable: \xff\n")
    with pytest.raises(SpecError) as caught:
        load_spec(file)
    (fault,) = caught.value.faults
    assert fault.line == 2
    assert fault.message == "byte 0xff is no UTF-8"


def test_every_missing_file_is_a_fault_at_its_line(file: Path) -> None:
    file.write_text(
        "versions:\n  v1:\n    run: app\n    cwd: gone\ngateway:\n  tls:\n    certificate: a.crt\n    key: here\n",
        encoding="utf-8",
    )
    found = [(fault.line, fault.path, fault.message) for fault in missing_files(load_spec(file))]
    assert found == [
        (7, "gateway.tls.certificate", f"there is no file '{file.parent}/a.crt'"),
        (8, "gateway.tls.key", f"'{file.parent}/here' cannot be read: Is a directory"),
        (4, "versions.v1.cwd", f"there is no directory '{file.parent}/gone'"),
    ]


@pytest.mark.parametrize(
    ("written", "message"),
    [("nowhere/access.log", "there is no directory '{}/nowhere'"), ("here", "'{}/here' is a directory")],
)
def test_an_access_log_that_cannot_be_there_is_a_fault(file: Path, written: str, message: str) -> None:
    file.write_text(f"{GOOD}logs:\n  access:\n    file: {written}\n", encoding="utf-8")
    (fault,) = missing_files(load_spec(file))
    assert (fault.line, fault.path, fault.message) == (4, "logs.access.file", message.format(file.parent))


@pytest.mark.parametrize("written", ["{}", "{file: .abreast/logs/access.log}", "{file: here/access.log}"])
def test_an_access_log_that_can_be_there_is_none(file: Path, written: str) -> None:
    file.write_text(f"{GOOD}logs: {{access: {written}}}\n", encoding="utf-8")
    assert list(missing_files(load_spec(file))) == []


def test_a_version_that_runs_elsewhere_needs_nothing_here(file: Path) -> None:
    file.write_text("versions: {v1: {endpoints: ['127.0.0.1:9']}}", encoding="utf-8")
    spec = load_spec(file)
    assert list(missing_files(spec)) == []
    assert list(doubts(spec)) == []


def test_a_template_that_is_missing_is_a_fault_at_its_line(file: Path) -> None:
    file.write_text("versions:\n  v1:\n    kubernetes:\n      template: gone.yaml\n", encoding="utf-8")
    (fault,) = missing_files(load_spec(file))
    assert (fault.line, fault.path) == (4, "versions.v1.kubernetes.template")
    assert fault.message == f"there is no file '{file.parent}/gone.yaml'"


def test_a_command_that_is_not_there_is_only_a_doubt(file: Path) -> None:
    file.write_text("versions: {v1: {run: no-such-command-here}}", encoding="utf-8")
    spec = load_spec(file)
    assert list(missing_files(spec)) == []
    (doubt,) = doubts(spec, {"PATH": os.defpath})
    assert "no-such-command-here" in doubt
    assert "→" in doubt


OPENAPI = {
    "openapi: 3.1.0\nservers: [{url: 'https://shop.example/v1'}]\npaths:\n  /orders/{id}: {}\n  /1.0:": (
        "/v1/orders/{id}",
        "/v1/1.0",
    ),
    '  {"swagger": "2.0", "basePath": "/api", "paths": {"/a": {}}}': ("/api/a",),
    "paths: {/day: {example: 2024-13-45}}": ("/day",),
}


@pytest.mark.parametrize("document", OPENAPI)
def test_the_routes_of_an_openapi_document_are_templates(file: Path, document: str) -> None:
    (file.parent / "api.yaml").write_text(document, encoding="utf-8")
    file.write_text(GOOD + "rollout: {shadow: {openapi: api.yaml, templates: [/own]}}", encoding="utf-8")
    assert load_spec(file).policy("v1").shadow.templates == ("/own", *OPENAPI[document])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file"),
        (b"paths:\n  /a: b: c\n", "in line 2"),
        (b"{", "api.yaml': "),
        (b"a: \x00", "api.yaml': "),
        (b"\xff", "api.yaml': "),
        (b"- a", "no mapping of keys"),
        (b"", "no mapping of keys"),
        (b"swagger: 2.0", "no"),
        (b" " * (LARGEST_OPENAPI + 1), "more than 20,000,000 bytes"),
    ],
)
def test_an_openapi_document_that_cannot_be_read_is_a_fault_at_its_line(
    file: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (file.parent / "api.yaml").write_bytes(content)
    file.write_text(GOOD + "rollout:\n  shadow:\n    openapi: api.yaml\n    descriptors: none.pb\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_spec(file)
    fault, other = caught.value.faults
    assert (fault.line, fault.path) == (4, "rollout.shadow.openapi")
    assert message in fault.message
    assert "\n" not in fault.message
    assert "OpenAPI document in YAML or JSON" in fault.remedy
    assert (other.line, other.path) == (5, "rollout.shadow.descriptors")


def test_missing_descriptors_say_how_to_make_them(file: Path) -> None:
    file.write_text(GOOD + "rollout: {shadow: {descriptors: api.pb}}", encoding="utf-8")
    (fault,) = missing_files(load_spec(file))
    assert "there is no file" in fault.message
    assert "--include_imports" in fault.remedy
    (file.parent / "api.pb").write_bytes(b"")
    assert list(missing_files(load_spec(file))) == []


MIGRATION = "operations: [{drop_index: {name: %s}}]\n"
WITH_DATA = "versions: {v1: {run: a}, v2: {run: b}, v3: {run: c}}\ndata:\n  url: postgresql:///shop\n  migrations:\n"


def with_migrations(file: Path, keys: str, **contents: str | bytes) -> None:
    """A spec with these keys under `data.migrations`, and files ``NAME.yaml`` beside it."""
    file.write_text(f"{WITH_DATA}{keys}", encoding="utf-8")
    for name, content in contents.items():
        raw = content if isinstance(content, bytes) else content.encode()
        (file.parent / f"{name}.yaml").write_bytes(raw)


def test_a_version_s_migrations_are_read_in_their_order(file: Path) -> None:
    keys = "    v2: a.yaml\n    v3: [c.yaml, b.yaml]\n"
    with_migrations(file, keys, a=MIGRATION % "one", b=MIGRATION % "two", c=MIGRATION % "three")
    spec = load_spec(file)
    assert [migration.name for migration in migrations_of(spec, "v3")] == ["c", "b"]
    (migration,) = migrations_of(spec, "v2")
    assert (migration.file, len(migration.operations)) == (str(file.parent / "a.yaml"), 1)
    assert migrations_of(spec, "v1") == ()
    assert (list(missing_files(spec)), list(migration_faults(spec))) == ([], [])


def test_without_a_database_there_are_no_migrations(file: Path) -> None:
    spec = load_spec(file)
    assert migrations_of(spec, "v1") == ()
    assert list(migration_faults(spec)) == []


def test_the_faults_of_all_of_a_version_s_migrations_come_at_once(file: Path) -> None:
    keys = "    v2: [a.yaml, b.yaml, c.yaml]\n    v3: d.yaml\n"
    with_migrations(
        file,
        keys,
        a="operations: [{drop_indx: {name: x}}]",
        b=MIGRATION % "fine",
        c=b"operations:\n  \xff",
        d="operations: 5",
    )
    spec = load_spec(file)
    with pytest.raises(MigrationError) as caught:
        migrations_of(spec, "v2")
    found = [(Path(fault.file).name, fault.line, fault.message) for fault in caught.value.faults]
    assert found == [
        ("a.yaml", 1, "there is no operation 'drop_indx'"),
        ("c.yaml", 2, "byte 0xff is no UTF-8"),
    ]
    assert {Path(fault.file).name for fault in migration_faults(spec)} == {"a.yaml", "c.yaml", "d.yaml"}


def test_every_migration_that_cannot_be_read_is_named(file: Path) -> None:
    keys = "    v2: [gone.yaml, here.yaml, bad.yaml]\n    v3:\n      other.yaml\n"
    with_migrations(file, keys, bad="operations: 5")
    (file.parent / "here.yaml").mkdir()
    spec = load_spec(file)
    with pytest.raises(UsageError) as caught:
        migrations_of(spec, "v2")
    gone, here = f"there is no file '{file.parent}/gone.yaml'", f"'{file.parent}/here.yaml' cannot be read"
    assert caught.value.message == f"{gone}; {here}: Is a directory"
    assert "correct `data.migrations.v2`" in caught.value.remedy
    assert [(fault.line, fault.path, fault.message) for fault in missing_files(spec)] == [
        (5, "data.migrations.v2[0]", gone),
        (5, "data.migrations.v2[1]", f"{here}: Is a directory"),
        (6, "data.migrations.v3", f"there is no file '{file.parent}/other.yaml'"),
    ]
    assert {Path(fault.file).name for fault in migration_faults(spec)} == {"bad.yaml"}


def test_a_spec_can_come_from_elsewhere_under_another_name(tmp_path: Path) -> None:
    spec = read_spec(b"versions: {v1: {run: app, cwd: there}}", "etcd://h/k", tmp_path)
    assert spec.service().versions[0].cwd == str(tmp_path / "there")
    with pytest.raises(SpecError) as caught:
        read_spec(b"versions:\n  v1: {}\n", "etcd://h/k", tmp_path)
    assert str(caught.value.faults[0]).startswith("etcd://h/k:2: versions.v1: none of")
