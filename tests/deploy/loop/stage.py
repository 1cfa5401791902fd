"""A hand before a rig without images: what is true of every frame set, and the loop's step over them."""

from dataclasses import dataclass

import numpy as np

from mvmono3d.core.occlusion import OcclusionState
from mvmono3d.core.resources import resource_folder
from mvmono3d.core.rig_file import read_rig
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.bundle import read_bundle
from mvmono3d.deploy.cameras.virtual_truth import VirtualTruth
from mvmono3d.deploy.detect.look import look
from mvmono3d.deploy.detect.protocol import WholeImages
from mvmono3d.deploy.detect.truth import TruthDetector, TruthFinder, TruthSettings
from mvmono3d.deploy.loop.parts import Parts, Stepped
from mvmono3d.deploy.loop.reconstructor import LearnedReconstructor, RobustReconstructor
from mvmono3d.deploy.loop.state import LoopState
from mvmono3d.deploy.loop.step import question, step
from mvmono3d.geometry.projection import project
from mvmono3d.synthetic.actors import stage

PERIOD_NS = 33_333_333
RIG = read_rig(resource_folder("deploy", "sites", "virtual") / "rig.toml")
HAND = load_skeleton("hand21")
VIEWS, JOINTS = len(RIG.names), len(HAND.joints)
_SIZE = (int(RIG.camera.size_px[0, 1]), int(RIG.camera.size_px[0, 0]))


def truth_of(frames: int, *, hidden: tuple[int, ...] = ()) -> VirtualTruth:
    """A hand of the synthetic world; joints in `hidden` are occluded in every view."""
    time_s = np.arange(frames) * PERIOD_NS * 1e-9
    points = np.asarray(stage(HAND, time_s, seed=2, subject=2).scene.points_world)
    seen = project(points, lens=RIG.camera.lens, camera_from_world=RIG.camera_from_world)
    state = np.full((frames, VIEWS, JOINTS), OcclusionState.VISIBLE, dtype=np.int64)
    state[:, :, list(hidden)] = OcclusionState.OBJECT
    return VirtualTruth(points_world=points, pixels=seen.pixels, state=state, smear_px=np.zeros(state.shape))


def parts_of(*, learned: bool = True) -> Parts:
    bundle = read_bundle(resource_folder("deploy", "models", "hand21"))
    return Parts(
        rig=RIG,
        joints=JOINTS,
        learned=LearnedReconstructor(bundle, RIG, HAND) if learned else None,
        robust=RobustReconstructor(RIG),
    )


@dataclass
class Run:
    """Frame sets one after the other."""

    truth: VirtualTruth
    parts: Parts
    state: LoopState
    frame: int = 0
    searches: int = 0

    @classmethod
    def begin(cls, frames: int, *, hidden: tuple[int, ...] = (), learned: bool = True) -> "Run":
        return cls(truth_of(frames, hidden=hidden), parts_of(learned=learned), LoopState())

    def next(self, *, seen: bool = True, present: np.ndarray | None = None) -> Stepped:
        """Answer the next frame set; `seen` false: the detector does not answer."""
        time_ns = 1_000_000_000 + self.frame * PERIOD_NS
        there = np.ones(VIEWS, dtype=bool) if present is None else present
        asked = question(self.state, self.parts, time_ns=time_ns)
        self.searches += asked.search
        settings = TruthSettings()
        whole = WholeImages(
            images=np.zeros((VIEWS, *_SIZE), dtype=np.uint8),
            bits=8,
            present=there,
            frame_id=np.full(VIEWS, self.frame),
            time_ns=time_ns,
        )
        sighting = look(
            whole,
            asked.windows,
            search=asked.search,
            detector=TruthDetector(self.truth, HAND, settings),
            finder=TruthFinder(self.truth, settings),
        )
        stepped = step(
            self.state, asked, sighting if seen else None, self.parts, time_ns=time_ns, present=there
        )
        self.state, self.frame = stepped.state, self.frame + 1
        return stepped

    def error_mm(self, stepped: Stepped) -> np.ndarray:
        """Distance of every joint of the last answer from the truth."""
        apart = stepped.actors[0].points_world - self.truth.points_world[self.frame - 1]
        return 1e3 * np.linalg.norm(apart, axis=-1)
