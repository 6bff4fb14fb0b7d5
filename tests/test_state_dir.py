"""Where everything lies, and who holds it."""

import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from abreast.model.errors import AlreadyRunningError, StoreError
from abreast.state_dir import StateDir


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def deep(base: Path) -> Path:
    """A directory whose sockets' paths would be too long."""
    made = base / ("a-service-with-a-long-name" * 4)
    made.mkdir(parents=True)
    return made


def test_it_lies_beside_the_spec(short_tmp: Path) -> None:
    state = StateDir.beside(short_tmp)
    assert state.path == short_tmp / ".abreast"
    assert not state.path.exists(), "nothing is made by asking"
    state.make()
    assert (state.store.parent, state.logs.parent, state.run.parent) == (state.path,) * 3
    assert state.api.parent == state.run
    assert state.spec.parent == state.path
    assert all(mode(each) == 0o700 for each in (state.path, state.logs, state.run))


def test_it_can_be_made_again(short_tmp: Path) -> None:
    StateDir.beside(short_tmp).make()
    (StateDir.beside(short_tmp).logs / "kept").touch()
    StateDir.beside(short_tmp).make()
    assert (StateDir.beside(short_tmp).logs / "kept").exists()


def test_a_place_that_cannot_be_written_is_named(short_tmp: Path) -> None:
    (short_tmp / "file").touch()
    with pytest.raises(StoreError, match="cannot be made: Not a directory") as caught:
        StateDir.beside(short_tmp / "file").make()
    assert f"'{short_tmp}/file/.abreast'" in caught.value.message


class TestLongPaths:
    """A socket's path may have 107 bytes, so sockets lie elsewhere then, in a place that is this user's alone."""

    @pytest.fixture(autouse=True)
    def elsewhere(self, short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A temporary directory for the machine that this test alone has."""
        monkeypatch.setattr(tempfile, "tempdir", str(short_tmp))

    def test_a_socket_can_be_made_there(self, short_tmp: Path) -> None:
        state = StateDir.beside(deep(short_tmp))
        state.make()
        assert state.run.parent == short_tmp / f"abreast-{os.getuid()}"
        assert (mode(state.run), mode(state.run.parent)) == (0o700, 0o700)
        assert state.store.parent == state.path, "only sockets move"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(state.run / ("x" * 20)))

    def test_each_service_has_its_own(self, short_tmp: Path) -> None:
        one, two = (StateDir.beside(deep(short_tmp / name)) for name in ("one", "two"))
        assert one.run != two.run
        assert one.run == StateDir.beside(one.path.parent).run

    def test_a_place_that_others_may_enter_is_refused(self, short_tmp: Path) -> None:
        state = StateDir.beside(deep(short_tmp))
        state.make()
        state.run.chmod(0o755)
        with pytest.raises(StoreError, match="is not private to this user") as caught:
            state.make()
        assert f"chmod 700 {state.run}" in caught.value.remedy

    def test_a_link_to_somewhere_else_is_refused(self, short_tmp: Path) -> None:
        state = StateDir.beside(deep(short_tmp))
        state.run.parent.mkdir(mode=0o700)
        (short_tmp / "other").mkdir(mode=0o700)
        state.run.symlink_to(short_tmp / "other")
        with pytest.raises(StoreError, match="is not private to this user"):
            state.make()

    def test_a_shared_parent_is_refused(self, short_tmp: Path) -> None:
        state = StateDir.beside(deep(short_tmp))
        state.run.parent.mkdir()
        state.run.parent.chmod(0o777)
        with pytest.raises(StoreError, match="is not private to this user") as caught:
            state.make()
        assert f"'{state.run.parent}'" in caught.value.message


class TestLock:
    """One control plane for a directory."""

    def test_a_second_holder_is_told_who_has_it(self, short_tmp: Path) -> None:
        state = StateDir.beside(short_tmp)
        state.make()
        held = state.lock()
        with pytest.raises(AlreadyRunningError) as caught:
            state.lock()
        assert caught.value.message == f"abreast already runs for '{short_tmp}' (process {os.getpid()})"
        os.close(held)
        os.close(state.lock())

    def test_a_killed_holder_lets_go(self, short_tmp: Path) -> None:
        state = StateDir.beside(short_tmp)
        state.make()
        program = (
            "import sys, pathlib; from abreast.state_dir import StateDir;"
            "StateDir(pathlib.Path(sys.argv[1])).lock(); print(flush=True); sys.stdin.read()"
        )
        command = [sys.executable, "-c", program, str(state.path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            with pytest.raises(AlreadyRunningError, match=rf"\(process {holder.pid}\)"):
                state.lock()
            holder.kill()
        descriptor = state.lock()
        assert (state.path / "lock").read_text() == f"{os.getpid()}\n"
        os.close(descriptor)

    def test_it_is_not_inherited(self, short_tmp: Path) -> None:
        state = StateDir.beside(short_tmp)
        state.make()
        descriptor = state.lock()
        assert not os.get_inheritable(descriptor)
        os.close(descriptor)

    def test_a_directory_that_is_not_there(self, short_tmp: Path) -> None:
        with pytest.raises(StoreError, match="cannot be opened: No such file"):
            StateDir.beside(short_tmp).lock()


class TestShadowKey:
    """The key with which services tell copies from users' requests."""

    @pytest.fixture
    def state(self, short_tmp: Path) -> StateDir:
        made = StateDir.beside(short_tmp)
        made.make()
        return made

    def test_it_is_written_down_for_its_owner_alone(self, state: StateDir) -> None:
        state.keep_shadow_key("s3cret")
        file = state.path / "shadow.key"
        assert file.read_text("ascii") == "s3cret\n"
        assert file.stat().st_mode & 0o777 == 0o600

    def test_one_that_is_there_stays(self, state: StateDir) -> None:
        file = state.path / "shadow.key"
        state.keep_shadow_key("s3cret")
        written = file.stat().st_mtime_ns
        state.keep_shadow_key("s3cret")
        assert file.stat().st_mtime_ns == written
        assert file.read_text("ascii") == "s3cret\n"

    def test_it_is_the_stored_key_that_holds(self, state: StateDir) -> None:
        """A file that was cut off by a crash, or is of another store, would have every copy refused."""
        (state.path / "shadow.key").write_text("", encoding="ascii")
        state.keep_shadow_key("s3cret")
        assert (state.path / "shadow.key").read_text("ascii") == "s3cret\n"

    def test_where_it_cannot_be_written_is_told(self, short_tmp: Path) -> None:
        with pytest.raises(StoreError, match=r"shadow\.key' cannot be written: No such file") as caught:
            StateDir.beside(short_tmp).keep_shadow_key("s3cret")
        assert "writable" in caught.value.remedy


def test_who_holds_it_is_told_and_nobody_of_a_directory_that_was_never_held(short_tmp: Path) -> None:
    state = StateDir.beside(short_tmp)
    assert state.holder() == ""
    state.make()
    os.close(state.lock())
    assert state.holder() == str(os.getpid())
