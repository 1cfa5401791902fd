"""`MODEL_CARD.md`: what somebody should know before they trust a bundle."""

import re
from collections.abc import Mapping

from mvmono3d.deploy.agreement import Agreement
from mvmono3d.deploy.latency import Latency
from mvmono3d.deploy.manifest import BundleManifest

_LIMITS = """\
- One actor per graph; who is who across views is decided before.
- The numbers above were measured by the training itself, on clips of people and rigs that it never saw, of
  the kind of data named above. On another rig, detector or subject, run
  `mvmono3d evaluate` on your own recording first.
- Cameras must be calibrated and triggered together; lens and pose are inputs, not learned.
- A joint that no view sees is a guess whose covariance grows until it is reported as missing."""


def model_card(
    manifest: BundleManifest,
    *,
    parity: Mapping[int, Agreement],
    latency: Mapping[int, Latency],
    machine: str,
    measured: str,
) -> str:
    """Write the card of a bundle: data, metrics, limits, parity, latency, commit."""
    lines = [
        *_head(manifest),
        *_section("Training", _origin(manifest)),
        *_section("Measured", [measured or "Nothing lies beside the checkpoint."]),
        *_section("Agreement with PyTorch", _agreement(parity)),
        *_section(f"Gate of {manifest.precision}", gate_lines(manifest)),
        *_section(f"Latency on {machine}, one thread", _latency(latency)),
        *_section("Limits", [_LIMITS]),
    ]
    return "\n".join(lines)


def revised_card(
    card: str, manifest: BundleManifest, *, latency: Mapping[int, Latency], made_from: BundleManifest
) -> str:
    """Return a bundle's card for a bundle made from it: what the training measured stays."""
    parts = re.split(r"^## (.*)$", card, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], (body.strip() for body in parts[2::2]), strict=True))
    title = next((title for title in sections if title.startswith("Latency")), "Latency")
    gate = f"Gate of {manifest.precision}"
    kept = {name: [body] for name, body in sections.items() if not name.startswith("Gate of")}
    made = [f"Made from the bundle of commit `{made_from.commit}` without training again.", ""]
    revised = {**kept, title: _latency(latency), gate: gate_lines(manifest)}
    order = [name for name in kept if name != "Limits"] + [gate] + ["Limits"] * ("Limits" in kept)
    return "\n".join(
        [*_head(manifest), *made, *(line for name in order for line in _section(name, revised[name]))]
    )


def _head(manifest: BundleManifest) -> list[str]:
    skeleton = manifest.skeleton
    views = ", ".join(str(graph.views) for graph in manifest.graphs)
    return [
        f"# {skeleton.name} bundle",
        "",
        f"{len(skeleton.joints)} joints of skeleton `{skeleton.name}`, {manifest.precision}, graphs for "
        f"{views} views (fewer cameras are masked).",
        f"Written by mvmono3d {manifest.version}, commit `{manifest.commit}`.",
        "",
    ]


def _section(title: str, lines: list[str]) -> list[str]:
    return [f"## {title}", "", *lines, ""]


def _origin(manifest: BundleManifest) -> list[str]:
    origin = [f"| {key} | {value} |" for key, value in manifest.training.items()]
    return ["| | |", "|---|---|", *(origin or ["| | nothing is recorded beside the checkpoint |"])]


def _agreement(parity: Mapping[int, Agreement]) -> list[str]:
    rows = [
        f"| {views} | {run.frames} | {run.points_m * 1e3:.2g} mm | {run.pixels_px:.2g} px |"
        for views, run in parity.items()
    ]
    return ["| views | frames | points | projections |", "|---|---|---|---|", *rows]


def gate_lines(manifest: BundleManifest) -> list[str]:
    """Return the table of what each graph had to pass."""
    rows = [
        f"| {gate.views} | {each.name} | {each.found:.2g} {each.unit} | {each.allowed:g} {each.unit} |"
        for gate in manifest.gates
        for each in gate.figures
    ]
    lowered = [
        f"{gate.views} views: {gate.lowered} of {gate.layers} layers with weights are in "
        f"{manifest.precision}, with {gate.lowered_share:.0%} of their weights."
        for gate in manifest.gates
        if gate.layers
    ]
    against = ", ".join(dict.fromkeys(gate.against for gate in manifest.gates))
    table = ["| views | figure | found | allowed |", "|---|---|---|---|", *rows, "", f"Against {against}."]
    return [*table, "", *lowered] if lowered else table


def _latency(latency: Mapping[int, Latency]) -> list[str]:
    rows = [f"| {views} | {run.p50_ms:.2f} ms | {run.p95_ms:.2f} ms |" for views, run in latency.items()]
    note = "One set of frames, from arrays to arrays, without cameras and 2D detection."
    return ["| views | p50 | p95 |", "|---|---|---|", *rows, "", note]
