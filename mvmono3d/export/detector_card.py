"""`MODEL_CARD.md` of a detector's bundle."""

import platform
from collections.abc import Sequence

from mvmono3d.deploy.detect.bundle import DetectorManifest
from mvmono3d.export.detector_network import DrawnGraph
from mvmono3d.metrics.detection import NEAR

_LIMITS = """\
- It learned from rendered pictures alone. What it finds on yours is for your pictures to tell:
  `mvmono3d evaluate` on a recording of yours, or a look at a few crops, comes first.
- One actor per crop. Crops are cut as the runtime cuts them: {margin:g} times the longer side of the box
  round the joints, in grey, 8 bits.
- Hidden joints are guesses that say so: by their error, and by what is stated of their visibility.
- Errors are stated per axis, as if they were normal. The table says how often the truth lies within."""


def detector_card(manifest: DetectorManifest, drawn: Sequence[DrawnGraph], *, commands: Sequence[str]) -> str:
    """Write the card: what it is, how it was trained, what it does on crops it never saw, limits."""
    skeleton = manifest.skeleton
    graphs = [
        f"| {each.role} | {each.size} px | {each.precision} | {each.file.name} |" for each in manifest.graphs
    ]
    lines = [
        f"# Detector of {skeleton.name}",
        "",
        f"{len(skeleton.joints)} joints of skeleton `{skeleton.name}` in monochrome crops, any number at "
        f"once. Written by mvmono3d {manifest.version}, commit `{manifest.commit}`.",
        "",
        "| graph | crops | precision | file |",
        "|---|---|---|---|",
        *graphs,
        "",
        "## Training",
        "",
        "```bash",
        *commands,
        "```",
        "",
        *_origins(manifest),
        "",
        "## Measured on test crops",
        "",
        *_scores(drawn),
        "",
        "## Gate",
        "",
        *_gates(manifest),
        "",
        "## Limits",
        "",
        _LIMITS.format(margin=manifest.margin),
        "",
    ]
    return "\n".join(lines)


def _origins(manifest: DetectorManifest) -> list[str]:
    keys = list(dict.fromkeys(key for graph in manifest.graphs for key in graph.training))
    rows = [
        f"| {key} | " + " | ".join(str(graph.training.get(key, "")) for graph in manifest.graphs) + " |"
        for key in keys
    ]
    roles = " | ".join(graph.role for graph in manifest.graphs)
    return [f"| | {roles} |", "|---|" + "---|" * len(manifest.graphs), *rows]


def _scores(drawn: Sequence[DrawnGraph]) -> list[str]:
    rows = [
        f"| {name} | {score.joints} | {score.median_px:.2f} | {score.p90_px:.2f} | {score.near:.1%} | "
        f"{score.in_half:.0%} | {score.in_nine_tenths:.0%} |"
        for graph in drawn
        for name, score in graph.scores.items()
    ]
    size = next((each.images.shape[-1] for each in drawn if each.scores), 0)
    times = ", ".join(f"{each.role} {each.p50_ms:.1f} ms" for each in drawn)
    return [
        f"| joints | number | median px | p90 px | within {NEAR:.0%} of the crop | in 50 % region | "
        "in 90 % region |",
        "|---|---|---|---|---|---|---|",
        *rows,
        "",
        f"Pixels of crops of {size} px, of people, looks, rooms, lights and cameras that no training crop "
        "showed, by the graph in the file. Four crops on one thread, median, machine as it was: "
        f"{times} ({platform.system()} {platform.machine()}).",
    ]


def _gates(manifest: DetectorManifest) -> list[str]:
    rows = [
        f"| {graph.role} | {each.name} | {each.found:.3g} {each.unit} | {each.allowed:g} {each.unit} |"
        for graph in manifest.graphs
        for each in graph.figures
    ]
    shares = [
        f"{graph.role}: {graph.lowered_share:.0%} of the weights are in {graph.precision}."
        for graph in manifest.graphs
        if graph.lowered_share
    ]
    return ["| graph | figure | found | allowed |", "|---|---|---|---|", *rows, "", *shares]
