"""A recording from the built-in world, with its truth: `python datasets/simulated/prepare.py OUT`.

Writes detections.npz, rig.toml (with the calibration error that a user's rig would have) and truth.npz.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mvmono3d.core.detections_file import Detections
from mvmono3d.core.reconstruction_file import write_trajectory
from mvmono3d.errors import MVMono3DError
from mvmono3d.formats.raw_dataset import write_recording
from mvmono3d.synthetic.presets import preset, preset_names
from mvmono3d.synthetic.splits import Split, clip_seeds
from mvmono3d.synthetic.world import make_clip


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the clip and write its three files; return the exit code."""
    parser = argparse.ArgumentParser(description="Simulate a recording with its truth.")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write")
    parser.add_argument("--skeleton", default="hand21", metavar="NAME|YAML", help="who (default: hand21)")
    parser.add_argument("--preset", default="realistic", help=f"{', '.join(preset_names())}")
    parser.add_argument("--frames", type=int, default=300, help="at 60 Hz (default: 300)")
    parser.add_argument("--number", type=int, default=0, help="which clip of the test split (default: 0)")
    chosen = parser.parse_args(arguments)
    try:
        write_clip(chosen.out, chosen)
    except MVMono3DError as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        return error.exit_code
    sys.stdout.write(f"wrote {chosen.out}/detections.npz, rig.toml and truth.npz\n")
    return 0


def write_clip(folder: Path, chosen: argparse.Namespace) -> None:
    """Write one clip of the world's test split: an actor and a rig that no training sees."""
    settings = replace(preset(chosen.preset, skeleton=chosen.skeleton), frames=chosen.frames)
    seeds = next(clip_seeds(Split.TEST, 1, first=chosen.number))
    clip = make_clip(settings, seed=seeds.seed, subject=seeds.subject, rig_seed=seeds.rig_seed)
    detections = Detections(
        observations=clip.observations,
        views=clip.rig.names,
        joints=clip.skeleton.joints,
        skeleton=clip.skeleton.name,
    )
    write_recording(folder, detections, clip.rig)
    if clip.truth is not None:
        write_trajectory(folder / "truth.npz", clip.truth, clip.skeleton)


if __name__ == "__main__":
    sys.exit(main())
