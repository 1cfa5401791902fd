"""What a user downloaded becomes detections and a rig, or one line that says why not."""

import importlib.util
from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import pytest
import yaml
from scipy.io import savemat

from mvmono3d.core.detections_file import read_detections
from mvmono3d.core.reconstruction_file import read_trajectory
from mvmono3d.core.rig_file import read_rig, write_rig
from mvmono3d.core.schema import sha256_of_file
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.core.trajectory import PointSource
from mvmono3d.formats.raw_dataset import prepare_readable, run_prepare, sha256_of_folder
from mvmono3d.pipeline.classical import reconstruct_dlt
from tests.contracts.repository import ROOT
from tests.recordings import recording, write_openpose
from tests.tolerances import ITERATED

DATASETS = ROOT / "datasets"
DOWNLOADED = ("pose2sim_demo", "mouse_4mono", "dannce_mouse6cam")


@pytest.fixture
def openpose(tmp_path: Path) -> tuple[Path, Path]:
    """A raw folder of OpenPose files and the manifest that lists it."""
    raw, made = tmp_path / "raw", recording(frames=3, skeleton="body25b")
    write_openpose(raw / "pose", made)
    write_rig(raw / "rig.toml", made.rig)
    pattern = "*/*.json"
    folder = {"pattern": pattern, "count": 12, "sha256": sha256_of_folder(raw / "pose", pattern)}
    take = {"detections": "pose", "rig": "rig.toml", "skeleton": "body25b", "rate_hz": 50}
    manifest = {
        "files": {"rig.toml": sha256_of_file(raw / "rig.toml")},
        "folders": {"pose": folder},
        "recordings": {"take": take | {"subject": "somebody", "split": "test"}},
    }
    (tmp_path / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    return raw, tmp_path / "manifest.yaml"


def test_a_raw_folder_becomes_detections_and_rig(openpose, tmp_path):
    raw, manifest = openpose
    assert run_prepare(prepare_readable, manifest=manifest, arguments=[str(raw), str(tmp_path / "out")]) == 0
    detections = read_detections(tmp_path / "out" / "take" / "detections.npz")
    rig = read_rig(tmp_path / "out" / "take" / "rig.toml")
    assert detections.views == rig.names
    assert detections.joints == load_skeleton("body25b").joints
    assert np.diff(detections.observations.time_ns).tolist() == [20_000_000] * 2
    trajectory = reconstruct_dlt(detections.observations, rig, load_skeleton("body25b")).trajectory
    made = recording(frames=3, skeleton="body25b")
    np.testing.assert_allclose(trajectory.points_world, made.points, atol=1e-6)


def test_a_file_of_another_version_is_refused(openpose, tmp_path, capsys):
    raw, manifest = openpose
    for changed, said in ((raw / "rig.toml", "rig.toml is not the file"), (_a_frame(raw), "pose is not")):
        before = changed.read_bytes()
        changed.write_bytes(before + b" ")
        arguments = [str(raw), str(tmp_path / "out")]
        assert run_prepare(prepare_readable, manifest=manifest, arguments=arguments) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
        assert not (tmp_path / "out").exists()
        changed.write_bytes(before)


def test_what_is_missing_is_named(openpose, tmp_path, capsys):
    raw, manifest = openpose
    _a_frame(raw).unlink()
    assert run_prepare(prepare_readable, manifest=manifest, arguments=[str(raw), str(tmp_path)]) == 2
    assert "11 files */*.json, expected 12" in capsys.readouterr().err
    (raw / "rig.toml").unlink()
    assert run_prepare(prepare_readable, manifest=manifest, arguments=[str(raw), str(tmp_path)]) == 2
    assert f"no file {raw / 'rig.toml'}" in capsys.readouterr().err
    assert run_prepare(prepare_readable, manifest=manifest, arguments=["nowhere", str(tmp_path)]) == 2
    assert "no folder nowhere" in capsys.readouterr().err


@pytest.mark.parametrize("dataset", DOWNLOADED)
def test_a_dataset_says_whose_recordings_are_for_what(dataset):
    manifest = yaml.safe_load((DATASETS / dataset / "manifest.yaml").read_text())
    assert manifest["name"] == dataset
    assert manifest["licence"]
    assert len(manifest["commit"]) == 40
    for entry in manifest["recordings"].values():
        assert entry["split"] in {"train", "val", "test"}
        assert entry["subject"]
    assert all(len(digest) == 64 for digest in manifest["files"].values())


@pytest.mark.parametrize("folder", sorted(path.name for path in DATASETS.iterdir() if path.is_dir()))
def test_a_dataset_has_a_card(folder):
    card = (DATASETS / folder / "card.md").read_text()
    for title in ("Origin", "Licence", "Rig", "Flaws", "Prepare"):
        assert f"\n## {title}\n" in card, f"datasets/{folder}/card.md"


def test_labels_of_dannce_triangulate_to_its_3d_labels(tmp_path):
    raw, points = _dannce(tmp_path / "raw")
    manifest = tmp_path / "manifest.yaml"
    take = {"labels": "label3d_dannce.mat", "size_px": [1152, 1024], "split": "test"}
    hashes = {"label3d_dannce.mat": sha256_of_file(raw / "label3d_dannce.mat")}
    manifest.write_text(yaml.safe_dump({"files": hashes, "recordings": {"take": take}}))
    prepare = _program("dannce_mouse6cam").prepare
    assert run_prepare(prepare, manifest=manifest, arguments=[str(raw), str(tmp_path / "out")]) == 0
    folder, skeleton = (
        tmp_path / "out" / "take",
        load_skeleton(DATASETS / "dannce_mouse6cam" / "mouse22.yaml"),
    )
    truth = read_trajectory(folder / "truth.npz", skeleton)
    np.testing.assert_allclose(truth.points_world[0], points[0], atol=1e-12)
    assert (truth.source[1] == PointSource.MISSING).tolist() == [True] + [False] * 21
    detections = read_detections(folder / "detections.npz")
    assert not detections.observations.detected[1, :, 0].any()
    found = reconstruct_dlt(detections.observations, read_rig(folder / "rig.toml"), skeleton).trajectory
    known = truth.source == PointSource.MEASURED
    np.testing.assert_allclose(found.points_world[known], truth.points_world[known], atol=ITERATED)


def test_a_simulated_recording_is_always_the_same(tmp_path, capsys):
    program = _program("simulated")
    for name in ("one", "two"):
        assert program.main([str(tmp_path / name), "--frames", "5", "--skeleton", "hand21"]) == 0
    one, two = (read_detections(tmp_path / name / "detections.npz").observations for name in ("one", "two"))
    assert (one.pixels == two.pixels).all()
    assert len(read_trajectory(tmp_path / "one" / "truth.npz", load_skeleton("hand21")).time_ns) == 5
    assert program.main([str(tmp_path / "three"), "--skeleton", "hand22"]) == 2
    assert "did you mean 'hand21'?" in capsys.readouterr().err


@pytest.mark.parametrize("dataset", DOWNLOADED)
def test_the_real_download_is_prepared(dataset, realdata, tmp_path):
    if not (realdata / dataset).is_dir():
        pytest.skip(f"no real recording {realdata / dataset}")
    program, manifest = _program(dataset), DATASETS / dataset / "manifest.yaml"
    prepare = getattr(program, "prepare", prepare_readable)
    assert run_prepare(prepare, manifest=manifest, arguments=[str(realdata / dataset), str(tmp_path)]) == 0
    for name in yaml.safe_load(manifest.read_text())["recordings"]:
        detections = read_detections(tmp_path / name / "detections.npz")
        assert detections.observations.detected.mean() > 0.8
        assert read_rig(tmp_path / name / "rig.toml").names == detections.views


def _a_frame(raw: Path) -> Path:
    return next((raw / "pose").glob("*/*.json"))


def _program(dataset: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"prepare_{dataset}", DATASETS / dataset / "prepare.py")
    if spec is None or spec.loader is None:
        pytest.fail(f"no datasets/{dataset}/prepare.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _dannce(raw: Path) -> tuple[Path, np.ndarray]:
    """Write a label file as MATLAB would, of skewed cameras without distortion; return the points in m."""
    made, raw_joints = recording(frames=2, skeleton="hand21"), 22
    points = np.concatenate([made.points, made.points[:, :1] + 0.01], axis=1)
    points_mm = 1e3 * points.reshape(2, -1)
    points_mm[1, :3] = np.nan
    cameras, labels = [], []
    for pose in np.asarray(made.rig.camera_from_world):
        matrix = np.array([[900.0, -5.0, 600.0], [0.0, 890.0, 500.0], [0.0, 0.0, 1.0]])
        homogeneous = (points @ pose[:, :3].T + pose[:, 3]) @ matrix.T
        pixels = (homogeneous[..., :2] / homogeneous[..., 2:]).reshape(2, -1)
        pixels[1, :2] = np.nan
        none = {"RDistort": np.zeros(3), "TDistort": np.zeros(2)}
        cameras.append({"K": matrix.T, "r": pose[:, :3].T, "t": 1e3 * pose[:, 3], **none})
        labels.append({"data_2d": pixels, "data_3d": points_mm, "data_sampleID": np.array([271, 721])})
    if points.shape[1] != raw_joints:
        pytest.fail("the recording must have DANNCE's joints")
    raw.mkdir()
    names = np.array([f"Camera{view + 1}" for view in range(len(cameras))], dtype=object)
    savemat(raw / "label3d_dannce.mat", {"params": cameras, "labelData": labels, "camnames": names})
    return raw, points


def test_a_sleap_session_in_millimetres_is_prepared_in_metres(tmp_path):
    raw, made = tmp_path / "raw", recording(frames=2, skeleton="mouse15")
    rig = made.rig
    raw.mkdir()
    in_mm = type(rig)(
        camera=rig.camera,
        camera_from_world=rig.camera_from_world * np.array([1.0, 1.0, 1.0, 1e3]),
        pose_sigma=rig.pose_sigma,
        names=rig.names,
    )
    write_rig(raw / "calibration.toml", in_mm)
    for view, name in enumerate(rig.names):
        with h5py.File(raw / f"{name}.analysis.h5", "w") as file:
            file["tracks"] = made.observations.pixels[:, view].transpose(2, 1, 0)[None]
            file["node_names"] = np.array(made.skeleton.joints, dtype="S")
    take = {"detections": ".", "rig": "calibration.toml", "units": "mm", "skeleton": "mouse15", "rate_hz": 30}
    manifest = tmp_path / "manifest.yaml"
    hashes = {"calibration.toml": sha256_of_file(raw / "calibration.toml")}
    manifest.write_text(yaml.safe_dump({"files": hashes, "recordings": {"take": take}}))
    assert run_prepare(prepare_readable, manifest=manifest, arguments=[str(raw), str(tmp_path / "out")]) == 0
    prepared = read_rig(tmp_path / "out" / "take" / "rig.toml")
    np.testing.assert_allclose(prepared.camera_from_world, rig.camera_from_world, atol=1e-12)
