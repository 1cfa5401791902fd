"""Random numbers that depend on a seed and a name alone, so that no part disturbs another's."""

import hashlib

import numpy as np


def generator(seed: int, stream: str) -> np.random.Generator:
    """Return the generator of a named stream; equal arguments always give equal numbers.

    Philox is counter-based: streams of different keys don't overlap (Salmon et al. 2011, "Parallel
    random numbers: as easy as 1, 2, 3").
    """
    digest = hashlib.sha256(f"{stream}:{seed}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
