"""Cameras that expose early or late are found from boards in motion."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

from mvmono3d.calibration.calibrate import calibrate
from mvmono3d.calibration.checks_time import checked_offsets
from mvmono3d.calibration.findings import Fault
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.calibration.solution import Calibration, CalibrationSettings
from mvmono3d.calibration.time_offsets import (
    TimeOffsets,
    board_motion,
    of_labels,
    synchronised,
    time_offsets,
)
from tests.calibration.board_motions import filmed
from tests.calibration.rig_sets import clean, photographed, random_world

LATE = 0.25
SLOWER = 5.0
FRAMES = 100
STEP = 7


@dataclass(frozen=True)
class Take:
    every: BoardSightings
    """All frames."""
    kept: BoardSightings
    """Those that the rig was solved from."""
    solved: Calibration


@cache
def take(late: float) -> Take:
    """A board carried slowly before three cameras, the third of which exposes late by so many frames."""
    world = random_world(2, views=3, poses=6)
    at = (np.arange(FRAMES)[:, None] + late * np.array([0.0, 0.0, 1.0])) / SLOWER
    boards = filmed(world, at)
    still = replace(world, estimate=replace(world.estimate, world_from_board=boards[:, 0]))
    every = photographed(still, noise_px=0.2, hidden=0.2, shown=boards)
    rows = np.arange(1, FRAMES, STEP)
    labels = tuple(every.labels[row] for row in rows)
    kept = replace(every, pixels=every.pixels[rows], seen=every.seen[rows], labels=labels)
    settings = CalibrationSettings(models=("pinhole2",), folds=2, grid_steps=2)
    return Take(every=every, kept=kept, solved=calibrate(kept, settings=settings))


def _true_pixels(made: Take) -> np.ndarray:
    """Where each camera would have seen the corners at the instant that the frames are numbered by."""
    world = random_world(2, views=3, poses=6)
    boards = filmed(world, np.arange(FRAMES)[:, None] / SLOWER)[:, 0]
    rows = [made.every.labels.index(label) for label in made.kept.labels]
    return clean(replace(world.estimate, world_from_board=boards[rows]), world.corners)[0]


def offsets_of(made: Take) -> TimeOffsets:
    motion = of_labels(board_motion(made.every), made.every, made.kept.labels)
    found = time_offsets(made.solved, made.kept, motion)
    assert found is not None
    return found


def test_a_late_camera_is_measured_and_named():
    made = take(LATE)
    found = offsets_of(made)
    assert found.unit == "frames"
    against_first = found.offset - found.offset[0]
    assert abs(against_first[2] - LATE) < max(4.0 * found.sigma[2], 0.05)
    assert abs(against_first[1]) < max(4.0 * found.sigma[1], 0.05)
    told = checked_offsets(found, made.solved)
    assert [finding.cameras for finding in told if finding.fault is Fault.UNSYNCHRONISED] == [("cam2",)]


def test_known_timestamps_are_taken_into_account():
    made = take(LATE)
    frame_ns = 10_000_000
    late_ns = np.array([0, 0, round(LATE * frame_ns)])
    stamps = 10**9 + frame_ns * np.arange(FRAMES)[:, None] + late_ns
    rows = [made.every.labels.index(label) for label in made.kept.labels]
    timed = Take(
        every=replace(made.every, time_ns=stamps),
        kept=replace(made.kept, time_ns=stamps[rows]),
        solved=made.solved,
    )
    found = offsets_of(timed)
    assert found.unit == "s"
    np.testing.assert_allclose(1e3 * found.offset, 0.0, atol=0.5)
    assert checked_offsets(found, made.solved) == ()


def test_corners_move_to_where_they_were_at_the_instant_of_the_pose():
    made = take(LATE)
    motion = of_labels(board_motion(made.every), made.every, made.kept.labels)
    moved = synchronised(made.kept, motion, offsets_of(made))
    together = _true_pixels(made)
    known = moved.seen[:, 2] & motion.known[:, 2]
    before = np.linalg.norm(made.kept.pixels[:, 2] - together[:, 2], axis=-1)[known]
    after = np.linalg.norm(moved.pixels[:, 2] - together[:, 2], axis=-1)[known]
    assert np.median(after) < 0.5
    assert np.median(after) < 0.25 * np.median(before)
    np.testing.assert_array_equal(moved.seen[:, :2], made.kept.seen[:, :2])


@pytest.mark.slow
def test_cameras_that_expose_together_have_no_offset():
    made = take(0.0)
    found = offsets_of(made)
    np.testing.assert_allclose(found.offset, 0.0, atol=0.03)
    assert checked_offsets(found, made.solved) == ()


def test_pictures_in_any_order_are_no_motion():
    still = photographed(random_world(3, views=2, poses=20), noise_px=0.2, hidden=0.2)
    assert board_motion(still).known.mean() < 0.02
