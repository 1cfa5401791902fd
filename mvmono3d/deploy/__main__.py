"""`python -m mvmono3d.deploy BUNDLE`: does this bundle run here, and how fast?"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from mvmono3d.deploy.bundle import Bundle, read_bundle
from mvmono3d.deploy.engines.load import ENGINES, load_graph
from mvmono3d.deploy.latency import measure_latency
from mvmono3d.deploy.selftest import check_bundle, read_selftest
from mvmono3d.errors import MVMono3DError

_EXAMPLE = "example: python -m mvmono3d.deploy my_bundle --frames 2000"


def main(arguments: list[str] | None = None) -> int:
    """Check a bundle on this machine and measure it; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m mvmono3d.deploy",
        description="Check a bundle on this machine: hashes, self-test, latency. Needs no torch.",
        epilog=_EXAMPLE,
    )
    parser.add_argument("bundle", type=Path, help="folder that `mvmono3d export` wrote")
    parser.add_argument("--selftest", action="store_true", help="only hashes and self-test, no latency")
    parser.add_argument("--frames", type=int, default=500, help="frames to time (default %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="threads of one graph (default %(default)s)")
    parser.add_argument(
        "--engine", choices=ENGINES, default="cpu",
        help="onnxruntime on the CPU or by CUDA, or TensorRT (default %(default)s)",
    )  # fmt: skip
    chosen = parser.parse_args(arguments)
    if chosen.frames < 1 or chosen.threads < 1:
        parser.error("--frames and --threads must be at least 1")
    out = Console(highlight=False, soft_wrap=True)
    try:
        bundle = read_bundle(chosen.bundle)
        _report_selftest(bundle, out, threads=chosen.threads, engine=chosen.engine)
        if not chosen.selftest:
            _report_latency(bundle, out, frames=chosen.frames, threads=chosen.threads, engine=chosen.engine)
    except MVMono3DError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


def _report_selftest(bundle: Bundle, out: Console, *, threads: int, engine: str) -> None:
    manifest = bundle.manifest
    out.print(
        f"{bundle.folder}: skeleton {manifest.skeleton.name}, {manifest.precision}, mvmono3d "
        f"{manifest.version} ({manifest.commit[:12]}), {len(manifest.files)} hashes match"
    )
    for views, agreement in check_bundle(bundle, threads=threads, engine=engine).items():
        out.print(
            f"self-test, {views} views: {agreement.frames} frames agree within "
            f"{agreement.points_m * 1e3:.2g} mm and {agreement.pixels_px:.2g} px"
        )


def _report_latency(bundle: Bundle, out: Console, *, frames: int, threads: int, engine: str) -> None:
    for graph in bundle.manifest.graphs:
        loaded = load_graph(bundle, graph, threads=threads, engine=engine)
        inputs, _ = read_selftest(bundle, graph)
        latency = measure_latency(loaded, inputs, state_size=graph.state_size, frames=frames)
        out.print(
            f"latency, {graph.views} views, {engine}, threads {threads}: p50 {latency.p50_ms:.2f} ms, "
            f"p95 {latency.p95_ms:.2f} ms, worst {latency.worst_ms:.2f} ms of {frames} frames"
        )


if __name__ == "__main__":
    sys.exit(main())
