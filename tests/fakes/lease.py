"""A lease in a test's hands."""

from dataclasses import dataclass


@dataclass
class FakeLease:
    """`abreast.ports.Lease`: ``held`` as the test says."""

    held: bool = True
