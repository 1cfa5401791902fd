"""A checkpoint becomes a bundle."""

import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from mvmono3d.deploy.manifest import BundleManifest
from mvmono3d.export.bundle import Source, write_bundle
from mvmono3d.export.checkpoint import Trained, load_trained
from mvmono3d.export.frames import selftest_inputs
from mvmono3d.export.graph import SingleFrame
from mvmono3d.export.steady import steady_inputs
from mvmono3d.export.trial import lowering_to


def export_checkpoint(
    checkpoint: Path, folder: Path, *, views: tuple[int, ...], precision: str
) -> BundleManifest:
    """Write the bundle of a checkpoint into a new folder."""
    trained = load_trained(checkpoint)
    with tempfile.TemporaryDirectory() as temporary:
        skeleton = _skeleton_file(trained.skeleton, Path(temporary))
        return write_bundle(folder, _source(trained, skeleton, precision), views=views)


def _source(trained: Trained, skeleton: Path, precision: str) -> Source:
    def network_for(views: int) -> SingleFrame:
        return SingleFrame(trained.reconstructor, views=views)

    noise_px = float(trained.reconstructor.units.noise_px)
    return Source(
        network_for=network_for,
        inputs_for=lambda views: steady_inputs(
            partial(selftest_inputs, str(skeleton), views=views), network_for(views)
        ),
        skeleton=trained.reconstructor.skeleton,
        noise_px=noise_px,
        training=trained.training,
        measured=trained.measured,
        lowering=lowering_to(precision, skeleton=str(skeleton), noise_px=noise_px),
    )


def _skeleton_file(content: Mapping[str, Any], folder: Path) -> Path:
    # The run's own skeleton, also when the user's file has moved since.
    path = folder / f"{content.get('name', 'skeleton')}.yaml"
    path.write_text(yaml.safe_dump(dict(content), sort_keys=False), encoding="utf-8")
    return path
