from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mvmono3d.core.camera import Camera
from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.trajectory import PointSource, Reconstruction
from mvmono3d.deploy.reconstruct import reconstruct_with_bundle
from mvmono3d.errors import InvalidRecordError
from tests.export.stand_in import FRAMES, SKELETON, frames, lens, ring

ORDER = (2, 0, 3, 1)


def _rig(views: int) -> Rig:
    packed = lens(views)
    return Rig(
        camera=Camera(
            focal_px=packed[:, :2],
            centre_px=packed[:, 2:4],
            distortion=packed[:, 4:9],
            fisheye=np.zeros(views, dtype=bool),
            size_px=np.tile([1280, 800], (views, 1)),
        ),
        camera_from_world=ring(views),
        pose_sigma=np.full((views, 2), 1e-3),
        names=tuple(f"cam{view}" for view in range(views)),
    )


def _observations(views: int) -> Observations:
    seen = frames(views)
    return Observations(
        pixels=seen["pixels"].astype(np.float64),
        confidence=seen["confidence"].astype(np.float64),
        detected=seen["detected"],
        time_ns=np.arange(FRAMES, dtype=np.int64) * 16_666_667 + 1_700_000_000_000_000_000,
    )


def _run(folder: Path, views: int = 4) -> Reconstruction:
    return reconstruct_with_bundle(folder, _observations(views), rig=_rig(views), skeleton=SKELETON)


def test_the_reconstruction_has_the_shapes_of_its_recording(bundle_folder: Path):
    answer = _run(bundle_folder)
    assert answer.trajectory.points_world.shape == (FRAMES, 3, 3)
    assert answer.weights.shape == answer.reprojection_px.shape == (FRAMES, 4, 3)
    np.testing.assert_allclose(answer.occlusion.sum(axis=-1), 1.0, atol=1e-9)
    assert (answer.trajectory.source == PointSource.MEASURED).mean() > 0.9
    assert np.median(answer.reprojection_px[answer.reprojection_px > 0]) < 2.0


def test_the_first_frames_do_not_depend_on_the_later_ones(bundle_folder: Path):
    whole, half = _observations(4), _observations(4).map(lambda array: array[:5])
    rig = _rig(4)
    one = reconstruct_with_bundle(bundle_folder, whole, rig=rig, skeleton=SKELETON, noise_px=2.0)
    other = reconstruct_with_bundle(bundle_folder, half, rig=rig, skeleton=SKELETON, noise_px=2.0)
    np.testing.assert_array_equal(one.trajectory.points_world[:5], other.trajectory.points_world)


def test_three_cameras_run_on_the_graph_for_four(bundle_folder: Path):
    names = ("cam0", "cam1", "cam2")
    three = replace(_observations(4), **{
        name: getattr(_observations(4), name)[:, :3] for name in ("pixels", "confidence", "detected")
    })  # fmt: skip
    silent = _observations(4).detected.copy()
    silent[:, 3] = False
    answer = reconstruct_with_bundle(bundle_folder, three, rig=_rig(4).select(names), skeleton=SKELETON)
    same = reconstruct_with_bundle(
        bundle_folder, replace(_observations(4), detected=silent), rig=_rig(4), skeleton=SKELETON
    )
    assert answer.weights.shape == (FRAMES, 3, 3)
    np.testing.assert_allclose(answer.trajectory.points_world, same.trajectory.points_world, atol=1e-6)


def test_the_order_of_cameras_does_not_matter(bundle_folder: Path):
    straight, observations = _run(bundle_folder), _observations(4)
    turned = replace(observations, **{
        name: getattr(observations, name)[:, ORDER] for name in ("pixels", "confidence", "detected")
    })  # fmt: skip
    rig = _rig(4).select(tuple(f"cam{view}" for view in ORDER))
    other = reconstruct_with_bundle(bundle_folder, turned, rig=rig, skeleton=SKELETON)
    np.testing.assert_allclose(straight.trajectory.points_world, other.trajectory.points_world, atol=1e-5)
    np.testing.assert_allclose(straight.reprojection_px[:, ORDER], other.reprojection_px, atol=1e-2)


def test_what_does_not_fit_the_bundle_is_refused(bundle_folder: Path):
    other = replace(SKELETON, name="other", joints=("root", "left", "middle"))
    with pytest.raises(InvalidRecordError, match=r"skeleton 'other' \(3 joints\).*'three'.* lacks right"):
        reconstruct_with_bundle(bundle_folder, _observations(4), rig=_rig(4), skeleton=other)
    with pytest.raises(InvalidRecordError, match=r"pixels \(12, 3, 3, 2\), expected \(time, 4, 3, 2\)"):
        reconstruct_with_bundle(bundle_folder, _observations(3), rig=_rig(4), skeleton=SKELETON)
    with pytest.raises(InvalidRecordError, match="5 cameras"):
        _run(bundle_folder, views=5)
