"""Turn a checkpoint into a bundle, a bundle into one of lower precision, or a bundle into TensorRT engines.

A checkpoint of a reconstructor becomes a bundle that reconstructs, one of a joint network
(experiment=detector) a detector's; --finder adds the network that looks for actors in whole images
(experiment=finder).

SOURCE is a checkpoint that a training wrote, with its config.yaml beside it or one folder above, or the
folder of a bundle. A bundle is written only if every graph passes its gate. fp32: it gives what PyTorch
gives, to 0.1 mm and 0.1 px, on 96 frames of the built-in world, with a camera lost for a while and with one
fewer. fp16 and int8: on the synthetic test set 99 of 100 joints move by at most 0.25 px, and the mean error
grows by at most 0.1 mm. --tensorrt builds engines for this machine's GPU into the user's cache; they are
never part of a bundle. `python -m mvmono3d.deploy BUNDLE` then checks a bundle on any machine, without
PyTorch.
"""

import argparse
from pathlib import Path

from rich.console import Console

from mvmono3d.deploy.manifest import MANIFEST_FILE, BundleManifest
from mvmono3d.errors import ConfigurationError

_VIEWS = (4, 8)
_FEWEST, _MOST = 2, 16
_PRECISIONS = ("fp32", "fp16", "int8")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument(
        "source", type=Path, metavar="SOURCE", help="a checkpoint, for instance …/best.ckpt, or a bundle"
    )
    parser.add_argument("--out", type=Path, metavar="BUNDLE", help="new folder; only --tensorrt needs none")
    parser.add_argument(
        "--views", type=int, nargs="+", metavar="N",
        help="a graph for each number of cameras; fewer cameras run masked (default: 4 8, or the bundle's)",
    )  # fmt: skip
    parser.add_argument(
        "--precision", choices=_PRECISIONS, default="fp32",
        help="of layers with weights (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--finder", type=Path, metavar="CHECKPOINT", help="of the network that finds actors in whole images"
    )
    parser.add_argument(
        "--tensorrt", action="store_true", help="build TensorRT engines here, for this machine's GPU"
    )


def run(arguments: argparse.Namespace) -> int:
    """Export, build, and say where things lie."""
    out = Console(highlight=False, soft_wrap=True)
    folder = arguments.out
    if folder is None and not (arguments.tensorrt and _is_bundle(arguments.source)):
        raise ConfigurationError("--out BUNDLE is missing; only a bundle with --tensorrt goes without")
    if folder is not None and _is_detector(arguments):
        return _detector(arguments, out)
    if folder is not None:
        manifest = _export(arguments)
        out.print(
            f"{folder}: skeleton {manifest.skeleton.name}, {manifest.precision}, graphs for "
            f"{', '.join(str(graph.views) for graph in manifest.graphs)} views, parity and self-test passed"
        )
    if arguments.tensorrt:
        # Apart from the rest: a rig has neither torch nor onnx.
        from mvmono3d.export.engines import build_engines

        for path in build_engines(folder or arguments.source):
            out.print(f"engine        {path}")
    out.print(f"next          python -m mvmono3d.deploy {folder or arguments.source}{_engine(arguments)}")
    return 0


def _export(arguments: argparse.Namespace) -> BundleManifest:
    if _is_bundle(arguments.source):
        from mvmono3d.export.from_bundle import export_bundle

        if arguments.views is not None:
            raise ConfigurationError("--views: a bundle's graphs are fixed; export its checkpoint again")
        return export_bundle(arguments.source, arguments.out, precision=arguments.precision)
    from mvmono3d.export.from_checkpoint import export_checkpoint

    views = _checked(arguments.views or list(_VIEWS))
    return export_checkpoint(arguments.source, arguments.out, views=views, precision=arguments.precision)


def _is_detector(arguments: argparse.Namespace) -> bool:
    """Say whether the source is a joint network's checkpoint; raises for options that don't go with it."""
    if _is_bundle(arguments.source):
        return False
    from mvmono3d.export.from_detector import is_detector
    from mvmono3d.export.saved_run import read_run

    found = is_detector(read_run(arguments.source))
    if found and (arguments.views is not None or arguments.tensorrt):
        raise ConfigurationError(
            "a detector takes any number of crops: without --views; its engines are built of its bundle, "
            "on the machine that runs them: mvmono3d export BUNDLE --tensorrt"
        )
    if not found and arguments.finder is not None:
        raise ConfigurationError(f"--finder goes with a joint network; {arguments.source} is a reconstructor")
    return found


def _detector(arguments: argparse.Namespace, out: Console) -> int:
    from mvmono3d.export.from_detector import export_detector

    manifest = export_detector(
        arguments.source, arguments.out, finder=arguments.finder, precision=arguments.precision
    )
    graphs = ", ".join(f"{graph.role} ({graph.size} px, {graph.precision})" for graph in manifest.graphs)
    out.print(
        f"{arguments.out}: detector of skeleton {manifest.skeleton.name}: {graphs}; parity and self-test "
        "passed"
    )
    return 0


def _is_bundle(source: Path) -> bool:
    return (source / MANIFEST_FILE).is_file()


def _engine(arguments: argparse.Namespace) -> str:
    return " --engine tensorrt" if arguments.tensorrt else ""


def _checked(views: list[int]) -> tuple[int, ...]:
    chosen = tuple(dict.fromkeys(views))
    for count in chosen:
        if not _FEWEST <= count <= _MOST:
            raise ConfigurationError(f"--views {count}: expected {_FEWEST} to {_MOST} cameras")
    return chosen
