"""Cameras that expose row after row are found from boards in motion."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from mvmono3d.calibration.calibrate import calibrate
from mvmono3d.calibration.findings import Fault
from mvmono3d.calibration.rolling_shutter import Readout, checked_readout, readout_times
from mvmono3d.calibration.solution import CalibrationSettings
from mvmono3d.calibration.time_offsets import board_motion, of_labels, time_offsets
from tests.calibration.board_motions import filmed
from tests.calibration.rig_sets import SIZE, clean, photographed, random_world

FRAMES = 100
STEP = 7
SLOWER = 5.0
ROLLING = np.array([0.0, 0.6, 0.0])
"""Of the time between two frames, from the first row to the last."""


@cache
def solved(seed: int, *, rolling: bool):
    """A board carried before three cameras; all frames' motion, kept poses, and the rig from those."""
    world = random_world(seed, views=3, poses=6)
    at = np.repeat(np.arange(FRAMES)[:, None], 3, axis=1) / SLOWER
    boards = filmed(world, at)
    still = replace(world, estimate=replace(world.estimate, world_from_board=boards[:, 0]))
    every = photographed(still, noise_px=0.2, hidden=0.2, shown=boards)
    if rolling:
        every = replace(every, pixels=every.pixels + bent(world, at, every.pixels) * every.seen[..., None])
    rows = np.arange(1, FRAMES, STEP)
    labels = tuple(every.labels[row] for row in rows)
    kept = replace(every, pixels=every.pixels[rows], seen=every.seen[rows], labels=labels)
    settings = CalibrationSettings(models=("pinhole2",), folds=2, grid_steps=2)
    motion = of_labels(board_motion(every), every, labels)
    return calibrate(kept, settings=settings), kept, motion


def bent(world, at, pixels):
    """By how much corners move until their row is read: linear between half a readout before and after."""
    half = ROLLING / 2.0 / SLOWER
    shown = [filmed(world, np.maximum(at + sign * half, 0.0)) for sign in (-1.0, 1.0)]
    still = replace(world.estimate, world_from_board=shown[0][:, 0])
    before, after = (clean(still, world.corners, boards)[0] for boards in shown)
    row = (pixels[..., 1:] + 0.5) / SIZE[1] - 0.5
    return row * (after - before)


def found(seed, *, rolling) -> Readout:
    calibration, kept, motion = solved(seed, rolling=rolling)
    readout = readout_times(calibration, kept, motion)
    assert readout is not None
    return readout


@pytest.mark.slow
def test_a_rolling_shutter_is_measured_and_named():
    readout = found(2, rolling=True)
    np.testing.assert_allclose(readout.time, ROLLING, atol=0.08)
    assert readout.unit == "frames"
    told = checked_readout(readout, solved(2, rolling=True)[0])
    assert [(one.fault, one.cameras) for one in told] == [(Fault.ROLLING_SHUTTER, ("cam1",))]
    assert "from top to bottom" in told[0].message


def test_rows_do_not_pass_for_a_late_camera():
    calibration, kept, motion = solved(2, rolling=True)
    offsets = time_offsets(calibration, kept, motion)
    assert offsets is not None
    np.testing.assert_allclose(offsets.offset, 0.0, atol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 4, 5])
def test_a_global_shutter_is_not_accused(seed):
    readout = found(seed, rolling=False)
    assert checked_readout(readout, solved(seed, rolling=False)[0]) == []


def test_boards_at_rest_say_nothing_of_shutters():
    calibration, kept, motion = solved(2, rolling=False)
    resting = motion.map(lambda array: np.zeros_like(array))
    assert readout_times(calibration, kept, resting) is None
