import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.lens import one_to_one
from mvmono3d.geometry.projection import project, to_normalised
from mvmono3d.pointcloud.hull import carve
from mvmono3d.pointcloud.surface import surface_of
from mvmono3d.pointcloud.volume import Volume
from tests.pointcloud.balls import (
    CENTRE,
    HEIGHT,
    RADIUS,
    SIDE,
    WIDTH,
    check_ball,
    depth_of_ball,
    moved,
    rig_round,
    voxel_centres,
)

VOXEL = 0.004


@pytest.fixture(scope="module")
def rig():
    return rig_round(6, fisheye=(1, 4))


@pytest.fixture(scope="module")
def masks(rig):
    return depth_of_ball(rig) > 0.0


def _carve(masks, rig, *, centre_m=CENTRE, side_m=SIDE, **options) -> Volume:
    return carve(masks, rig, centre_m=centre_m, side_m=side_m, voxel_m=VOXEL, **options)


def _inside(volume):
    return (volume.distance < 0.0) & (volume.weight > 0.0)


def _calls(volume, masks, rig):
    """(view, x, y, z): which views see a voxel, and which call it inside, by the nearest pixel."""
    places = voxel_centres(volume)
    flat, lens, pose = places.reshape(-1, 3), rig.camera.lens, rig.camera_from_world
    seen = project(flat, lens=lens, camera_from_world=pose)
    imaged = one_to_one(to_normalised(flat, camera_from_world=pose)[0], lens) & seen.in_front
    pixels = np.floor(seen.pixels.clip(-10.0, 1e4) + 0.5).astype(int)
    covered = imaged & (pixels >= 0).all(-1) & (pixels < [WIDTH, HEIGHT]).all(-1)
    u, v = np.where(covered[..., None], pixels, 0).transpose(2, 0, 1)
    inside = covered & masks[np.arange(len(masks))[:, None], v, u]
    return covered.reshape(-1, *places.shape[:3]), inside.reshape(-1, *places.shape[:3])


@pytest.mark.parametrize("tolerance", [0, 1, 2])
def test_inside_is_what_all_views_but_the_tolerated_call_inside(rig, masks, tolerance):
    volume = _carve(masks, rig, tolerance=tolerance)
    covered, inside = _calls(volume, masks, rig)
    expected = (covered & ~inside).sum(axis=0) <= tolerance
    assert expected.sum() > 1000
    # Half a pixel at this distance is a quarter of a voxel: nearer than that to the edge they may differ.
    clear = np.abs(volume.distance) * volume.truncation_m > 0.0015
    np.testing.assert_array_equal(_inside(volume)[clear], expected[clear])
    assert (_inside(volume) == expected).mean() > 0.98
    np.testing.assert_array_equal(volume.weight, covered.sum(axis=0))


def test_the_hull_holds_the_object(rig, masks):
    volume = _carve(masks, rig)
    deep = np.linalg.norm(voxel_centres(volume) - CENTRE, axis=-1) < RADIUS - 0.5 * VOXEL
    assert deep.sum() > 1000
    assert _inside(volume)[deep].all()


def test_another_view_never_makes_the_hull_larger(rig, masks):
    names, before = rig.names, None
    for views in range(2, len(names) + 1):
        inside = _inside(_carve(masks[:views], rig.select(names[:views])))
        assert before is None or not (inside & ~before).any()
        before = inside


def test_many_silhouettes_of_a_ball_make_a_ball():
    rig = rig_round(24, fisheye=(1, 7, 15))
    check_ball(surface_of(_carve(depth_of_ball(rig) > 0.0, rig)), voxel_m=VOXEL)


def test_the_hull_goes_with_rig_and_object(rig, masks):
    rotation, shift = Rotation.from_rotvec([1.2, 0.4, -0.7]).as_matrix(), np.array([0.9, 0.3, -0.6])
    there = surface_of(
        _carve(masks, moved(rig, rotation, shift), centre_m=rotation @ CENTRE + shift)
    ).points_m
    back = np.linalg.norm((there - shift) @ rotation - CENTRE, axis=1)
    here = np.linalg.norm(surface_of(_carve(masks, rig)).points_m - CENTRE, axis=1)
    np.testing.assert_allclose(
        np.quantile(back, [0.05, 0.5, 0.95]), np.quantile(here, [0.05, 0.5, 0.95]), atol=0.2 * VOXEL
    )


def test_one_black_view_deletes_everything_unless_it_is_tolerated(rig, masks):
    black = masks.copy()
    black[2] = False
    assert not _inside(_carve(black, rig)).any()
    kept = _inside(_carve(black, rig, tolerance=1))
    assert kept[_inside(_carve(masks, rig))].mean() > 0.99


def test_one_white_view_says_nothing(rig, masks):
    white = masks.copy()
    white[2] = True
    others = tuple(name for name in rig.names if name != "cam2")
    without = _carve(np.delete(masks, 2, axis=0), rig.select(others))
    np.testing.assert_allclose(_carve(white, rig).distance, without.distance, atol=1e-5)


def test_an_absent_view_is_as_if_it_were_not_in_the_rig(rig, masks):
    present = np.array([True, False, True, True, False, True])
    names = tuple(name for name, there in zip(rig.names, present, strict=True) if there)
    absent, gone = _carve(masks, rig, present=present), _carve(masks[present], rig.select(names))
    np.testing.assert_array_equal(absent.distance, gone.distance)
    np.testing.assert_array_equal(absent.weight, gone.weight)
    assert not _carve(masks, rig, present=np.zeros(6, dtype=bool)).weight.any()


def test_what_too_few_views_see_is_unknown(rig, masks):
    wide = {"side_m": 0.6, "centre_m": CENTRE + 0.2}
    for least in (1, 2, 4):
        volume = carve(masks, rig, voxel_m=0.012, least_views=least, **wide)
        covered, _ = _calls(volume, masks, rig)
        seeing = covered.sum(axis=0)
        assert 0.0 < (seeing < least).mean() < 1.0
        # In float32 a voxel on an image's very border may fall to either side of it.
        assert (volume.weight == np.where(seeing >= least, seeing, 0)).mean() > 0.9999
        assert not volume.distance[volume.weight == 0.0].any()


def test_silhouettes_that_reach_the_border_of_an_image_have_no_edge_there(rig):
    everything = np.ones((6, HEIGHT, WIDTH), dtype=bool)
    volume = carve(everything, rig, voxel_m=0.012, side_m=0.6, centre_m=CENTRE)
    assert (volume.distance[volume.weight > 0.0] < 0.0).all()


def test_silhouettes_that_are_not_the_rigs_are_refused(rig, masks):
    with pytest.raises(InvalidRecordError, match="camera of the rig"):
        _carve(masks[:3], rig)
    with pytest.raises(InvalidRecordError, match="of its size"):
        _carve(masks[:, :, :-1], rig)
    with pytest.raises(InvalidRecordError, match="1 or more"):
        _carve(masks, rig, least_views=0)
    with pytest.raises(InvalidRecordError, match="0 or more"):
        _carve(masks, rig, tolerance=-1)
