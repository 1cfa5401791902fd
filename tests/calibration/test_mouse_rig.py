"""A real rig: four infrared cameras and fourteen poses of a ChArUco board."""

import pytest

from mvmono3d.calibration.board_file import read_board
from mvmono3d.calibration.calibrate import calibrate
from mvmono3d.calibration.inputs import gather_sightings


@pytest.mark.slow
def test_boards_not_used_are_measured_to_a_fifth_of_a_millimetre(mouse):
    sightings = gather_sightings(mouse, read_board(mouse / "board.toml"), processes=1)
    found = calibrate(sightings)
    judged = found.held_out
    assert 1e3 * judged.error_m[judged.triangulated].mean() < 0.06
    assert 1e3 * judged.error_as_drawn_m[judged.triangulated].mean() < 0.20
    assert judged.rms_px.max() < 0.20
    assert found.outlier.sum() < 0.05 * sightings.seen.sum()
    assert judged.triangulated.sum() > 0.9 * sightings.seen.any(axis=1).sum()
