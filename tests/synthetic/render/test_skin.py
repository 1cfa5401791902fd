"""Skins: closed, outward, round the flesh, carried rigidly."""

import numpy as np
import pytest

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.geometry.rigid import rotation_from_vector
from mvmono3d.synthetic.actors import stage
from mvmono3d.synthetic.props import NO_PROPS
from mvmono3d.synthetic.render.flesh import field_at, shape_flesh
from mvmono3d.synthetic.render.isosurface import isosurface
from mvmono3d.synthetic.render.skin import make_skin, pose_skin


def volume(vertices: np.ndarray, triangles: np.ndarray) -> float:
    first, second, third = (vertices[triangles[:, corner]].astype(np.float64) for corner in range(3))
    return float((first * np.cross(second, third)).sum() / 6.0)


def ball(step: float):
    axis = np.arange(-1.3, 1.3 + step, step)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    return isosurface(np.sqrt(x**2 + y**2 + z**2) - 1.0, origin=np.full(3, -1.3), step=step)


def test_a_balls_surface_is_closed_and_holds_its_volume():
    mesh = ball(0.1)
    edges = np.concatenate([mesh.triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))])
    ahead = {tuple(edge) for edge in edges.tolist()}
    assert len(ahead) == len(edges)
    assert all((other, one) in ahead for one, other in ahead)
    assert volume(*mesh) == pytest.approx(4.0 / 3.0 * np.pi, rel=0.02)


def test_a_finer_grid_brings_the_surface_nearer_to_the_ball():
    coarse, fine = (np.abs(np.linalg.norm(ball(step).vertices, axis=1) - 1.0).max() for step in (0.2, 0.05))
    assert fine < 0.3 * coarse


@pytest.mark.parametrize("name", ["hand21", "body17", "mouse15"])
def test_joints_lie_inside_the_skin_or_on_it(name):
    staged = stage(load_skeleton(name), np.array([0.0, 0.7]), seed=5, subject=5, props=NO_PROPS)
    model = staged.performance.model
    girth = np.ones(len(model.names))
    points = staged.performance.points_world[1]
    flesh = shape_flesh(points, model.capsule_nodes, model.radius_m, girth=girth)
    held = np.unique(model.capsule_nodes)
    assert (field_at(flesh, points[held])[0] < 0.0).all()


def test_a_skin_at_rest_is_where_it_was_made():
    model = stage(load_skeleton("hand21"), np.zeros(1), seed=2, subject=2).performance.model
    skin = make_skin(model, step_m=0.006)
    vertices, normals = pose_skin(skin, skin.node_m, skin.node_rotation)
    np.testing.assert_allclose(vertices, skin.bound_m, atol=1e-6)
    np.testing.assert_allclose(normals, skin.normal, atol=1e-5)


def test_moving_all_nodes_moves_the_skin_alike():
    staged = stage(load_skeleton("hand21"), np.array([0.4]), seed=2, subject=2)
    skin = make_skin(staged.performance.model, step_m=0.006)
    points, rotations = staged.performance.points_world[0], staged.performance.world_from_node[0]
    turn, shift = rotation_from_vector(np.array([0.3, -0.8, 0.5])), np.array([0.1, 0.2, -0.3])
    before, before_normals = pose_skin(skin, points, rotations)
    after, after_normals = pose_skin(skin, points @ turn.T + shift, turn @ rotations)
    np.testing.assert_allclose(after, before @ turn.T + shift, atol=1e-6)
    np.testing.assert_allclose(after_normals, before_normals @ turn.T, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_a_posed_hand_keeps_its_volume_and_its_joints(seed):
    staged = stage(load_skeleton("hand21"), np.array([0.0, 1.3]), seed=seed, subject=3, props=NO_PROPS)
    model = staged.performance.model
    skin = make_skin(model, step_m=0.005)
    made = volume(skin.bound_m, skin.triangles)
    vertices, _ = pose_skin(skin, staged.performance.points_world[1], staged.performance.world_from_node[1])
    assert volume(vertices, skin.triangles) == pytest.approx(made, rel=0.12)
    tips = staged.performance.points_world[1][model.indices(("index_tip", "pinky_tip"))]
    gap = np.linalg.norm(vertices[:, None] - tips, axis=-1).min(axis=0)
    assert (gap < 1.5 * model.radius_m.min()).all()


def test_normals_point_outward():
    model = stage(load_skeleton("hand21"), np.zeros(1), seed=2, subject=2).performance.model
    skin = make_skin(model, step_m=0.005)
    first, second, third = (skin.bound_m[skin.triangles[:, corner]] for corner in range(3))
    faces = np.cross(second - first, third - first)
    assert ((faces * skin.normal[skin.triangles[:, 0]]).sum(axis=1) > 0.0).mean() > 0.995
