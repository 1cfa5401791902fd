"""What a 2D detector makes of several actors: candidates in any order, missed, doubled, mixed and made up."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.candidates import Candidates
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.geometry.rigid import camera_centres
from mvmono3d.synthetic.crowd import Crowd, CrowdSettings, hidden_in_crowd, make_crowd
from mvmono3d.synthetic.detector import detect
from mvmono3d.synthetic.processes import bursts
from mvmono3d.synthetic.rigs import calibrate_with_errors, make_rig
from mvmono3d.synthetic.settings import CalibrationSettings, DetectorSettings, RigSettings
from mvmono3d.synthetic.streams import generator
from mvmono3d.synthetic.workspace import Workspace, workspace_of_scenes

NOBODY = -1
"""Whose a candidate is that the detector made up, or that is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdDetector:
    """What goes wrong with whole skeletons; joints go wrong as `joints` says."""

    joints: DetectorSettings = field(default_factory=DetectorSettings)
    hidden_missed: float = 0.8
    """Share of time that an actor is missed in a view that sees less than `least_seen` of its joints."""
    least_seen: float = 0.2
    missed: float = 0.02
    """Share of time that any actor is missed in a view."""
    mixed: float = 0.15
    """Share of the joints behind another actor that are taken from that actor."""
    doubled: float = 0.01
    """Share of time that a view shows an actor twice, the second time in part."""
    made_up: float = 0.02
    """Share of time that a view shows an actor where there is none."""
    burst_s: float = 0.2
    """Mean length of each of these."""
    side_known: float = 0.0
    """How sure the detector is of a hand's side: 0 not at all, 1 always right."""


class CrowdClip(NamedTuple):
    """Candidates of several actors with the truth behind them."""

    candidates: Candidates
    actor: Int[Array, "time view candidate"]
    """Whose each candidate is, or `NOBODY`."""
    crowd: Crowd
    rig: Rig
    """As calibrated: with error."""
    skeleton: Skeleton


class _Seen(NamedTuple):
    pixels: Float[Array, "actor time view joint 2"]
    confidence: Float[Array, "actor time view joint"]
    detected: Array
    hidden: Array


def make_crowd_clip(
    skeleton: Skeleton,
    settings: CrowdSettings,
    *,
    frames: int,
    rate_hz: float = 60.0,
    seed: int,
    detector: CrowdDetector | None = None,
    rig: RigSettings | None = None,
    calibration: CalibrationSettings | None = None,
) -> CrowdClip:
    """Make a clip of several actors before one rig; equal arguments give equal arrays."""
    chosen = detector or CrowdDetector()
    crowd = make_crowd(skeleton, settings, frames=frames, rate_hz=rate_hz, seed=seed)
    workspace = _whole_workspace(crowd)
    true_rig = make_rig(rig or RigSettings(), workspace=workspace, seed=seed)
    known_rig = calibrate_with_errors(
        true_rig, calibration or CalibrationSettings(), workspace=workspace, seed=seed
    )
    seen = _see_all(crowd, true_rig, skeleton, chosen, rate_hz=rate_hz, seed=seed)
    candidates, actor = _line_up(seen, crowd, true_rig, chosen, rate_hz=rate_hz, seed=seed)
    return CrowdClip(candidates, actor, crowd, known_rig, skeleton)


def _whole_workspace(crowd: Crowd) -> Workspace:
    thinned = [
        replace(scene, points_world=scene.points_world[::7], time_ns=scene.time_ns[::7])
        for scene in crowd.scenes
    ]
    return workspace_of_scenes(thinned)


def _see_all(
    crowd: Crowd, rig: Rig, skeleton: Skeleton, settings: CrowdDetector, *, rate_hz: float, seed: int
) -> _Seen:
    centres = camera_centres(rig.camera_from_world)
    hidden = np.stack(
        [
            hidden_in_crowd(crowd, actor, centres, contact_tolerance_m=0.01)
            for actor in range(len(crowd.scenes))
        ]
    )
    detections = [
        detect(
            scene,
            rig,
            skeleton=skeleton,
            hidden=hidden[actor],
            settings=settings.joints,
            rate_hz=rate_hz,
            seed=seed * 97 + actor,
        ).observations
        for actor, scene in enumerate(crowd.scenes)
    ]
    seen = _Seen(
        np.stack([each.pixels for each in detections]).astype(np.float64),
        np.stack([each.confidence for each in detections]).astype(np.float64),
        np.stack([each.detected for each in detections]),
        hidden,
    )
    mixed = _mix(seen, settings, rate_hz=rate_hz, seed=seed)
    there = mixed.detected & crowd.present[:, :, None, None]
    there &= ~_missed(seen, settings, rate_hz=rate_hz, seed=seed)[..., None]
    return mixed._replace(detected=there)


def _missed(seen: _Seen, settings: CrowdDetector, *, rate_hz: float, seed: int) -> Array:
    rng, frames = generator(seed, "crowd missed"), settings.burst_s * rate_hz
    shape = (seen.hidden.shape[1], seen.hidden.shape[0], seen.hidden.shape[2])
    behind = bursts(rng, shape, share=settings.hidden_missed, mean_frames=3.0 * frames)
    free = bursts(rng, shape, share=settings.missed, mean_frames=frames)
    covered = (seen.hidden == 0).mean(axis=-1) < settings.least_seen
    return np.where(covered, np.swapaxes(behind, 0, 1), np.swapaxes(free, 0, 1))


def _mix(seen: _Seen, settings: CrowdDetector, *, rate_hz: float, seed: int) -> _Seen:
    """Let hidden joints be taken from the actor whose same joint is nearest in the image."""
    actors, frames, views, joints = seen.detected.shape
    if actors < 2 or settings.mixed == 0:
        return seen
    rng = generator(seed, "crowd mixed")
    taken = bursts(
        rng, (frames, actors, views, joints), share=settings.mixed, mean_frames=settings.burst_s * rate_hz
    )
    taken = np.swapaxes(taken, 0, 1) & (seen.hidden == 2)
    pixels, confidence, detected = seen.pixels.copy(), seen.confidence.copy(), seen.detected.copy()
    for actor in range(actors):
        others = [other for other in range(actors) if other != actor]
        far = np.linalg.norm(seen.pixels[others] - seen.pixels[actor], axis=-1)
        far = np.where(seen.detected[others], far, np.inf)
        nearest = np.argmin(far, axis=0)[None]
        use = taken[actor] & (far.min(axis=0) < 200.0)
        from_other = np.take_along_axis(seen.pixels[others], nearest[..., None], axis=0)[0]
        scored = np.take_along_axis(seen.confidence[others], nearest, axis=0)[0]
        pixels[actor] = np.where(
            use[..., None], from_other + rng.normal(0, 3, from_other.shape), pixels[actor]
        )
        confidence[actor] = np.where(use, 0.7 * scored, confidence[actor])
        detected[actor] |= use
    return _Seen(pixels, confidence, detected, seen.hidden)


def _line_up(
    seen: _Seen, crowd: Crowd, rig: Rig, settings: CrowdDetector, *, rate_hz: float, seed: int
) -> tuple[Candidates, Int[Array, "time view candidate"]]:
    """Put actors, doubles and inventions of each view into an order that changes from frame to frame."""
    rng = generator(seed, "crowd order")
    actors, frames, views, joints = seen.detected.shape
    burst = settings.burst_s * rate_hz
    doubled = bursts(rng, (frames, views), share=settings.doubled, mean_frames=burst)
    made_up = bursts(rng, (frames, views), share=settings.made_up, mean_frames=burst)
    whose = rng.integers(actors, size=(2, views))
    pixels, confidence = (
        np.zeros((frames, views, actors + 2, joints, 2)),
        np.zeros((frames, views, actors + 2, joints)),
    )
    detected = np.zeros(confidence.shape, dtype=bool)
    actor = np.full((frames, views, actors + 2), NOBODY)
    for place in range(actors):
        pixels[:, :, place], confidence[:, :, place] = seen.pixels[place], seen.confidence[place]
        detected[:, :, place], actor[:, :, place] = seen.detected[place], place
    for view in range(views):
        for extra, (when, shift) in enumerate(((doubled, 6.0), (made_up, 150.0))):
            source = whose[extra, view]
            away = rng.normal(0.0, shift, 2) + rng.normal(0.0, 4.0, (frames, joints, 2))
            keep = rng.random(joints) < (0.6 if extra == 0 else 0.9)
            pixels[:, view, actors + extra] = seen.pixels[source, :, view] + away
            confidence[:, view, actors + extra] = 0.6 * seen.confidence[source, :, view]
            detected[:, view, actors + extra] = seen.detected[source, :, view] & keep & when[:, view, None]
            if extra == 0:
                actor[:, view, actors] = np.where(when[:, view], source, NOBODY)
    size = rig.camera.size_px[:, None, None]
    detected &= ((pixels >= -0.5) & (pixels < size - 0.5)).all(axis=-1)
    actor = np.where(detected.any(axis=-1), actor, NOBODY)
    order = np.argsort(rng.random(actor.shape), axis=-1)
    right = _sides(crowd, actor, settings, rng)
    candidates = Candidates(
        pixels=np.take_along_axis(np.where(detected[..., None], pixels, 0.0), order[..., None, None], axis=2),
        confidence=np.take_along_axis(np.where(detected, confidence, 0.0), order[..., None], axis=2),
        detected=np.take_along_axis(detected, order[..., None], axis=2),
        time_ns=crowd.scenes[0].time_ns,
        right=None if right is None else np.take_along_axis(right, order, axis=2),
    )
    return candidates, np.take_along_axis(actor, order, axis=2)


def _sides(crowd: Crowd, actor: Array, settings: CrowdDetector, rng: np.random.Generator) -> Array | None:
    if settings.side_known == 0:
        return None
    truth = np.where(actor >= 0, crowd.right[np.maximum(actor, 0)], rng.random(actor.shape) < 0.5)
    honest = rng.random(actor.shape) < 0.5 + 0.5 * settings.side_known
    return 0.5 + np.where(honest == truth, 0.4, -0.4)
