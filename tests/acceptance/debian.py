"""Programs that tests need and that PyPI has not: one that is installed, else that of Debian's package, unpacked."""

import shutil
import subprocess
from pathlib import Path

import pytest


def program(name: str, package: str, directory: Path) -> str:
    """Where the program is; its package is fetched into ``directory`` and unpacked there, without root."""
    installed = shutil.which(name)
    if installed:
        return installed
    unpacked = directory / "unpacked" / "usr" / "bin" / name
    if not unpacked.exists():
        _unpack(name, package, directory)
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


def _unpack(name: str, package: str, directory: Path) -> None:
    if not shutil.which("apt-get"):
        pytest.fail(f"this needs the program `{name}` on the PATH")
    got = subprocess.run(["apt-get", "download", package], cwd=directory, capture_output=True, text=True, check=False)
    packages = list(directory.glob(f"{package}_*.deb"))
    if got.returncode or not packages:
        pytest.fail(f"this needs the program `{name}`: apt-get install {package} ({got.stderr.strip()[-200:]})")
    subprocess.run(["dpkg", "-x", packages[0], "unpacked"], cwd=directory, check=True)
