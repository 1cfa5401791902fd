import numpy as np
import pytest

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.geometry.rigid import rotation_from_vector
from mvmono3d.synthetic.occlusion import occluded_by
from mvmono3d.synthetic.scene import Capsules, Props, PropShape, Scene

SAMPLES = np.linspace(0.0, 1.0, 3001)
BOX, CYLINDER, SPHERE = PropShape.BOX, PropShape.CYLINDER, PropShape.SPHERE


def make_scene(points, *, capsules=(), touches=None, props=()):
    """One frame: capsules are (start, end, radius), props (shape, size, world_from_prop)."""
    points = np.asarray(points, dtype=float).reshape(1, -1, 3)
    if touches is None:
        touches = np.zeros((points.shape[1], len(capsules)), dtype=bool)
    return Scene(
        points_world=points,
        capsules=Capsules(
            start_world=np.array([part[0] for part in capsules], dtype=float).reshape(1, -1, 3),
            end_world=np.array([part[1] for part in capsules], dtype=float).reshape(1, -1, 3),
            radius_m=np.array([part[2] for part in capsules], dtype=float),
            touches=touches,
        ),
        props=Props(
            shape=np.array([part[0] for part in props], dtype=np.int64),
            size_m=np.array([part[1] for part in props], dtype=float).reshape(-1, 3),
            world_from_prop=np.array([part[2] for part in props], dtype=float).reshape(1, -1, 3, 4),
        ),
        time_ns=np.zeros(1, dtype=np.int64),
    )


def states(scene, centres, *, tolerance=0.0):
    return occluded_by(scene, np.asarray(centres, dtype=float), contact_tolerance_m=tolerance)[0]


def placed(vector=(0.0, 0.0, 0.0), at=(0.0, 0.0, 0.0)):
    return np.concatenate([rotation_from_vector(np.array(vector)), np.array(at)[:, None]], axis=1)


def random_scene(seed, *, capsules=6, props=3, joints=12):
    draw = np.random.default_rng(seed)
    flesh = [
        (draw.normal(size=3) * 0.4, draw.normal(size=3) * 0.4, draw.uniform(0.02, 0.15))
        for _ in range(capsules)
    ]
    solids = [
        (
            [BOX, CYLINDER, SPHERE][number % 3],
            _size(number % 3, draw),
            placed(draw.normal(size=3), draw.normal(size=3) * 0.4),
        )
        for number in range(props)
    ]
    touches = draw.random((joints, capsules)) < 0.2
    scene = make_scene(draw.normal(size=(joints, 3)) * 0.5, capsules=flesh, touches=touches, props=solids)
    return scene, draw.normal(size=(4, 3)) * 1.2


def _size(shape, draw):
    radius, height = draw.uniform(0.05, 0.25, 2)
    return [draw.uniform(0.05, 0.25, 3), [radius, radius, height], [radius] * 3][shape]


def distance_to_axis(points, start, end):
    along = end - start
    place = np.clip((points - start) @ along / max(along @ along, 1e-12), 0, 1)
    return np.linalg.norm(points - start - place[:, None] * along, axis=1)


def depth_in_prop(points, shape, size, pose):
    """How far inside its surface, negative outside (a bound there)."""
    local = (points - pose[:, 3]) @ pose[:, :3]
    if shape == BOX:
        return (size - np.abs(local)).min(axis=1)
    if shape == CYLINDER:
        return np.minimum(size[0] - np.hypot(local[:, 0], local[:, 1]), size[2] - np.abs(local[:, 2]))
    return size[0] - np.linalg.norm(local, axis=1)


def sampled_state(scene, centre, joint):
    """March along the ray; None where a graze or a tie is too close to call by marching."""
    ray = centre + SAMPLES[:, None] * (scene.points_world[0, joint] - centre)
    step = np.linalg.norm(ray[1] - ray[0])
    firsts, close = {}, False
    capsules, props = scene.capsules, scene.props
    depths = [
        (OcclusionState.SELF, radius - distance_to_axis(ray, start, end))
        for start, end, radius, touching in zip(
            capsules.start_world[0],
            capsules.end_world[0],
            capsules.radius_m,
            capsules.touches[joint],
            strict=True,
        )
        if not touching
    ]
    depths += [
        (OcclusionState.OBJECT, depth_in_prop(ray, shape, size, pose))
        for shape, size, pose in zip(props.shape, props.size_m, props.world_from_prop[0], strict=True)
    ]
    for state, depth in depths:
        close |= abs(depth.max()) < step
        if depth.max() > 0:
            firsts.setdefault(state, []).append(int(np.argmax(depth > 0)))
    if close:
        return None
    if not firsts:
        return OcclusionState.VISIBLE
    order = sorted((min(places), state) for state, places in firsts.items())
    if len(order) == 2 and order[1][0] - order[0][0] <= 1:
        return None
    return order[0][1]


@pytest.mark.parametrize("seed", range(12))
def test_exact_rays_agree_with_marching_along_them(seed):
    scene, centres = random_scene(seed)
    got = states(scene, centres)
    called = 0
    for view, centre in enumerate(centres):
        for joint in range(scene.points_world.shape[1]):
            expected = sampled_state(scene, centre, joint)
            if expected is not None:
                called += 1
                assert got[view, joint] == expected, (view, joint)
    assert called > 35


def test_the_random_scenes_hold_every_state():
    seen = np.concatenate([states(*random_scene(seed)).ravel() for seed in range(12)])
    assert all((seen == state).mean() > 0.05 for state in (0, 1, 2))


def test_without_flesh_and_props_every_joint_is_visible():
    draw = np.random.default_rng(0)
    scene = make_scene(draw.normal(size=(30, 3)))
    assert (states(scene, draw.normal(size=(5, 3))) == OcclusionState.VISIBLE).all()


@pytest.mark.parametrize("seed", range(6))
def test_more_flesh_and_props_never_make_a_hidden_joint_visible(seed):
    full, centres = random_scene(seed, joints=60)
    some = Scene(
        points_world=full.points_world,
        capsules=Capsules(
            start_world=full.capsules.start_world[:, :3],
            end_world=full.capsules.end_world[:, :3],
            radius_m=full.capsules.radius_m[:3],
            touches=full.capsules.touches[:, :3],
        ),
        props=Props(
            shape=full.props.shape[:1],
            size_m=full.props.size_m[:1],
            world_from_prop=full.props.world_from_prop[:, :1],
        ),
        time_ns=full.time_ns,
    )
    hidden = states(some, centres) != OcclusionState.VISIBLE
    assert hidden.any()
    assert (states(full, centres)[hidden] != OcclusionState.VISIBLE).all()


@pytest.mark.parametrize("seed", range(3))
def test_moving_the_world_changes_no_state(seed):
    scene, centres = random_scene(seed)
    rotation, shift = rotation_from_vector(np.array([0.4, -1.0, 2.0])), np.array([3.0, -2.0, 1.0])

    def moved(points):
        return points @ rotation.T + shift

    pose = scene.props.world_from_prop
    turned = np.concatenate([rotation @ pose[..., :3], moved(pose[..., 3])[..., None]], axis=-1)
    elsewhere = Scene(
        points_world=moved(scene.points_world),
        capsules=Capsules(
            start_world=moved(scene.capsules.start_world),
            end_world=moved(scene.capsules.end_world),
            radius_m=scene.capsules.radius_m,
            touches=scene.capsules.touches,
        ),
        props=Props(shape=scene.props.shape, size_m=scene.props.size_m, world_from_prop=turned),
        time_ns=scene.time_ns,
    )
    np.testing.assert_array_equal(states(elsewhere, moved(centres)), states(scene, centres))


def test_what_stands_behind_a_joint_does_not_hide_it():
    across = ([-1, 0.3, 0], [1, 0.3, 0], 0.1)
    box = (BOX, [0.1, 0.1, 0.1], placed(at=(0.0, 0.3, 0.0)))
    for scene in (make_scene([[0, 0, 0]], capsules=[across]), make_scene([[0, 0, 0]], props=[box])):
        assert states(scene, [[0, -1, 0]])[0, 0] == OcclusionState.VISIBLE
        assert states(scene, [[0, 1, 0]])[0, 0] != OcclusionState.VISIBLE


def test_a_joint_is_never_hidden_by_flesh_that_it_touches():
    flesh = ([-0.1, 0, 0], [0.1, 0, 0], 0.05)
    touching = make_scene([[0, 0, 0]], capsules=[flesh], touches=np.array([[True]]))
    strange = make_scene([[0, 0, 0]], capsules=[flesh])
    centres = np.random.default_rng(0).normal(size=(20, 3))
    assert (states(touching, centres) == OcclusionState.VISIBLE).all()
    assert (states(strange, centres) == OcclusionState.SELF).all()


def test_the_occluder_nearest_to_the_camera_decides():
    flesh = ([-1, -0.3, 0], [1, -0.3, 0], 0.05)
    box = (BOX, [0.05, 0.05, 0.05], placed(at=(0.0, 0.3, 0.0)))
    scene = make_scene([[0, 0.6, 0], [0, -0.6, 0]], capsules=[flesh], props=[box])
    assert states(scene, [[0, -2, 0]])[0, 0] == OcclusionState.SELF
    assert states(scene, [[0, 2, 0]])[0, 1] == OcclusionState.OBJECT


@pytest.mark.parametrize(
    ("shape", "size"), [(BOX, [0.1] * 3), (CYLINDER, [0.1, 0.1, 0.1]), (SPHERE, [0.1] * 3)]
)
def test_a_fingertip_sunk_into_a_grasped_prop_is_seen_from_its_own_side_only(shape, size):
    scene = make_scene([[0, 0.095, 0]], props=[(shape, size, placed())])
    near, far = [[0.02, 1, 0]], [[0.02, -1, 0]]
    assert states(scene, near, tolerance=0.01)[0, 0] == OcclusionState.VISIBLE
    assert states(scene, far, tolerance=0.01)[0, 0] == OcclusionState.OBJECT
    assert states(scene, near, tolerance=0.001)[0, 0] == OcclusionState.OBJECT


def test_contact_tolerance_excuses_no_joint_outside_the_prop():
    thin = (BOX, [0.5, 0.001, 0.5], placed())
    scene = make_scene([[0, 0.05, 0]], props=[thin])
    assert states(scene, [[0, -1, 0]], tolerance=0.02)[0, 0] == OcclusionState.OBJECT


def test_degenerate_capsules_and_rays_along_axes_are_exact():
    ball = ([0, 0, 0.2], [0, 0, 0.2], 0.1)
    rod = ([0, 0, 0], [0, 0, 0.1], 0.05)
    scene = make_scene([[0, 0, -0.5], [0.2, 0, 0]], capsules=[ball, rod])
    assert states(scene, [[0, 0, 1]]).tolist() == [[OcclusionState.SELF, OcclusionState.VISIBLE]]
    box = (BOX, [0.1, 0.1, 0.1], placed())
    scene = make_scene([[0, 0, -0.5], [0.2, 0, -0.5]], props=[box])
    assert states(scene, [[0, 0, 1]])[0, 0] == OcclusionState.OBJECT
    assert states(scene, [[0.2, 0, 1]])[0, 1] == OcclusionState.VISIBLE
