"""Turn a checkpoint into a bundle: ONNX graphs, manifest with hashes, self-test, model card.

CHECKPOINT is what a training wrote, with its config.yaml beside it or one folder above. The bundle is
written only if every graph gives what PyTorch gives, to 0.1 mm and 0.1 px, on 96 frames of the built-in
world, with a camera lost for a while and with one fewer. `python -m mvmono3d.deploy BUNDLE` then checks
it on any machine, without PyTorch.
"""

import argparse
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from mvmono3d.errors import ConfigurationError
from mvmono3d.export.bundle import Source, write_bundle
from mvmono3d.export.checkpoint import Trained, load_trained
from mvmono3d.export.frames import selftest_inputs
from mvmono3d.export.graph import SingleFrame
from mvmono3d.export.steady import steady_inputs

_VIEWS = (4, 8)
_FEWEST, _MOST = 2, 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="for instance …/best.ckpt")
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="new folder")
    parser.add_argument(
        "--views", type=int, nargs="+", default=list(_VIEWS), metavar="N",
        help="a graph for each number of cameras; fewer cameras run masked (default: 4 8)",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Export and say where the bundle lies."""
    views = _checked(arguments.views)
    trained = load_trained(arguments.checkpoint)
    with tempfile.TemporaryDirectory() as folder:
        skeleton = _skeleton_file(trained.skeleton, Path(folder))
        manifest = write_bundle(arguments.out, _source(trained, skeleton), views=views)
    out = Console(highlight=False, soft_wrap=True)
    out.print(
        f"{arguments.out}: skeleton {manifest.skeleton.name}, graphs for "
        f"{', '.join(str(graph.views) for graph in manifest.graphs)} views, parity and self-test passed"
    )
    out.print(f"next          python -m mvmono3d.deploy {arguments.out}")
    return 0


def _checked(views: list[int]) -> tuple[int, ...]:
    chosen = tuple(dict.fromkeys(views))
    for count in chosen:
        if not _FEWEST <= count <= _MOST:
            raise ConfigurationError(f"--views {count}: expected {_FEWEST} to {_MOST} cameras")
    return chosen


def _source(trained: Trained, skeleton: Path) -> Source:
    def network_for(views: int) -> SingleFrame:
        return SingleFrame(trained.reconstructor, views=views)

    return Source(
        network_for=network_for,
        inputs_for=lambda views: steady_inputs(
            partial(selftest_inputs, str(skeleton), views=views), network_for(views)
        ),
        skeleton=trained.reconstructor.skeleton,
        noise_px=float(trained.reconstructor.units.noise_px),
        training=trained.training,
        measured=trained.measured,
    )


def _skeleton_file(content: Mapping[str, Any], folder: Path) -> Path:
    # The run's own skeleton, also when the user's file has moved since.
    path = folder / f"{content.get('name', 'skeleton')}.yaml"
    path.write_text(yaml.safe_dump(dict(content), sort_keys=False), encoding="utf-8")
    return path
