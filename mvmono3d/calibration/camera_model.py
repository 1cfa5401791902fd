"""Candidate lens models: which numbers of a packed lens are free, and which stay 0."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.camera import LENS_SIZE, Camera
from mvmono3d.errors import unknown_name

LENS_FREE = LENS_SIZE - 1
"""Numbers of a packed lens that can be estimated: all but the fisheye flag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LensModel:
    """A lens with focal lengths, centre and some distortion coefficients free."""

    name: str
    fisheye: bool
    distortion: tuple[int, ...]
    """Places of the free coefficients among k1 k2 p1 p2 k3 (pinhole) or k1 k2 k3 k4 (fisheye)."""

    @property
    def free(self) -> Bool[Array, "9"]:
        """Say which of fx fy cx cy d0..d4 are estimated."""
        free = np.zeros(LENS_FREE, dtype=bool)
        free[:4] = True
        free[[4 + place for place in self.distortion]] = True
        return free


MODELS = (
    LensModel(name="pinhole1", fisheye=False, distortion=(0,)),
    LensModel(name="pinhole2", fisheye=False, distortion=(0, 1)),
    LensModel(name="pinhole3", fisheye=False, distortion=(0, 1, 4)),
    LensModel(name="pinhole5", fisheye=False, distortion=(0, 1, 2, 3, 4)),
    LensModel(name="fisheye", fisheye=True, distortion=(0, 1, 2, 3)),
)
"""k1 | k1 k2 | k1 k2 k3 | k1 k2 p1 p2 k3 | Kannala-Brandt k1..k4: the simplest first."""


def lens_model(name: str) -> LensModel:
    """Return a candidate by its name; raises `UnknownNameError` for others."""
    known = {model.name: model for model in MODELS}
    if name not in known:
        raise unknown_name("lens model", name, known, where="the candidates")
    return known[name]


def pack_lens(
    matrix: Float[Array, "3 3"], distortion: Float[Array, " coefficient"], *, model: LensModel
) -> Float[Array, "10"]:
    """Pack OpenCV's matrix and coefficients; what the model holds at 0 becomes 0."""
    lens = np.zeros(LENS_SIZE)
    lens[:4] = matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]
    count = min(len(distortion), 5)
    lens[4 : 4 + count] = distortion[:count]
    lens[:LENS_FREE] *= model.free
    lens[LENS_FREE] = float(model.fisheye)
    return lens


def cameras_from_lens(lens: Float[Array, "view 10"], size_px: Int[Array, "view 2"]) -> Camera:
    """Return the record of packed lenses."""
    return Camera(
        focal_px=lens[:, :2],
        centre_px=lens[:, 2:4],
        distortion=lens[:, 4:9],
        fisheye=lens[:, 9] > 0.5,
        size_px=size_px,
    )


def as_model(lens: Float[Array, "*batch 10"], model: LensModel) -> Float[Array, "*batch 10"]:
    """Return lenses as another model starts from them: the same near the axis, what it holds at 0.

    tan θ = θ + θ³ / 3 + ..., so a fisheye's k1 is a third more than a pinhole's.
    """
    third = np.where(lens[..., 9] > 0.5, -1.0 / 3.0, 0.0) + (1.0 / 3.0 if model.fisheye else 0.0)
    changes = (lens[..., 9:] > 0.5) != model.fisheye
    kept = np.where(changes, [1.0] * 5 + [0.0] * 4, 1.0) * model.free
    started = np.concatenate(
        [lens[..., :9] * kept, np.full_like(lens[..., 9:], float(model.fisheye))], axis=-1
    )
    started[..., 4] = started[..., 4] + third
    return started
