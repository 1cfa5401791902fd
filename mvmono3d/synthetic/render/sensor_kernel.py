# ruff: noqa: ANN001, ANN201, ANN202 - numba doesn't understand annotations
"""Compiled exposure of a sensor: from light to numbers, with noise that a pixel's place and a key decide."""

from math import sqrt
from typing import no_type_check

import numpy as np

from mvmono3d.geometry.compiled import compiled


@compiled
@no_type_check
def _scramble(number):
    """Mix 64 bits (Steele, Lea & Flood 2014, SplitMix64)."""
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))


@compiled
@no_type_check
def expose(
    rate, exposure_s, dark_rate, full_well, read_noise, per_electron, black, highest, key, normal, image
):
    """Fill `image` from `rate`, electrons per second.

    * `rate`: `(height, width)`.
    * `exposure_s`: How long the shutter is open.
    * `dark_rate`: Electrons per second without light.
    * `full_well`: Electrons that a pixel holds.
    * `read_noise`: Standard deviation of the readout [electrons].
    * `per_electron`: Numbers per electron, gain included.
    * `black`: What no light gives.
    * `highest`: The largest number of the format.
    * `key`: uint64 that decides the noise.
    * `normal`: `(2^n,)` normal numbers to draw from.
    * `image`: `(height, width)`, filled.
    """
    mask = np.uint64(normal.shape[0] - 1)
    step = np.uint64(0x9E3779B97F4A7C15)
    read2 = read_noise * read_noise
    counter = key
    for v in range(rate.shape[0]):
        for u in range(rate.shape[1]):
            counter += step
            noise = normal[_scramble(counter) & mask]
            electrons = (rate[v, u] + dark_rate) * exposure_s
            # Shot noise is Poisson: beyond some ten electrons as good as normal, of equal variance.
            electrons = min(electrons + sqrt(electrons + read2) * noise, full_well)
            value = black + per_electron * electrons + 0.5
            image[v, u] = int(min(max(value, 0.0), highest))
