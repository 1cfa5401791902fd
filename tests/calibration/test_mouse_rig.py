"""A real rig: four infrared cameras and fourteen poses of a ChArUco board."""

import numpy as np
import pytest

from mvmono3d.calibration.board_file import read_board
from mvmono3d.calibration.calibrate import calibrate
from mvmono3d.calibration.inputs import gather_sightings


@pytest.mark.slow
def test_boards_not_used_are_measured_to_a_fifth_of_a_millimetre(mouse):
    sightings = gather_sightings(mouse, read_board(mouse / "board.toml"), processes=1)
    found = calibrate(sightings)
    judged = found.held_out
    assert 1e3 * judged.error_m[judged.triangulated].mean() < 0.18
    assert np.median(judged.rms_px) < 0.18
    assert found.outlier.sum() < 0.05 * sightings.seen.sum()
    assert judged.triangulated.sum() > 0.9 * sightings.seen.any(axis=1).sum()
