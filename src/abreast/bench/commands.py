"""Where the commands are that others install."""

import os
import shutil
import sys
from pathlib import Path


def which(command: str) -> str | None:
    """Look beside this interpreter (wheels put commands there), then on the PATH and where Debian has daemons."""
    places = (str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin")
    return shutil.which(command, path=os.pathsep.join(places))
