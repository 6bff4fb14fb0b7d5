"""The lease of a control plane that has a store to itself."""


class LocalLease:
    """`abreast.ports.Lease` that is always held: the state directory is locked, so nobody else is there."""

    @property
    def held(self) -> bool:
        """Always."""
        return True
