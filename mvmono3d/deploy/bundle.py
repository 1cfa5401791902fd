"""A bundle on disk: a folder with a manifest, graphs, a self-test and a model card."""

from dataclasses import dataclass
from pathlib import Path

from mvmono3d.deploy.manifest import MANIFEST_FILE, BundleManifest, GraphFile, check_files, read_manifest
from mvmono3d.errors import InvalidRecordError


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle whose files have the content they were published with."""

    folder: Path
    manifest: BundleManifest

    def graph_for(self, views: int) -> GraphFile:
        """Return the smallest graph that takes this number of cameras."""
        graphs = sorted(self.manifest.graphs, key=lambda graph: graph.views)
        for graph in graphs:
            if graph.views >= views:
                return graph
        largest = graphs[-1].views
        raise InvalidRecordError(
            f"{views} cameras, but bundle {self.folder} takes at most {largest}; "
            f"use fewer cameras, or export with --views {views}"
        )

    def path_of(self, graph: GraphFile) -> Path:
        """Return where a graph lies."""
        return self.folder / graph.file.name

    def axes(self, graph: GraphFile) -> dict[str, int]:
        """Return the size of every named axis of a graph."""
        joints = len(self.manifest.skeleton.joints)
        return {"view": graph.views, "joint": joints, "state": graph.state_size}


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle and compare every file with its hash.

    Raises `InvalidFileError` for a manifest that is missing or not of this schema, `IntegrityError` for
    a file whose content has changed.
    """
    manifest = read_manifest(folder / MANIFEST_FILE)
    check_files(folder, manifest.files, what="bundle")
    return Bundle(folder=folder, manifest=manifest)
