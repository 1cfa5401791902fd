"""Measure released bundles against the bars: `python -m tests.benchmarks.learned.bench OUT`.

Writes OUT/learned.md and OUT/learned.csv; --page names others. Scenes are of people, hands and rigs that no
training saw. What was measured stays in --cache, scene by scene: a run that was interrupted goes on where it
stopped.
"""

import argparse
import sys
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from mvmono3d.deploy.bundle import read_bundle
from mvmono3d.deploy.detect.bundle import is_detector_bundle
from mvmono3d.deploy.reconstruct import reconstruct_with_bundle
from tests.benchmarks.learned.bars import REAL_BARS, SAMPLE_BARS, STEP, Reached, reached_on
from tests.benchmarks.learned.elsewhere import experiment_bars, peer_bars
from tests.benchmarks.learned.graph_time import step_ms
from tests.benchmarks.learned.measuring import measure_section
from tests.benchmarks.learned.page import write_csv, write_page
from tests.benchmarks.learned.real import RECORDINGS, judge_all, ratios
from tests.benchmarks.learned.sample import Sample
from tests.benchmarks.learned.sections import QUICK, Amount, kind_of, sections_of
from tests.benchmarks.learned.store import ROOT, Store
from tests.benchmarks.peers.bench import real_folder

MODELS = ROOT / "deploy" / "models"


@dataclass(kw_only=True)
class Findings:
    """All that the page shows."""

    bundles: dict[str, Any] = field(default_factory=dict)
    """Skeleton → `Bundle`."""
    sections: list[Any] = field(default_factory=list)
    """(section, sample)."""
    reached: list[Reached] = field(default_factory=list)
    wall_ms: dict[str, float] = field(default_factory=dict)
    real: dict[str, Any] = field(default_factory=dict)
    """Recording → method → `Judged`."""


def find_bundles(folders):
    """Return skeleton name → folder: those named, else every released one."""
    released = sorted(path.parent for path in MODELS.glob("*/manifest.json"))
    found = folders or [folder for folder in released if not is_detector_bundle(folder)]
    return {read_bundle(Path(folder)).manifest.skeleton.name: Path(folder) for folder in found}


def measure_bundle(folder, amount, *, findings, cache, only, say):
    """Measure one bundle on all its sections, and time it."""
    bundle = read_bundle(folder)
    skeleton = bundle.manifest.skeleton
    findings.bundles[skeleton.name] = bundle
    store, learned = Store(cache, folder), partial(_on_clip, folder)
    samples = {}
    for section in sections_of(skeleton, amount):
        part = section.name.removeprefix(f"{skeleton.name}-")
        if only and part not in only:
            continue
        say(f"{section.title}: {section.scenes} scenes of {section.settings.frames} frames")
        samples[part] = Sample(measure_section(section, learned, store=store, say=say))
        findings.sections.append((section, samples[part]))
    for bar in SAMPLE_BARS:
        if bar.kind == kind_of(skeleton):
            findings.reached.append(_reached(samples.get(bar.section), bar, skeleton.name))
    interval, findings.wall_ms[skeleton.name] = step_ms(folder)
    source = "the bundle's self-test frames"
    findings.reached.append(Reached(bar=STEP, about=skeleton.name, interval=interval, source=source))


def _reached(sample, bar, skeleton):
    if sample is None:
        return Reached(bar=bar, about=skeleton, interval=None, source=f"{skeleton}-{bar.section} was not run")
    return reached_on(sample, bar, skeleton)


def measure_real(bundles, root, *, findings, say, chosen=False):
    """Leave each camera of the real recordings out, with a bundle of their skeleton if there is one.

    Recordings of other skeletons are left out where bundles were `chosen`.
    """
    for recording in RECORDINGS:
        if chosen and recording.skeleton not in bundles:
            continue
        source = f"{recording.name}, camera left out"
        folder = bundles.get(recording.skeleton)
        if not (root / recording.name).is_dir():
            found, source = None, f"no {recording.name} in {root.name}"
        else:
            say(recording.name)
            learned = None if folder is None else partial(_on_recording, folder)
            findings.real[recording.name] = found = judge_all(recording, root, learned)
            if folder is None:
                source = f"no bundle for {recording.skeleton}"
        values = ratios(found["learned"], found["robust"]) if found and "learned" in found else {}
        findings.reached += [
            Reached(bar=bar, about=recording.name, interval=values.get(what), source=source)
            for what, bar in REAL_BARS.items()
        ]


def stand_in_for_missing(findings):
    """Let the bars of an actor that no bundle is for stand as not measured."""
    kinds = {kind_of(bundle.manifest.skeleton) for bundle in findings.bundles.values()}
    for kind, skeleton in (("body", "body25b"), ("hand", "hand21")):
        if kind not in kinds:
            findings.reached += [
                Reached(bar=bar, about=skeleton, interval=None, source=f"no bundle for {skeleton}")
                for bar in (*(each for each in SAMPLE_BARS if each.kind == kind), STEP)
            ]


def _on_clip(folder, clip):
    return reconstruct_with_bundle(folder, clip.observations, rig=clip.rig, skeleton=clip.skeleton)


def _on_recording(folder, observations, rig, skeleton):
    return reconstruct_with_bundle(folder, observations, rig=rig, skeleton=skeleton)


def _say(text):
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def read_arguments(given=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, usual = parser.add_argument, Amount()
    add("out", type=Path)
    add("--bundle", type=Path, nargs="+", default=[], help="instead of the released ones (deploy/models/*)")
    add("--mouse-bundle", type=Path, help="a bundle for mouse15, for the real mouse")
    add("--page", default="learned", help="name of the page and its CSV; bundles of its own have their own")
    add("--scenes", type=int, help=f"per synthetic section (default: {usual.scenes})")
    add("--stress-scenes", type=int, help=f"that every stress row is replayed on ({usual.stress_scenes})")
    add("--frames", type=int, help=f"of a scene (default: {usual.frames})")
    add("--sections", nargs="+", default=[], choices=("ring", "arc3", "corners3", "E", "stress"))
    add("--cache", type=Path, default=ROOT / "logs" / "bench_learned", help="what was measured so far")
    add("--no-real", action="store_true")
    add("--quick", action="store_true", help="two short scenes: does it all run?")
    arguments = parser.parse_args(given)
    chosen = {name: getattr(arguments, name) for name in ("scenes", "stress_scenes", "frames")}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    arguments.amount = replace(QUICK if arguments.quick else usual, **chosen)
    return arguments


def run(arguments, *, say=_say):
    """Measure, and write the page and its CSV."""
    bundles = find_bundles(arguments.bundle)
    if arguments.mouse_bundle is not None:
        bundles |= find_bundles([arguments.mouse_bundle])
    findings = Findings()
    for folder in bundles.values():
        measure_bundle(
            folder,
            arguments.amount,
            findings=findings,
            cache=arguments.cache,
            only=arguments.sections,
            say=say,
        )
    chosen = bool(arguments.bundle)
    if not chosen:
        stand_in_for_missing(findings)
    if not arguments.no_real:
        measure_real(bundles, real_folder().parent, findings=findings, say=say, chosen=chosen)
    if not chosen or "body25b" in bundles:
        findings.reached += peer_bars(arguments.out / "peers.csv", "body25b")
    findings.reached += experiment_bars(ROOT / "experiments")
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_csv(arguments.out / f"{arguments.page}.csv", findings)
    write_page(arguments.out / f"{arguments.page}.md", findings, amount=arguments.amount)
    return findings


def main():
    arguments = read_arguments()
    findings = run(arguments)
    if not findings.bundles:
        _say("no bundle in deploy/models: every bar stands as not measured; name one with --bundle")
    missed = sum(each.verdict == "**NOT MET**" for each in findings.reached)
    _say(f"wrote {arguments.out / arguments.page}.md: {missed} of {len(findings.reached)} bars not met")


if __name__ == "__main__":
    main()
