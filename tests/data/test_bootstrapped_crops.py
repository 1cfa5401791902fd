"""Labels from agreement: right where enough views agree, none where they don't."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mvmono3d.core.resources import resource_folder
from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import read_rig
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.data.bootstrapped_crops import BootstrappedCrops
from mvmono3d.data.consistent import ConsistencySettings, agree, find_windows, labelled_crops
from mvmono3d.deploy.detect.adapters import ADAPTER_FILE
from mvmono3d.deploy.detect.protocol import CropJoints, Crops, WholeImages
from mvmono3d.deploy.detect.windows import Windows, WindowSettings, windows_around
from mvmono3d.errors import ConfigurationError
from mvmono3d.geometry.crop import carry_pixels
from mvmono3d.geometry.projection import project
from tests.deploy.detect import graphs
from tests.deploy.detect.crops import whole_images

SKELETON = load_skeleton("hand21")
JOINTS = len(SKELETON.joints)
RIG_FILE = resource_folder("deploy", "sites", "virtual") / "rig.toml"
SETTINGS = ConsistencySettings(
    least_views=3, least_share=0.5, least_confidence=0.2, sigma_share=0.02, passes=2
)


@pytest.fixture(scope="module")
def rig() -> Rig:
    return read_rig(RIG_FILE)


class ToldDetector:
    """Says where joints are, but for some views of some joints, which it sees elsewhere."""

    skeleton, size = SKELETON, 64

    def __init__(self, pixels: np.ndarray, wrong: np.ndarray) -> None:
        self._pixels = pixels + np.where(wrong[..., None], [40.0, -25.0], 0.0)

    def detect(self, crops: Crops) -> CropJoints:
        pixels = carry_pixels(crops.crop_from_image, self._pixels)
        sure = np.where(crops.known[:, None], 0.9, 0.0) * np.ones(pixels.shape[:2])
        return CropJoints(pixels=pixels, sigma_px=np.ones(sure.shape), confidence=sure, visible=sure)


def _hand() -> np.ndarray:
    return 0.06 * np.random.default_rng(0).uniform(-1.0, 1.0, (JOINTS, 3))


def _pixels(points: np.ndarray, rig: Rig) -> np.ndarray:
    return project(points, lens=rig.camera.lens, camera_from_world=rig.camera_from_world).pixels


def _blank(rig: Rig) -> WholeImages:
    width, height = rig.camera.size_px[0]
    return whole_images(np.zeros((len(rig.names), height, width), dtype=np.uint8))


def test_a_view_that_is_wrong_gets_the_label_of_those_that_agree(rig):
    points = _hand()
    truth = _pixels(points, rig)
    wrong = np.zeros((len(rig.names), JOINTS), dtype=bool)
    wrong[0, :5] = True
    wrong[:2, 8] = True
    images, everything = _blank(rig), np.ones(JOINTS, dtype=bool)
    windows = windows_around(points, everything, rig, settings=WindowSettings())
    labelled = agree(images, windows, rig, detector=ToldDetector(truth, wrong), settings=SETTINGS)
    assert labelled is not None
    assert not labelled.kept[8]
    assert labelled.kept.sum() == JOINTS - 1
    crops = list(labelled_crops(images, labelled, rig, size=128, margin=1.7))
    assert len(crops) == len(rig.names)
    for view, crop in enumerate(crops):
        kept = crop.labelled
        np.testing.assert_array_equal(kept, labelled.kept)
        affine = np.linalg.lstsq(
            np.column_stack([crop.pixels[kept], np.ones(kept.sum())]), truth[view][kept], rcond=None
        )[0]
        # One similarity carries all labels onto the truth: also those that the detector had wrong.
        back = np.column_stack([crop.pixels[kept], np.ones(kept.sum())]) @ affine
        np.testing.assert_allclose(back, truth[view][kept], atol=0.2)
        assert not crop.visible[kept & wrong[view]].any()
        assert crop.visible[kept & ~wrong[view]].all()
        assert not crop.visible_known[wrong[view]].any()


def test_nothing_is_learned_where_too_few_joints_agree(rig):
    points = _hand()
    wrong = np.zeros((len(rig.names), JOINTS), dtype=bool)
    wrong[:2, : JOINTS - 5] = True
    windows = windows_around(points, np.ones(JOINTS, dtype=bool), rig, settings=WindowSettings())
    detector = ToldDetector(_pixels(points, rig), wrong)
    assert agree(_blank(rig), windows, rig, detector=detector, settings=SETTINGS) is None


class _Told:
    """A finder that gives the same candidates, and a detector that is sure only near some places."""

    skeleton, size = SKELETON, 64

    def __init__(self, candidates: tuple[Windows, ...], sure_at: np.ndarray) -> None:
        self._candidates, self._sure_at = candidates, sure_at

    def find(self, images: WholeImages) -> tuple[Windows, ...]:
        return self._candidates

    def detect(self, crops: Crops) -> CropJoints:
        place = carry_pixels(crops.crop_from_image, self._sure_at[:, None])[:, 0]
        near = ((place >= 0) & (place < self.size)).all(axis=-1) & crops.known
        sure = np.where(near, 0.9, 0.1)[:, None] * np.ones((1, JOINTS))
        middle = np.full((*sure.shape, 2), 0.5 * self.size)
        return CropJoints(pixels=middle, sigma_px=np.ones(sure.shape), confidence=sure, visible=sure)


def test_each_view_takes_the_candidate_of_which_the_detector_is_surest(rig):
    views = len(rig.names)
    places = np.array([[100.0, 100.0], [400.0, 250.0]])
    known = np.ones(views, dtype=bool)
    candidates = tuple(Windows.level(np.tile(at, (views, 1)), np.full(views, 60.0), known) for at in places)
    which = np.arange(views) % 2
    told = _Told(candidates, places[which])
    chosen = find_windows(_blank(rig), finder=told, detector=told)
    assert chosen is not None
    np.testing.assert_array_equal(chosen.centre_px, places[which])
    alone = _Told((replace(candidates[0], known=np.arange(views) == 0),), places[which])
    assert find_windows(_blank(rig), finder=alone, detector=alone) is None


def _videos(folder: Path, rig: Rig, *, frames: int) -> None:
    """A bright spot that moves through the room."""
    folder.mkdir()
    width, height = rig.camera.size_px[0].tolist()
    u, v = np.meshgrid(np.arange(width), np.arange(height))
    for view, name in enumerate(rig.names):
        code = cv2.VideoWriter.fourcc(*"FFV1")
        video = cv2.VideoWriter(str(folder / f"{name}.mkv"), code, 30.0, (width, height), isColor=False)
        for frame in range(frames):
            point = np.array([[0.05 * np.cos(frame), 0.05 * np.sin(frame), 0.02]])
            at = _pixels(point, rig)[view, 0]
            spot = 255.0 * np.exp(-((u - at[0]) ** 2 + (v - at[1]) ** 2) / (2 * 4.0**2))
            video.write(spot.astype(np.uint8))
        video.release()


def _source(folder: Path, **changes) -> BootstrappedCrops:
    given = {
        "videos": folder / "videos", "rig": RIG_FILE, "detector": folder / "detector", "skeleton": SKELETON,
        "settings": SETTINGS, "frames": {"train": [0, 4], "val": [4, 6], "test": [6, 8]}, "regions": None,
        "every": 1, "size": 96, "margin": 1.7, "cache": folder / "cache",
    }  # fmt: skip
    return BootstrappedCrops(**(given | changes))


def _session(folder: Path, rig: Rig) -> None:
    _videos(folder / "videos", rig, frames=8)
    (folder / "detector").mkdir()
    graphs.simcc(folder / "detector" / "net.onnx", joints=JOINTS, height=64, width=64)
    (folder / "detector" / ADAPTER_FILE).write_text(
        'kind = "simcc"\nmodel = "net.onnx"\nskeleton = "hand21"\n'
        "mean = [0.0, 0.0, 0.0]\ndeviation = [255.0, 255.0, 255.0]\n"
    )


@pytest.mark.parametrize("told", [False, True])
def test_videos_become_crops_whose_labels_lie_on_what_moves(tmp_path, rig, told):
    _session(tmp_path, rig)
    middle = _pixels(np.zeros((1, 3)), rig)[:, 0]
    regions = {name: [*at.tolist(), 200.0] for name, at in zip(rig.names, middle, strict=True)}
    source = _source(tmp_path, regions=regions if told else None)
    source.prepare()
    splits = source.open()
    assert len(splits.train) == 4 * len(rig.names)
    for place in range(len(splits.train)):
        crop = splits.train[place]
        assert crop.labelled.sum() >= 10
        u, v = crop.pixels[crop.labelled][0].round().astype(int)
        assert crop.images[0, v, u] > 200
    assert set(splits.train.subjects).isdisjoint(splits.test.subjects)


def test_splits_that_overlap_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="apart from each other"):
        _source(tmp_path, frames={"train": [0, 5], "val": [4, 6], "test": [6, 8]})


def test_a_region_for_some_cameras_only_is_refused(tmp_path, rig):
    _session(tmp_path, rig)
    with pytest.raises(ConfigurationError, match=r"data\.source\.regions is"):
        _source(tmp_path, regions={rig.names[0]: [10.0, 10.0, 50.0]}).prepare()
