"""From frame sets and poses to clouds: backgrounds are learned on the way."""

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from mvmono3d.core.rig import Rig
from mvmono3d.deploy.cloud.cube import Cube, cube_of, extent_of_first
from mvmono3d.deploy.ring.reader import RingSet
from mvmono3d.deploy.server.cloud_points import cloud_message
from mvmono3d.deploy.server.messages import Box, Cloud
from mvmono3d.deploy.server.pose_frame import PoseFrame
from mvmono3d.deploy.site.settings import PointCloud
from mvmono3d.pointcloud.hull import carve
from mvmono3d.pointcloud.silhouette import Background, boxes_of, learn, silhouette
from mvmono3d.pointcloud.surface import surface_of

_BRIGHTER = 0.03
"""Change of exposure, gain and strobe together after which a background is learned anew."""
_ALONE = 50
"""After so many answers in a row with nobody in them images are taken to be empty: a rig's first ones are of
nobody because its detector is not there yet."""


class Carving:
    """What is remembered from frame set to frame set: the background of each camera."""

    def __init__(self, rig: Rig, settings: PointCloud, *, bits: int) -> None:
        self._rig, self._settings, self._shift = rig, settings, max(0, bits - 8)
        self._backgrounds: list[Background | None] = [None] * len(rig.names)
        self._light = np.zeros(len(rig.names))
        self._alone = 0
        self.words = "waits for somebody in view"
        """What became of the last frame set."""

    def prepare(self) -> None:
        """Load what a step needs, or compile it: the first time on a machine that takes half a minute."""
        dark = np.zeros(np.asarray(self._rig.camera.size_px)[0, ::-1].tolist(), dtype=np.uint8)
        silhouette(dark, learn(dark, learn(dark)), (0, 0, 1, 1))
        side_m = self._settings.voxel_m
        masks = np.ones((len(self._rig.names), *dark.shape), dtype=bool)
        surface_of(carve(masks, self._rig, centre_m=np.zeros(3), side_m=side_m, voxel_m=side_m))

    def step(self, found: RingSet, frame: PoseFrame, region: Box | None) -> Cloud | None:
        """Learn from a frame set and carve it; `None` where there is nothing to be carved.

        `frame`: the answer for that set. Raises `InvalidRecordError` for images that aren't the rig's.
        """
        images = np.right_shift(found.images, self._shift).astype(np.uint8)
        views = np.flatnonzero(found.present).tolist()
        self._note_light(found)
        cube = cube_of(frame, region, side_m=self._settings.side_m)
        if cube is None:
            self._alone += 1
            self.words = "waits for somebody in view"
            if self._alone > _ALONE:
                self._learn(images, np.zeros(images.shape, dtype=bool), views)
            return None
        self._alone = 0
        masks = self._silhouettes(images, cube, views)
        self._learn(images, masks, views)
        points = self._points(masks, cube)
        self.words = self._words(points, masks, frame)
        if not len(points):
            return None
        return cloud_message(
            points,
            corner_world=cube.corner_world,
            side_m=cube.side_m,
            number=frame.seq,
            time_ns=frame.time_ns,
        )

    def _note_light(self, found: RingSet) -> None:
        """Forget the backgrounds of cameras that are lit otherwise now."""
        light = found.exposure_ns * found.gain * found.strobe
        for view in np.flatnonzero(found.present).tolist():
            if abs(light[view] - self._light[view]) > _BRIGHTER * self._light[view]:
                self._backgrounds[view], self._light[view] = None, light[view]

    def _silhouettes(
        self, images: UInt8[np.ndarray, "view height width"], cube: Cube, views: list[int]
    ) -> Bool[np.ndarray, "view height width"]:
        masks = np.zeros(images.shape, dtype=bool)
        boxes = boxes_of(self._rig, centre_m=cube.centre_world, side_m=cube.side_m).tolist()
        for view in views:
            left, top, right, bottom = box = tuple(boxes[view])
            part = np.s_[view, top:bottom, left:right]
            if self._backgrounds[view] is None and images[part].size:
                first = images[view].copy()
                first[part[1:]] = darkened(images[part], silhouette(images[view], None, box)[part[1:]])
                self._backgrounds[view] = learn(first)
            masks[view] = silhouette(images[view], self._backgrounds[view], box)
        return masks

    def _learn(
        self,
        images: UInt8[np.ndarray, "view height width"],
        masks: Bool[np.ndarray, "view height width"],
        views: list[int],
    ) -> None:
        for view in views:
            self._backgrounds[view] = learn(images[view], self._backgrounds[view], actor=masks[view])

    def _points(
        self, masks: Bool[np.ndarray, "view height width"], cube: Cube
    ) -> Float32[np.ndarray, "point 3"]:
        settings = self._settings
        volume = carve(
            masks,
            self._rig,
            centre_m=cube.centre_world,
            side_m=cube.side_m,
            voxel_m=settings.voxel_m,
            least_views=settings.least_views,
            # A camera that sees nothing at all is blind, rather than right against all others.
            present=np.any(masks, axis=(1, 2)),
        )
        points = surface_of(volume).points_m
        points = points[cube.holds(points)]
        if len(points) <= settings.most_points:
            return points
        return points[np.linspace(0, len(points) - 1, settings.most_points).astype(np.int64)]

    def _words(
        self, points: np.ndarray, masks: Bool[np.ndarray, "view height width"], frame: PoseFrame
    ) -> str:
        outlines, least = int(masks.any(axis=(1, 2)).sum()), self._settings.least_views
        if outlines < least:
            return f"sees an outline in {outlines} views, needs {least}"
        if not len(points):
            return "the outlines don't meet in the cube"
        extent = extent_of_first(frame)
        if extent is not None and (size := float(np.ptp(extent, axis=0).max())) > self._settings.side_m:
            return f"carving; cut off: the actor measures {size:.2f} m, side_m is {self._settings.side_m:g}"
        return "carving"


def darkened(
    part: UInt8[np.ndarray, "height width"], bright: Bool[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "height width"]:
    """Return a part of an image as it is taken to be without an actor: nowhere brighter than its dark half.

    What stands still from the first image on is the actor to begin with, and never a hole in one.
    """
    return part if bright.all() else np.minimum(part, np.median(part[~bright]).astype(np.uint8))
