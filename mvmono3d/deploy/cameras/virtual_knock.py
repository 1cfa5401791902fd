"""What a knock does to a virtual camera: it turns about its own centre, so that its picture can be warped.

A turn has no parallax: the warped picture is what the turned camera would see, but for what comes in from
outside of the old one, which is black.
"""

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Float

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.rig import Rig
from mvmono3d.deploy.cameras.sources import Knock
from mvmono3d.geometry.lens import distort, undistort
from mvmono3d.geometry.rigid import compose, rotation_from_vector, transform_from


def knocked_rig(rig: Rig, knock: Knock) -> Rig:
    """Return the rig as it stands after the knock."""
    poses = np.array(rig.camera_from_world)
    poses[knock.camera] = compose(transform_from(_turn(knock), np.zeros(3)), poses[knock.camera])
    return replace(rig, camera_from_world=poses)


def knocked_pixels(
    pixels: Float[np.ndarray, "frame joint 2"], rig: Rig, knock: Knock, *, back: bool = False
) -> Float[np.ndarray, "frame joint 2"]:
    """Return where the knocked camera sees what it saw at these pixels; `back`: the other way."""
    lens = np.asarray(rig.camera.lens)[knock.camera : knock.camera + 1]
    turn = _turn(knock).T if back else _turn(knock)
    rays = undistort(np.asarray(pixels, dtype=np.float64)[:, None], lens)
    turned = np.concatenate([rays, np.ones((*rays.shape[:-1], 1))], axis=-1) @ turn.T
    return distort(turned[..., :2] / turned[..., 2:], lens)[:, 0]


def knocked_state(
    state: np.ndarray, pixels: Float[np.ndarray, "frame joint 2"], rig: Rig, knock: Knock
) -> np.ndarray:
    """Return occlusion states (frame, joint) of the knocked camera: unknown for what left its image."""
    size = np.asarray(rig.camera.size_px)[knock.camera]
    inside = ((pixels >= -0.5) & (pixels <= size - 0.5)).all(axis=-1)
    return np.where(inside, state, OcclusionState.UNKNOWN)


class Knocked:
    """Warps the light of one camera."""

    def __init__(self, rig: Rig, knock: Knock) -> None:
        self._knock = knock
        width, height = np.asarray(rig.camera.size_px)[knock.camera].tolist()
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)
        places = knocked_pixels(grid, rig, knock, back=True).astype(np.float32)
        self._columns, self._rows = np.ascontiguousarray(places[..., 0]), np.ascontiguousarray(places[..., 1])

    def of(self, light: list[np.ndarray], *, frame_id: int) -> list[np.ndarray]:
        """Return the light of a frame, the knocked camera's as it is after the knock."""
        if frame_id < self._knock.frame:
            return light
        camera = self._knock.camera
        warped = cv2.remap(light[camera].astype(np.float32), self._columns, self._rows, cv2.INTER_LINEAR)
        return [*light[:camera], warped.astype(light[camera].dtype), *light[camera + 1 :]]


def _turn(knock: Knock) -> Float[np.ndarray, "3 3"]:
    """Return `knocked_from_camera`: about the camera's own +Y, which points down."""
    return np.asarray(rotation_from_vector(np.radians([0.0, knock.turn_deg, 0.0])))
