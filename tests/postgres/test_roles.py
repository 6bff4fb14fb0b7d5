"""The fence holds, or says why it would not: whoever may write by other rights is named, with what takes them away."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from abreast.model.errors import RefusedError
from abreast.postgres.connection import Connection, connected, sql
from abreast.postgres.launcher import Cluster
from abreast.postgres.migrate import Migrator
from abreast.postgres.patience import Patience
from abreast.postgres.roles import fence, refuse_bystanders, role_state, unfence
from abreast.schema.names import Relation
from abreast.schema.views import Version

V1 = Version("v1", "shop v1", "public")
ROLE, WRITER = '"shop v1"', '"shop v1~writer"'
TRUNCATE = "REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON public.items FROM"


def adopted(url: str, *before: str) -> None:
    """Items, written by v1 through views of its own."""
    with connected(url) as connection:
        connection.execute("CREATE TABLE public.items (id int PRIMARY KEY, name text)")
        for statement in before:
            connection.execute(sql(statement))
        Migrator(connection).adopt(V1)


@pytest.fixture
def owner(database: str) -> Iterator[Connection]:
    adopted(database)
    with connected(database) as connection:
        yield connection


def write(url: str, number: int) -> None:
    with psycopg.connect(url, user=V1.role, autocommit=True) as session:
        session.execute("INSERT INTO items VALUES (%s, 'x')", [number])


def test_a_fenced_version_reads_and_writes_nothing_until_it_is_unfenced(each_database: str) -> None:
    adopted(each_database)
    with connected(each_database) as owner, psycopg.connect(each_database, user=V1.role, autocommit=True) as session:
        session.execute("INSERT INTO items VALUES (1, 'x')")
        fence(owner, V1)
        assert not role_state(owner, V1).writes
        for statement in ("INSERT INTO items VALUES (2, 'x')", "UPDATE items SET name = 'y'", "DELETE FROM items"):
            with pytest.raises(InsufficientPrivilege):
                session.execute(statement.encode())
        assert session.execute("SELECT * FROM items").fetchall() == [(1, "x")]
        fence(owner, V1)
        unfence(owner, V1)
        unfence(owner, V1)
        session.execute("INSERT INTO items VALUES (2, 'x')")
        assert role_state(owner, V1).writes


def test_what_a_role_is_and_who_is_connected(owner: Connection, database: str) -> None:
    with psycopg.connect(database, user=V1.role), psycopg.connect(database, user=V1.role):
        state = role_state(owner, V1)
    assert (state.version, state.role, state.exists, state.sided, state.writes) == ("v1", V1.role, True, True, True)
    assert (state.sessions, state.beside, state.cures) == (2, (), ())


def test_a_version_without_a_side_here_is_refused_with_what_makes_one(owner: Connection) -> None:
    other = Version("v2", "shop v2", "public")
    state = role_state(owner, other)
    assert (state.exists, state.sided, state.writes, state.sessions, state.beside) == (False, False, False, 0, ())
    for act in (fence, unfence):
        with pytest.raises(RefusedError, match="v2 has no side of its own here") as raised:
            act(owner, other)
        assert "abreast data expand" in raised.value.remedy
        assert "abreast data adopt" in raised.value.remedy


def test_a_role_that_serves_another_database_only_has_no_side_here(owner: Connection) -> None:
    owner.execute('CREATE ROLE "shop v2" LOGIN')
    state = role_state(owner, Version("v2", "shop v2", "public"))
    assert (state.exists, state.sided) == (True, False)
    with pytest.raises(RefusedError, match="no side of its own"):
        fence(owner, Version("v2", "shop v2", "public"))


@pytest.mark.parametrize(
    ("rights", "cure"),
    [
        (f"GRANT INSERT ON public.items TO {ROLE}", f"{TRUNCATE} {ROLE}"),
        (f"GRANT UPDATE (name) ON public.items TO {ROLE}", f"{TRUNCATE} {ROLE}"),
        (f"GRANT TRUNCATE ON public.items TO {ROLE}", f"{TRUNCATE} {ROLE}"),
        ("GRANT DELETE ON public.items TO PUBLIC", f"{TRUNCATE} PUBLIC"),
        ("GRANT UPDATE (name) ON public.items TO PUBLIC", f"{TRUNCATE} PUBLIC"),
        (
            f"CREATE ROLE team; GRANT UPDATE ON public.items TO team; GRANT team TO {ROLE}",
            f"REVOKE team FROM {ROLE}",
        ),
        (f"GRANT pg_write_all_data TO {ROLE}", f"REVOKE pg_write_all_data FROM {ROLE}"),
        (f"ALTER TABLE public.items OWNER TO {ROLE}", "ALTER TABLE public.items OWNER TO postgres"),
        (
            f"CREATE ROLE team; ALTER TABLE public.items OWNER TO team; GRANT team TO {ROLE}",
            f"REVOKE team FROM {ROLE}",
        ),
        (
            f"CREATE ROLE team; CREATE ROLE crew ROLE {ROLE}; GRANT UPDATE ON public.items TO team; GRANT team TO crew",
            f"REVOKE crew FROM {ROLE}",
        ),
        (f"ALTER ROLE {ROLE} SUPERUSER", f"ALTER ROLE {ROLE} NOSUPERUSER"),
    ],
)
def test_a_fence_that_would_not_hold_says_so_and_its_cure_makes_it_hold(
    owner: Connection, database: str, rights: str, cure: str
) -> None:
    owner.execute(sql(rights))
    state = role_state(owner, V1)
    assert (state.beside, state.cures) == (("items",), (cure,))
    with pytest.raises(RefusedError, match=r"shop v1 may still write items: not by shop v1~writer") as raised:
        fence(owner, V1)
    assert cure in raised.value.remedy
    for statement in raised.value.remedy.split(": ", 1)[1].split("; "):
        owner.execute(sql(statement))
    fence(owner, V1)
    with pytest.raises(InsufficientPrivilege):
        write(database, 1)


def test_a_membership_that_comes_by_another_hand_is_found(owner: Connection) -> None:
    owner.execute(sql(f"CREATE ROLE team; GRANT {WRITER} TO team; GRANT team TO {ROLE}"))
    with pytest.raises(RefusedError, match="may still write: it is a member of shop v1~writer by another") as raised:
        fence(owner, V1)
    assert "\\drg" in raised.value.remedy


def test_rights_to_read_and_rights_of_others_are_no_matter(owner: Connection) -> None:
    owner.execute(
        sql(
            "CREATE ROLE other; GRANT ALL ON public.items TO other; GRANT SELECT, REFERENCES ON public.items TO PUBLIC;"
            f" CREATE SCHEMA apart; CREATE TABLE apart.items (id int); GRANT ALL ON apart.items TO {ROLE}"
        )
    )
    assert role_state(owner, V1).beside == ()
    fence(owner, V1)


def test_each_table_and_each_cure_is_named_once(owner: Connection) -> None:
    owner.execute(
        sql(
            "CREATE TABLE public.orders (id int PRIMARY KEY);"
            f" GRANT INSERT, UPDATE ON public.items TO {ROLE}; GRANT UPDATE ON public.items TO PUBLIC;"
            f" GRANT pg_write_all_data TO {ROLE}"
        )
    )
    state = role_state(owner, V1)
    assert state.beside == ("items", "orders")
    assert sorted(state.cures) == sorted(
        (f"{TRUNCATE} {ROLE}", f"{TRUNCATE} PUBLIC", f"REVOKE pg_write_all_data FROM {ROLE}")
    )


def test_a_partitioned_table_stands_for_its_partitions(owner: Connection) -> None:
    owner.execute(
        sql(
            "CREATE TABLE public.days (at date) PARTITION BY RANGE (at);"
            " CREATE TABLE public.day PARTITION OF public.days DEFAULT; GRANT INSERT ON public.days TO PUBLIC"
        )
    )
    assert role_state(owner, V1).beside == ("days",)


def test_a_partition_with_rights_of_its_own_is_found(owner: Connection, database: str) -> None:
    owner.execute(
        sql(
            "CREATE TABLE public.days (at date) PARTITION BY RANGE (at);"
            f" CREATE TABLE public.day PARTITION OF public.days DEFAULT; GRANT INSERT ON public.day TO {ROLE}"
        )
    )
    with pytest.raises(RefusedError, match="may still write day: not by") as raised:
        fence(owner, V1)
    owner.execute(sql(raised.value.remedy.split(": ", 1)[1]))
    fence(owner, V1)
    with psycopg.connect(database, user=V1.role) as session, pytest.raises(InsufficientPrivilege):
        session.execute("INSERT INTO public.day VALUES ('2020-01-01')")


@pytest.mark.parametrize(
    ("view", "found"),
    [
        ("CREATE VIEW public.some AS SELECT * FROM public.items", ("some",)),
        (
            "CREATE SCHEMA apart; GRANT USAGE ON SCHEMA apart TO PUBLIC; CREATE VIEW apart.some AS TABLE public.items",
            (),
        ),
        ("CREATE VIEW public.some WITH (security_invoker) AS SELECT * FROM public.items", None),
        ("CREATE VIEW public.some AS SELECT count(*) FROM public.items", None),
    ],
)
def test_a_view_that_writes_by_its_owners_rights_is_found(
    owner: Connection, database: str, view: str, found: tuple[str, ...] | None
) -> None:
    name = "apart.some" if "apart" in view else "public.some"
    owner.execute(sql(f"{view}; GRANT ALL ON {name} TO {ROLE}"))
    if found is not None:
        with pytest.raises(RefusedError, match="may still write some: not by") as raised:
            fence(owner, V1)
        owner.execute(sql(raised.value.remedy.split(": ", 1)[1]))
    fence(owner, V1)
    with psycopg.connect(database, user=V1.role) as session, pytest.raises(psycopg.Error):
        session.execute(sql(f"DELETE FROM {name}"))


def test_a_membership_given_by_another_hand_has_a_cure_that_takes_it_away(owner: Connection) -> None:
    owner.execute(
        sql(
            "CREATE ROLE team; CREATE ROLE boss; GRANT UPDATE ON public.items TO team;"
            f" GRANT team TO boss WITH ADMIN OPTION; SET ROLE boss; GRANT team TO {ROLE}; RESET ROLE"
        )
    )
    assert role_state(owner, V1).cures == (f"REVOKE team FROM {ROLE} GRANTED BY boss",)
    owner.execute(sql(role_state(owner, V1).cures[0]))
    fence(owner, V1)


def test_the_fence_waits_for_what_was_written_before_it(owner: Connection, database: str) -> None:
    with psycopg.connect(database, user=V1.role) as session, psycopg.connect(database, user=V1.role) as reader:
        reader.execute("SELECT * FROM items")
        session.execute("INSERT INTO items VALUES (1, 'x')")
        pid = session.info.backend_pid
        with pytest.raises(RefusedError, match=f"may still be committed: process {pid}, 0 s") as raised:
            fence(owner, V1, open_s=0.0)
        assert raised.value.remedy.endswith(f"give the command again: SELECT pg_terminate_backend({pid})")
        assert not role_state(owner, V1).writes
        commits = Patience(sleep=lambda _: session.commit())
        fence(owner, V1, commits)


def test_the_fence_names_prepared_transactions(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster({"max_prepared_transactions": "2"})
    cluster.start()
    adopted(cluster.url())
    with connected(cluster.url()) as connection:
        with psycopg.connect(cluster.url(), user=V1.role) as session:
            session.execute("INSERT INTO items VALUES (1, 'x')")
            session.execute("PREPARE TRANSACTION 'tw''o'")
        with pytest.raises(RefusedError, match="the prepared transaction tw'o, 0 s") as raised:
            fence(connection, V1, open_s=0.0)
        connection.execute(sql(raised.value.remedy.split(": ", 1)[1]))
        fence(connection, V1, open_s=0.0)


def test_those_who_may_write_a_table_as_no_version_are_in_the_way(owner: Connection, database: str) -> None:
    owner.execute(
        sql(
            "CREATE ROLE app LOGIN; CREATE ROLE job LOGIN; CREATE ROLE report LOGIN; GRANT ALL ON public.items TO app;"
            " GRANT UPDATE (name) ON public.items TO job; GRANT SELECT ON public.items TO report"
        )
    )
    tables = [Relation("public", "items"), Relation("public", "gone")]
    with psycopg.connect(database), psycopg.connect(database, user="report"), psycopg.connect(database, user=V1.role):
        refuse_bystanders(owner, tables)
        with psycopg.connect(database, user="app") as app, psycopg.connect(database, user="job") as job:
            who = f"app (process {app.info.backend_pid}); job (process {job.info.backend_pid});"
            with pytest.raises(RefusedError) as raised:
                refuse_bystanders(owner, tables)
            assert who in raised.value.message
            refuse_bystanders(owner, [Relation("public", "gone")])
