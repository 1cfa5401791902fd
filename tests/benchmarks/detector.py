"""The released detector, measured: how far joints are off, how fast it is, whether actors are found.

`python -m tests.benchmarks.detector docs/benchmarks [--bundle FOLDER ...] [--cache FOLDER]` renders the test
crops on first use (a minute), and writes detector.md and detector.png there. Several bundles, say of two
precisions, stand side by side.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mvmono3d.data.crop_cut import CropJitter, CutCrops
from mvmono3d.data.rendered_crops import RenderedCrops, wide_samples
from mvmono3d.deploy.detect.batch import grey
from mvmono3d.deploy.detect.bundle import JOINTS, DetectorBundle, read_detector_bundle
from mvmono3d.deploy.detect.crop import cut_windows
from mvmono3d.deploy.detect.finder import open_finder
from mvmono3d.deploy.detect.network import load_detector_graph, open_detector
from mvmono3d.deploy.detect.protocol import WholeImages
from mvmono3d.deploy.detect.windows import Windows
from mvmono3d.export.detector_network import scores_of
from mvmono3d.export.detector_trial import answers
from mvmono3d.metrics.detection import NEAR
from tests.benchmarks.machine import ROOT, commit, processor

STILL = CropJitter(
    side=0.794, side_range=0.0, shift=0.0, turn_rad=0.0, upright=True, any_turn_share=0.0, mirrored_share=0.0
)
RUNS, VIEWS = 200, 4


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a finder made of whole pictures."""

    pictures: int
    found: int
    holding: int
    """Windows that hold every joint of the picture, or all but one in ten."""


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Measure the released detector.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--bundle", type=Path, nargs="+", default=[ROOT / "deploy/models/detector_hand21"])
    parser.add_argument("--scenes", type=int, default=30)
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache/mvmono3d")
    chosen = parser.parse_args(arguments)
    bundles = [read_detector_bundle(folder) for folder in chosen.bundle]
    name = bundles[0].manifest.skeleton.name
    of_actor, whole = (
        rendered_test_crops(bundles[0], chosen.cache, cut=cut, scenes=chosen.scenes)
        for cut in ("actor", "whole")
    )
    parts = [
        f"# Detector of `{name}`",
        "",
        "Written by `python -m tests.benchmarks.detector docs/benchmarks`. Rendered crops of people, looks,",
        "rooms, lights and cameras that no training showed. One thread.",
        f"Commit {commit('mvmono3d')}, {processor()}.",
        "",
        *accuracy(bundles, of_actor),
        *speed(bundles),
        *finding(bundles, whole),
        "![Joints found on test crops: green visible, red hidden, lines to the truth](detector.png)",
        "",
    ]
    (chosen.out / "detector.md").write_text("\n".join(parts), encoding="utf-8")
    cv2.imwrite(str(chosen.out / "detector.png"), picture(bundles[0], of_actor))


def rendered_test_crops(bundle, cache, *, cut, scenes):
    """Return the test crops of a cut, as stored: larger than the network's."""
    source = RenderedCrops(
        skeleton=bundle.manifest.skeleton,
        cut=cut,
        samples=wide_samples(
            skeleton=bundle.manifest.skeleton.name, size=208, margin=1.7, frames=4, samples=3,
            sensor_px=(640, 400), subjects=400,
        ),
        scenes={"train": 1, "val": 1, "test": scenes},
        seed=0,
        cache=cache,
    )  # fmt: skip
    source.prepare(("test",))
    return source.open_split("test")


def cut(store, bundle, jitter=STILL):
    size = bundle.graph(JOINTS).size
    cuts = CutCrops(store=store, size=size, jitter=jitter, seed=None)
    return [cuts[0, place] for place in range(len(store))]


def accuracy(bundles, store):
    lines = [
        f"| bundle | joints | number | median px | p90 px | within {NEAR:.0%} | in 50 % region "
        "| in 90 % region |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for bundle in bundles:
        graph, crops = bundle.graph(JOINTS), cut(store, bundle)
        engine = load_detector_graph(bundle, graph)
        scores = scores_of(answers(engine, crops), crops, size=graph.size)
        for which, score in scores.items():
            shares = f"{score.near:.1%} | {score.in_half:.0%} | {score.in_nine_tenths:.0%}"
            lines.append(
                f"| {graph.precision} | {which} | {score.joints} | {score.median_px:.2f} "
                f"| {score.p90_px:.2f} | {shares} |"
            )
    note = (
        f"Pixels of the network's crops, {bundles[0].graph(JOINTS).size} px wide; shares of the crop's side; "
        "regions of the stated errors."
    )
    return [*lines, "", note, ""]


def speed(bundles):
    random = np.random.default_rng(0)
    images = WholeImages(
        images=random.integers(0, 256, (VIEWS, 400, 640), dtype=np.uint8),
        bits=8,
        present=np.ones(VIEWS, dtype=bool),
        frame_id=np.zeros(VIEWS, dtype=np.int64),
        time_ns=0,
    )
    windows = Windows.level(
        np.tile([320.0, 200.0], (VIEWS, 1)), np.full(VIEWS, 230.0), images.present, turn_known=True
    )
    lines = ["| bundle | stage | p50 ms | p95 ms |", "|---|---|---|---|"]
    for bundle in bundles:
        detector, finder = open_detector(bundle.folder), open_finder(bundle.folder)
        crops = cut_windows(images, windows, size=detector.size)
        stages = {
            f"cut {VIEWS} crops": lambda size=detector.size: cut_windows(images, windows, size=size),
            f"joints of {VIEWS} crops": lambda detector=detector, crops=crops: detector.detect(crops),
            f"find in {VIEWS} images": lambda finder=finder: finder.find(images),
        }
        for stage, step in stages.items():
            p50, p95 = timed(step)
            lines.append(f"| {bundle.graph(JOINTS).precision} | {stage} | {p50:.2f} | {p95:.2f} |")
    return [*lines, "", "By the clock, on the machine as it was.", ""]


def timed(step):
    taken = []
    for _ in range(RUNS):
        began = time.perf_counter()
        step()
        taken.append(1e3 * (time.perf_counter() - began))
    return np.quantile(taken[RUNS // 10 :], [0.5, 0.95])


def finding(bundles, store):
    lines = ["| bundle | pictures with a hand | found | window holds it |", "|---|---|---|---|"]
    for bundle in bundles:
        found = find_all(bundle, store)
        shares = [f"{count / max(found.pictures, 1):.1%}" for count in (found.found, found.holding)]
        lines.append(f"| {bundle.graph(JOINTS).precision} | {found.pictures} | {' | '.join(shares)} |")
    return [*lines, "", "A window holds a hand with nine in ten of its joints inside.", ""]


def find_all(bundle: DetectorBundle, store) -> Found:
    finder, size = open_finder(bundle.folder), store[0].images.shape[-1]
    pictures = found = holding = 0
    for place in range(len(store)):
        crop = store[place]
        inside = ((crop.pixels >= 0) & (crop.pixels <= size - 1)).all(-1) & crop.labelled
        if inside.sum() < 15:
            continue
        pictures += 1
        image = WholeImages(
            images=crop.images, bits=8, present=np.ones(1, dtype=bool),
            frame_id=np.zeros(1, dtype=np.int64), time_ns=0,
        )  # fmt: skip
        windows = finder.find(image)
        if not windows or not windows[0].known[0]:
            continue
        found += 1
        off = np.abs(crop.pixels[inside] - windows[0].centre_px[0]).max(axis=-1)
        holding += bool((off <= 0.5 * windows[0].side_px[0]).mean() >= 0.9)
    return Found(pictures=pictures, found=found, holding=holding)


def picture(bundle, store, *, columns=8, rows=3):
    """Return test crops with the joints that were found, and lines to where they are."""
    graph, crops = bundle.graph(JOINTS), cut(store, bundle)
    chosen = crops[:: max(len(crops) // (columns * rows), 1)][: columns * rows]
    images = np.stack([crop.images[0] for crop in chosen])
    found = load_detector_graph(bundle, graph).run({"images": grey(images)})
    tiles = []
    for place, crop in enumerate(chosen):
        tile = cv2.cvtColor(cv2.resize(crop.images[0], None, fx=2, fy=2), cv2.COLOR_GRAY2BGR)
        for joint in range(len(crop.pixels)):
            both = (found["pixels"][place, joint], crop.pixels[joint])
            ours, true = ((2 * each + 0.5).round().astype(int) for each in both)
            colour = (0, 255, 0) if found["visible"][place, joint] > 0.5 else (60, 60, 255)
            cv2.line(tile, tuple(ours.tolist()), tuple(true.tolist()), (255, 200, 0), 1)
            cv2.circle(tile, tuple(ours.tolist()), 2, colour, -1)
        tiles.append(tile)
    blank = np.zeros_like(tiles[0])
    tiles += [blank] * (columns * rows - len(tiles))
    return np.vstack([np.hstack(tiles[row * columns : (row + 1) * columns]) for row in range(rows)])


if __name__ == "__main__":
    main()
