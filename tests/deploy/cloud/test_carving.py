"""A ball that moves in the dark is carved where it is; who isn't answered for is not carved."""

from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.deploy.cloud.carving import Carving
from mvmono3d.deploy.server.cloud_points import cloud_points
from mvmono3d.deploy.server.messages import Box, Cloud
from mvmono3d.deploy.site.settings import PointCloud
from tests.deploy.cloud.spheres import RADIUS_M, RIG, answer_of, images_of, set_of
from tests.deploy.server.streams import random_frame

_SETTINGS = PointCloud(side_m=0.2, voxel_m=0.004)
_PLACES = np.array([[0.0, 0.0, 0.0], [0.02, 0.0, 0.01], [0.03, 0.02, 0.02], [0.02, 0.03, 0.0]])
_PIXEL_M = 0.005
"""What a pixel is worth where the ball is, rounded up."""


def _carving(settings: PointCloud = _SETTINGS, *, bits: int = 8) -> Carving:
    return Carving(RIG, settings, bits=bits)


def _radii(cloud: Cloud | None, centre: np.ndarray) -> np.ndarray:
    assert cloud is not None
    return np.linalg.norm(cloud_points(cloud) - centre, axis=-1)


def test_the_first_cloud_and_all_others_lie_round_the_ball():
    carving = _carving()
    for number, centre in enumerate(_PLACES):
        cloud = carving.step(set_of(images_of(centre, seed=number), number), answer_of(centre, number), None)
        radii = _radii(cloud, centre)
        # The hull holds the ball, and bulges where no camera looks along its surface.
        assert radii.min() > RADIUS_M - _SETTINGS.voxel_m - _PIXEL_M
        assert abs(np.median(radii) - RADIUS_M) < _SETTINGS.voxel_m
        assert radii.max() < 1.5 * RADIUS_M
        assert cloud is not None
        assert (cloud.id, cloud.t_ns) == (number, number)
    assert carving.words == "carving"


def test_nobody_no_cloud_but_a_background():
    carving, empty = _carving(), images_of(np.array([9.0, 9.0, 9.0]))
    nobody = random_frame(0, actors=0)
    assert carving.step(set_of(empty, 0), nobody, None) is None
    assert carving.words == "waits for somebody in view"
    centre = _PLACES[0]
    with_lamp = empty.copy()
    with_lamp[0, 37:62, 62:97] = 200
    for number in range(1, 200):
        carving.step(set_of(with_lamp, number), nobody, None)
    lit = np.maximum(images_of(centre), with_lamp)
    radii = _radii(carving.step(set_of(lit, 200), answer_of(centre, 200), None), centre)
    # That camera can't see the ball before a lamp that it learned; the lamp is not carved.
    assert np.median(radii) < 1.5 * RADIUS_M


def test_a_region_that_fits_needs_nobody_and_one_beside_holds_nothing():
    carving, nobody = _carving(), random_frame(0, actors=0)
    here = Box(center=(0.0, 0.0, 0.0), size=(0.2, 0.2, 0.2))
    there = Box(center=(0.0, 0.0, 0.3), size=(0.1, 0.1, 0.1))
    found = set_of(images_of(_PLACES[0]), 0)
    assert np.median(_radii(carving.step(found, nobody, here), _PLACES[0])) < 1.1 * RADIUS_M
    assert carving.step(set_of(images_of(_PLACES[0]), 1), nobody, there) is None
    assert carving.words.startswith(("sees an outline in", "the outlines don't meet"))


def test_a_wide_region_cuts_the_cloud():
    upper = Box(center=(0.0, 0.0, 1.0), size=(2.0, 2.0, 2.0))
    found, answer = set_of(images_of(_PLACES[0]), 0), answer_of(_PLACES[0], 0)
    whole, cut = _carving().step(found, answer, None), _carving().step(found, answer, upper)
    assert whole is not None
    assert cut is not None
    assert cloud_points(whole)[:, 2].min() < -0.03
    assert cloud_points(cut)[:, 2].min() > -1e-5
    assert cut.count == np.sum(cloud_points(whole)[:, 2] >= 0.0)


@pytest.mark.parametrize("dark", [False, True])
def test_a_camera_that_delivers_nothing_or_darkness_has_no_say(dark: bool):
    images, centre = images_of(_PLACES[0]), _PLACES[0]
    carving = _carving(PointCloud(side_m=0.2, voxel_m=0.004, least_views=3))
    carving.step(set_of(images, 0), answer_of(centre, 0), None)
    if dark:
        images[2] = 5
    found = set_of(images, 1, blind=None if dark else 2)
    assert np.median(_radii(carving.step(found, answer_of(centre, 1), None), centre)) < 1.2 * RADIUS_M
    images[1] = 5
    assert carving.step(set_of(images, 2, blind=None if dark else 2), answer_of(centre, 2), None) is None
    assert carving.words == "sees an outline in 2 views, needs 3"


def test_twelve_bits_are_carved_as_eight_are():
    images, centre = images_of(_PLACES[0]), _PLACES[0]
    eight = _carving().step(set_of(images, 0), answer_of(centre, 0), None)
    twelve = _carving(bits=12).step(set_of(images.astype(np.uint16) << 4, 0), answer_of(centre, 0), None)
    assert eight == twelve


def test_more_light_is_no_actor():
    carving, centre, far = _carving(), _PLACES[0], np.array([9.0, 9.0, 9.0])
    nobody = random_frame(0, actors=0)
    for number in range(20):
        carving.step(set_of(images_of(far, seed=number), number), nobody, None)
    brighter = (2 * images_of(centre)).clip(max=255).astype(np.uint8)
    cloud = carving.step(set_of(brighter, 20, exposure_ns=2000), answer_of(centre, 20), None)
    assert np.median(_radii(cloud, centre)) < 1.1 * RADIUS_M


def test_a_cloud_of_many_points_is_thinned_evenly():
    centre, found = _PLACES[0], set_of(images_of(_PLACES[0]), 0)
    whole = _carving().step(found, answer_of(centre, 0), None)
    few = _carving(PointCloud(side_m=0.2, voxel_m=0.004, most_points=500)).step(
        found, answer_of(centre, 0), None
    )
    assert whole is not None
    assert few is not None
    assert (few.count, whole.count > 500) == (500, True)
    np.testing.assert_allclose(
        cloud_points(few).mean(axis=0), cloud_points(whole).mean(axis=0), atol=0.2 * RADIUS_M
    )


def test_an_actor_that_the_cube_cuts_is_named():
    answer = answer_of(_PLACES[0], 0)
    wide = replace(answer.actors[0], points_world=20.0 * np.asarray(answer.actors[0].points_world))
    carving = _carving()
    assert carving.step(set_of(images_of(_PLACES[0]), 0), replace(answer, actors=(wide,)), None) is not None
    assert "cut off: the actor measures 0.8" in carving.words
