"""Several actors before a rig without images: what the loop makes of them, and who they truly are."""

from dataclasses import dataclass, field

import msgspec
import numpy as np

from mvmono3d.deploy.cameras.virtual_truth import VirtualTruth
from mvmono3d.deploy.detect.everybody import Everybody
from mvmono3d.deploy.detect.look import Sighting, look
from mvmono3d.deploy.detect.protocol import CropJoints, Crops, WholeImages
from mvmono3d.deploy.detect.truth import TruthDetector, TruthFinder, TruthSettings
from mvmono3d.deploy.detect.windows import Windows
from mvmono3d.deploy.loop.parts import Parts, Stepped
from mvmono3d.deploy.loop.several import tell_apart
from mvmono3d.deploy.loop.state import LoopState
from mvmono3d.deploy.loop.step import question, step
from mvmono3d.geometry.projection import project
from mvmono3d.geometry.rigid import camera_centres
from mvmono3d.synthetic.crowd import CrowdSettings, Meeting, hidden_in_crowd, make_crowd
from tests.deploy.loop.stage import HAND, PERIOD_NS, RIG, VIEWS, parts_of


def hands_of(frames: int, *, seed: int = 1) -> tuple[VirtualTruth, ...]:
    """Two hands that grasp each other and part, with what hides what."""
    settings = CrowdSettings(meeting=Meeting.GRASPING)
    crowd = make_crowd(HAND, settings, frames=frames, rate_hz=1e9 / PERIOD_NS, seed=seed)
    centres = camera_centres(np.asarray(RIG.camera_from_world))
    truths = []
    for actor, scene in enumerate(crowd.scenes):
        points = np.asarray(scene.points_world)
        seen = project(points, lens=RIG.camera.lens, camera_from_world=RIG.camera_from_world)
        state = hidden_in_crowd(crowd, actor, centres, contact_tolerance_m=0.01)
        truths.append(
            VirtualTruth(
                points_world=points,
                pixels=seen.pixels,
                state=np.asarray(state).astype(np.int64),
                smear_px=np.zeros(state.shape),
            )
        )
    return tuple(truths)


class WindowDetector:
    """What a network does: in each window it sees the actor that is in the middle of it."""

    def __init__(self, truths: tuple[VirtualTruth, ...]) -> None:
        self._own = [TruthDetector(each, HAND, TruthSettings(seed=seed)) for seed, each in enumerate(truths)]
        self.skeleton, self.size = HAND, self._own[0].size

    def detect(self, crops: Crops) -> CropJoints:
        found = [each.detect(crops) for each in self._own]
        middle = 0.5 * (self.size - 1)
        apart = np.stack([np.linalg.norm(_middle(each) - middle, axis=-1) for each in found])
        nearest, views = apart.argmin(axis=0), np.arange(VIEWS)
        names = ("pixels", "sigma_px", "confidence", "visible")
        return CropJoints(
            **{name: np.stack([getattr(x, name) for x in found])[nearest, views] for name in names}
        )


def _middle(found: CropJoints) -> np.ndarray:
    seen = (found.confidence > 0.0)[..., None]
    total = np.where(seen, found.pixels, 0.0).sum(axis=1)
    return np.where(seen.any(axis=1), total / np.maximum(seen.sum(axis=1), 1), 1e6)


class EveryFinder:
    """Finds all actors of `there`, in an order of its own in each view."""

    def __init__(self, truths: tuple[VirtualTruth, ...]) -> None:
        self._own = [TruthFinder(each, TruthSettings(seed=seed)) for seed, each in enumerate(truths)]

    def find(self, images: WholeImages) -> tuple[Windows, ...]:
        found = [windows for each in self._own for windows in each.find(images)]
        if not found:
            return ()
        order = shuffled(len(found), int(images.frame_id[0]))
        names = ("centre_px", "side_px", "known", "turn_rad", "turn_known")
        mixed = {name: np.stack([getattr(x, name) for x in found])[order, np.arange(VIEWS)] for name in names}
        return tuple(Windows(**{name: mixed[name][row] for name in names}) for row in range(len(found)))


def shuffled(count: int, frame: int) -> np.ndarray:
    """An order of candidates for each view (candidate, view)."""
    draw = np.random.default_rng((9, frame))
    return np.stack([draw.permutation(count) for _ in range(VIEWS)], axis=1)


@dataclass
class CrowdRun:
    """Frame sets one after the other; `there` says who is in the room, all of them unless it is changed."""

    truths: tuple[VirtualTruth, ...]
    windows: bool = False
    """Whether the detector looks into windows; else it sees everybody at once."""
    most: int = 2
    noise: TruthSettings = field(default_factory=TruthSettings)
    """Of the detector that sees everybody at once."""
    state: LoopState = field(default_factory=LoopState)
    frame: int = 0
    searches: int = 0

    def __post_init__(self) -> None:
        single = parts_of()
        self.parts = Parts(
            rig=RIG,
            joints=single.joints,
            learned=single.learned,
            robust=single.robust,
            crowd=tell_apart(RIG, HAND, most=self.most),
        )
        self.there = self.truths

    def next(self, *, seen: bool = True) -> Stepped:
        time_ns = 1_000_000_000 + self.frame * PERIOD_NS
        asked = question(self.state, self.parts, time_ns=time_ns)
        self.searches += asked.search
        sighting = self._sighting(asked.windows, search=asked.search, time_ns=time_ns) if seen else None
        present = np.ones(VIEWS, dtype=bool)
        stepped = step(self.state, asked, sighting, self.parts, time_ns=time_ns, present=present)
        self.state, self.frame = stepped.state, self.frame + 1
        return stepped

    def _sighting(self, windows: tuple[Windows, ...], *, search: bool, time_ns: int) -> Sighting:
        whole = WholeImages(
            images=np.zeros((VIEWS, 400, 640), dtype=np.uint8),
            bits=8,
            present=np.ones(VIEWS, dtype=bool),
            frame_id=np.full(VIEWS, self.frame),
            time_ns=time_ns,
        )
        if self.windows:
            detector, finder = WindowDetector(self.there), EveryFinder(self.there)
            return look(whole, windows, search=search, detector=detector, finder=finder)
        own = tuple(
            TruthDetector(each, HAND, msgspec.structs.replace(self.noise, seed=seed))
            for seed, each in enumerate(self.there)
        )
        seen, order = Everybody(own).see(whole), shuffled(len(own), self.frame)
        names = ("pixels", "sigma_px", "confidence", "visible")
        return Sighting(**{name: getattr(seen, name)[order, np.arange(VIEWS)] for name in names})

    def who(self, stepped: Stepped) -> dict[int, int]:
        """Return the identity of each true actor that has an answer within 5 cm."""
        owners = {}
        for pose in stepped.actors:
            apart = [
                np.median(np.linalg.norm(pose.points_world - each.points_world[self.frame - 1], axis=-1))
                for each in self.truths
            ]
            if min(apart) < 0.05:
                owners[int(np.argmin(apart))] = pose.actor
        return owners
