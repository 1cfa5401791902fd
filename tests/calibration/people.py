"""People before a ring of cameras, some bumped, seen by a detector with biases, outliers and gaps."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.geometry.projection import project
from mvmono3d.geometry.rigid import compose, rotation_from_vector, transform_from
from mvmono3d.synthetic.actors import make_scene
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.rigs import make_rig
from mvmono3d.synthetic.workspace import workspace_of_scenes

RATE_HZ = 60.0


@dataclass(frozen=True)
class Detector:
    noise_px: float = 2.0
    bias_px: float = 1.0
    outliers: float = 0.05
    missing: float = 0.2


@cache
def motion(seed: int, *, frames: int = 600, skeleton: str = "body25b") -> np.ndarray:
    """(time joint 3), metres."""
    scene = make_scene(load_skeleton(skeleton), frames=frames, rate_hz=RATE_HZ, seed=seed, subject=seed)
    return np.asarray(scene.points_world, dtype=np.float64)


@cache
def ring(seed: int, *, views: int = 4) -> Rig:
    skeleton = load_skeleton("body25b")
    scenes = [make_scene(skeleton, frames=24, rate_hz=2.0, seed=one, subject=one) for one in range(24)]
    settings = replace(preset("A").rig, views=(views, views))
    return make_rig(settings, workspace=workspace_of_scenes(scenes), seed=seed)


def biases(seed: int, rig: Rig, *, joints: int = 25, bias_px: float = 1.0) -> np.ndarray:
    """(view joint 2), px: what a detector always gets wrong."""
    return np.random.default_rng(seed).normal(scale=bias_px, size=(len(rig.names), joints, 2))


def bumped(rig: Rig, view: int, *, turn_rad: np.ndarray, shift_m: np.ndarray) -> Rig:
    poses = rig.camera_from_world.copy()
    poses[view] = compose(transform_from(rotation_from_vector(turn_rad), shift_m), poses[view])
    return replace(rig, camera_from_world=poses)


def turned(rig: Rig, view: int, *, degrees: float, generator: np.random.Generator) -> Rig:
    axis = generator.normal(size=3)
    turn = np.radians(degrees) * axis / np.linalg.norm(axis)
    return bumped(rig, view, turn_rad=turn, shift_m=np.zeros(3))


def watched(
    points: np.ndarray,
    rig: Rig,
    *,
    bias: np.ndarray,
    generator: np.random.Generator,
    detector: Detector | None = None,
    start_ns: int = 0,
    rate_hz: float = RATE_HZ,
) -> Observations:
    """What the detector says of joints that cameras see where they truly stand."""
    detector = detector or Detector()
    at = project(points, lens=rig.camera.lens, camera_from_world=rig.camera_from_world)
    shape = at.pixels.shape[:-1]
    pixels = at.pixels + bias + generator.normal(scale=detector.noise_px, size=at.pixels.shape)
    wrong = generator.random(shape) < detector.outliers
    far = generator.uniform(20.0, 100.0, shape) * np.exp(1j * generator.uniform(0.0, 2.0 * np.pi, shape))
    pixels += np.where(wrong, far, 0.0)[..., None].view(np.float64).reshape(*shape, 2)
    detected = (generator.random(shape) >= detector.missing) & at.in_front
    return Observations(
        pixels=np.where(detected[..., None], pixels, 0.0),
        confidence=detected * 1.0,
        detected=detected,
        time_ns=start_ns + (np.arange(len(points)) * 1e9 / rate_hz).astype(np.int64),
    )
