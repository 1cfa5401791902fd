# ruff: noqa: ANN001, ANN201 - numba doesn't understand annotations
"""Compiled: one pass over an image to learn its background, one to find what is brighter."""

from typing import no_type_check

import numpy as np

from mvmono3d.geometry.compiled import compiled

_ZERO, _LEAST_SPREAD = np.float32(0.0), np.float32(0.5)


@compiled
@no_type_check
def follow(image, actor, level, spread, rise, fall, wide):
    """Move `level` towards the image, slowly up and quickly down, and `spread` towards the change's size.

    Both are changed. A step counts no more than `wide` spreads: what passes by, however bright, moves them
    as little as noise does. Where `actor` is true the level only falls.
    """
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            change = np.float32(image[row, column]) - level[row, column]
            if actor[row, column] and change > _ZERO:
                continue
            most = wide * spread[row, column]
            step = min(change, most)
            level[row, column] += (rise if step > _ZERO else fall) * step
            size = min(abs(change), most)
            spread[row, column] = max(
                spread[row, column] + rise * (size - spread[row, column]), _LEAST_SPREAD
            )


@compiled
@no_type_check
def brighter(image, level, spread, sure, least, mask):
    """Set `mask` where an image is above its background by `sure` spreads and by `least` grey levels."""
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            above = np.float32(image[row, column]) - level[row, column]
            mask[row, column] = above > max(sure * spread[row, column], least)
