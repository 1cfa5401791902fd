import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mvmono3d.geometry.lens import area_scale, distort, one_to_one, undistort
from tests.geometry.rigs import lenses
from tests.tolerances import EXACT, ITERATED, PIXEL, UNDISTORTED

# Calibrated lenses of real recordings: (width, height, focal, k1 k2 p1 p2 k3), and one as wide as it gets.
REAL = {
    "barrel": (1280, 720, 900, (-0.3384, 0.0967, -0.00135, 0.00316, -0.00375)),
    "pincushion": (1280, 720, 1000, (0.1921, -0.2564, 0.0028, -0.0052, 0.1154)),
    "decentred": (1280, 720, 1000, (0.1695, -0.2495, -0.00075, 0.0125, 0.1563)),
    "mouse box": (640, 512, 527, (-0.3437, 0.1788, 0.0, 0.0, -0.0527)),
    "wide": (1280, 1024, 760, (-0.30, 0.12, 0.001, -0.001, -0.02)),
    "almost none": (1920, 1080, 1600, (-0.0007, 0.0022, 1e-5, 1e-5, 0.0)),
    "none": (1920, 1080, 1600, (0.0, 0.0, 0.0, 0.0, 0.0)),
}


def _packed(name):
    width, height, focal, distortion = REAL[name]
    lens = np.array([[focal, focal * 1.01, width / 2 + 3, height / 2 - 2, *distortion, 0.0]])
    grid = np.meshgrid(np.linspace(0, width - 1, 25), np.linspace(0, height - 1, 25))
    return lens, np.stack(grid, axis=-1).reshape(1, -1, 2)


def _fisheye():
    lens = np.array([[620.0, 615.0, 640.0, 512.0, 0.03, -0.012, 0.004, -0.0008, 0.0, 1.0]])
    grid = np.meshgrid(np.linspace(0, 1279, 25), np.linspace(0, 1023, 25))
    return lens, np.stack(grid, axis=-1).reshape(1, -1, 2)


def _matrix(lens):
    fx, fy, cx, cy = lens[:4]
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


@pytest.mark.parametrize("name", REAL)
def test_undistorting_then_distorting_is_identity_all_over_the_image(name):
    lens, pixels = _packed(name)
    np.testing.assert_allclose(distort(undistort(pixels, lens), lens), pixels, atol=UNDISTORTED * lens[0, 0])


def test_fisheye_round_trip_is_identity_all_over_the_image():
    lens, pixels = _fisheye()
    np.testing.assert_allclose(distort(undistort(pixels, lens), lens), pixels, atol=PIXEL)


@pytest.mark.parametrize("name", REAL)
def test_pinhole_agrees_with_opencv_both_ways(name):
    lens, pixels = _packed(name)
    normalised = undistort(pixels, lens)
    points = np.concatenate([normalised[0], np.ones((normalised.shape[1], 1))], axis=-1)
    matrix, distortion = _matrix(lens[0]), lens[0, 4:9]
    projected, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), matrix, distortion)
    np.testing.assert_allclose(distort(normalised, lens)[0], projected[:, 0], atol=PIXEL)
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 500, 1e-14)
    theirs = cv2.undistortPoints(pixels[0], matrix, distortion, criteria=stop)[:, 0]
    # OpenCV's own fixed point does not converge in the far corners of a strong lens.
    converged = np.linalg.norm(distort(theirs[None], lens)[0] - pixels[0], axis=-1) < PIXEL
    assert converged.mean() > 0.9
    np.testing.assert_allclose(normalised[0, converged], theirs[converged], atol=UNDISTORTED)


def test_fisheye_agrees_with_opencv_both_ways():
    lens, pixels = _fisheye()
    matrix, distortion = _matrix(lens[0]), lens[0, 4:8]
    theirs = cv2.fisheye.undistortPoints(pixels, matrix, distortion)
    ours = undistort(pixels, lens)
    np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=1e-5)
    back = cv2.fisheye.distortPoints(ours.reshape(-1, 1, 2), matrix, distortion)
    np.testing.assert_allclose(distort(ours, lens)[0], back[:, 0], atol=PIXEL)


def test_views_of_either_kind_mix_in_one_rig():
    lens = lenses(4, fisheye=(1, 3))
    normalised = np.random.default_rng(0).uniform(-0.4, 0.4, size=(5, 4, 6, 2))
    pixels = distort(normalised, lens)
    for view in range(4):
        alone = distort(normalised[:, view : view + 1], lens[view : view + 1])
        np.testing.assert_array_equal(pixels[:, view : view + 1], alone)
    np.testing.assert_allclose(undistort(pixels, lens), normalised, atol=ITERATED)


def test_a_pixel_beyond_the_reach_of_a_barrel_lens_gives_its_widest_ray():
    lens = np.array([[500.0, 500.0, 640.0, 512.0, -0.3, 0.0, 0.0, 0.0, 0.0, 0.0]])
    corner = undistort(np.array([[[0.0, 0.0]]]), lens)
    fold = np.sqrt(1 / 0.9)
    assert 0.7 * fold < np.linalg.norm(corner) <= fold


def test_one_to_one_ends_at_the_fold_and_does_not_come_back():
    lens = np.array([[500.0, 500.0, 640.0, 512.0, -0.3, 0.03, 0.0, 0.0, 0.0, 0.0]])
    # The slope 1 - 0.9 r² + 0.15 r⁴ is negative for r in (1.214, 2.127).
    radii = np.array([0.0, 0.5, 1.2, 1.23, 2.0, 2.2, 4.0])
    points = np.stack([radii, np.zeros_like(radii)], axis=-1)[None]
    np.testing.assert_array_equal(one_to_one(points, lens)[0], radii < 1.214)


@pytest.mark.parametrize("name", [*REAL, "fisheye"])
def test_area_scale_is_the_determinant_of_the_lens(name):
    lens, pixels = _fisheye() if name == "fisheye" else _packed(name)
    if name != "fisheye":
        lens[:, 6:8] = 0.0
    points = undistort(pixels, lens)[0, ::37]
    pinned = torch.tensor(lens)
    for point in points:
        jacobian = torch.autograd.functional.jacobian(
            lambda value: distort(value[None, None], pinned)[0, 0], torch.tensor(point)
        )
        expected = float(torch.linalg.det(torch.as_tensor(jacobian))) / (lens[0, 0] * lens[0, 1])
        assert abs(area_scale(point[None, None], lens)[0, 0] / expected - 1) < UNDISTORTED


def test_padding_without_focal_length_stays_finite():
    assert np.isfinite(undistort(np.full((2, 3, 2), 700.0), np.zeros((2, 10)))).all()


def test_the_dtype_stays_and_float32_is_precise():
    lens, pixels = _packed("wide")
    ours = undistort(pixels.astype(np.float32), lens.astype(np.float32))
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, undistort(pixels, lens), atol=3e-6)


def test_torch_equals_numpy():
    for lens, pixels in (_packed("wide"), _fisheye()):
        theirs = undistort(torch.tensor(pixels), torch.tensor(lens)).numpy()
        np.testing.assert_allclose(theirs, undistort(pixels, lens), rtol=ITERATED, atol=EXACT)


@pytest.mark.parametrize("fisheye", [(), (0, 1)])
def test_gradients_are_right_in_points_and_lens(fisheye):
    lens = torch.tensor(lenses(2, fisheye=fisheye))[:, :9]
    flag = torch.tensor([[float(bool(fisheye))]] * 2, dtype=torch.float64)
    generator = np.random.default_rng(1)
    normalised = torch.tensor(generator.uniform(-0.4, 0.4, size=(2, 3, 2)), requires_grad=True)
    lens.requires_grad_()

    def pixels_of(normalised, lens):
        return distort(normalised, torch.cat([lens, flag], dim=-1)) / 1000

    def normalised_of(pixels, lens):
        return undistort(pixels * 1000, torch.cat([lens, flag], dim=-1))

    assert torch.autograd.gradcheck(pixels_of, (normalised, lens), atol=1e-6)
    pixels = pixels_of(normalised, lens).detach().requires_grad_()
    assert torch.autograd.gradcheck(normalised_of, (pixels, lens), atol=1e-6)


@pytest.mark.parametrize("fisheye", [(), (0,)])
def test_gradients_at_the_optical_centre_are_those_of_a_straight_lens(fisheye):
    lens = torch.tensor(lenses(1, fisheye=fisheye))
    centre = torch.zeros(1, 1, 2, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda point: distort(point, lens), centre)
    np.testing.assert_allclose(
        np.asarray(jacobian)[0, 0, :, 0, 0], torch.diag(lens[0, :2]), rtol=ITERATED, atol=ITERATED
    )
    pixel = lens[:, None, 2:4]
    back = torch.autograd.functional.jacobian(lambda pixel: undistort(pixel, lens), pixel)
    np.testing.assert_allclose(
        np.asarray(back)[0, 0, :, 0, 0], torch.diag(1 / lens[0, :2]), rtol=ITERATED, atol=ITERATED
    )


@given(st.lists(st.integers(0, 3), max_size=3), st.booleans(), st.integers(1, 3), st.integers(0, 4))
def test_any_batch_shape_broadcasts(batch, shared, views, joints):
    lens = lenses(views)
    lens = lens if shared else np.broadcast_to(lens, (*batch, views, 10))
    pixels = np.full((*batch, views, joints, 2), 600.0)
    assert undistort(pixels, lens).shape == pixels.shape
    assert distort(pixels / 1000, lens).shape == pixels.shape
