"""Choose each peer's settings on training clips: `python -m tests.benchmarks.peers.tune WORLD [--clips N]`.

Coordinate descent over `grids.STAGES`, by the mean error over all joints with the last answer held. What
was chosen, and everything that was tried, goes to tuned/WORLD.toml.
"""

import argparse
import sys
import tempfile
import tomllib
from pathlib import Path

import numpy as np
import tomli_w

from tests.benchmarks.peers.exchange import write_arrays
from tests.benchmarks.peers.grids import STAGES
from tests.benchmarks.peers.peer_process import HERE, PEERS, run_peer
from tests.benchmarks.peers.scenes import WORLDS, scene_of, training_clips
from tests.benchmarks.peers.scoring import score_answer

CRITERION = "mpjpe_held_mm"


def tuned_path(world):
    return HERE / "tuned" / f"{WORLDS[world].tuned_on}.toml"


def read_tuned(world):
    """Return peer → settings that were chosen for a world; empty for peers never tuned."""
    path = tuned_path(world)
    content = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {peer: content.get(peer, {}).get("settings", {}) for peer in PEERS}


def tune_peer(peer, clips, *, folder):
    """Return the chosen settings and the trials: what changed, error (mm), CPU (ms per frame)."""
    scenes = [folder / f"scene_{number}.npz" for number in range(len(clips))]
    chosen, best, trials = {}, np.inf, []
    for number, stage in enumerate(STAGES[peer]):
        tried = [chosen | changes for changes in stage]
        jobs = [(scene, settings) for settings in tried for scene in scenes]
        answers = run_peer(peer, jobs, folder=folder / f"{peer}_{number}", warm=False)
        for place, settings in enumerate(tried):
            here = answers[place * len(clips) : (place + 1) * len(clips)]
            scores = [score_answer(answer, clip) for answer, clip in zip(here, clips, strict=True)]
            error, spent = (
                float(np.mean([each[name] for each in scores])) for name in (CRITERION, "ms_per_frame")
            )
            trials.append([_words(settings), round(error, 3), round(spent, 2)])
            if error < best:
                chosen, best = settings, error
        sys.stdout.write(f"{peer}, stage {number + 1}: {best:.2f} mm with {_words(chosen)}\n")
        sys.stdout.flush()
    return chosen, trials


def tune(world, *, peers, count, frames):
    """Tune peers on a world and keep what is known of the others."""
    path = tuned_path(world)
    content = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    clips = training_clips(world, count, frames=frames)
    with tempfile.TemporaryDirectory() as scratch:
        for number, clip in enumerate(clips):
            write_arrays(Path(scratch) / f"scene_{number}.npz", scene_of(clip))
        for peer in peers:
            chosen, trials = tune_peer(peer, clips, folder=Path(scratch))
            content[peer] = {
                "settings": chosen,
                "clips": count,
                "frames": frames,
                "trials": [f"{error:8.3f} mm  {spent:7.2f} ms  {words}" for words, error, spent in trials],
            }
            path.parent.mkdir(exist_ok=True)
            path.write_text(tomli_w.dumps(content), encoding="utf-8")


def _words(settings):
    return ", ".join(f"{name} {value}" for name, value in settings.items()) or "defaults"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("world", choices=sorted({world.tuned_on for world in WORLDS.values()}))
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--frames", type=int, default=100)
    arguments = parser.parse_args()
    tune(arguments.world, peers=arguments.peers, count=arguments.clips, frames=arguments.frames)


if __name__ == "__main__":
    main()
