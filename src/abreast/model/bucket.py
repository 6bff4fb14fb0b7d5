"""Users' buckets, by the very hash that the gateway has Envoy use."""

from xxhash import xxh64_intdigest

from abreast.model.units import FULL_WEIGHT


def bucket(user: str, salt: str) -> int:
    """The user's bucket, 0 to 9999: those below a weight are the users that this weight gives to the candidate.

    Envoy hashes what `abreast.envoy.routes` makes of the identity, ``salt:user``, by xxHash64 with seed 0, and takes
    the remainder by the clusters' total weight, 10,000; the candidate's cluster comes first.
    """
    return xxh64_intdigest(f"{salt}:{user}".encode()) % FULL_WEIGHT
