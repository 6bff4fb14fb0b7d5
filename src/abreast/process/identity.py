"""Whose process is that? Every process that abreast starts carries a token in its environment.

The environment is inherited by all its descendants, whatever session or group they move to, and outlives the
control plane. It is ``HOME/KIND/NAME/BIRTH``: the state directory's own id, what it is (``instance``,
``envoy``), its name, and a random part that is new for each start.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Self

VARIABLE = "ABREAST_HOME"
"""The environment variable that holds the token."""

_PARTS = 4
_FILE = "home"


@dataclass(frozen=True)
class Identity:
    """One start of one process: the token's four parts, none of them with a slash."""

    home: str
    kind: str
    name: str
    birth: str

    def __post_init__(self) -> None:
        for part in (self.home, self.kind, self.name, self.birth):
            if not part or "/" in part:
                message = f"a part of an identity is a word without a slash, not {part!r}"
                raise ValueError(message)

    @property
    def token(self) -> str:
        """The value of `VARIABLE` in the process's environment."""
        return f"{self.home}/{self.kind}/{self.name}/{self.birth}"

    @classmethod
    def fresh(cls, home: str, kind: str, name: str) -> Self:
        """An identity for a start that is about to happen."""
        return cls(home, kind, name, secrets.token_hex(6))

    @classmethod
    def parse(cls, token: str) -> Self | None:
        """The identity that a token tells; None if it is no token."""
        parts = token.split("/")
        return cls(*parts) if len(parts) == _PARTS and all(parts) else None


def home_id(state_dir: Path) -> str:
    """The id of a state directory, made at the first call and kept in its file ``home``.

    The file also holds the directory's inode: a *copy* of a state directory gets an id of its own, so that
    whoever starts abreast on the copy does not take over, or end, the processes of the original.
    Raises OSError when the directory cannot be read or written.
    """
    known = known_home(state_dir)
    if known:
        return known
    file, inode = state_dir / _FILE, state_dir.stat().st_ino
    fresh = secrets.token_hex(8)
    draft = file.with_suffix(".new")
    draft.write_text(f"{fresh} {inode}\n", encoding="ascii")
    draft.replace(file)
    return fresh


def known_home(state_dir: Path) -> str:
    """The id that a state directory has, "" if it has none yet: nothing was ever started for it. Raises OSError."""
    file = state_dir / _FILE
    told = file.read_text(encoding="ascii").split() if file.exists() else []
    return told[0] if len(told) == len(("id", "inode")) and told[1] == str(state_dir.stat().st_ino) else ""
