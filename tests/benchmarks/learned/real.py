"""Real recordings: leave each camera out, and predict what its detector was sure of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mvmono3d.core.rig_file import read_rig
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.core.trajectory import PointSource
from mvmono3d.evaluation.baselines import BASELINES
from mvmono3d.formats.any_detections import read_any_detections
from mvmono3d.geometry.kinematics import bone_lengths
from mvmono3d.pipeline.leave_one_out import leave_one_view_out
from tests.benchmarks.learned.sample import interval_of

CONFIDENT = 0.3
"""Pose2Sim's own threshold."""
METHODS = ("dlt", "robust", "kalman")
_BLOCK_FRAMES, _DRAWS = 10, 500


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Where a recording lies in the folder of real data, and how to read it."""

    name: str
    skeleton: str
    detections: str
    rig: str
    units: str
    rate_hz: float
    scored_from: float = 0.0
    """Share of the recording that is run over but not scored: a released bundle learned from it."""


RECORDINGS = (
    Recording(
        name="pose2sim_demo",
        skeleton="body25b",
        detections="pose2sim_demo/S00_P00_SingleParticipant/S00_P00_T01_BalancingTrial/pose-associated",
        rig="pose2sim_demo/S00_Calibration/Calib_qualisys.toml",
        units="m",
        rate_hz=60.0,
    ),
    Recording(
        name="mouse_4mono",
        skeleton="mouse15",
        detections="mouse_4mono",
        rig="mouse_4mono/calibration_4cam_fd57457.toml",
        units="mm",
        rate_hz=30.0,
        scored_from=0.7,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What a method did: errors (time view joint) where `predicted`, bone lengths (time bone) where known."""

    error_px: Any
    predicted: Any
    asked: Any
    lengths_m: Any
    known: Any

    def values(self, other, *, frames):
        """Return median and 90 % (px) of what both predict, the share predicted, and the bones' sd (mm).

        `frames` are the frames to look at, repeated ones as often as they are named.
        """
        both = (self.predicted & other.predicted & self.asked)[frames]
        errors = self.error_px[frames][both]
        lengths, known = self.lengths_m[frames], self.known[frames] & other.known[frames]
        spread = [
            lengths[known[:, bone], bone].std() for bone in range(lengths.shape[1]) if known[:, bone].any()
        ]
        return {
            "median": float(np.median(errors)),
            "p90": float(np.quantile(errors, 0.9)),
            "predicted": float((self.predicted & self.asked)[frames].sum() / self.asked[frames].sum()),
            "bones": 1e3 * float(np.mean(spread)),
        }


def read_recording(recording, root):
    """Return (observations, rig, skeleton)."""
    skeleton, rig = load_skeleton(recording.skeleton), read_rig(root / recording.rig, units=recording.units)
    read = read_any_detections(
        Path(root / recording.detections), skeleton=skeleton, views=rig.names, rate_hz=recording.rate_hz
    )
    return read.observations, rig.select(read.views), skeleton


def judge_all(recording, root, learned):
    """Return method → `Judged`; `learned` (observations, rig, skeleton) may be None."""
    observations, rig, skeleton = read_recording(recording, root)
    methods = {name: BASELINES[name] for name in METHODS}
    if learned is not None:
        methods["learned"] = learned
    return {
        name: judge(
            observations,
            rig,
            skeleton,
            lambda seen, of=method: of(seen, rig, skeleton),
            first=round(recording.scored_from * len(observations.time_ns)),
        )
        for name, method in methods.items()
    }


def judge(observations, rig, skeleton, reconstruct, *, first=0):
    """Run a method over all frames, and keep what it did from frame `first` on."""
    left_out = leave_one_view_out(observations, rig, reconstruct=reconstruct)
    whole = reconstruct(observations).trajectory
    rigid = [bone for bone, (_, child) in enumerate(skeleton.bones) if not skeleton.flexible[child]]
    ends = np.array(skeleton.bones)[rigid]
    answered = np.asarray(whole.source) != PointSource.MISSING
    points = np.asarray(whole.points_world, dtype=np.float64)
    return Judged(
        error_px=left_out.error_px[first:],
        predicted=left_out.predicted[first:],
        asked=(np.asarray(observations.detected) & (np.asarray(observations.confidence) > CONFIDENT))[first:],
        lengths_m=np.asarray(bone_lengths(points, skeleton))[first:, rigid],
        known=(answered[:, ends[:, 0]] & answered[:, ends[:, 1]])[first:],
    )


def ratios(own, other):
    """Return what → own over the other's value, with the interval over blocks of neighbouring frames."""
    frames = np.arange(len(own.error_px))
    blocks = np.array_split(frames, max(2, len(frames) // _BLOCK_FRAMES))
    random = np.random.default_rng(0)
    draws = [
        _ratios(
            own,
            other,
            np.concatenate([blocks[place] for place in random.integers(0, len(blocks), len(blocks))]),
        )
        for _ in range(_DRAWS)
    ]
    return {
        what: interval_of(value, [each[what] for each in draws], count=len(blocks))
        for what, value in _ratios(own, other, frames).items()
    }


def _ratios(own, other, frames):
    ours, theirs = own.values(other, frames=frames), other.values(own, frames=frames)
    return {what: ours[what] / theirs[what] for what in ("median", "p90", "bones")}
