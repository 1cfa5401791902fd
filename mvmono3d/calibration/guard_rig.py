"""What is wrong with a rig that shows without looking at a single picture."""

from itertools import combinations

import numpy as np

from mvmono3d.core.rig import Rig


def copied_cameras(rig: Rig) -> tuple[tuple[str, str], ...]:
    """Return pairs of cameras that stand at one place and look the same way: one is a copy of the other."""
    poses = np.asarray(rig.camera_from_world, dtype=np.float64)
    return tuple(
        (rig.names[first], rig.names[second])
        for first, second in combinations(range(len(rig.names)), 2)
        if np.allclose(poses[first], poses[second], rtol=0.0, atol=1e-9)
    )


def without_copies(rig: Rig) -> Rig:
    """Return the rig with the first camera of each pair only."""
    copies = {second for _, second in copied_cameras(rig)}
    return rig.select(tuple(name for name in rig.names if name not in copies))


def centres_outside(rig: Rig) -> tuple[str, ...]:
    """Return cameras whose optical axis meets no pixel of their image: sizes or lenses got mixed up."""
    centre, size = np.asarray(rig.camera.centre_px), np.asarray(rig.camera.size_px)
    inside = np.all((centre >= 0.0) & (centre < size), axis=-1).tolist()
    return tuple(name for name, ok in zip(rig.names, inside, strict=True) if not ok)
