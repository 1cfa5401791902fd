"""Bootstrap on the first part of a recording without labels; score each set of weights on the rest.

    python experiments/2026-11-20_learning_modes/bootstrap.py RAW --take TAKE --steps 100 NAME=CHECKPOINT …

RAW is the folder that holds the recordings; words that are no checkpoint go to the trainings. Each CHECKPOINT
(skeleton body25b, or mouse15 for mouse_4mono) is scored as it is and after `experiment=bootstrap`. A training
whose checkpoint lies in --work already is not repeated.
"""

import argparse
import csv
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from mvmono3d.core.detections_file import Detections, write_detections
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

HERE = Path(__file__).parent
WINDOW_FRAMES = 12
CONFIDENT = 0.3
Method = Callable[[Observations], Reconstruction]


@dataclass(frozen=True, kw_only=True)
class Take:
    """A real recording below RAW."""

    name: str
    skeleton: str
    detections: str
    rig: str
    units: str
    rate_hz: float
    trained_until: float
    """Share of the recording that is learned from."""
    scored_from: float
    """What lies between chooses the best weights; what follows is scored, and never learned from."""

    @property
    def pieces(self) -> dict[str, tuple[float, float]]:
        """The parts of the recording, by the split they belong to."""
        begin, end = self.trained_until, self.scored_from
        return {"train": (0.0, begin), "val": (begin, end), "test": (end, 1.0)}


TAKES = {
    take.name: take
    for take in (
        Take(
            name="pose2sim_demo",
            skeleton="body25b",
            detections="pose2sim_demo/S00_P00_SingleParticipant/S00_P00_T01_BalancingTrial/pose-associated",
            rig="pose2sim_demo/S00_Calibration/Calib_qualisys.toml",
            units="m",
            rate_hz=60.0,
            trained_until=0.36,
            scored_from=0.5,
        ),
        Take(
            name="mouse_4mono",
            skeleton="mouse15",
            detections="mouse_4mono",
            rig="mouse_4mono/calibration_4cam_fd57457.toml",
            units="mm",
            rate_hz=30.0,
            trained_until=0.58,
            scored_from=0.7,
        ),
    )
}


def cut(take: Take, detections: Detections, folder: Path) -> dict[str, Path]:
    """Write the parts of the recording as recordings of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    frames, paths = len(detections.observations.time_ns), {}
    for name, (begin, end) in take.pieces.items():
        span = slice(round(begin * frames), round(end * frames))
        observations = detections.observations.map(lambda array, span=span: array[span])
        paths[name] = folder / f"{name}.npz"
        write_detections(paths[name], replace(detections, observations=observations))
    return paths


def bootstrap(
    take: Take,
    pieces: Mapping[str, Path],
    rig: Path,
    folder: Path,
    *,
    weights: Path,
    steps: int,
    overrides: Sequence[str],
) -> Path:
    """Run what a user would, unless it has been run, and return the checkpoint."""
    best = folder / "checkpoints" / "best.ckpt"
    if best.is_file():
        return best
    recordings = [
        f"{{detections: {path}, rig: {rig}, units: {take.units}, split: {name}}}"
        for name, path in pieces.items()
    ]
    command = [
        sys.executable,
        "train.py",
        "experiment=bootstrap",
        f"skeleton={take.skeleton}",
        f"weights={weights}",
        f"data.recordings=[{', '.join(recordings)}]",
        f"data.window_frames={WINDOW_FRAMES}",
        "data.stride_frames=1",
        f"trainer.max_steps={steps}",
        "trainer.max_epochs=-1",
        "trainer.check_val_every_n_epoch=null",
        f"trainer.val_check_interval={max(1, steps // 5)}",
        "evaluate=false",
        f"hydra.run.dir={folder}",
        *overrides,
    ]
    subprocess.run(command, check=True)
    return best


def measure(
    method: Method, observations: Observations, rig: Rig, skeleton: Skeleton, *, scored_from: float
) -> dict[str, float]:
    """Score the last part; the method runs over the whole recording, as it would on site."""
    first = round(scored_from * len(observations.time_ns))
    left_out = leave_one_view_out(observations, rig, reconstruct=method)
    asked = observations.detected & (observations.confidence > CONFIDENT)
    asked[:first] = False
    error = left_out.error_px[asked & left_out.predicted]
    whole = method(observations).trajectory
    known = np.asarray(whole.source)[first:] != PointSource.MISSING
    lengths = bone_lengths(np.asarray(whole.points_world, np.float64)[first:], skeleton)
    both = np.stack([known[:, parent] & known[:, child] for parent, child in skeleton.bones], axis=1)
    rigid = [bone for bone, (_, child) in enumerate(skeleton.bones) if not skeleton.flexible[child]]
    spread = [lengths[both[:, bone], bone].std() for bone in rigid if both[:, bone].sum() > 5]
    return {
        "left_out_median_px": float(np.median(error)),
        "left_out_p90_px": float(np.quantile(error, 0.9)),
        "predicted_share": float((asked & left_out.predicted).sum() / asked.sum()),
        "bone_variation_mm": 1e3 * float(np.mean(spread)),
    } | {"detections": float(asked.sum())}


def learned(checkpoint: Path, rig: Rig) -> Method:
    """Return the checkpoint's reconstructor as a method."""
    reconstructor = load_trained(checkpoint).reconstructor
    return lambda observations: reconstruct_recording(reconstructor, observations, rig)


def card(take: Take, found: Mapping[str, Mapping[str, float]]) -> str:
    """Return what the model card of a bundle made from such a training shows."""
    lines = ["| method | left out, median px | 90 % px | bones sd mm |", "| --- | ---: | ---: | ---: |"]
    for method, values in found.items():
        cells = (values[name] for name in ("left_out_median_px", "left_out_p90_px", "bone_variation_mm"))
        lines.append(f"| {method} | {' | '.join(f'{value:.3g}' for value in cells)} |")
    return "\n".join(
        [
            *lines,
            "",
            f"Each camera of {take.name} in turn is left out, and its confident detections are predicted, in "
            f"the part that follows {take.scored_from:.0%} of the recording. What comes before was learned "
            "from, without labels; actor, rig and session are the same: these numbers say nothing of others.",
        ]
    )


def _classical(
    method: Callable[..., Reconstruction], rig: Rig, skeleton: Skeleton, seen: Observations
) -> Reconstruction:
    return method(seen, rig, skeleton)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("raw", type=Path)
    parser.add_argument("words", nargs="+", metavar="NAME=CHECKPOINT or OVERRIDE")
    parser.add_argument("--take", choices=TAKES, default="pose2sim_demo")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--work", type=Path, default=Path("logs/learning_modes"))
    parser.add_argument("--out", type=Path, help="default: bootstrap_TAKE.csv beside this script")
    arguments = parser.parse_args()
    take = TAKES[arguments.take]
    skeleton, rig_file = load_skeleton(take.skeleton), (arguments.raw / take.rig).resolve()
    rig = read_rig(rig_file, units=take.units)
    detections = read_any_detections(
        arguments.raw / take.detections,
        skeleton=skeleton,
        views=rig.names,
        person=None,
        rate_hz=take.rate_hz,
    )
    rig = rig.select(detections.views)
    work = arguments.work / take.name
    pieces = cut(take, detections, work.resolve() / "pieces")
    classical = {"dlt": reconstruct_dlt, "robust": reconstruct_robust, "kalman": reconstruct_kalman}
    methods: dict[str, Method] = {
        name: partial(_classical, method, rig, skeleton) for name, method in classical.items()
    }
    overrides = [word for word in arguments.words if not word.endswith(".ckpt")]
    for each in (word for word in arguments.words if word.endswith(".ckpt")):
        name, _, path = each.partition("=")
        folder = work / f"{name}_steps_{arguments.steps}"
        after = bootstrap(
            take,
            pieces,
            rig_file,
            folder,
            weights=Path(path),
            steps=arguments.steps,
            overrides=overrides,
        )
        methods[name] = learned(Path(path), rig)
        methods[f"{name}, then bootstrap"] = learned(after, rig)
    rows, numbers = [], {}
    for name, method in methods.items():
        found = measure(method, detections.observations, rig, skeleton, scored_from=take.scored_from)
        count, numbers[name] = int(found.pop("detections")), found
        for metric, value in found.items():
            rows.append({"method": name, "metric": metric, "value": f"{value:.6g}", "detections": count})
            print(*rows[-1].values(), sep="\t", flush=True)
    for folder in work.glob(f"*_steps_{arguments.steps}"):
        (folder / "comparison.md").write_text(card(take, numbers) + "\n", encoding="utf-8")
    out = arguments.out or HERE / f"bootstrap_{take.name}.csv"
    with out.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
