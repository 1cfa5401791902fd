"""Detections with known truth, independent of the product's own synthetic world.

A hand-like chain of joints moves before a ring of cameras (1920x1200, about 2.1 m away, distortion).
Regimes: A 1 px noise · B + 8 % outliers of 20-100 px, 20 % missing · C joints hidden by the actor's own
capsules are missing (60 %) or hallucinated with a slowly wandering bias of 15-60 px (40 %), 5 % outliers,
about 20 % missing · D detections of unequal, unknown noise (0.6-2.5 px), 12 % outliers of 4-60 px ·
E bursts in which several views lose the hand at once, a third of them hallucinated, half of those alike.
"""

from dataclasses import dataclass

import cv2
import numpy as np

SIZE_PX = (1920, 1200)
RATE_HZ = 60.0
REGIMES = ("A", "B", "C", "D", "E")


@dataclass(frozen=True, kw_only=True)
class Regime:
    """Detections (time view joint) of one recording, and the truth behind them."""

    pixels: np.ndarray
    confidence: np.ndarray
    detected: np.ndarray
    good: np.ndarray
    """Detected, and no outlier."""
    sigma_px: np.ndarray
    """True noise of each good detection."""
    lens: np.ndarray
    camera_from_world: np.ndarray
    points_world: np.ndarray


def make_ring(views, rng):
    """Return lens (view 10) and camera_from_world (view 3 4) of cameras that look at the origin."""
    lenses, poses = [], []
    for view in range(views):
        azimuth = 2 * np.pi * view / views + rng.uniform(-0.15, 0.15)
        height = np.deg2rad(rng.uniform(15, 40))
        centre = (
            2.1
            * rng.uniform(0.95, 1.08)
            * np.array([np.cos(azimuth) * np.cos(height), np.sin(azimuth) * np.cos(height), np.sin(height)])
        )
        forward = _unit(-centre + rng.uniform(-0.08, 0.08, 3))
        right = _unit(np.cross(forward, [0.0, 0.0, 1.0]))
        rotation = np.stack([right, np.cross(forward, right), forward])
        focal = 1400 * rng.uniform(0.98, 1.02, 2)
        middle = np.array(SIZE_PX) / 2 + rng.uniform(-15, 15, 2)
        radial = [rng.uniform(-0.14, -0.08), rng.uniform(0.02, 0.07)]
        lenses.append([*focal, *middle, *radial, *rng.uniform(-6e-4, 6e-4, 2), 0.0, 0.0])
        poses.append(np.column_stack([rotation, -rotation @ centre]))
    return np.array(lenses), np.array(poses)


def project(points, lens, pose):
    """Return pixels (..., view, joint, 2) by OpenCV's own projection, and depth."""
    flat = points.reshape(-1, 3)
    pixels, depths = [], []
    for row, matrix in zip(lens, pose, strict=True):
        camera = np.array([[row[0], 0, row[2]], [0, row[1], row[3]], [0, 0, 1]])
        found = cv2.projectPoints(flat, cv2.Rodrigues(matrix[:, :3])[0], matrix[:, 3], camera, row[4:9])[0]
        pixels.append(found.reshape(*points.shape[:-1], 2))
        depths.append((flat @ matrix[2, :3] + matrix[2, 3]).reshape(points.shape[:-1]))
    return np.stack(pixels, axis=-3), np.stack(depths, axis=-2)


def make_hand(frames, rng):
    """Return joints (time 21 3) and the parents of a hand that moves and bends its fingers."""
    parents, offsets = [-1], [np.zeros(3)]
    for finger in range(5):
        angle = np.deg2rad(-35 + 17 * finger)
        along = np.array([np.sin(angle), np.cos(angle), 0.0])
        lengths = (0.045, 0.035, 0.030, 0.025) if finger == 0 else (0.090, 0.045, 0.028, 0.022)
        for bone, length in enumerate(lengths):
            parents.append(0 if bone == 0 else len(parents) - 1)
            offsets.append(along * length)
    time = np.arange(frames)[:, None] / RATE_HZ
    points = np.zeros((frames, 21, 3))
    rotations = np.zeros((frames, 21, 3, 3))
    points[:, 0] = _wander(time, 0.25, 0.4, rng)
    for joint in range(21):
        size = 0.9 if joint == 0 else 0.35
        local = np.stack([cv2.Rodrigues(vector)[0] for vector in np.asarray(_wander(time, size, 0.9, rng))])
        rotations[:, joint] = local if joint == 0 else rotations[:, parents[joint]] @ local
        if joint:
            points[:, joint] = points[:, parents[joint]] + rotations[:, parents[joint]] @ offsets[joint]
    return points, parents


def make_regime(name, *, views=4, frames=200, seed=0):
    """Return the recording of a regime; the same arguments give the same recording."""
    rng = np.random.default_rng((seed, views, ord(name)))
    lens, pose = make_ring(views, rng)
    points, parents = make_hand(frames, rng)
    pixels, depth = project(points, lens, pose)
    shape = pixels.shape[:-1]
    sigma = np.ones(shape)
    shift, outlier, missing = np.zeros(pixels.shape), np.zeros(shape, bool), np.zeros(shape, bool)
    if name == "B":
        outlier, missing = rng.random(shape) < 0.08, rng.random(shape) < 0.20
        shift = _jump(outlier, 20, 100, rng)
    if name in "CE":
        shift, outlier, missing = _hide(name, points, parents, pose, rng)
    if name == "D":
        sigma = rng.uniform(0.6, 2.5, (1, views, 1)) * rng.uniform(0.7, 1.4, shape)
        outlier = rng.random(shape) < 0.12
        shift = _jump(outlier, 4, 60, rng)
    pixels = pixels + shift + sigma[..., None] * rng.normal(size=pixels.shape)
    inside = np.all((pixels > 0) & (pixels < np.array(SIZE_PX)), axis=-1) & (depth > 0.1)
    detected = inside & ~missing
    confidence = np.where(outlier, rng.beta(3, 3, shape), rng.beta(8, 2, shape))
    return Regime(
        pixels=np.where(detected[..., None], pixels, 0.0),
        confidence=np.where(detected, confidence, 0.0),
        detected=detected,
        good=detected & ~outlier,
        sigma_px=sigma,
        lens=lens,
        camera_from_world=pose,
        points_world=points,
    )


def _hide(name, points, parents, pose, rng):
    """Return shift, outlier and missing of joints that the hand itself, or a grasped thing, hides."""
    frames, joints = points.shape[:2]
    shape = (frames, len(pose), joints)
    bias = _wandering_bias((*shape, 2), rng)
    if name == "C":
        hidden = _behind_capsules(points, parents, pose)
        lost = hidden & (rng.random(shape) < 0.6)
        lost_too = max(0.0, 0.20 - lost.mean())
        missing = lost | (rng.random(shape) < lost_too)
        stray = ~hidden & (rng.random(shape) < 0.05)
        shift = np.where(hidden[..., None], bias, 0.0) + _jump(stray, 20, 100, rng)
        return shift, hidden | stray, missing
    burst = np.repeat(rng.random((-(-frames // 15), len(pose), joints)) < 0.45, 15, axis=0)[:frames]
    imagined = burst & (np.repeat(rng.random((-(-frames // 15), 1, joints)), 15, axis=0)[:frames] < 1 / 3)
    # Half of the imagined joints are imagined at one wrong place in space by every view that imagines.
    place = points + 0.03 * _wandering_bias((frames, joints, 3), rng, least=1, most=2)
    alike = np.broadcast_to((rng.random((1, 1, joints)) < 0.5), shape)
    flat_lens = np.tile([1400.0, 1400.0, *(np.array(SIZE_PX) / 2), *([0.0] * 6)], (len(pose), 1))
    there, here = project(place, flat_lens, pose)[0], project(points, flat_lens, pose)[0]
    shift = np.where(alike[..., None], there - here, bias)
    stray = ~burst & (rng.random(shape) < 0.05)
    shift = np.where(imagined[..., None], shift, 0.0) + _jump(stray, 20, 100, rng)
    return shift, imagined | stray, burst & ~imagined


def _behind_capsules(points, parents, pose, radius=0.010):
    """Say (time view joint) which joints lie behind a bone that isn't their own."""
    bones = np.array([(parent, joint) for joint, parent in enumerate(parents) if parent >= 0])
    start, along = points[:, bones[:, 0]], points[:, bones[:, 1]] - points[:, bones[:, 0]]
    own = (bones[None] == np.arange(points.shape[1])[:, None, None]).any(axis=-1)
    hidden = np.zeros((len(points), len(pose), points.shape[1]), bool)
    for view, matrix in enumerate(pose):
        ray = (-matrix[:, :3].T @ matrix[:, 3] - points)[:, :, None]
        for share in (0.15, 0.3, 0.5, 0.7, 0.85):
            offset = (start + share * along)[:, None] - points[:, :, None]
            reach = np.clip((offset * ray).sum(-1) / (ray * ray).sum(-1), 0.0, 1.0)
            far = np.linalg.norm(offset - reach[..., None] * ray, axis=-1)
            hidden[:, view] |= ((far < radius) & (reach > 0.004) & ~own).any(axis=-1)
    return hidden


def _wandering_bias(shape, rng, least=15.0, most=60.0):
    """Return vectors whose direction and length drift over the first axis (AR(1), 0.97 per frame)."""
    steps = rng.normal(size=shape)
    path = np.empty(shape)
    path[0] = steps[0]
    for frame in range(1, len(path)):
        path[frame] = 0.97 * path[frame - 1] + np.sqrt(1 - 0.97**2) * steps[frame]
    length = np.linalg.norm(path, axis=-1, keepdims=True)
    return path / length * (least + (most - least) * np.clip(length / 2.5, 0, 1))


def _jump(where, least, most, rng):
    angle, length = rng.uniform(0, 2 * np.pi, where.shape), rng.uniform(least, most, where.shape)
    jump = np.stack([np.cos(angle), np.sin(angle)], axis=-1) * length[..., None]
    return np.where(where[..., None], jump, 0.0)


def _wander(time, size, rate, rng):
    """Return smooth vectors (time 3): two sines per axis."""
    waves = (
        np.sin(2 * np.pi * rate * rng.uniform(0.3, 1.7, 3) * time + rng.uniform(0, 2 * np.pi, 3))
        for _ in range(2)
    )
    return 0.5 * size * sum(waves)


def _unit(vector):
    return vector / np.linalg.norm(vector)
