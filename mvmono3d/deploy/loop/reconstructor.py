"""Joints of one actor from what its views saw, frame by frame: state in, state out."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record
from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.trajectory import Decision, MissingReason, PointSource, Reconstruction, Trajectory
from mvmono3d.deploy.bundle import Bundle
from mvmono3d.deploy.engines.load import load_graph
from mvmono3d.deploy.frames import graph_inputs
from mvmono3d.deploy.loop.seen import Seen
from mvmono3d.deploy.reconstruct import reconstruction_of
from mvmono3d.deploy.server.pose_frame import ActorPose
from mvmono3d.deploy.server.replay import actor_pose
from mvmono3d.errors import EngineError, InvalidRecordError
from mvmono3d.geometry.evidence import information_shares, measure_residuals, occlusion_probabilities
from mvmono3d.geometry.robust import triangulate_robust
from mvmono3d.geometry.robust_settings import RobustSettings

_NS_PER_S = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory(Record):
    """What a reconstructor remembers of an actor."""

    state: Float32[Array, " state"]
    time_ns: int | None
    """Of the last frame set; `None` before the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The frame set in hand, as a reconstructor needs to know it."""

    time_ns: int
    present: Bool[np.ndarray, " view"]
    noise_px: float
    """Standard deviation of a good detection, per axis."""


@runtime_checkable
class Reconstructor(Protocol):
    """Whatever makes joints of detections."""

    def begin(self) -> Memory:
        """Return the memory of an actor that was never seen."""
        ...

    def step(self, seen: Seen, memory: Memory, moment: Moment, *, actor: int) -> tuple[ActorPose, Memory]:
        """Return the actor's joints at this moment.

        Raises `EngineError` or `InvalidRecordError` where it fails; the memory is then void.
        """
        ...


class LearnedReconstructor:
    """The graph of a bundle.

    Raises `InvalidRecordError` for a skeleton that is not the bundle's, or more cameras than it takes.
    """

    def __init__(
        self, bundle: Bundle, rig: Rig, skeleton: Skeleton, *, threads: int = 1, engine: str = "cpu"
    ) -> None:
        known = bundle.manifest.skeleton
        if skeleton.hash != known.hash:
            raise InvalidRecordError(
                f"skeleton {skeleton.name!r}, but bundle {bundle.folder} is for {known.name!r}; expected the "
                "same joints in the same order"
            )
        self._rig, self._graph = rig, bundle.graph_for(len(rig.names))
        self._engine = load_graph(bundle, self._graph, threads=threads, engine=engine)
        self._noise_px = bundle.manifest.noise_px

    def begin(self) -> Memory:
        """See `Reconstructor`."""
        return Memory(state=np.zeros(self._graph.state_size, dtype=np.float32), time_ns=None)

    def step(self, seen: Seen, memory: Memory, moment: Moment, *, actor: int) -> tuple[ActorPose, Memory]:
        """See `Reconstructor`."""
        observed = seen.observations(moment.time_ns)
        feed = graph_inputs(
            observed, self._rig, views=self._graph.views, magnify=self._noise_px / moment.noise_px
        )
        inputs = {name: tensor[0] for name, tensor in feed.items()}
        step_s = 0.0 if memory.time_ns is None else (moment.time_ns - memory.time_ns) / _NS_PER_S
        inputs |= {"time_step_s": np.float32(step_s), "state": memory.state}
        inputs["view_mask"] = inputs["view_mask"].copy()
        inputs["view_mask"][: len(moment.present)] &= moment.present
        outputs = self._engine.run(inputs)
        broken = sorted(name for name, value in outputs.items() if not np.isfinite(value).all())
        if broken:
            raise EngineError(f"the reconstructor's {', '.join(broken)} are not finite numbers")
        after = Memory(state=outputs.pop("next_state"), time_ns=moment.time_ns)
        said = reconstruction_of({name: value[None] for name, value in outputs.items()}, observed, self._rig)
        return actor_pose(said, 0, actor=actor), after


class RobustReconstructor:
    """Robust triangulation of every frame alone: needs no model, fills no gap."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def begin(self) -> Memory:
        """See `Reconstructor`."""
        return Memory(state=np.zeros(0, dtype=np.float32), time_ns=None)

    def step(self, seen: Seen, memory: Memory, moment: Moment, *, actor: int) -> tuple[ActorPose, Memory]:
        """See `Reconstructor`."""
        rig, observed = self._rig, seen.observations(moment.time_ns)
        robust = triangulate_robust(
            observed.pixels,
            observed.confidence,
            observed.detected,
            lens=rig.camera.lens,
            camera_from_world=rig.camera_from_world,
            settings=RobustSettings(sigma_px=moment.noise_px),
        )
        solved = robust.reason == MissingReason.NONE
        residuals = measure_residuals(robust.points_world, solved, observed, rig)
        said = Reconstruction(
            trajectory=Trajectory(
                points_world=robust.points_world,
                covariance_world=robust.covariance_world,
                source=np.where(solved, PointSource.MEASURED, PointSource.MISSING).astype(np.int64),
                time_ns=np.asarray(observed.time_ns),
            ),
            decided_by=np.full(solved.shape, Decision.CONSENSUS, dtype=np.int64),
            reason=np.asarray(robust.reason),
            weights=information_shares(robust.points_world, robust.inlier.astype(float), solved, rig),
            occlusion=occlusion_probabilities(
                residuals, observed, rig, solved=solved, sigma_px=moment.noise_px
            ),
            reprojection_px=residuals.distance_px,
        )
        return actor_pose(said, 0, actor=actor), Memory(state=memory.state, time_ns=moment.time_ns)
