"""Randomness from counters: a number drawn for a place depends on the place, never on the past.

Whoever knows (seed, epoch, sample) knows the sample's augmentation, so a run that was killed continues
exactly where it stood, with any number of workers.
"""

import numpy as np

ORDER, AUGMENTATION, STEP, LABELS = range(4)
"""What the numbers are for: streams of different purposes never overlap."""


def generator(seed: int, *place: int) -> np.random.Generator:
    """Return the generator of one place under a seed (Philox: Salmon et al. 2011)."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, *place))))


def number(seed: int, *place: int) -> int:
    """Return the 63-bit number of one place under a seed: a seed for somebody else's generator."""
    return int(generator(seed, *place).integers(2**63))
