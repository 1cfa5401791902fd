"""The messages beside the frames: previews and joints that Foxglove shows."""

from dataclasses import dataclass
from typing import Any

import cv2
import msgspec
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8, UInt16

from mvmono3d.core.trajectory import PointSource

WORLD = "world"
_NS_PER_S = 1_000_000_000
_QUALITY = 80
_UPPER = ((0, 0, 0, 1, 1, 2), (0, 1, 2, 1, 2, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class JointsMessage:
    """The answer for one actor in one frame set."""

    time_ns: int
    skeleton: str
    joints: tuple[str, ...]
    points_world: Float[np.ndarray, "joint 3"]
    source: Int[np.ndarray, " joint"]
    """`PointSource`; a missing joint's point means nothing."""
    actor: int = 0
    """Who it is."""
    covariance_world: Float[np.ndarray, "joint 3 3"] | None = None
    """Square metres; `None` where it was not told."""

    @property
    def present(self) -> Bool[np.ndarray, " joint"]:
        """Which joints have a point."""
        return self.source != PointSource.MISSING


def poses_json(*messages: JointsMessage) -> bytes:
    """Return the joints that are there, of all actors of a frame set, as `foxglove.PosesInFrame`."""
    upright = {"x": 0.0, "y": 0.0, "z": 0.0, "w": 1.0}
    poses = [
        {"position": dict(zip("xyz", point.tolist(), strict=True)), "orientation": upright}
        for message in messages
        for point in message.points_world[message.present]
    ]
    return msgspec.json.encode({"timestamp": _time(messages[0].time_ns), "frame_id": WORLD, "poses": poses})


def joints_json(message: JointsMessage) -> bytes:
    """Return the joints with their names and sources, as the reconstruction file has them."""
    content: dict[str, Any] = {
        "time_ns": str(message.time_ns),
        "skeleton": message.skeleton,
        "joints": message.joints,
        "points_world": np.where(message.present[:, None], message.points_world, 0.0).tolist(),
        "source": message.source.tolist(),
        "actor": message.actor,
    }
    if message.covariance_world is not None:
        content["covariance_world"] = message.covariance_world[:, _UPPER[0], _UPPER[1]].tolist()
    return msgspec.json.encode(content)


def preview_json(
    image: UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"],
    *,
    camera: str,
    bits: int,
    time_ns: int,
    width: int,
) -> bytes:
    """Return a small JPEG as `foxglove.CompressedImage`: at most `width` pixels wide, eight bits."""
    step = max(1, -(-image.shape[1] // width))
    # Every step-th pixel: averaging four cameras would cost the writer's core more than LZ4 does.
    small = np.ascontiguousarray(image[::step, ::step] >> (bits - 8)).astype(np.uint8)
    _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    content: dict[str, Any] = {
        "timestamp": _time(time_ns),
        "frame_id": camera,
        "data": jpeg.tobytes(),
        "format": "jpeg",
    }
    return msgspec.json.encode(content)


def _time(time_ns: int) -> dict[str, int]:
    return {"sec": time_ns // _NS_PER_S, "nsec": time_ns % _NS_PER_S}
