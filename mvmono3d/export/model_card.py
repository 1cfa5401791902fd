"""`MODEL_CARD.md`: what somebody should know before they trust a bundle."""

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
        *_section(f"Latency on {machine}, one thread", _latency(latency)),
        *_section("Limits", [_LIMITS]),
    ]
    return "\n".join(lines)


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


def _latency(latency: Mapping[int, Latency]) -> list[str]:
    rows = [f"| {views} | {run.p50_ms:.2f} ms | {run.p95_ms:.2f} ms |" for views, run in latency.items()]
    note = "One set of frames, from arrays to arrays, without cameras and 2D detection."
    return ["| views | p50 | p95 |", "|---|---|---|", *rows, "", note]
