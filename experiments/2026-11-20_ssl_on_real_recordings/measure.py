"""Train on real recordings without labels; predict each camera's detections from the other cameras.

    python experiments/2026-11-20_ssl_on_real_recordings/measure.py RAW [--pretrained CHECKPOINT]

RAW is the folder that holds pose2sim_demo and mouse_4mono. CHECKPOINT is one of `experiment=ssl_multiview`
on the synthetic world (skeleton body25b), adapted to the body recording beside training from nothing.
"""

import argparse
import csv
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mvmono3d.core.observations import Observations
from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import read_rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.core.trajectory import PointSource, Reconstruction
from mvmono3d.export.checkpoint import load_trained
from mvmono3d.formats.any_detections import read_any_detections
from mvmono3d.geometry.kinematics import bone_lengths
from mvmono3d.pipeline.classical import reconstruct_dlt, reconstruct_robust
from mvmono3d.pipeline.kalman import reconstruct_kalman
from mvmono3d.pipeline.leave_one_out import leave_one_view_out
from mvmono3d.pipeline.over_clip import reconstruct_recording
from mvmono3d.pipeline.smoother import reconstruct_map

HERE = Path(__file__).parent
TRAINED_SHARE = 0.7
"""The first block of a recording is for training; what follows it was not learned from."""
CONFIDENT = 0.3
Method = Callable[[Observations], Reconstruction]


@dataclass(frozen=True, kw_only=True)
class Take:
    """One recording and how to read it."""

    name: str
    detections: str
    rig: str
    units: str
    skeleton: str
    rate_hz: float


TAKES = (
    Take(
        name="pose2sim_demo",
        detections="pose2sim_demo/S00_P00_SingleParticipant/S00_P00_T01_BalancingTrial/pose-associated",
        rig="pose2sim_demo/S00_Calibration/Calib_qualisys.toml",
        units="m",
        skeleton="body25b",
        rate_hz=60.0,
    ),
    Take(
        name="mouse_4mono",
        detections="mouse_4mono",
        rig="mouse_4mono/calibration_4cam_fd57457.toml",
        units="mm",
        skeleton="mouse15",
        rate_hz=30.0,
    ),
)


def train(take: Take, raw: Path, folder: Path, *, weights: Path | None, epochs: int) -> Path:
    """Run the training that a user would, and return its last checkpoint."""
    recording = (
        f"{{detections: {raw / take.detections}, rig: {raw / take.rig}, units: {take.units}, "
        f"rate_hz: {take.rate_hz}}}"
    )
    command = [
        sys.executable,
        "train.py",
        "experiment=ssl_multiview",
        "data=recorded",
        f"skeleton={take.skeleton}",
        f"data.recordings=[{recording}]",
        "data.window_frames=12",
        "data.stride_frames=1",
        "data.gap_s=0.05",
        f"trainer.max_epochs={epochs}",
        "evaluate=false",
        f"hydra.run.dir={folder}",
    ]
    if weights is not None:
        command.append(f"weights={weights}")
    subprocess.run(command, check=True)
    return folder / "checkpoints" / "last.ckpt"


def measure(method: Method, observations: Observations, rig: Rig, skeleton: Skeleton) -> dict[str, float]:
    """Score the block that training never saw; the method runs over the whole recording."""
    first = int(np.ceil(TRAINED_SHARE * len(observations.time_ns)))
    left_out = leave_one_view_out(observations, rig, reconstruct=method)
    asked = observations.detected & (observations.confidence > CONFIDENT)
    asked[:first] = False
    error = left_out.error_px[asked & left_out.predicted]
    whole = method(observations).trajectory
    points, source = np.asarray(whole.points_world, np.float64)[first:], np.asarray(whole.source)[first:]
    lengths = bone_lengths(points, skeleton)
    ends = np.array(skeleton.bones)
    both = (source[:, ends[:, 0]] != PointSource.MISSING) & (source[:, ends[:, 1]] != PointSource.MISSING)
    rigid = [bone for bone, (_, child) in enumerate(skeleton.bones) if not skeleton.flexible[child]]
    spread = [lengths[both[:, bone], bone].std() for bone in rigid if both[:, bone].sum() > 5]
    return {
        "left_out_median_px": float(np.median(error)),
        "left_out_p90_px": float(np.quantile(error, 0.9)),
        "predicted_percent": 100.0 * float((asked & left_out.predicted).sum() / asked.sum()),
        "bone_variation_mm": 1e3 * float(np.mean(spread)),
        "detections": float(asked.sum()),
    }


def learned(checkpoint: Path, rig: Rig) -> Method:
    """Return the checkpoint's reconstructor as a method."""
    return partial(_reconstruct, load_trained(checkpoint).reconstructor, rig)


def _reconstruct(reconstructor: object, rig: Rig, observations: Observations) -> Reconstruction:
    return reconstruct_recording(reconstructor, observations, rig)  # pyright: ignore[reportArgumentType]


def methods(take: Take, rig: Rig, raw: Path, work: Path, *, pretrained: Path | None) -> dict[str, Method]:
    """Return the classical methods and what was trained for this recording."""
    skeleton = load_skeleton(take.skeleton)
    classical = {
        "dlt": reconstruct_dlt,
        "robust": reconstruct_robust,
        "kalman": reconstruct_kalman,
        "map (offline)": reconstruct_map,
    }
    found: dict[str, Method] = {
        name: partial(_classical, method, rig, skeleton) for name, method in classical.items()
    }
    scratch = train(take, raw, work / f"{take.name}_scratch", weights=None, epochs=60)
    found["ssl, this recording alone"] = learned(scratch, rig)
    if pretrained is not None and take.skeleton == "body25b":
        found["ssl, synthetic world alone"] = learned(pretrained, rig)
        adapted = train(take, raw, work / f"{take.name}_adapted", weights=pretrained, epochs=20)
        found["ssl, synthetic world, then this recording"] = learned(adapted, rig)
    return found


def _classical(
    method: Callable[..., Reconstruction], rig: Rig, skeleton: Skeleton, seen: Observations
) -> Reconstruction:
    return method(seen, rig, skeleton)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("raw", type=Path)
    parser.add_argument("--pretrained", type=Path)
    parser.add_argument("--work", type=Path, default=Path("logs/ssl_on_real_recordings"))
    arguments = parser.parse_args()
    rows = []
    for take in TAKES:
        skeleton = load_skeleton(take.skeleton)
        rig = read_rig(arguments.raw / take.rig, units=take.units)
        read = read_any_detections(
            arguments.raw / take.detections,
            skeleton=skeleton,
            views=rig.names,
            person=None,
            rate_hz=take.rate_hz,
        )
        ready = methods(take, rig, arguments.raw, arguments.work, pretrained=arguments.pretrained)
        for name, method in ready.items():
            row = {"recording": take.name, "method": name}
            row |= {
                key: f"{value:.2f}"
                for key, value in measure(method, read.observations, rig, skeleton).items()
            }
            print(row, flush=True)
            rows.append(row)
    with (HERE / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
