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
    skeleton = manifest.skeleton
    origin = [f"| {key} | {value} |" for key, value in manifest.training.items()]
    return "\n".join(
        [
            f"# {skeleton.name} bundle",
            "",
            f"{len(skeleton.joints)} joints of skeleton `{skeleton.name}`, {manifest.precision}, graphs for "
            f"{', '.join(str(graph.views) for graph in manifest.graphs)} views (fewer cameras are masked).",
            f"Written by mvmono3d {manifest.version}, commit `{manifest.commit}`.",
            "",
            "## Training",
            "",
            "| | |",
            "|---|---|",
            *(origin or ["| | nothing is recorded beside the checkpoint |"]),
            "",
            "## Measured",
            "",
            measured or "Nothing lies beside the checkpoint.",
            "",
            "## Agreement with PyTorch",
            "",
            "| views | frames | points | projections |",
            "|---|---|---|---|",
            *(
                f"| {views} | {run.frames} | {run.points_m * 1e3:.2g} mm | {run.pixels_px:.2g} px |"
                for views, run in parity.items()
            ),
            "",
            f"## Latency on {machine}, one thread",
            "",
            "| views | p50 | p95 |",
            "|---|---|---|",
            *(f"| {views} | {run.p50_ms:.2f} ms | {run.p95_ms:.2f} ms |" for views, run in latency.items()),
            "",
            "One set of frames, from arrays to arrays, without cameras and 2D detection.",
            "",
            "## Limits",
            "",
            _LIMITS,
            "",
        ]
    )
