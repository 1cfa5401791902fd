"""Crops on their way into a network, and its answers on their way out."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from mvmono3d.core.array import Array
from mvmono3d.deploy.detect.protocol import CropJoints, Crops
from mvmono3d.errors import InvalidRecordError


def check_size(crops: Crops, size: int) -> None:
    """Raise `InvalidRecordError` unless crops have the size that a detector takes."""
    if crops.images.shape[1:] != (size, size):
        raise InvalidRecordError(
            f"crops of {crops.images.shape[2]} x {crops.images.shape[1]} px, this detector takes {size} px"
        )


def grey(images: UInt8[Array, "view size size"]) -> Float32[Array, "view 1 size size"]:
    """Return 8-bit crops as the networks take them."""
    return images[:, None] * np.float32(1.0 / 255.0)


def no_joints(views: int, joints: int) -> CropJoints:
    """Return the answer where there is nothing to look at."""
    return CropJoints(
        pixels=np.zeros((views, joints, 2), dtype=np.float32),
        sigma_px=np.ones((views, joints), dtype=np.float32),
        confidence=np.zeros((views, joints), dtype=np.float32),
        visible=np.zeros((views, joints), dtype=np.float32),
    )


def spread(found: Mapping[str, np.ndarray], known: Bool[Array, " view"], nothing: CropJoints) -> CropJoints:
    """Return what was found in the known crops in the places of their views."""
    values = {}
    for name in ("pixels", "sigma_px", "confidence", "visible"):
        values[name] = getattr(nothing, name).copy()
        values[name][known] = found[name]
    return CropJoints(**values)
