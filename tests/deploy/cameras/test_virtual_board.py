"""A rehearsal of calibration: rendered boards, the project's own detector, and the true rig beside."""

from functools import cache

import numpy as np
import pytest

from mvmono3d.calibration.board_file import read_board
from mvmono3d.calibration.calibrate import calibrate
from mvmono3d.calibration.detect import find_corners
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.calibration.solution import CalibrationSettings
from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import read_rig
from mvmono3d.deploy.cameras.sources import VirtualSource
from mvmono3d.deploy.cameras.virtual_scene import BOARD, board_sheet, wave_board
from mvmono3d.deploy.cameras.virtual_truth import rig_path
from mvmono3d.deploy.site.site_file import site_path
from mvmono3d.geometry.projection import project
from mvmono3d.geometry.rigid import transform_points
from mvmono3d.geometry.triangulation import triangulate
from mvmono3d.synthetic.render.look import draw_look
from mvmono3d.synthetic.render.renderer import RenderSettings, exposure_times
from mvmono3d.synthetic.render.sensor import Exposure, SensorSettings, noise_key, take_picture
from mvmono3d.synthetic.render.sheet import SheetRenderer

EXPOSURE = Exposure(exposure_s=0.001)


@cache
def rig() -> Rig:
    return read_rig(rig_path(VirtualSource()))


def photograph(frames: int, *, seed: int):
    """Return found and true pixels (frame view corner 2), which were found, and their states."""
    times = exposure_times(frames, rate_hz=1.3, exposure_s=EXPOSURE.exposure_s, samples=3)
    sheet = board_sheet(BOARD, wave_board(BOARD, rig(), times, seed=seed))
    made = SheetRenderer(sheet, rig(), look=draw_look(seed), settings=RenderSettings(samples=3))
    shape = (frames, len(rig().names), BOARD.corners)
    pixels, seen, truth = np.zeros((*shape, 2)), np.zeros(shape, dtype=bool), np.zeros((*shape, 2))
    states = np.zeros(shape, dtype=int)
    for frame in range(frames):
        light, told = made.frame(frame).light, made.truth(frame)[0]
        truth[frame], states[frame] = told.pixels, told.state
        for view in range(shape[1]):
            key = noise_key(seed, frame=frame, view=view)
            found = find_corners(take_picture(light[view], EXPOSURE, SensorSettings(), key=key), BOARD)
            pixels[frame, view, found.numbers] = found.pixels
            seen[frame, view, found.numbers] = True
    return pixels, seen, truth, states


def test_detected_corners_lie_where_the_truth_says():
    pixels, seen, truth, states = photograph(3, seed=2)
    assert seen.sum() > 60
    error = (pixels - truth)[seen]
    length = np.linalg.norm(error, axis=1)
    # A few slanted corners are found half a pixel off.
    assert np.median(length) < 0.12
    assert np.quantile(length, 0.9) < 0.45
    assert np.abs(np.median(error, axis=0)).max() < 0.04
    assert (states[seen] == OcclusionState.VISIBLE).all()


@pytest.mark.slow
def test_a_rehearsed_calibration_recovers_the_rig():
    pixels, seen, _, _ = photograph(32, seed=1)
    kept = seen.any(axis=(1, 2))
    found = calibrate(
        BoardSightings(
            cameras=rig().names,
            size_px=np.asarray(rig().camera.size_px),
            corners_m=BOARD.corners_m(),
            pixels=pixels[kept],
            seen=seen[kept],
            labels=tuple(f"{place:03d}" for place in np.flatnonzero(kept)),
        ),
        settings=CalibrationSettings(),
    ).rig
    np.testing.assert_allclose(found.camera.focal_px, rig().camera.focal_px, rtol=0.005)
    # What a rig is for: points of the workspace, seen through the true cameras, measured with the found ones.
    points = np.random.default_rng(3).uniform(-0.1, 0.1, (60, 3))
    pixels = project(points, lens=rig().camera.lens, camera_from_world=rig().camera_from_world).pixels
    measured = triangulate(
        pixels,
        np.ones(pixels.shape[:-1]),
        lens=found.camera.lens,
        camera_from_world=found.camera_from_world,
        steps=5,
    ).points_world
    apart, true = (np.linalg.norm(each[:, None] - each, axis=-1) for each in (measured, points))
    assert np.sqrt(((apart - true) ** 2).mean()) < 0.5e-3


def test_the_virtual_site_s_board_is_the_one_that_is_shown():
    board = read_board(site_path("virtual").parent / "board.toml")
    assert (board.kind, board.squares, board.dictionary) == (BOARD.kind, BOARD.squares, BOARD.dictionary)
    assert board.corners_m() == pytest.approx(BOARD.corners_m())
    assert board.marker_m == pytest.approx(BOARD.marker_m)


def test_seconds_show_the_board_all_over_the_image_near_and_far_and_tilted():
    times = np.arange(0.0, 8.0, 0.05)
    poses = wave_board(BOARD, rig(), times, seed=0)
    points = transform_points(poses, BOARD.corners_m())
    seen = project(points, lens=rig().camera.lens, camera_from_world=rig().camera_from_world)
    width, height = np.asarray(rig().camera.size_px)[0]
    for pixels in np.moveaxis(seen.pixels, 1, 0):
        inside = (pixels >= 0.0).all(axis=-1) & (pixels < [width, height]).all(axis=-1)
        cells = (pixels[inside] * [6 / width, 4 / height]).astype(int)
        assert len(np.unique(cells, axis=0)) >= 20
    normals = poses[:, :, 2]
    middle = normals.mean(axis=0) / np.linalg.norm(normals.mean(axis=0))
    assert np.degrees(np.arccos(np.clip(normals @ middle, -1.0, 1.0))).max() > 35.0
