"""Somebody else's networks behind our protocol: where they say a joint is, we say it is."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.detect.adapters import ADAPTER_FILE
from mvmono3d.deploy.detect.network import open_detector
from mvmono3d.deploy.detect.protocol import Crops, Detector
from mvmono3d.deploy.detect.simcc import from_heatmaps, from_simcc
from mvmono3d.errors import InvalidFileError, InvalidRecordError, MissingDependencyError
from tests.deploy.detect import graphs
from tests.deploy.detect.crops import random_crops

SKELETON = load_skeleton("hand21")
JOINTS = len(SKELETON.joints)
PLAIN = "mean = [0.0, 0.0, 0.0]\ndeviation = [255.0, 255.0, 255.0]\n"


def _spots(places: list[tuple[int, int]], *, size: int, known: np.ndarray | None = None) -> Crops:
    crops = random_crops(len(places), size=size, known=known)
    images = np.zeros_like(crops.images)
    for view, (u, v) in enumerate(places):
        images[view, v, u] = 255
    return Crops(
        images=images,
        known=crops.known,
        crop_from_image=crops.crop_from_image,
        frame_id=crops.frame_id,
        time_ns=0,
    )


@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 48), (48, 64)])
@pytest.mark.parametrize("batch", ["batch", 1])
def test_a_simcc_network_s_spot_is_where_it_is_in_our_crop(tmp_path, height, width, batch):
    graphs.simcc(tmp_path / "net.onnx", joints=JOINTS, height=height, width=width, batch=batch)
    (tmp_path / ADAPTER_FILE).write_text(f'kind = "simcc"\nmodel = "net.onnx"\nskeleton = "hand21"\n{PLAIN}')
    detector = open_detector(tmp_path)
    assert isinstance(detector, Detector)
    assert detector.size == min(height, width)
    places = [(5, 9), (40, 13), (30, 30)]
    known = np.array([True, False, True])
    found = detector.detect(_spots(places, size=detector.size, known=known))
    for view in (0, 2):
        np.testing.assert_allclose(found.pixels[view], np.tile(places[view], (JOINTS, 1)))
        np.testing.assert_allclose(found.confidence[view], (np.arange(JOINTS) + 1) / JOINTS, rtol=1e-5)
        assert (np.diff(found.sigma_px[view]) <= 0).all()
    assert (found.confidence[1] == 0).all()
    assert (found.sigma_px > 0).all()


def test_joints_are_matched_by_name(tmp_path):
    graphs.simcc(tmp_path / "net.onnx", joints=JOINTS + 1, height=64, width=64)
    names = ", ".join(f'"{name}"' for name in ("forearm", *reversed(SKELETON.joints)))
    settings = f'kind = "simcc"\nmodel = "net.onnx"\nskeleton = "hand21"\njoints = [{names}]\n{PLAIN}'
    (tmp_path / ADAPTER_FILE).write_text(settings)
    found = open_detector(tmp_path).detect(_spots([(9, 9)], size=64))
    expected = np.arange(JOINTS + 1, 1, -1) / (JOINTS + 1)
    np.testing.assert_allclose(found.confidence[0], expected, rtol=1e-5)


def test_a_heatmap_network_s_spot_is_within_its_cell(tmp_path):
    graphs.heatmap(tmp_path / "net.onnx", joints=JOINTS, height=64, width=64)
    (tmp_path / ADAPTER_FILE).write_text(
        f'kind = "heatmap"\nmodel = "net.onnx"\nskeleton = "hand21"\n{PLAIN}'
    )
    found = open_detector(tmp_path).detect(_spots([(21, 41)], size=64))
    assert (np.abs(found.pixels[0] - [20, 40]) <= 4).all()


def test_the_decoders_agree_with_a_peak_that_is_put_there():
    random = np.random.default_rng(0)
    places = random.integers(4, 28, (3, 5, 2))
    lines = np.zeros((2, 3, 5, 64))
    maps = np.zeros((3, 5, 32, 32))
    for view in range(3):
        for joint in range(5):
            u, v = places[view, joint]
            lines[0, view, joint, 2 * u], lines[1, view, joint, 2 * v] = 0.9, 0.6
            maps[view, joint, v, u], maps[view, joint, v, u + 1], maps[view, joint, v - 1, u] = 0.7, 0.4, 0.3
    pixels, score = from_simcc(lines[0], lines[1], split_ratio=2.0)
    np.testing.assert_allclose(pixels, places)
    np.testing.assert_allclose(score, 0.6)
    pixels, score = from_heatmaps(maps, height=32, width=32)
    np.testing.assert_allclose(pixels - places, np.broadcast_to([0.25, -0.25], places.shape))
    np.testing.assert_allclose(score, 0.7)


def test_what_is_wrong_with_a_folder_is_said(tmp_path):
    with pytest.raises(InvalidFileError, match=r"no detector in .*detector\.toml"):
        open_detector(tmp_path)
    path = tmp_path / ADAPTER_FILE
    path.write_text('kind = "simcc"\nmodel = "net.onnx"\nskeleton = "hand21"\n')
    with pytest.raises(InvalidFileError, match=r"no file 'net\.onnx' beside it"):
        open_detector(tmp_path)
    graphs.simcc(tmp_path / "net.onnx", joints=JOINTS, height=64, width=64)
    path.write_text('kind = "simcc"\nmodel = "net.onnx"\nskeleton = "hand21"\njoints = ["wrist"]\n')
    with pytest.raises(InvalidFileError, match="the network has no joint thumb_cmc"):
        open_detector(tmp_path)
    path.write_text('kind = "yolo"\nmodel = "net.onnx"\nskeleton = "hand21"\n')
    with pytest.raises(InvalidFileError, match="yolo"):
        open_detector(tmp_path)
    path.write_text('kind = "heatmap"\nmodel = "net.onnx"\nskeleton = "hand21"\n')
    with pytest.raises(InvalidFileError, match="one output"):
        open_detector(tmp_path)


def test_crops_of_another_size_are_refused(tmp_path):
    graphs.simcc(tmp_path / "net.onnx", joints=JOINTS, height=64, width=64)
    (tmp_path / ADAPTER_FILE).write_text('kind = "simcc"\nmodel = "net.onnx"\nskeleton = "hand21"\n')
    with pytest.raises(InvalidRecordError, match="this detector takes 64 px"):
        open_detector(tmp_path).detect(random_crops(2, size=32))


def test_a_task_file_without_the_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    _task_file(tmp_path)
    with pytest.raises(MissingDependencyError, match="pip install mediapipe"):
        open_detector(tmp_path)


def test_a_task_file_s_landmarks_become_pixels(tmp_path, monkeypatch):
    """The package is played by a stand-in with the part of its interface that we call."""
    landmarks = [SimpleNamespace(x=(joint + 0.5) / 224, y=0.5) for joint in range(JOINTS)]
    result = SimpleNamespace(hand_landmarks=[landmarks], handedness=[[SimpleNamespace(score=0.8)]])
    empty = SimpleNamespace(hand_landmarks=[], handedness=[])
    monkeypatch.setitem(sys.modules, "mediapipe", _package(lambda data: result if data.max() else empty))
    _task_file(tmp_path)
    detector = open_detector(tmp_path)
    found = detector.detect(_spots([(3, 3), (3, 3), (0, 0)], size=224, known=np.array([True, False, True])))
    np.testing.assert_allclose(found.pixels[0, :, 0], np.arange(JOINTS), atol=1e-4)
    np.testing.assert_allclose(found.pixels[0, :, 1], 111.5, atol=1e-4)
    assert found.confidence[0] == pytest.approx(np.full(JOINTS, 0.8))
    assert (found.confidence[1] == 0).all()


def _task_file(folder) -> None:
    (folder / "hand.task").write_bytes(b"task")
    (folder / ADAPTER_FILE).write_text('kind = "mediapipe"\nmodel = "hand.task"\nskeleton = "hand21"\n')


def _package(answer) -> ModuleType:
    package = ModuleType("mediapipe")
    landmarker = SimpleNamespace(detect=lambda picture: answer(picture.data))
    package.Image = SimpleNamespace  # type: ignore[attr-defined]
    package.ImageFormat = SimpleNamespace(SRGB=1)  # type: ignore[attr-defined]
    package.tasks = SimpleNamespace(  # type: ignore[attr-defined]
        BaseOptions=SimpleNamespace,
        vision=SimpleNamespace(
            HandLandmarkerOptions=SimpleNamespace,
            HandLandmarker=SimpleNamespace(create_from_options=lambda options: landmarker),
            PoseLandmarkerOptions=SimpleNamespace,
            PoseLandmarker=SimpleNamespace(create_from_options=lambda options: landmarker),
        ),
    )
    return package
