"""A body that moves as recorded people did: an excerpt, turned, mirrored and put on a body of another size.

The world's subject decides the body and which recorded person moves it, always one of the subject's own
split; the seed decides take, excerpt, heading and mirroring.
"""

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.synthetic.body import BODY_JOINTS, SOLE_M
from mvmono3d.synthetic.excerpt import about_up, draw_excerpt
from mvmono3d.synthetic.kinematic import KinematicModel, NodePoses
from mvmono3d.synthetic.motion_file import RecordedMotion
from mvmono3d.synthetic.retarget import SIDES, retarget
from mvmono3d.synthetic.streams import generator

_MID_HIP = BODY_JOINTS.index("mid_hip")
_MIRROR = [
    BODY_JOINTS.index({"left": "right" + name[4:], "righ": "left" + name[5:]}.get(name[:4], name))
    for name in BODY_JOINTS
]
_SWAY_S = 1.0
"""What the pelvis does within this time is step and sway; what is slower is the path."""
_FEET = tuple(f"{side}_{part}" for side in SIDES for part in ("heel", "big_toe", "small_toe"))


def move_as_recorded(
    model: KinematicModel,
    motion: RecordedMotion,
    time_s: Float[Array, " time"],
    *,
    seed: int,
    subject: int,
    workspace_m: float,
) -> NodePoses:
    """Move a body about the floor z = 0 round the origin as a recorded person did.

    A path that leads farther than `workspace_m` from its middle is shrunk as a whole, so that who walks
    on walks as on a treadmill. Raises `ConfigurationError` where the subject's split has no motion.
    """
    rng = generator(seed, "recorded")
    landmarks = draw_excerpt(motion, time_s, subject=subject, rng=rng)
    if rng.random() < 0.5:
        landmarks = mirrored_landmarks(landmarks)
    landmarks = landmarks @ about_up(rng.uniform(-np.pi, np.pi)).T
    landmarks = _gather(landmarks, time_s, radius_m=workspace_m)
    poses = retarget(landmarks, model)
    lowest = poses.points_world[:, model.indices(_FEET), 2].min()
    return NodePoses(poses.points_world + np.array([0.0, 0.0, SOLE_M - lowest]), poses.world_from_node)


def mirrored_landmarks(landmarks: Float[Array, "time landmark 3"]) -> Float[Array, "time landmark 3"]:
    """Return what a mirror shows: x changes sign, and left and right their names."""
    return landmarks[:, _MIRROR] * np.array([-1.0, 1.0, 1.0])


def _gather(
    landmarks: Float[Array, "time landmark 3"], time_s: Float[Array, " time"], *, radius_m: float
) -> Float[Array, "time landmark 3"]:
    """Move the middle of the path to the origin, and shrink a path that leads too far."""
    path = _slow(landmarks[:, _MID_HIP, :2], time_s)
    middle = 0.5 * (path.min(axis=0) + path.max(axis=0))
    far = float(np.linalg.norm(path - middle, axis=1).max())
    share = min(1.0, radius_m / far) if far > 0.0 else 1.0
    shift = share * (path - middle) - path
    return landmarks + np.pad(shift, ((0, 0), (0, 1)))[:, None]


def _slow(path: Float[Array, "time 2"], time_s: Float[Array, " time"]) -> Float[Array, "time 2"]:
    if len(path) < 3:
        return path
    half = max(1, round(_SWAY_S / (time_s[1] - time_s[0])))
    window = np.hanning(2 * half + 1)
    # Point reflection at the ends keeps the path's direction there.
    before = 2.0 * path[0] - path[np.minimum(np.arange(half, 0, -1), len(path) - 1)]
    after = 2.0 * path[-1] - path[np.maximum(len(path) - 1 - np.arange(1, half + 1), 0)]
    whole = np.concatenate((before, path, after))
    columns = [np.convolve(whole[:, axis], window / window.sum(), mode="valid") for axis in range(2)]
    return np.stack(columns, axis=1)
