"""Where to look: what is there is found, what is not is not."""

import numpy as np
import pytest

from mvmono3d.core.schema import SCHEMA_VERSION
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.detect.bundle import DetectorBundle, DetectorGraph, DetectorManifest
from mvmono3d.deploy.detect.finder import GridFinder, NetworkFinder
from mvmono3d.deploy.detect.protocol import CropJoints, Crops, Finder
from mvmono3d.deploy.manifest import BundleFile
from mvmono3d.errors import InvalidFileError
from tests.deploy.detect import graphs
from tests.deploy.detect.crops import whole_images

SKELETON = load_skeleton("hand21")
SIZE, HEIGHT, WIDTH = 160, 400, 640


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> DetectorBundle:
    folder = tmp_path_factory.mktemp("finder")
    graphs.finder(folder / "finder.onnx", size=SIZE)
    file = BundleFile(name="finder.onnx", sha256="")
    graph = DetectorGraph(role="finder", size=SIZE, precision="fp32", file=file, figures=(), training={})
    manifest = DetectorManifest(
        schema=SCHEMA_VERSION, kind="detector", version="", commit="", opset=17, skeleton=SKELETON,
        margin=1.35, graphs=(graph,), selftest=file, card=file, tolerance_px=0.1,
    )  # fmt: skip
    return DetectorBundle(folder=folder, manifest=manifest)


def _scene(*blobs: tuple[int, int, int, int]) -> np.ndarray:
    """Bright squares of a side round a place, of a brightness."""
    image = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    for u, v, side, bright in blobs:
        image[v - side // 2 : v + side // 2, u - side // 2 : u + side // 2] = bright
    return image


def test_the_window_lies_round_what_is_there(bundle):
    finder = NetworkFinder(bundle)
    assert isinstance(finder, Finder)
    images = np.stack([_scene((120, 90, 100, 255)), _scene((500, 300, 60, 255))])
    windows = finder.find(whole_images(images))[0]
    assert windows.known.all()
    np.testing.assert_allclose(windows.centre_px, [[119.5, 89.5], [499.5, 299.5]], atol=6)
    assert (windows.side_px > [100, 60]).all()
    assert (windows.side_px < [180, 120]).all()


def test_two_actors_are_two_candidates_the_heavier_first(bundle):
    images = np.stack([_scene((120, 100, 90, 255), (480, 280, 80, 255))] * 2)
    candidates = NetworkFinder(bundle).find(whole_images(images))
    assert len(candidates) == 2
    for windows, place in zip(candidates, ([120, 100], [480, 280]), strict=True):
        np.testing.assert_allclose(windows.centre_px, np.tile(place, (2, 1)), atol=8)


def test_nothing_is_found_where_nothing_is_or_no_image_came(bundle):
    finder = NetworkFinder(bundle)
    assert finder.find(whole_images(np.zeros((2, HEIGHT, WIDTH), dtype=np.uint8))) == ()
    seen = np.stack([_scene((120, 90, 100, 255))] * 2)
    windows = finder.find(whole_images(seen, present=np.array([False, True])))[0]
    assert windows.known.tolist() == [False, True]
    assert finder.find(whole_images(seen, present=np.zeros(2, dtype=bool))) == ()


def test_a_bundle_without_a_finder_is_no_network_finder(bundle):
    manifest = bundle.manifest.__class__(
        **{name: getattr(bundle.manifest, name) for name in bundle.manifest.__struct_fields__}
        | {"graphs": ()}
    )
    with pytest.raises(InvalidFileError, match="no graph that finds"):
        NetworkFinder(DetectorBundle(folder=bundle.folder, manifest=manifest))


class BrightDetector:
    """Joints at the corners of what is bright; sure where it fills the crop well and touches no edge."""

    skeleton, size = SKELETON, 64

    def detect(self, crops: Crops) -> CropJoints:
        views, joints = len(crops.known), len(SKELETON.joints)
        pixels, confidence = np.zeros((views, joints, 2)), np.zeros((views, joints))
        for view in np.flatnonzero(crops.known):
            v, u = np.nonzero(crops.images[view] > 128)
            if not len(u) or min(u.min(), v.min()) == 0 or max(u.max(), v.max()) == self.size - 1:
                continue
            corners = np.array([[u.min(), v.min()], [u.max(), v.max()], [u.min(), v.max()]])
            pixels[view] = np.resize(corners, (joints, 2))
            confidence[view] = min(1.0, 2.0 * np.ptp(u) / self.size)
        return CropJoints(
            pixels=pixels, sigma_px=np.ones((views, joints)), confidence=confidence, visible=confidence
        )


def test_a_detector_on_a_grid_finds_what_it_knows(bundle):
    finder = GridFinder(BrightDetector())
    images = np.stack([_scene((150, 120, 100, 255)), _scene((520, 300, 100, 255)), _scene()])
    windows = finder.find(whole_images(images))[0]
    assert windows.known.tolist() == [True, True, False]
    np.testing.assert_allclose(windows.centre_px[:2], [[149.5, 119.5], [519.5, 299.5]], atol=6)
    np.testing.assert_allclose(windows.side_px[:2], 135, atol=20)
    assert finder.find(whole_images(images[2:])) == ()
