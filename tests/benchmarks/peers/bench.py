"""Compare our methods with the peers on the same detections: `python -m tests.benchmarks.peers.bench OUT`.

Writes OUT/peers.md and OUT/peers.csv. The peers' settings are those that `tune` stored.
"""

import argparse
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from mvmono3d.geometry.kinematics import bone_lengths
from mvmono3d.metrics.smoothness import bone_length_variation, jerk
from tests.benchmarks.peers.exchange import write_arrays
from tests.benchmarks.peers.ours import answer_with, our_methods
from tests.benchmarks.peers.page import write_csv, write_page
from tests.benchmarks.peers.peer_process import PEERS, ROOT, is_installed, run_peer
from tests.benchmarks.peers.scenes import WORLDS, held_out_clips, real_clip, scene_of, without_view
from tests.benchmarks.peers.scoring import Result, left_out_px, score_answer
from tests.benchmarks.peers.tune import read_tuned

SCENES = {"body25b": 10, "body17": 4, "hand21-C": 6, "hand21-E": 10}
FRAMES = 200


def answers_of(clips, *, peers, tuned, bundles, jobs, folder):
    """Return method → one answer per clip: one thread each, compilers warm, `jobs` peers at a time."""
    scenes = [folder / f"scene_{number}.npz" for number in range(len(clips))]
    for path, clip in zip(scenes, clips, strict=True):
        write_arrays(path, scene_of(clip))
    found = {}
    for name, method in our_methods(clips[0].skeleton.name, bundles).items():
        answer_with(method, clips[0])
        found[name] = [answer_with(method, clip) for clip in clips]

    def run(peer):
        tasks = [(scene, tuned.get(peer, {})) for scene in scenes]
        answers = run_peer(peer, tasks, folder=folder / peer, warm=True)
        _say(f"  {peer} done")
        return answers

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return found | dict(zip(peers, pool.map(run, peers), strict=True))


def compare_on(world, count, *, frames, peers, bundles=(), jobs=1):
    """Return the results of all methods on test clips of a world."""
    _say(f"{world}: {count} scenes of {frames} frames")
    clips = held_out_clips(world, count, frames=frames)
    with tempfile.TemporaryDirectory() as scratch:
        answers = answers_of(
            clips, peers=peers, tuned=read_tuned(world), bundles=bundles, jobs=jobs, folder=Path(scratch)
        )
    return [
        Result(method=method, world=world, scene=scene, values=score_answer(answer, clip))
        for method, each in answers.items()
        for scene, (answer, clip) in enumerate(zip(each, clips, strict=True))
    ]


def compare_on_real(folder, *, peers, bundles, jobs):
    """Return method → what Pose2Sim's demonstration says without truth, each view left out in turn.

    Peers run with the settings tuned on synthetic bodies, and with their own defaults.
    """
    _say("pose2sim_demo")
    clip = real_clip(folder)
    clips = [without_view(clip, view) for view in range(len(clip.rig.names))] + [clip]
    judged = {}
    for tuned, suffix in ((read_tuned("body25b"), ""), ({}, ", its defaults")):
        with tempfile.TemporaryDirectory() as scratch:
            answers = answers_of(
                clips, peers=peers, tuned=tuned, bundles=bundles, jobs=jobs, folder=Path(scratch)
            )
        for method, each in answers.items():
            judged[method + suffix * (method in peers)] = _judge(each, clip)
    return judged


def _judge(answers, clip):
    *without, whole = answers
    distance, share = left_out_px(without, clip)
    rigid = [bone for bone, (_, child) in enumerate(clip.skeleton.bones) if not clip.skeleton.flexible[child]]
    ends = np.array(clip.skeleton.bones)[rigid]
    both = whole.answered[:, ends[:, 0]] & whole.answered[:, ends[:, 1]]
    lengths = np.asarray(bone_lengths(whole.points, clip.skeleton))[:, rigid]
    time_ns = np.asarray(clip.observations.time_ns)
    return {
        "left_out_px": float(np.median(distance)),
        "left_out_mean_px": float(distance.mean()),
        "left_out_p90_px": float(np.quantile(distance, 0.9)),
        "predicted": share,
        "answered": float(whole.answered.mean()),
        "bone_variation_mm": 1e3 * float(bone_length_variation(lengths, counts=both)),
        "jerk": float(jerk(whole.points, time_ns, counts=whole.answered)),
        "ms_per_frame": 1e3 * whole.cpu_s / len(time_ns),
    }


def real_folder():
    """Return where the demonstration lies: MVMONO3D_REALDATA, or `../shared/data` beside the checkout."""
    root = Path(os.environ.get("MVMONO3D_REALDATA", ROOT.parent / "shared" / "data"))
    return root / "pose2sim_demo"


def _say(text):
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--worlds", nargs="*", choices=sorted(WORLDS), default=list(WORLDS))
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS)
    parser.add_argument("--scenes", type=int, help=f"per world (default: {SCENES})")
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--bundle", nargs="*", default=[], help="exported models to compare as well")
    parser.add_argument("--jobs", type=int, default=1, help="peers that run at the same time")
    parser.add_argument("--no-real", action="store_true")
    parser.add_argument("--quick", action="store_true", help="two short scenes: does it all run?")
    arguments = parser.parse_args()
    if not is_installed():
        parser.error("no .venv-peers: run make bench-peers")
    with_methods = {"peers": arguments.peers, "bundles": arguments.bundle, "jobs": arguments.jobs}
    if arguments.quick:
        arguments.worlds, arguments.scenes, arguments.frames = arguments.worlds[:1], 2, 60
    compare_here = partial(compare_on, frames=arguments.frames, **with_methods)
    results = [
        result
        for world in arguments.worlds
        for result in compare_here(world, arguments.scenes or SCENES[world])
    ]
    use_real = not (arguments.no_real or arguments.quick) and real_folder().is_dir()
    real = compare_on_real(real_folder(), **with_methods) if use_real else {}
    write_csv(arguments.out / "peers.csv", results, real)
    write_page(arguments.out / "peers.md", results, real, frames=arguments.frames, jobs=arguments.jobs)


if __name__ == "__main__":
    main()
