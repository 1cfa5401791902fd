"""What a real 2D detector makes of a scene: noise, guesses, gaps, swaps, outliers, doubtful scores."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.limbs import limb_of_joint
from mvmono3d.core.observations import Observations
from mvmono3d.core.occlusion import OcclusionLabels, OcclusionState
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.geometry.projection import inside_image, project
from mvmono3d.synthetic.noise import Noise, draw_guess, draw_noise, draw_outliers
from mvmono3d.synthetic.processes import bursts
from mvmono3d.synthetic.scene import Scene
from mvmono3d.synthetic.settings import DetectorSettings
from mvmono3d.synthetic.streams import generator

REFERENCE_WIDTH_PX = 1920
_SEEN_LOGIT = 2.2
"""Logit of the mean score of seen joints, before a detector's own gain and offset."""


class Detected(NamedTuple):
    """What the detector says, and the states behind it."""

    observations: Observations
    occlusion: OcclusionLabels


class _Draft(NamedTuple):
    """Detections before gaps are taken out."""

    pixels: Float[Array, "time view joint 2"]
    confidence: Float[Array, "time view joint"]
    sigma_px: Float[Array, "time view joint"]
    present: Bool[Array, "time view joint"]


class _Fate(NamedTuple):
    """What becomes of each detection, apart from its noise."""

    occluded: Bool[Array, "time view joint"]
    missing: Bool[Array, "time view joint"]
    overconfident: Bool[Array, "time view joint"]
    outlier: Bool[Array, "time view joint"]


def detect(
    scene: Scene,
    rig: Rig,
    *,
    skeleton: Skeleton,
    hidden: Int[Array, "time view joint"],
    settings: DetectorSettings,
    rate_hz: float,
    seed: int,
) -> Detected:
    """Detect the scene's joints in every view of the (true) rig.

    `hidden` holds VISIBLE, SELF or OBJECT from geometry. Joints outside an image are never detected.
    Labels keep the geometric state, except UNKNOWN: outside the image, view dropped, or free but silent.
    """
    world = _World(scene, rig, skeleton, settings, rate_hz, seed)
    lens, pose = rig.camera.lens.astype(np.float32), rig.camera_from_world.astype(np.float32)
    projection = project(scene.points_world.astype(np.float32), lens=lens, camera_from_world=pose)
    observable = projection.in_front & inside_image(projection.pixels, rig.camera.size_px)
    hidden = _block(world, hidden)
    draft = _swap(world, _draft(world, projection.pixels, hidden != OcclusionState.VISIBLE))
    reachable = observable & ~_dropped(world, hidden.shape)
    detected = draft.present & reachable
    silent = (hidden == OcclusionState.VISIBLE) & ~detected
    observations = Observations(
        pixels=np.where(detected[..., None], draft.pixels, np.float32(0)),
        confidence=np.where(detected, draft.confidence, np.float32(0)),
        detected=detected,
        time_ns=scene.time_ns,
        sigma_px=draft.sigma_px if settings.states_sigma else None,
    )
    state = np.where(silent | ~reachable, np.int8(OcclusionState.UNKNOWN), hidden)
    return Detected(observations, OcclusionLabels(state=state, labelled=np.ones(state.shape, dtype=bool)))


class _World(NamedTuple):
    """What every step of the detector needs."""

    scene: Scene
    rig: Rig
    skeleton: Skeleton
    settings: DetectorSettings
    rate_hz: float
    seed: int

    def draw(self, stream: str) -> np.random.Generator:
        return generator(self.seed, f"detector {stream}")

    def bursts(self, stream: str, shape: tuple[int, ...], *, share: float, seconds: float) -> Array:
        return bursts(self.draw(stream), shape, share=share, mean_frames=seconds * self.rate_hz)

    @property
    def px_per_reference_px(self) -> Float[Array, "view 1"]:
        """Errors grow with the image: a detector sees it at a fixed resolution."""
        return (self.rig.camera.size_px[:, :1] / REFERENCE_WIDTH_PX).astype(np.float32)


def _block(world: _World, hidden: Array) -> Array:
    """Let something unmodelled hide free joints, in bursts."""
    settings = world.settings
    if settings.blocked_view_share * settings.blocked_joint_share == 0:
        return hidden
    if world.draw("blocked clip").random() >= settings.blocked_clip_share:
        return hidden
    frames, views, joints = hidden.shape
    seconds = settings.blocked_s
    view = world.bursts("blocked views", (frames, views), share=settings.blocked_view_share, seconds=seconds)
    joint = world.bursts(
        "blocked joints", (frames, views, joints), share=settings.blocked_joint_share, seconds=seconds
    )
    blocked = view[..., None] & joint & (hidden == OcclusionState.VISIBLE)
    return np.where(blocked, np.int8(OcclusionState.OBJECT), hidden)


def _draft(world: _World, true_pixels: Array, occluded: Array) -> _Draft:
    settings, shape, scale = world.settings, occluded.shape, world.px_per_reference_px
    noise = draw_noise(settings, shape, rate_hz=world.rate_hz, seed=world.seed)
    fate = _draw_fate(world, occluded)
    error = noise.error_px
    if settings.drift_px > 0:
        error = error + _guess(world, true_pixels, occluded)
    if settings.outlier_share > 0:
        outlier = draw_outliers(settings, shape, world.draw("outliers"))
        error = np.where(fate.outlier[..., None], outlier, error)
    pixels = true_pixels + scale[..., None] * error
    return _Draft(
        pixels=pixels,
        confidence=_draw_scores(world, fate, noise),
        sigma_px=scale * _state_sigma(world, fate, noise),
        present=~fate.missing & inside_image(pixels, world.rig.camera.size_px),
    )


def _draw_fate(world: _World, occluded: Array) -> _Fate:
    settings, shape = world.settings, occluded.shape
    clip = world.draw("traits")
    hidden_share, free_share, sure_share = (
        float(clip.uniform(*limits))
        for limits in (settings.missing_hidden, settings.missing_visible, settings.overconfident)
    )
    hidden_gap = world.bursts("hidden gaps", shape, share=hidden_share, seconds=settings.missing_s)
    free_gap = world.bursts("free gaps", shape, share=free_share, seconds=settings.missing_s)
    sure = world.bursts("sure", shape, share=sure_share, seconds=settings.overconfident_s)
    outlier = world.draw("outlier times").random(shape, dtype=np.float32) < settings.outlier_share
    return _Fate(occluded, np.where(occluded, hidden_gap, free_gap), sure & occluded, outlier)


def _guess(world: _World, true_pixels: Array, occluded: Array) -> Array:
    """Return where hidden joints are guessed, relative to the truth, in reference pixels; 0 for others."""
    settings, (frames, _, joints) = world.settings, occluded.shape
    guess = _drift(world, "in views", (*occluded.shape, 2))
    if settings.coherent_share > 0:
        coherent = world.bursts(
            "coherent", (frames, joints), share=settings.coherent_share, seconds=settings.drift_s
        )
        frame, joint = np.nonzero(coherent & occluded.any(axis=1))
        moved = _drift(world, "in space", (frames, joints, 3))[frame, joint]
        start = true_pixels[frame, :, joint]
        guess[frame, :, joint] = _displace(world, start, world.scene.points_world[frame, joint], moved)
    guess *= occluded[..., None]
    return guess


def _drift(world: _World, stream: str, shape: tuple[int, ...]) -> Array:
    return draw_guess(world.settings, shape, rate_hz=world.rate_hz, seed=world.seed, stream=stream)


def _displace(world: _World, true_pixels: Array, points_world: Array, moved: Array) -> Array:
    """Return how far projections (point view 2) move when the points move, both in reference pixels."""
    rig, scale, points = world.rig, world.px_per_reference_px, points_world.astype(np.float32)
    if len(points) == 0:
        return np.zeros_like(true_pixels)
    centre = points.mean(axis=0)
    depth = rig.camera_from_world[:, 2, :3] @ centre + rig.camera_from_world[:, 2, 3]
    metres_per_px = np.float32(np.median(depth / rig.camera.focal_px[:, 0] * scale[:, 0]))
    lens, pose = rig.camera.lens.astype(np.float32), rig.camera_from_world.astype(np.float32)
    elsewhere = project(points + metres_per_px * moved, lens=lens, camera_from_world=pose).pixels
    return (np.swapaxes(elsewhere, 0, 1) - true_pixels) / scale


def _draw_scores(world: _World, fate: _Fate, noise: Noise) -> Array:
    """Draw confidences: they tell seen from guessed, and a little of precision, on no common scale."""
    settings, clip = world.settings, world.draw("score traits")
    gain, offset = (
        np.float32(clip.uniform(*limits)) for limits in (settings.score_gain, settings.score_offset)
    )
    logit = world.draw("scores").standard_normal(fate.occluded.shape, dtype=np.float32)
    logit -= np.float32(settings.score_noise_weight) * noise.log_size
    doubt = np.where(fate.occluded & ~fate.overconfident, np.float32(settings.score_gap), np.float32(0))
    doubt = np.where(fate.outlier, np.maximum(doubt, np.float32(0.5 * settings.score_gap)), doubt)
    logit += np.float32(_SEEN_LOGIT) - doubt
    return np.float32(1) / (np.float32(1) + np.exp(-(gain * logit + offset)))


def _state_sigma(world: _World, fate: _Fate, noise: Noise) -> Array:
    """Return the standard deviations that the detector states, in reference pixels: roughly the true ones."""
    settings = world.settings
    if not settings.states_sigma:
        return noise.sigma_px
    guessed = np.float32(np.hypot(settings.drift_px, settings.drift_floor_px)) + noise.sigma_px
    sigma = np.where(fate.occluded & ~fate.overconfident, guessed, noise.sigma_px)
    wobble = world.draw("stated sigma").standard_normal(sigma.shape, dtype=np.float32)
    return sigma * np.exp(np.float32(settings.stated_sigma_wobble) * wobble)


def _swap(world: _World, draft: _Draft) -> _Draft:
    """Take limbs for their mirror partners, in bursts per view."""
    settings, limb = world.settings, limb_of_joint(world.skeleton)
    if settings.swap_share == 0 or limb.max() < 0:
        return draft
    shape = (*draft.present.shape[:2], int(limb.max()) + 1)
    swapped = world.bursts("swaps", shape, share=settings.swap_share, seconds=settings.swap_s)
    swap = swapped[:, :, limb] & (limb >= 0)
    mirror = list(world.skeleton.mirror)
    return _Draft(
        pixels=np.where(swap[..., None], draft.pixels[:, :, mirror], draft.pixels),
        confidence=np.where(swap, draft.confidence[:, :, mirror], draft.confidence),
        sigma_px=np.where(swap, draft.sigma_px[:, :, mirror], draft.sigma_px),
        present=np.where(swap, draft.present[:, :, mirror], draft.present),
    )


def _dropped(world: _World, shape: tuple[int, ...]) -> Array:
    settings = world.settings
    dropped = world.bursts("dropouts", shape[:2], share=settings.dropout_share, seconds=settings.dropout_s)
    return dropped[..., None]
