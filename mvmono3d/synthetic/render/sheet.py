"""A printed sheet, held before the cameras: calibration boards can be rehearsed with it.

The sheet is flat, so that each pixel's ray meets it in closed form. Its print is a picture, averaged
beforehand at several sizes, so that a small sheet has no more detail than its pixels can show.
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from mvmono3d.core.array import Array
from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.record import Record
from mvmono3d.core.rig import Rig
from mvmono3d.errors import InvalidRecordError
from mvmono3d.geometry.projection import inside_image
from mvmono3d.geometry.rigid import camera_centres, compose, invert
from mvmono3d.synthetic.render.backdrop import backdrop
from mvmono3d.synthetic.render.look import Look
from mvmono3d.synthetic.render.optics import Optics, make_optics
from mvmono3d.synthetic.render.ray_kernel import NEAR_M, light_up
from mvmono3d.synthetic.render.renderer import Picture, RenderSettings
from mvmono3d.synthetic.render.truth import FrameTruth, project_joints, smear

_BLACK, _WHITE, _BACK = 0.05, 0.75, 0.3
_MARGIN_PX = 5
_MOST_AT_ONCE = 1 << 14
"""Places that OpenCV's `remap` is asked for at once: a side of its result is shorter than 2^15."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet(Record):
    """A print on a rigid sheet, and where it is held in each frame."""

    print: UInt8[Array, "height width"]
    """Black 0, white 255; row 0 at y = 0, column 0 at x = 0."""
    size_m: Float[Array, "2"]
    """Width and height; the print fills it."""
    corner_m: Float[Array, "2"]
    """Where the print's first corner lies in the sheet's own frame: a margin makes it negative."""
    points_m: Float[Array, "joint 3"]
    """Points whose truth is asked for, in the sheet's own frame."""
    world_from_sheet: Float[Array, "time 3 4"]
    """+X along the print's columns, +Y along its rows, so that the front faces -Z; at `exposure_times`."""
    two_sided: bool
    """The back carries the mirror image, as seen through the sheet; otherwise it is plain."""


class SheetRenderer:
    """Frames of a sheet before a rig, as `Renderer` gives those of actors."""

    def __init__(self, sheet: Sheet, rig: Rig, *, look: Look, settings: RenderSettings | None = None) -> None:
        """Light the empty room; the room is the look's."""
        self.settings = settings or RenderSettings(samples=9)
        if len(sheet.world_from_sheet) % self.settings.samples:
            raise InvalidRecordError(
                f"a sheet at {len(sheet.world_from_sheet)} times: expected a multiple of the "
                f"{self.settings.samples} samples of an exposure"
            )
        self._sheet = sheet
        self.optics = make_optics(rig, samples=self.settings.samples, vignetting=self.settings.vignetting)
        self.frames = len(sheet.world_from_sheet) // self.settings.samples
        self._light, self._depth = backdrop(self.optics, look, self.settings.light, floor=False)
        self._pyramid = _pyramid(sheet.print)
        self.empty = np.stack([self._finish(light, view) for view, light in enumerate(self._light)])

    def frame(self, index: int) -> Picture:
        """Render one frame, counted from 0."""
        samples = self.settings.samples
        light, depth = self._light.copy(), self._depth.copy()
        for view in range(len(light)):
            poses = self._sheet.world_from_sheet[index * samples : (index + 1) * samples]
            box = self._box(view, poses)
            met = [self._meet(view, sample, pose, box) for sample, pose in enumerate(poses)]
            room = self._light[view][box]
            light[view][box] = np.mean([np.where(each.hit, each.light, room) for each in met], axis=0)
            middle = met[samples // 2]
            depth[view][box] = np.where(middle.hit, middle.depth, depth[view][box])
            light[view] = self._finish(light[view], view)
        return Picture(light, depth)

    def truth(self, index: int) -> tuple[FrameTruth, ...]:
        """Return where the sheet's points are; their state says on which side of it a camera stands."""
        samples = self.settings.samples
        poses = self._sheet.world_from_sheet[index * samples : (index + 1) * samples]
        points = self._sheet.points_m @ np.swapaxes(poses[:, :, :3], 1, 2) + poses[:, None, :, 3]
        return (sheet_truth(points, poses[samples // 2], self.optics, two_sided=self._sheet.two_sided),)

    def _finish(self, light: np.ndarray, view: int) -> np.ndarray:
        blur = self.settings.blur_px
        soft = cv2.GaussianBlur(light, (0, 0), blur, borderType=cv2.BORDER_REPLICATE) if blur > 0.0 else light
        return soft * self.optics.vignette[view]

    def _box(self, view: int, poses: np.ndarray) -> tuple[slice, slice]:
        """Return the pixels that the sheet may cover."""
        share = np.linspace(0.0, 1.0, 9)
        across, down = np.meshgrid(share, share)
        flat = np.stack([across.ravel(), down.ravel()], axis=1) * self._sheet.size_m + self._sheet.corner_m
        rim = np.concatenate([flat, np.zeros((len(flat), 1))], axis=1)
        points = rim @ np.swapaxes(poses[:, :, :3], 1, 2) + poses[:, None, :, 3]
        where = project_joints(points.reshape(-1, 3), self.optics)
        height, width = self.optics.shape
        if not where.in_front[view].all():
            return slice(0, height), slice(0, width)
        low, high = where.pixels[view].min(axis=0) - _MARGIN_PX, where.pixels[view].max(axis=0) + _MARGIN_PX
        left, top = np.clip(low, 0, [width, height]).astype(int).tolist()
        right, bottom = np.clip(high, 0, [width, height]).astype(int).tolist()
        return slice(top, bottom), slice(left, right)

    def _meet(self, view: int, sample: int, world_from_sheet: np.ndarray, box: tuple[slice, slice]) -> "_Met":
        """Cast the rays of a part of one view onto the sheet."""
        camera_from_sheet = compose(self.optics.camera_from_world[view], world_from_sheet)
        turn, shift = camera_from_sheet[:, :3], camera_from_sheet[:, 3]
        rays = self.optics.rays[sample, view][box].astype(np.float64)
        rays = np.concatenate([rays, np.ones((*rays.shape[:2], 1))], axis=-1)
        towards = rays @ turn[:, 2]
        depth = (turn[:, 2] @ shift) / np.where(np.abs(towards) < 1e-9, 1e-9, towards)
        place = (depth[..., None] * rays - shift) @ turn[:, :2] - self._sheet.corner_m
        share = place / self._sheet.size_m
        hit = (depth > NEAR_M) & ((share >= 0.0) & (share < 1.0)).all(axis=-1)
        light = np.zeros(hit.shape, dtype=np.float32)
        # The front faces -Z: a camera in front of it looks along the sheet's +Z.
        front = float(turn[:, 2] @ shift) > 0.0
        albedo = self._printed(share[hit], front, float(np.median(depth[hit])) if hit.any() else 1.0, view)
        normal = -turn[:, 2] if front else turn[:, 2]
        light[hit] = self._lit(view, depth[hit, None] * rays[hit], normal, albedo)
        return _Met(hit, light, depth.astype(np.float32))

    def _printed(self, share: np.ndarray, front: bool, depth: float, view: int) -> np.ndarray:
        if not front and not self._sheet.two_sided:
            return np.full(len(share), _BACK)
        texel = self._sheet.size_m[0] / self._sheet.print.shape[1]
        ratio = depth / float(self.optics.lens[view, 0]) / texel / np.sqrt(self.settings.samples)
        level = int(np.clip(np.floor(np.log2(max(ratio, 1.0))), 0, len(self._pyramid) - 1))
        page = self._pyramid[level]
        height, width = page.shape
        texels = (share * [width, height] - 0.5).astype(np.float32)
        grey = np.zeros(len(texels))
        for first in range(0, len(texels), _MOST_AT_ONCE):
            u, v = texels[first : first + _MOST_AT_ONCE].T
            read = cv2.remap(page, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            grey[first : first + len(u)] = np.ravel(read)
        return _BLACK + (_WHITE - _BLACK) * grey / 255.0

    def _lit(self, view: int, points: np.ndarray, normal: np.ndarray, albedo: np.ndarray) -> np.ndarray:
        """Return the light of all cameras' lights, in one camera's frame."""
        poses, light = self.optics.camera_from_world, np.zeros(len(points))
        place, look = self.settings.light.arrays
        normals = np.tile(normal, (len(points), 1))
        light_up(points, normals, albedo, place, look, light)
        others = [other for other in range(len(poses)) if other != view and self.settings.light.others > 0.0]
        for other in others:
            move = compose(poses[other], invert(poses[view]))
            turned = np.ascontiguousarray(move[:, :3].T)
            dimmed = albedo * self.settings.light.others
            light_up(points @ turned + move[:, 3], normals @ turned, dimmed, place, look, light)
        return light


class _Met(NamedTuple):
    hit: Bool[Array, "height width"]
    light: Float[Array, "height width"]
    depth: Float[Array, "height width"]


def sheet_truth(
    points_world: Float[Array, "sample joint 3"],
    world_from_sheet: Float[Array, "3 4"],
    optics: Optics,
    *,
    two_sided: bool,
) -> FrameTruth:
    """Return the truth of points on a sheet; SELF where a camera is behind a one-sided one."""
    middle = points_world[len(points_world) // 2]
    where = project_joints(middle, optics)
    height, width = optics.shape
    inside = inside_image(where.pixels, np.tile([width, height], (len(optics.lens), 1))) & where.in_front
    apart = world_from_sheet[:, 3] - camera_centres(optics.camera_from_world)
    shown = (apart @ world_from_sheet[:, 2] > 0.0) | two_sided
    state = np.where(shown[:, None], int(OcclusionState.VISIBLE), int(OcclusionState.SELF))
    return FrameTruth(
        points_world=middle,
        pixels=where.pixels,
        depth=where.depth,
        smear_px=smear(points_world, optics),
        state=np.where(inside, state, int(OcclusionState.UNKNOWN)).astype(np.int8),
    )


def _pyramid(page: np.ndarray) -> list[np.ndarray]:
    """Return the print at full, half, quarter size and so on."""
    pages = [page]
    while min(pages[-1].shape) >= 32:
        height, width = pages[-1].shape
        pages.append(cv2.resize(pages[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA))
    return pages
