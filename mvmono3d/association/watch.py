"""What association needs to know of the cameras and the skeleton: made once per rig."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from mvmono3d.association.settings import AssociationSettings, Numbers
from mvmono3d.core.array import Array
from mvmono3d.core.limbs import limb_of_joint
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton


class Eyes(NamedTuple):
    """The cameras as the kernels take them."""

    cameras: Float[Array, "view 22"]
    """Lens 10, rotation 9 row by row, translation 3."""
    size_px: Float[Array, "view 2"]
    variance: Float[Array, " view"]
    """Of a good detection, px² per axis."""


class Limbs(NamedTuple):
    """Which joints a detector may take for which."""

    mirror: Int[Array, " joint"]
    limb: Int[Array, " joint"]
    """-1 on the midline."""
    kinds: int
    """How many limbs there are, left and right counted as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Cameras, skeleton and settings of one association."""

    eyes: Eyes
    limbs: Limbs
    numbers: Numbers
    settings: AssociationSettings
    joints: int
    views: int


def make_watch(rig: Rig, skeleton: Skeleton, settings: AssociationSettings | None = None) -> Watch:
    """Prepare a rig and a skeleton for `associate`."""
    chosen = settings or AssociationSettings()
    pose = np.asarray(rig.camera_from_world, dtype=np.float64)
    lens = np.asarray(rig.camera.lens, dtype=np.float64)
    size = np.asarray(rig.camera.size_px, dtype=np.float64)
    rotation = pose[:, :, :3].reshape(-1, 9)
    limb = np.asarray(limb_of_joint(skeleton), dtype=np.int64)
    return Watch(
        eyes=Eyes(
            cameras=np.ascontiguousarray(np.concatenate([lens, rotation, pose[:, :, 3]], axis=1)),
            size_px=np.ascontiguousarray(size),
            variance=(chosen.sigma_share * size.max(axis=1)) ** 2,
        ),
        limbs=Limbs(np.array(skeleton.mirror, dtype=np.int64), limb, int(limb.max()) + 1),
        numbers=chosen.numbers(),
        settings=chosen,
        joints=len(skeleton.joints),
        views=len(rig.names),
    )
