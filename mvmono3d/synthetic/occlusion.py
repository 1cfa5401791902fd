"""Which joints a camera sees: exact rays against the actor's capsules and the props."""

import numpy as np
from jaxtyping import Float, Int

from mvmono3d.core.array import Array
from mvmono3d.synthetic.occlusion_kernel import hidden_by
from mvmono3d.synthetic.scene import Scene


def occluded_by(
    scene: Scene, centres_world: Float[Array, "view 3"], *, contact_tolerance_m: float
) -> Int[Array, "time view joint"]:
    """Return VISIBLE, SELF or OBJECT for each joint in each view, whatever the image's borders.

    A joint is hidden where the segment from the camera's centre to it meets a capsule that it does not
    touch by anatomy (SELF) or a prop (OBJECT); of several the nearest to the camera decides. A joint
    that lies inside a prop, as a fingertip in a grasp does, counts as hidden only when the ray has run
    more than `contact_tolerance_m` through the prop.
    """
    capsules, props = scene.capsules, scene.props
    return hidden_by(
        _plain(scene.points_world),
        _plain(centres_world),
        _plain(capsules.start_world),
        _plain(capsules.end_world),
        _plain(capsules.radius_m),
        np.ascontiguousarray(capsules.touches, dtype=np.bool_),
        np.ascontiguousarray(props.shape, dtype=np.int64),
        _plain(props.size_m),
        _plain(props.world_from_prop),
        float(contact_tolerance_m),
    )


def _plain(array: Array) -> np.ndarray:
    # One dtype and layout keeps the kernel to a single compiled signature.
    return np.ascontiguousarray(array, dtype=np.float64)
