from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.pointcloud.surface import surface_of
from mvmono3d.pointcloud.volume import empty_volume
from tests.pointcloud.balls import voxel_centres

CENTRE = np.array([0.3, -0.1, 0.2])


def _volume(distance_m, *, known=None):
    """A volume that knows a function of places everywhere, or where `known` says."""
    empty = empty_volume(CENTRE, side_m=0.16, voxel_m=0.005)
    places = voxel_centres(empty)
    distance = np.clip(distance_m(places) / empty.truncation_m, -1.0, 1.0).astype(np.float32)
    weight = np.ones_like(distance) if known is None else known(places).astype(np.float32)
    return replace(empty, distance=distance * weight, weight=weight)


@pytest.mark.parametrize("normal", [(1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.48, 0.6, -0.64), (-0.6, 0.0, 0.8)])
def test_a_plane_is_found_exactly(normal):
    volume = _volume(lambda places: (places - CENTRE - 0.0011) @ np.array(normal))
    surface = surface_of(volume)
    assert len(surface.points_m) >= 32 * 32
    np.testing.assert_allclose((surface.points_m - CENTRE - 0.0011) @ np.array(normal), 0.0, atol=2e-7)
    np.testing.assert_allclose(surface.normals, np.tile(normal, (len(surface.normals), 1)), atol=2e-4)


def test_every_change_of_sign_along_an_axis_is_a_point():
    volume = _volume(lambda places: np.linalg.norm(places - CENTRE, axis=-1) - 0.05)
    inside = volume.distance < 0.0
    changes = sum(int((np.diff(inside.astype(int), axis=axis) != 0).sum()) for axis in range(3))
    assert len(surface_of(volume).points_m) == changes > 1000


def test_nothing_is_found_next_to_what_is_unknown():
    def ball(places):
        return np.linalg.norm(places - CENTRE, axis=-1) - 0.05

    upper = surface_of(_volume(ball, known=lambda places: places[..., 2] > CENTRE[2]))
    whole = surface_of(_volume(ball))
    assert upper.points_m[:, 2].min() > CENTRE[2]
    assert 0.4 < len(upper.points_m) / len(whole.points_m) <= 0.5
    away = (upper.points_m - CENTRE) / 0.05
    assert (upper.normals * away).sum(axis=1).min() > 0.95


def test_a_surface_at_the_border_of_the_cube_has_normals_too():
    volume = _volume(lambda places: places[..., 0] - places[..., 0].min() - 0.004)
    np.testing.assert_allclose(surface_of(volume).normals[:, 0], 1.0, atol=1e-5)


def test_an_empty_volume_has_no_surface():
    surface = surface_of(empty_volume(CENTRE, side_m=0.16, voxel_m=0.005))
    assert surface.points_m.shape == surface.normals.shape == (0, 3)
