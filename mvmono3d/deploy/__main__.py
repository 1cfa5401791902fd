"""`python -m mvmono3d.deploy`: run a rig; with a bundle: does it run here, and how fast?"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from mvmono3d.deploy.bundle import Bundle, read_bundle
from mvmono3d.deploy.detect.bundle import is_detector_bundle, read_detector_bundle
from mvmono3d.deploy.detect.selftest import check_detector
from mvmono3d.deploy.engines.load import load_graph
from mvmono3d.deploy.latency import measure_latency
from mvmono3d.deploy.live import command as live
from mvmono3d.deploy.manifest import MANIFEST_FILE
from mvmono3d.deploy.selftest import check_bundle, read_selftest
from mvmono3d.errors import MVMono3DError

_EXAMPLE = (
    "examples: python -m mvmono3d.deploy; python -m mvmono3d.deploy --site deploy/sites/lab; "
    "python -m mvmono3d.deploy my_bundle --frames 2000"
)


def main(arguments: list[str] | None = None) -> int:
    """Run a rig, or check a bundle; returns the exit code."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if chosen.frames < 1 or chosen.threads < 1:
        parser.error("--frames and --threads must be at least 1")
    try:
        if chosen.what is not None and (Path(chosen.what) / MANIFEST_FILE).is_file():
            _check_bundle(chosen)
            return 0
        if chosen.what is not None:
            chosen.site = chosen.site or chosen.what
        return live.run(chosen)
    except MVMono3DError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mvmono3d.deploy", description=live.__doc__, epilog=_EXAMPLE
    )
    parser.add_argument(
        "what", nargs="?", metavar="SITE|BUNDLE", help="as --site; the folder of a bundle is checked instead"
    )
    live.add_arguments(parser)
    bundle = parser.add_argument_group("checking a bundle: hashes, self-test, latency")
    bundle.add_argument("--selftest", action="store_true", help="only hashes and self-test, no latency")
    bundle.add_argument("--frames", type=int, default=500, help="frames to time (default %(default)s)")
    return parser


def _check_bundle(chosen: argparse.Namespace) -> None:
    out = Console(highlight=False, soft_wrap=True)
    if is_detector_bundle(Path(chosen.what)):
        detector = read_detector_bundle(Path(chosen.what))
        for role, apart in check_detector(detector, threads=chosen.threads, engine=chosen.engine).items():
            out.print(f"{chosen.what}: {role} agrees with where it was exported within {apart:.2g}")
        return
    bundle = read_bundle(Path(chosen.what))
    _report_selftest(bundle, out, threads=chosen.threads, engine=chosen.engine)
    if not chosen.selftest:
        _report_latency(bundle, out, frames=chosen.frames, threads=chosen.threads, engine=chosen.engine)


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
