"""Choose each peer's settings on training clips: `python -m tests.benchmarks.peers.tune WORLD [--clips N]`.

Coordinate descent over `grids.STAGES`, by the mean error over all joints with the last answer held. What
was chosen, and everything that was tried, goes to tuned/WORLD.toml; run again, it goes on with stages that
the file lacks. Delete the file to start over.
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


def tune_peer(peer, clips, *, folder, known):
    """Yield the chosen settings and the trials after each stage that the `known` trials leave open."""
    scenes = [folder / f"scene_{number}.npz" for number in range(len(clips))]
    chosen, trials = known.get("settings", {}), list(known.get("trials", []))
    best = min((float(trial.split()[0]) for trial in trials), default=np.inf)
    ends = np.cumsum([len(stage) for stage in STAGES[peer]])
    for number, stage in enumerate(STAGES[peer]):
        if ends[number] <= len(trials):
            continue
        tried = [chosen | changes for changes in stage]
        jobs = [(scene, settings) for settings in tried for scene in scenes]
        answers = run_peer(peer, jobs, folder=folder / f"{peer}_{number}", warm=False)
        for place, settings in enumerate(tried):
            here = answers[place * len(clips) : (place + 1) * len(clips)]
            scores = [score_answer(answer, clip) for answer, clip in zip(here, clips, strict=True)]
            error, spent = (
                float(np.mean([each[name] for each in scores])) for name in (CRITERION, "ms_per_frame")
            )
            trials.append(f"{error:8.3f} mm  {spent:7.2f} ms  {_words(settings)}")
            if error < best:
                chosen, best = settings, error
        sys.stdout.write(f"{peer}, stage {number + 1}: {best:.2f} mm with {_words(chosen)}\n")
        sys.stdout.flush()
        yield chosen, trials


def tune(world, *, peers, count, frames):
    """Tune peers on a world; stages tried before are kept, and what is known of the other peers."""
    path = tuned_path(world)
    content = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for peer in peers:
        known = content.get(peer, {})
        size = known.get("clips", count), known.get("frames", frames)
        clips = training_clips(world, size[0], frames=size[1])
        with tempfile.TemporaryDirectory() as scratch:
            for number, clip in enumerate(clips):
                write_arrays(Path(scratch) / f"scene_{number}.npz", scene_of(clip))
            for chosen, trials in tune_peer(peer, clips, folder=Path(scratch), known=known):
                found = {"settings": chosen, "clips": size[0], "frames": size[1], "trials": trials}
                _store(path, peer, found)


def _store(path, peer, found):
    """Read again what stands there: another process may tune another peer."""
    content = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    content[peer] = found
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
