"""Whether a rig was read in its own unit: metres and millimetres can't be told apart in the file."""

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.core.rig import Rig
from mvmono3d.errors import InvalidFileError

LARGEST_RIG_M = 100.0
SMALLEST_RIG_M = 0.01
LARGEST_ACTOR_M = 20.0
SMALLEST_ACTOR_M = 5e-4


def check_rig_scale(rig: Rig, *, where: str) -> None:
    """Refuse a rig whose cameras stand implausibly far apart or close together.

    Where the whole rig does, the message names the other unit; where two cameras share one pose, them.
    """
    pose = np.asarray(rig.camera_from_world, dtype=np.float64)
    centres = -np.einsum("vji,vj->vi", pose[:, :, :3], pose[:, :, 3])
    span = float(np.linalg.norm(centres[:, None] - centres[None], axis=-1).max())
    if span > LARGEST_RIG_M:
        raise InvalidFileError(
            f"{where}: the cameras stand {span:.4g} m apart, expected at most {LARGEST_RIG_M:.0f} m; "
            "if the file is in millimetres (anipose), say --units mm"
        )
    if span < SMALLEST_RIG_M:
        raise InvalidFileError(
            f"{where}: the cameras stand {span * 1e3:.3g} mm apart, expected at least "
            f"{SMALLEST_RIG_M * 1e3:.0f} mm; if the file is in metres, say --units m"
        )
    for view, name in enumerate(rig.names):
        same = [other for other in range(view) if np.allclose(pose[other], pose[view], rtol=0, atol=1e-9)]
        if same:
            raise InvalidFileError(
                f"{where}: cameras {rig.names[same[0]]!r} and {name!r} have the same pose, so one of them "
                "is a copy; calibrate again, or remove the wrong one"
            )


def check_actor_scale(
    points_world: Float[np.ndarray, "time joint 3"], present: Bool[np.ndarray, "time joint"], *, where: str
) -> None:
    """Refuse a result whose actor has an implausible size: the unit of a rig with a plausible span."""
    whole = present.sum(axis=1) >= 2
    if not whole.any():
        return
    points, seen = points_world[whole], present[whole][..., None]
    low = np.where(seen, points, np.inf).min(axis=1)
    high = np.where(seen, points, -np.inf).max(axis=1)
    size = float(np.median(np.linalg.norm(high - low, axis=-1)))
    if size > LARGEST_ACTOR_M:
        raise InvalidFileError(
            f"{where}: with this rig the actor is {size:.4g} m large; "
            "if the rig is in millimetres, say --units mm"
        )
    if size < SMALLEST_ACTOR_M:
        raise InvalidFileError(
            f"{where}: with this rig the actor is {size * 1e3:.2g} mm large; "
            "if the rig is in metres, say --units m"
        )
