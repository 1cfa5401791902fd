"""A detector's bundle: a folder with `manifest.json`, graphs, a self-test and a model card.

Its manifest says `"kind": "detector"`. Graphs take crops, as many at once as there are cameras, and know
nothing of lenses, poses or time.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from mvmono3d.core.schema import check_schema
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.deploy.interface import FLOAT, TensorSpec
from mvmono3d.deploy.manifest import MANIFEST_FILE, BundleFile, Figure, check_files
from mvmono3d.errors import InvalidFileError, InvalidRecordError

DETECTOR = "detector"
Role = Literal["joints", "finder"]
"""What a graph is for."""
JOINTS: Role = "joints"
FINDER: Role = "finder"

_CROP = "crop, centre of the top-left pixel at 0"
IMAGES = (TensorSpec(name="images", dtype=FLOAT, shape="view 1 size size", unit="0 to 1", frame="grey"),)
OUTPUTS: dict[str, tuple[TensorSpec, ...]] = {
    JOINTS: (
        TensorSpec(name="pixels", dtype=FLOAT, shape="view joint 2", unit="px", frame=_CROP),
        TensorSpec(name="sigma_px", dtype=FLOAT, shape="view joint", unit="px", frame="per axis"),
        TensorSpec(name="confidence", dtype=FLOAT, shape="view joint", unit="0 to 1"),
        TensorSpec(name="visible", dtype=FLOAT, shape="view joint", unit="probability"),
    ),
    FINDER: (
        TensorSpec(name="density", dtype=FLOAT, shape="view row column", unit="share of the joints"),
        TensorSpec(name="presence", dtype=FLOAT, shape="view", unit="mean probability of being visible"),
    ),
}
"""By what the graph is for."""


class DetectorGraph(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One network."""

    role: Role
    size: int
    """Height and width of the crops it takes [px]."""
    precision: str
    file: BundleFile
    figures: tuple[Figure, ...]
    """What it had to pass before it was let in, against the trained network."""
    lowered_share: float = 0.0
    """Share of the weights that are in lower precision than single."""
    training: dict[str, str | int | float | bool]
    """Where its weights come from."""


class DetectorManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a program needs to know before it runs a detector."""

    schema: int
    kind: Literal["detector"]
    version: str
    """Of the mvmono3d that wrote the bundle."""
    commit: str
    opset: int
    skeleton: Skeleton
    margin: float
    """Side of a window over the longer side of the box round the joints in it."""
    graphs: tuple[DetectorGraph, ...]
    selftest: BundleFile
    card: BundleFile
    tolerance_px: float
    """How far an engine may place a joint from where the exporting machine's did."""

    @property
    def files(self) -> tuple[BundleFile, ...]:
        """Every file the manifest vouches for."""
        return (*(graph.file for graph in self.graphs), self.selftest, self.card)


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorBundle:
    """A bundle whose files have the content they were published with."""

    folder: Path
    manifest: DetectorManifest

    def graph(self, role: str) -> DetectorGraph | None:
        """Return the graph for something; None where the bundle has none."""
        return next((graph for graph in self.manifest.graphs if graph.role == role), None)

    def path_of(self, graph: DetectorGraph) -> Path:
        """Return where a graph lies."""
        return self.folder / graph.file.name


def is_detector_bundle(folder: Path) -> bool:
    """Say whether a folder's manifest is a detector's."""
    try:
        content = msgspec.json.decode((folder / MANIFEST_FILE).read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return False
    return isinstance(content, dict) and content.get("kind") == DETECTOR


def read_detector_bundle(folder: Path) -> DetectorBundle:
    """Read a bundle and compare every file with its hash.

    Raises `InvalidFileError` for a manifest that is missing or not of this schema, `IntegrityError` for
    a file whose content has changed.
    """
    manifest = _read_manifest(folder / MANIFEST_FILE)
    check_files(folder, manifest.files, what="detector")
    return DetectorBundle(folder=folder, manifest=manifest)


def _read_manifest(path: Path) -> DetectorManifest:
    try:
        content = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise InvalidFileError(f"no detector at {path.parent}: {path.name}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, dict) or content.get("kind") != DETECTOR:
        raise InvalidFileError(
            f"{path} is not a detector's manifest; a bundle that reconstructs is named by `bundle`"
        )
    check_schema(content.get("schema"), where=str(path))
    try:
        manifest = msgspec.convert(content, DetectorManifest)
    except (msgspec.ValidationError, InvalidRecordError) as error:
        raise InvalidFileError(f"{path}: {error}") from None
    if not any(graph.role == JOINTS for graph in manifest.graphs):
        raise InvalidFileError(f"{path}: no graph for joints, expected one")
    return manifest
