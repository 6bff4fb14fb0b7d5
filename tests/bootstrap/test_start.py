"""Starts of `./abreast` as a user makes them: words, signals, two at once, and once with everything real."""

import base64
import hashlib
import os
import shutil
import signal
import time
import zipfile
from pathlib import Path

from tests.bootstrap.checkouts import SCRIPT, Running, Site, exists, holding, start, wait_until


def test_a_place_that_cannot_be_written_is_one_error(site: Site) -> None:
    outcome = start([str(site.root / "abreast"), "demo"], environment={"ABREAST_VENV": "/proc/abreast/venv"})
    assert outcome.code == 1
    assert "abreast: error: /proc/abreast" in outcome.err
    assert "ABREAST_VENV" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_missing_lock_file_is_one_error(site: Site) -> None:
    (site.root / "requirements" / "dev.txt").unlink()
    outcome = site.start("test")
    assert outcome.code == 1
    assert "dev.txt" in outcome.err
    assert "git checkout -- requirements" in outcome.err
    assert "Traceback" not in outcome.err


def test_the_program_gets_the_words_the_directory_and_the_exit_code(site: Site, tmp_path: Path) -> None:
    outcome = site.start("weight", "20 %", "--json", cwd=tmp_path)
    assert outcome.code == 7
    assert outcome.out.splitlines() == [str(tmp_path), "<-P>", "<-m>", "<abreast>", "<weight>", "<20 %>", "<--json>"]


def test_it_runs_through_a_symlink(site: Site, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ab").symlink_to(site.root / "abreast")
    outcome = site.start("status", cwd=tmp_path, script=tmp_path / "bin" / "ab")
    assert outcome.code == 7
    assert "<status>" in outcome.out
    assert site.checkout.is_current("runtime")


def test_the_tests_run_in_the_checkout(site: Site, tmp_path: Path) -> None:
    outcome = site.start("test", "-k", "weight", cwd=tmp_path)
    assert outcome.code == 7
    assert outcome.out.splitlines() == [str(site.root), "<-P>", "<-m>", "<pytest>", "<-k>", "<weight>"]
    assert site.checkout.is_current("dev")


def test_a_later_start_says_nothing_and_adds_little(site: Site) -> None:
    site.start("status")
    bare_s, with_s = [], []
    for _ in range(5):
        began = time.monotonic()
        outcome = site.start("status")
        with_s.append(time.monotonic() - began)
        assert outcome.err == ""
        began = time.monotonic()
        start(["-c", "pass"])
        bare_s.append(time.monotonic() - began)
    assert min(with_s) - min(bare_s) < 0.3


def test_progress_without_a_terminal_is_whole_lines(site: Site) -> None:
    outcome = site.start("status")
    assert outcome.err.splitlines()[0] == "abreast: installing uv …"
    assert all(line.startswith("abreast: installing") for line in outcome.err.splitlines())
    assert outcome.err.count(": done in ") == 2
    assert "\r" not in outcome.err


def test_a_second_start_waits_for_the_first(site: Site) -> None:
    with holding(Path(site.checkout.venv)):
        second = Running(site.root, "second", "status")
        wait_until(lambda: second.says("another start is setting up"))
        assert site.calls() == []
        assert second.process.poll() is None
    assert second.end() == 7
    assert site.checkout.is_current("runtime")


def test_a_lock_on_a_directory_that_was_replaced_is_taken_again(site: Site) -> None:
    venv = Path(site.checkout.venv)
    moved = venv.with_name("moved")
    with holding(venv):
        second = Running(site.root, "second", "status")
        wait_until(lambda: second.says("another start is setting up"))
        venv.rename(moved)
        shutil.copytree(moved, venv)
        newer = holding(venv)
        newer.__enter__()
    wait_until(lambda: second.said.read_text("utf-8").count("another start is setting up") == 2)
    newer.__exit__(None, None, None)
    assert second.end() == 7
    assert site.checkout.is_current("runtime")


def test_sigterm_ends_the_step_under_way(site: Site) -> None:
    (site.bin / "hang").touch()
    running = Running(site.root, "first", "status")
    wait_until((site.bin / "hanging").exists)
    wait_until(lambda: (site.bin / "hanging").read_text("ascii") != "")
    child = int((site.bin / "hanging").read_text("ascii"))
    assert exists(child)
    running.process.send_signal(signal.SIGTERM)
    assert running.end() == 143
    assert not exists(child)


def test_an_interrupt_says_what_the_next_start_does(site: Site) -> None:
    (site.bin / "hang").touch()
    running = Running(site.root, "first", "status")
    wait_until((site.bin / "hanging").exists)
    running.process.send_signal(signal.SIGINT)
    assert running.end() == 130
    assert running.says("abreast: interrupted; the next start sets up afresh")
    assert not running.says("Traceback")


def test_after_kill_nine_the_next_start_waits_for_the_orphan(site: Site) -> None:
    (site.bin / "hang").touch()
    first = Running(site.root, "first", "status")
    wait_until((site.bin / "hanging").exists)
    wait_until(lambda: (site.bin / "hanging").read_text("ascii") != "")
    orphan = int((site.bin / "hanging").read_text("ascii"))
    first.process.kill()
    first.end()
    second = Running(site.root, "second", "status")
    wait_until(lambda: second.says("another start is setting up"))
    os.kill(orphan, signal.SIGTERM)
    wait_until(lambda: second.says("making "))  # it heals by making the environment anew
    second.process.terminate()
    second.end()


def wheel(directory: Path, name: str, files: dict[str, str]) -> str:
    """Write a wheel of version 1.0 and return its locked requirement."""
    info = f"{name}-1.0.dist-info"
    files = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    path = directory / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            rows.append(f"{file},sha256={digest},{len(text.encode())}")
        archive.writestr(f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,", ""]))
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


PRETENDED_UV = """\
import subprocess, sys
words = [word for word in sys.argv[1:] if word not in ("--python", sys.executable)]
print("uv was asked")
sys.exit(subprocess.call([sys.executable, "-m", *words]))
"""


def test_killed_in_the_middle_then_two_at_once_heal_a_real_environment(tmp_path: Path) -> None:
    """Real venv, pip and wheels, from a folder instead of an index; uv is a wheel that asks pip."""
    root, wheels = tmp_path / "checkout", tmp_path / "wheels"
    for folder in (root / "requirements", root / "src" / "abreast", wheels):
        folder.mkdir(parents=True)
    shutil.copy(SCRIPT, root / "abreast")
    sample = wheel(wheels, "sample", {"sample.py": "WORD = 'sampled'\n"})
    locks = {
        "bootstrap": wheel(wheels, "uv", {"uv/__init__.py": "", "uv/__main__.py": PRETENDED_UV}),
        "runtime": sample,
        "dev": sample + wheel(wheels, "pytest", {"pytest.py": "import sys; print('tested', sys.argv[1:])\n"}),
    }
    for name, text in locks.items():
        (root / "requirements" / f"{name}.txt").write_text(text, "ascii")
    (root / "src" / "abreast" / "__init__.py").touch()
    (root / "src" / "abreast" / "__main__.py").write_text(
        "import sample, sys; print(sample.WORD, sys.argv[1:]); sys.exit(3)\n", "ascii"
    )
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": os.devnull}

    killed = Running(root, "killed", "demo", environment=offline)
    wait_until((root / ".venv" / "pyvenv.cfg").exists)
    killed.process.kill()
    assert killed.end() == -signal.SIGKILL

    both = [Running(root, name, "demo", "--keep", environment=offline) for name in ("one", "two")]
    assert [running.end() for running in both] == [3, 3]
    assert sum(running.says("making ") for running in both) == 1
    assert {(root / f"{name}.out").read_text("utf-8") for name in ("one", "two")} == {"sampled ['demo', '--keep']\n"}
    assert "uv was asked" in (root / ".venv" / "abreast-setup.log").read_text("utf-8")

    tested = start([str(root / "abreast"), "test", "-q"], environment=offline)
    assert (tested.code, tested.out) == (0, "tested ['-q']\n")
    assert "making " not in tested.err
