"""What cameras see, with the joints as they lie in the picture: a colour for the state of each."""

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from mvmono3d.core.rig import Rig
from mvmono3d.deploy.server.pose_frame import ActorPose, PoseFrame
from mvmono3d.geometry.projection import project
from mvmono3d.viewer.shapes import STATE_RGB

_BONE_RGB = (235, 235, 235)
_SHIFT = 4
"""Drawn to a sixteenth of a pixel."""
_WIDTH_PX = 480
"""Narrower pictures are widened before they are drawn upon."""


def with_joints(
    image: UInt8[np.ndarray, "height width"],
    frame: PoseFrame | None,
    rig: Rig,
    *,
    view: int,
    parents: list[int],
) -> UInt8[np.ndarray, "high wide 3"]:
    """Return a camera's picture in colour, the joints of all actors of a frame in it."""
    factor = max(1.0, _WIDTH_PX / image.shape[1])
    wide = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
    canvas = np.asarray(cv2.cvtColor(wide, cv2.COLOR_GRAY2RGB), dtype=np.uint8)
    for actor in () if frame is None else frame.actors:
        _draw(canvas, actor, rig, view=view, parents=parents)
    return canvas


def pixels_in(
    actor: ActorPose, rig: Rig, *, view: int, width: int
) -> tuple[Float[np.ndarray, "joint 2"], np.ndarray]:
    """Return where the joints are in a picture of some width, and which of them are there to be drawn."""
    seen = project(
        actor.points_world,
        lens=rig.camera.lens[view : view + 1],
        camera_from_world=rig.camera_from_world[view : view + 1],
    )
    scale = width / float(rig.camera.size_px[view, 0])
    return (seen.pixels[0] + 0.5) * scale - 0.5, actor.present & seen.in_front[0]


def between(before: PoseFrame, after: PoseFrame, time_ns: int) -> PoseFrame:
    """Return where everybody was at a moment between two poses; all else is said by the later one."""
    share = (time_ns - before.time_ns) / max(after.time_ns - before.time_ns, 1)
    earlier = {actor.actor: actor for actor in before.actors}
    actors = tuple(
        replace(
            actor,
            points_world=earlier[actor.actor].points_world * (1.0 - share) + actor.points_world * share,
            source=np.minimum(actor.source, earlier[actor.actor].source),
        )
        for actor in after.actors
        if actor.actor in earlier
    )
    return replace(after, time_ns=time_ns, actors=actors)


def _draw(canvas: np.ndarray, actor: ActorPose, rig: Rig, *, view: int, parents: list[int]) -> None:
    width = canvas.shape[1]
    pixels, shown = pixels_in(actor, rig, view=view, width=width)
    shown = shown & (np.abs(pixels - 0.5 * width) < 2 * width).all(axis=1)
    places = [(round(u), round(v)) for u, v in (pixels * 2**_SHIFT).tolist()]
    for child, parent in enumerate(parents):
        if parent >= 0 and shown[child] and shown[parent]:
            cv2.line(canvas, places[parent], places[child], _BONE_RGB, 1, cv2.LINE_AA, _SHIFT)
    radius = round(0.007 * width * 2**_SHIFT)
    for joint, state in enumerate(actor.occlusion[view].argmax(axis=-1).tolist()):
        if shown[joint]:
            cv2.circle(canvas, places[joint], radius, STATE_RGB[state], cv2.FILLED, cv2.LINE_AA, _SHIFT)
