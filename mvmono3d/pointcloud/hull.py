"""The visual hull: the largest body that throws the silhouettes which the cameras see.

It holds the actor (Laurentini 1994), and hollows that no camera looks into stay filled.
"""

import math

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from mvmono3d.core.rig import Rig
from mvmono3d.errors import InvalidRecordError
from mvmono3d.pointcloud.hull_kernel import carve_blocks
from mvmono3d.pointcloud.sight import STRETCH, depth_span, image_shape, packed_cameras
from mvmono3d.pointcloud.volume import BLOCK, Volume, empty_volume

_MOST_PX = 400.0
"""No distance from an edge is measured further than this."""


def carve(
    silhouettes: Bool[np.ndarray, "view height width"],
    rig: Rig,
    *,
    centre_m: Float[np.ndarray, "3"],
    side_m: float,
    voxel_m: float,
    least_views: int = 2,
    tolerance: int = 0,
    present: Bool[np.ndarray, " view"] | None = None,
) -> Volume:
    """Return the visual hull in a cube; coarse in blocks, fine near its surface.

    A voxel that a view doesn't see (outside its image, behind it) is none of that view's business; one that
    fewer than `least_views` see is unknown. Distances are those in the images times the depth, true where
    they are 0. Raises `InvalidRecordError` for silhouettes that aren't the rig's.

    Args:
        silhouettes: True where the actor is, in images as cameras take them, bent by their lenses.
        rig: Whose cameras they are, in their order.
        centre_m: Middle of the cube in the world.
        side_m: Length of its edges.
        voxel_m: Length of a voxel's edges.
        least_views: How many views must see a voxel.
        tolerance: How many views may call it outside in vain: 1 outlives a blind camera, with a larger hull.
        present: Which views have a silhouette; all by default.
    """
    _check(silhouettes, rig, least_views=least_views, tolerance=tolerance)
    volume = empty_volume(centre_m, side_m=side_m, voxel_m=voxel_m)
    there = np.flatnonzero(np.ones(len(silhouettes), dtype=bool) if present is None else present)
    if len(there) == 0:
        return volume
    cameras = packed_cameras(rig)[there]
    fars = _fars(volume, cameras)
    edges, frames = _signed_edges(silhouettes[there], fars)
    carve_blocks(
        volume.distance,
        volume.weight,
        cameras,
        edges,
        frames,
        fars,
        np.array(silhouettes.shape[:0:-1], dtype=np.float32),
        volume.origin_m.astype(np.float32),
        np.float32(volume.voxel_m),
        np.float32(volume.truncation_m),
        max(least_views, tolerance + 1),
        tolerance,
    )
    return volume


def _check(silhouettes: np.ndarray, rig: Rig, *, least_views: int, tolerance: int) -> None:
    expected = (len(rig.names), *image_shape(rig))
    if silhouettes.shape != expected:
        raise InvalidRecordError(
            f"silhouettes of shape {silhouettes.shape}: expected {expected}, one for each camera of the rig "
            f"({', '.join(rig.names)}) and of its size"
        )
    if least_views < 1 or tolerance < 0:
        raise InvalidRecordError(
            f"least_views {least_views} and tolerance {tolerance}: expected 1 or more and 0 or more"
        )


def _signed_edges(
    silhouettes: Bool[np.ndarray, "view height width"], fars: Float32[np.ndarray, " view"]
) -> tuple[Float32[np.ndarray, "view pixel"], Int[np.ndarray, "view 5"]]:
    """Return how far pixels are outside (positive) the silhouettes [px], flat, and the frame round each.

    Between a pixel inside and its neighbour outside it is 0. Frames are left, top, width, height in the image
    and the length of a row; beyond them everything is further than `fars`.
    """
    pieces = [_signed_edge(mask, float(far)) for mask, far in zip(silhouettes, fars, strict=True)]
    frames = np.array([frame for _, frame in pieces], dtype=np.int64)
    width, height = frames[:, 2:].max(axis=0).tolist()
    edges = np.zeros((len(pieces), height, width), dtype=np.float32)
    for place, (piece, _) in enumerate(pieces):
        edges[place, : piece.shape[0], : piece.shape[1]] = piece
    return edges.reshape(len(pieces), -1), np.insert(frames, 4, width, axis=1)


def _signed_edge(mask: np.ndarray, far: float) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    if width == 0:
        return np.zeros((0, 0), dtype=np.float32), (0, 0, 0, 0)
    spare = math.ceil(far) + 1
    rows = slice(max(top - spare, 0), min(top + height + spare, mask.shape[0]))
    columns = slice(max(left - spare, 0), min(left + width + spare, mask.shape[1]))
    inside = np.ascontiguousarray(mask[rows, columns]).view(np.uint8)
    within = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)
    beyond = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_5)
    # From the middle of a pixel to the middle of the nearest other one: the edge is half a pixel before it.
    signed = np.where(inside > 0, 0.5 - within, beyond - 0.5).clip(-far, far).astype(np.float32)
    # One pixel more on every side, so that the outer halves of an image's last pixels are covered too.
    framed = cv2.copyMakeBorder(signed, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    return np.asarray(framed), (columns.start - 1, rows.start - 1, framed.shape[1], framed.shape[0])


def _fars(volume: Volume, cameras: Float32[np.ndarray, "view 24"]) -> Float32[np.ndarray, " view"]:
    """Return how far from an edge [px] a block's middle can be and matter."""
    nearest, furthest = depth_span(volume, cameras).T
    near = np.maximum(nearest, 0.2 * furthest)
    reach = 1.5 * math.sqrt(3.0) * 0.5 * BLOCK * volume.voxel_m + volume.truncation_m
    focal = cameras[:, :2].max(axis=1) * cameras[:, STRETCH]
    return np.clip(focal * reach / np.maximum(near, 1e-3), 8.0, _MOST_PX).astype(np.float32)
