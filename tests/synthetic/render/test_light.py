"""Rays and light against closed forms."""

import numpy as np
import pytest

from mvmono3d.geometry.projection import unproject
from mvmono3d.geometry.rigid import camera_centres
from mvmono3d.synthetic.render.light import FAR_M, LightSettings, cast_view, fill_light, see
from mvmono3d.synthetic.render.optics import make_optics, sample_offsets
from mvmono3d.synthetic.render.ray_kernel import light_up
from mvmono3d.synthetic.render.solids import solid
from mvmono3d.synthetic.render.surfaces import PROP, Shape, Surface
from mvmono3d.synthetic.scene import PropShape
from tests.synthetic.render.scenes import ring_rig


def surface_of(mesh, *, centre=(0.0, 0.0, 0.0)):
    count = len(mesh.vertices)
    surface = Surface(
        triangles=mesh.triangles.astype(np.int32),
        albedo=np.ones(count, dtype=np.float32),
        gloss=np.zeros(count, dtype=np.float32),
        actor=np.full(len(mesh.triangles), PROP),
        part=np.zeros(len(mesh.triangles), dtype=np.int64),
    )
    shape = Shape(
        vertices_world=(mesh.vertices + np.array(centre)).astype(np.float32),
        normals_world=mesh.normals.astype(np.float32),
    )
    return surface, shape


def depth_of(surface, shape, rig):
    optics = make_optics(rig, samples=1, vignetting=0.0)
    height, width = optics.shape
    depth = np.full((len(optics.lens), height, width), FAR_M, dtype=np.float32)
    seen = see(shape, optics)
    region = np.array([0, 0, width, height])
    for view in range(len(depth)):
        cast_view(surface, seen, optics, view, sample=0, region=region, depth=depth[view])
    return optics, seen, depth


def hits_in_world(optics, depth, rig, view):
    v, u = np.nonzero(depth[view] < FAR_M)
    pixels = np.stack([u, v], axis=1).astype(np.float64)
    where = unproject(
        pixels[None],
        depth[view][v, u].astype(np.float64)[None],
        lens=rig.camera.lens[view : view + 1],
        camera_from_world=rig.camera_from_world[view : view + 1],
    )
    return where[0]


@pytest.mark.parametrize("fisheye", [False, True])
def test_the_depth_of_a_sphere_is_that_of_the_sphere(fisheye):
    rig = ring_rig(fisheye=fisheye)
    centre, radius = np.array([0.05, -0.04, 0.03]), 0.15
    surface, shape = surface_of(solid(PropShape.SPHERE, np.full(3, radius)), centre=centre)
    optics, _, depth = depth_of(surface, shape, rig)
    for view, eye in enumerate(camera_centres(rig.camera_from_world)):
        where = hits_in_world(optics, depth, rig, view)
        assert len(where) > 300
        # A polyhedron of 32 x 16 faces lies up to half a per cent inside its sphere.
        assert np.abs(np.linalg.norm(where - centre, axis=1) - radius).max() < 0.012 * radius
        assert ((where - centre) @ (eye - centre) > 0.0).mean() > 0.98


@pytest.mark.parametrize("fisheye", [False, True])
def test_the_depth_of_a_boxs_faces_is_that_of_planes(fisheye):
    rig, half = ring_rig(fisheye=fisheye), np.array([0.12, 0.09, 0.07])
    surface, shape = surface_of(solid(PropShape.BOX, half))
    optics, _, depth = depth_of(surface, shape, rig)
    for view in range(len(depth)):
        where = np.abs(hits_in_world(optics, depth, rig, view))
        assert len(where) > 300
        on_a_face = np.abs(where - half).min(axis=1)
        assert on_a_face.max() < 2e-6
        assert (where <= half + 2e-6).all()


def test_no_ray_slips_between_triangles():
    surface, shape = surface_of(solid(PropShape.SPHERE, np.full(3, 0.5)))
    _, _, depth = depth_of(surface, shape, ring_rig(views=2, focal=400.0, distance=1.2))
    assert (depth < FAR_M).all()


def test_light_falls_with_the_square_of_the_distance_and_with_the_cosine():
    points = np.array([[0.0, 0.0, 0.5], [0.0, 0.0, 1.0], [0.0, 0.0, 2.0], [0.0, 0.0, 1.0]])
    tilt = np.radians(50.0)
    normals = np.array([[0.0, 0.0, -1.0]] * 3 + [[0.0, np.sin(tilt), -np.cos(tilt)]])
    received = np.zeros(4)
    light_up(points, normals, np.array([1.0, 1.0, 1.0, 1.0]), np.zeros(3), np.array([10.0, 0.0]), received)
    np.testing.assert_allclose(received, [4.0, 1.0, 0.25, np.cos(tilt)], rtol=1e-9)


def test_nothing_is_lit_from_behind():
    received = np.zeros(1)
    behind = np.array([[0.0, 0.0, 1.0]])
    light_up(behind, behind, np.ones(1), np.zeros(3), np.array([10.0, 1.0]), received)
    assert received[0] == 0.0


@pytest.mark.parametrize("strength", [0.0, 1.0, 2.0])
def test_corners_darken_with_the_cosines_fourth_power(strength):
    rig = ring_rig(focal=90.0, distortion=(0.0,) * 5)
    vignette = make_optics(rig, samples=1, vignetting=strength).vignette[0]
    v, u = np.mgrid[: vignette.shape[0], : vignette.shape[1]]
    focal, centre = rig.camera.focal_px[0], rig.camera.centre_px[0]
    tangent2 = ((u - centre[0]) / focal[0]) ** 2 + ((v - centre[1]) / focal[1]) ** 2
    np.testing.assert_allclose(vignette, (1.0 + tangent2) ** (-2.0 * strength), rtol=2e-5)


def test_a_thing_before_a_lamp_throws_a_shadow():
    rig = ring_rig(views=2)
    eye = camera_centres(rig.camera_from_world)[1]
    far, shape = surface_of(solid(PropShape.SPHERE, np.full(3, 0.08)))
    settings = LightSettings(offset_m=(0.0, 0.0, 0.0))
    optics, seen, depth = depth_of(far, shape, rig)
    lit = fill_light(seen, depth, settings)[0]
    near, screen = surface_of(solid(PropShape.SPHERE, np.full(3, 0.1)), centre=0.5 * eye)
    _, _, blocked = depth_of(near, screen, rig)
    shaded = fill_light(seen, np.minimum(depth, blocked), settings)[0]
    assert lit.max() > 1.0
    assert shaded.max() == 0.0
    assert optics.shape == (100, 160)


def test_samples_spread_evenly_and_the_middle_one_hits_the_centre():
    for samples in (1, 3, 9, 25):
        offsets = sample_offsets(samples)
        np.testing.assert_allclose(offsets[samples // 2], 0.0, atol=1e-12)
        assert (np.abs(offsets) <= 0.5).all()
    assert np.abs(sample_offsets(25).mean(axis=0)).max() < 0.04
