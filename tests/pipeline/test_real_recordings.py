"""Recordings that nobody here made: agreement with other tools, and prediction of cameras left out."""

import numpy as np
import pytest

from mvmono3d.cli import main
from mvmono3d.core.camera import Camera
from mvmono3d.core.observations import Observations
from mvmono3d.core.reconstruction_file import read_reconstruction
from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import read_rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton, parse_skeleton
from mvmono3d.core.trajectory import PointSource
from mvmono3d.formats.any_detections import read_any_detections
from mvmono3d.formats.trc import read_trc
from mvmono3d.pipeline.classical import reconstruct_dlt, reconstruct_robust
from mvmono3d.pipeline.consensus import triangulate_consensus
from mvmono3d.pipeline.leave_one_out import leave_one_view_out

TRIAL = "S00_P00_SingleParticipant/S00_P00_T01_BalancingTrial"
RIG = "S00_Calibration/Calib_qualisys.toml"
SIDES = {
    **{"Hip": "hip", "Knee": "knee", "Ankle": "ankle", "BigToe": "big_toe", "SmallToe": "small_toe"},
    **{"Heel": "heel", "Shoulder": "shoulder", "Elbow": "elbow", "Wrist": "wrist"},
}
MARKERS = {
    **{"Neck": "upper_neck", "Head": "head_top", "Nose": "nose"},
    **{
        f"{side[0].upper()}{marker}": f"{side}_{joint}"
        for side in ("left", "right")
        for marker, joint in SIDES.items()
    },
}
MOUSE = {
    "name": "mouse",
    "joints": {
        name: {"parent": None if name == "Trunk" else "Trunk"}
        for name in (
            *("Nose", "Ear_R", "Ear_L", "TTI", "TailTip", "Head", "Trunk", "Tail_0", "Tail_1", "Tail_2"),
            *("Shoulder_left", "Shoulder_right", "Haunch_left", "Haunch_right", "Neck"),
        )
    },
}


@pytest.fixture(scope="module")
def person(pose2sim):
    rig, skeleton = read_rig(pose2sim / RIG), load_skeleton("body25b")
    detections = read_any_detections(pose2sim / TRIAL / "pose-associated", skeleton=skeleton, views=rig.names)
    return detections.observations, rig, skeleton


def test_the_dlt_agrees_with_pose2sim(person, pose2sim):
    observations, rig, skeleton = person
    trajectory = reconstruct_dlt(observations, rig, skeleton).trajectory
    shipped = read_trc(next((pose2sim / TRIAL / "pose-3d").glob("*_0-100.trc")))
    order = [skeleton.index(MARKERS[name]) for name in shipped.names]
    both = (trajectory.source[:, order] != PointSource.MISSING) & shipped.present
    error_mm = 1e3 * np.linalg.norm(trajectory.points_world[:, order] - shipped.points_world, axis=-1)[both]
    assert both.mean() > 0.99
    assert np.median(error_mm) < 0.5


def test_a_robust_answer_predicts_a_camera_left_out_better_than_the_dlt(person):
    observations, rig, skeleton = person
    _, sigma_px = triangulate_consensus(observations, rig)
    robust = leave_one_view_out(
        observations,
        rig,
        reconstruct=lambda seen: reconstruct_robust(seen, rig, skeleton, sigma_px=sigma_px),
    )
    plain = leave_one_view_out(
        observations, rig, reconstruct=lambda seen: reconstruct_dlt(seen, rig, skeleton)
    )
    # Pose2Sim's own threshold.
    confident = observations.confidence > 0.3
    both = robust.predicted & plain.predicted & confident
    assert both.sum() > 0.9 * (plain.predicted & confident).sum()
    assert np.median(robust.error_px[both]) <= np.median(plain.error_px[both])
    assert np.quantile(robust.error_px[both], 0.9) < np.quantile(plain.error_px[both], 0.9)


def test_the_verb_runs_on_a_mouse_in_millimetres(mouse, tmp_path, capsys):
    import yaml

    (tmp_path / "mouse.yaml").write_text(yaml.safe_dump(MOUSE, sort_keys=False))
    rig, out = mouse / "calibration_4cam_fd57457.toml", tmp_path / "out.npz"
    arguments = ["reconstruct", str(mouse), "--rig", str(rig), "--skeleton", str(tmp_path / "mouse.yaml")]
    assert main([*arguments, "--out", str(out)]) == 2
    assert "say --units mm" in capsys.readouterr().err
    assert main([*arguments, "--out", str(out), "--units", "mm"]) == 0
    trajectory = read_reconstruction(out, load_skeleton(tmp_path / "mouse.yaml")).trajectory
    assert (trajectory.source == PointSource.MEASURED).mean() > 0.9
    bone = trajectory.points_world[:, 0] - trajectory.points_world[:, 5]
    assert 0.005 < np.median(np.linalg.norm(bone, axis=-1)) < 0.05


def test_joints_agree_with_labels_that_six_cameras_saw(realdata):
    scipy_io = pytest.importorskip("scipy.io")
    path = realdata / "dannce_mouse6cam" / "markerless_mouse_1" / "label3d_dannce.mat"
    if not path.is_file():
        pytest.skip(f"no real recording {path}")
    rig, observations, labels = _dannce(scipy_io.loadmat(path, simplify_cells=True))
    joints = {f"joint_{i}": {"parent": "joint_0" if i else None} for i in range(labels.shape[1])}
    skeleton: Skeleton = parse_skeleton({"name": "mouse22", "joints": joints}, where="mouse22")
    for method in (reconstruct_dlt, reconstruct_robust):
        trajectory = method(observations, rig, skeleton).trajectory
        solved = trajectory.source == PointSource.MEASURED
        error_mm = 1e3 * np.linalg.norm(trajectory.points_world - labels, axis=-1)[solved]
        assert solved[observations.detected.all(axis=1)].mean() > 0.99
        assert np.median(error_mm) < 0.1


def _dannce(content) -> tuple[Rig, Observations, np.ndarray]:
    """MATLAB's row vectors, millimetres and skewed pixels as our rig and observations, which have no skew."""
    cameras = content["params"]
    matrices = np.stack([camera["K"].T for camera in cameras])
    radial, tangential = (np.stack([camera[key] for camera in cameras]) for key in ("RDistort", "TDistort"))
    pose = np.stack([np.column_stack([camera["r"].T, camera["t"] * 1e-3]) for camera in cameras])
    frames = len(content["labelData"][0]["data_2d"])
    pixels = np.stack([label["data_2d"].reshape(frames, -1, 2) for label in content["labelData"]], axis=1)
    row = (pixels[..., 1] - matrices[:, 1, 2, None]) / matrices[:, 1, 1, None]
    pixels[..., 0] -= matrices[:, 0, 1, None] * row
    detected = np.asarray(np.isfinite(pixels).all(axis=-1))
    rig = Rig(
        camera=Camera(
            focal_px=matrices[:, [0, 1], [0, 1]],
            centre_px=matrices[:, :2, 2],
            distortion=np.column_stack([radial[:, :2], tangential, radial[:, 2]]),
            fisheye=np.zeros(len(cameras), dtype=bool),
            size_px=np.tile(np.array([1152, 1024]), (len(cameras), 1)),
        ),
        camera_from_world=pose,
        pose_sigma=np.zeros((len(cameras), 2)),
        names=tuple(str(name) for name in content["camnames"]),
    )
    observations = Observations(
        pixels=np.where(detected[..., None], pixels, 0.0),
        confidence=detected.astype(np.float64),
        detected=detected,
        time_ns=np.arange(frames, dtype=np.int64) * 10_000_000,
    )
    labels = np.nan_to_num(content["labelData"][0]["data_3d"].reshape(frames, -1, 3)) * 1e-3
    return rig, observations, labels
