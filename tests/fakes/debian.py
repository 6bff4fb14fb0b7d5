"""Programs that tests need and that PyPI has not: one that is installed, else that of Debian's package, unpacked."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.fakes.fetched import fetching, missing


def program(name: str, package: str, directory: Path) -> str:
    """Where the program is; its package is fetched into ``directory`` and unpacked there, without root."""
    installed = shutil.which(name)
    if installed:
        return installed
    unpacked = directory / "unpacked" / "usr" / "bin" / name
    if not unpacked.exists():
        _unpack((package,), directory, f"the program `{name}`")
    return str(unpacked)


def with_its_files(name: str, package: str, directory: Path) -> tuple[str, ...]:
    """The command of a program that reads files of its package by their absolute paths.

    An unpacked one sees its own /usr/share in the place of the machine's: in a namespace, so without root.
    """
    found = program(name, package, directory)
    if not found.startswith(str(directory)):
        return (found,)
    bound = 'mount --bind "$0" /usr/share && exec "$@"'
    share = str(directory / "unpacked" / "usr" / "share")
    return ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", bound, share, found)


def postgresql(major: int) -> Path:
    """The directory of that major's programs out of Debian's package, fetched once for all workers and later runs.

    Its files are found by paths relative to the programs. Libraries that the machine lacks come with it.
    """
    with fetching(str(major)) as place:
        programs = place / "unpacked" / "usr" / "lib" / "postgresql" / str(major) / "bin"
        done = place / f"{major}.done"
        if not done.exists():
            package = f"postgresql-{major}"
            _unpack((package, *_libraries_lacking(package)), place, f"PostgreSQL {major}")
            _bring_libraries(programs, sorted(place.glob("unpacked/**/*-linux-gnu")))
            done.touch()
    return programs


def unpacked(packages: Sequence[str], name: str) -> Path:
    """Where the files of these packages are, fetched once for all workers and later runs; nothing is installed."""
    with fetching(name) as place:
        own = place / name
        if not (own / "done").exists():
            own.mkdir(exist_ok=True)
            _unpack(packages, own, name)
            (own / "done").touch()
    return own / "unpacked"


def _libraries_lacking(package: str, *options: str) -> list[str]:
    """The libraries that installing the package would install; not LLVM, which only ``jit`` loads (we turn it off)."""
    argv = ["apt-get", *options, "--simulate", "--no-install-recommends", "install", package]
    told = subprocess.run(argv, capture_output=True, text=True, check=False)
    named = [line.split()[1] for line in told.stdout.splitlines() if line.startswith("Inst ")]
    return [name for name in named if name.startswith("lib") and not name.startswith(("libllvm", "libz3", "libc6"))]


def _bring_libraries(programs: Path, directories: Sequence[Path]) -> None:
    """Let each program find the libraries fetched with it, through a script of its name."""
    path = ":".join(
        str(directory) for directory in directories if directory.name != "lib" or "postgresql" not in str(directory)
    )
    if not path:
        return
    for name in ("postgres", "initdb", "pg_ctl"):
        script = programs / name
        script.rename(programs / f"{name}.real")
        script.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH="{path}" exec "$0.real" "$@"\n', encoding="utf-8")
        script.chmod(0o755)


def _unpack(packages: Sequence[str], directory: Path, what: str) -> None:
    wanted = f"this needs {what}: apt-get install {packages[0]}"
    if not shutil.which("apt-get"):
        missing(f"{wanted}, or its like on this system")
    got = subprocess.run(["apt-get", "download", *packages], cwd=directory, capture_output=True, text=True, check=False)
    files = [file for package in packages for file in directory.glob(f"{package}_*.deb")]
    if got.returncode or len(files) < len(packages):
        missing(f"{wanted} ({got.stderr.strip()[-200:]})")
    for file in files:
        subprocess.run(["dpkg", "-x", file, "unpacked"], cwd=directory, check=True)
        file.unlink()
