"""Which way is up in windows of which nobody knows it yet."""

import math
from dataclasses import replace

import numpy as np

from mvmono3d.deploy.detect.crop import cut_windows
from mvmono3d.deploy.detect.protocol import Detector, WholeImages
from mvmono3d.deploy.detect.windows import Windows
from mvmono3d.geometry.crop import upright_turn

_TRIED = 4
"""Turns that are tried, evenly apart: a network must read joints up to half such a step from upright."""


def turned_upright(whole: WholeImages, windows: Windows, detector: Detector) -> Windows:
    """Return the windows turned as the detector wants them; those whose turn is known stay as they are.

    Each view takes the turn at which the detector is surest, made exact by the joints that it finds there.
    """
    unsure = windows.known & ~windows.turn_known
    if detector.skeleton.upright is None or not unsure.any():
        return windows
    below, above = detector.skeleton.upright
    surest, best = np.zeros(len(unsure)), windows.turn_rad
    for number in range(_TRIED):
        turn_rad = np.where(unsure, 2.0 * math.pi * number / _TRIED, windows.turn_rad)
        crops = cut_windows(whole, replace(windows, turn_rad=turn_rad, known=unsure), size=detector.size)
        found = detector.detect(crops)
        sure = np.where(crops.known, found.confidence.mean(axis=-1), 0.0)
        # What the joints found there say is still missing.
        exact = turn_rad + upright_turn(found.pixels[:, below], found.pixels[:, above])
        best, surest = np.where(unsure & (sure > surest), exact, best), np.maximum(sure, surest)
    return replace(windows, turn_rad=best, turn_known=windows.turn_known | (surest > 0.0))
