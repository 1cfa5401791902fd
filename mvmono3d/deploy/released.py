"""Bundles that ship with the package: one per skeleton, under `deploy/models/`."""

from pathlib import Path

from mvmono3d.core.resources import resource_folder
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.deploy.manifest import MANIFEST_FILE, read_manifest
from mvmono3d.errors import InvalidFileError


def released_bundle(skeleton: Skeleton) -> Path | None:
    """Return the folder of the released bundle for exactly these joints, `None` where there is none."""
    try:
        folder = resource_folder("deploy", "models", skeleton.name)
    except InvalidFileError:
        return None
    if not (folder / MANIFEST_FILE).is_file():
        return None
    return folder if read_manifest(folder / MANIFEST_FILE).skeleton.hash == skeleton.hash else None


def most_views(folder: Path) -> int:
    """Return the greatest number of cameras that a bundle takes."""
    return max(graph.views for graph in read_manifest(folder / MANIFEST_FILE).graphs)
