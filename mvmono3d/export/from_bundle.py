"""A bundle becomes another: simplified with today's passes, or in lower precision."""

from pathlib import Path

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton, skeleton_names
from mvmono3d.deploy.bundle import read_bundle
from mvmono3d.deploy.manifest import BundleManifest
from mvmono3d.errors import ConfigurationError
from mvmono3d.export.precision import FP32
from mvmono3d.export.rewrite import rewrite_bundle
from mvmono3d.export.trial import lowering_to


def export_bundle(source: Path, folder: Path, *, precision: str) -> BundleManifest:
    """Write a bundle made from another into a new folder."""
    bundle = read_bundle(source)
    manifest = bundle.manifest
    skeleton = "" if precision == FP32 else _shipped(manifest.skeleton)
    lowering = lowering_to(precision, skeleton=skeleton, noise_px=manifest.noise_px)
    return rewrite_bundle(bundle, folder, lowering=lowering)


def _shipped(skeleton: Skeleton) -> str:
    """Return the name of a skeleton that the built-in world can act out."""
    if skeleton.name in skeleton_names() and load_skeleton(skeleton.name).hash == skeleton.hash:
        return skeleton.name
    raise ConfigurationError(
        f"skeleton {skeleton.name!r} does not ship with mvmono3d, and the test set needs it; export the "
        "checkpoint again with --precision"
    )
