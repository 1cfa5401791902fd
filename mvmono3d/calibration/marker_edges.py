"""A marker's corners as crossings of its edges: the corner of one dark square is no saddle to refine on."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

_POINTS = 16
_ALONG = np.linspace(0.15, 0.85, _POINTS)
_SAMPLES_PER_PX = 4
_LARGEST_REACH_PX = 4.0
_SMALLEST_REACH_PX = 1.0


def cross_edges(
    picture: UInt8[np.ndarray, "height width"], corners: Float[np.ndarray, "marker 4 2"], *, bits: int
) -> Float[np.ndarray, "marker 4 2"]:
    """Return corners moved to where straight lines along the marker's four edges cross.

    `bits` counts a marker's cells along one side, with its border. Each edge is found at 16 places as the
    centre of the brightness step across it, which blur does not move. Corners that would go further than
    half a cell stay.
    """
    if not len(corners):
        return corners
    following = np.roll(corners, -1, axis=1)
    side_px = np.linalg.norm(following - corners, axis=-1, keepdims=True)
    direction = (following - corners) / np.maximum(side_px, 1e-9)
    outward = np.stack([direction[..., 1], -direction[..., 0]], axis=-1)
    reach = np.clip(side_px.min(axis=(1, 2)) / bits / 2.0, _SMALLEST_REACH_PX, _LARGEST_REACH_PX)
    starts = corners[:, :, None] + _ALONG[:, None] * (following - corners)[:, :, None]
    points = starts + _steps(picture, starts, outward, reach)[..., None] * outward[:, :, None]
    centre = points.mean(axis=2)
    spread = points - centre[:, :, None]
    # The normal of the line with the least squared distances is the last singular vector.
    normal = np.linalg.svd(spread, full_matrices=False)[2][..., -1, :]
    moved = _crossings(centre, normal, corners)
    near = np.linalg.norm(moved - corners, axis=-1) < reach[:, None]
    return np.where(near[..., None], moved, corners)


def _steps(picture: np.ndarray, starts: np.ndarray, outward: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Return how far outward (px) the brightness step lies from each start."""
    count = int(2 * _LARGEST_REACH_PX * _SAMPLES_PER_PX) + 1
    offsets = reach[:, None] * np.linspace(-1.0, 1.0, count)
    places = starts[..., None, :] + offsets[:, None, None, :, None] * outward[:, :, None, None]
    flat = places.reshape(-1, count, 2).astype(np.float32)
    values = cv2.remap(picture, flat, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # pyright: ignore[reportCallIssue, reportArgumentType]
    rise = np.maximum(np.diff(np.asarray(values, dtype=np.float64).reshape(*starts.shape[:3], count)), 0.0)
    middle = (offsets[:, 1:] + offsets[:, :-1])[:, None, None] / 2.0
    return (rise * middle).sum(axis=-1) / np.maximum(rise.sum(axis=-1), 1e-9)


def _crossings(centre: np.ndarray, normal: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return where each edge's line crosses that of the edge before; parallel lines leave the corner."""
    before_normal, before_centre = np.roll(normal, 1, axis=1), np.roll(centre, 1, axis=1)
    level, before_level = (normal * centre).sum(-1), (before_normal * before_centre).sum(-1)
    determinant = normal[..., 0] * before_normal[..., 1] - normal[..., 1] * before_normal[..., 0]
    sound = np.abs(determinant) > 0.1
    safe = np.where(sound, determinant, 1.0)
    x = (level * before_normal[..., 1] - before_level * normal[..., 1]) / safe
    y = (before_level * normal[..., 0] - level * before_normal[..., 0]) / safe
    return np.where(sound[..., None], np.stack([x, y], axis=-1), corners)
