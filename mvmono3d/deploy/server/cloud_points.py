"""Points of a cloud to the steps of its message, and back."""

import numpy as np
from jaxtyping import Float

from mvmono3d.deploy.server.messages import Cloud
from mvmono3d.errors import InvalidRecordError

_MOST_STEPS = 65535


def cloud_message(
    points_world: Float[np.ndarray, "point 3"],
    *,
    corner_world: Float[np.ndarray, " 3"],
    side_m: float,
    number: int,
    time_ns: int,
) -> Cloud:
    """Return points as whole steps from a cube's lowest corner: off by half a step at most along each axis.

    Raises `InvalidRecordError` where a point lies outside the cube, which its steps could not tell.
    """
    step_m = side_m / _MOST_STEPS
    steps = np.rint((points_world - corner_world) / step_m)
    if steps.size and not (steps.min() >= 0 and steps.max() <= _MOST_STEPS):
        raise InvalidRecordError(
            f"cloud {number}: points from {points_world.min(axis=0)} to {points_world.max(axis=0)} m, "
            f"expected all within {side_m:g} m of the corner {corner_world}"
        )
    x, y, z = (float(value) for value in corner_world)
    return Cloud(
        id=number,
        t_ns=time_ns,
        count=len(steps),
        origin=(x, y, z),
        step_m=step_m,
        points=steps.astype("<u2").tobytes(),
    )


def cloud_points(cloud: Cloud) -> Float[np.ndarray, "point 3"]:
    """Return the points of a message, in the world, in metres."""
    steps = np.frombuffer(cloud.points, dtype="<u2").reshape(-1, 3)
    return np.array(cloud.origin) + cloud.step_m * steps
