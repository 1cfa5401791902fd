"""`manifest.json` of a bundle: what its graphs take and give, and the hashes of its files."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from mvmono3d.core.schema import check_schema, sha256_of_file
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.deploy.interface import INPUTS, OUTPUTS, TensorSpec
from mvmono3d.errors import IntegrityError, InvalidFileError, InvalidRecordError

MANIFEST_FILE = "manifest.json"


class BundleFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of the bundle and the SHA-256 it was written with."""

    name: str
    sha256: str


class GraphFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The graph for one number of views."""

    views: int
    state_size: int
    """The state before the first frame is this many zeros."""
    file: BundleFile


class Tolerances(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far an engine may be from the network that was trained."""

    points_m: float = 1e-4
    pixels_px: float = 0.1
    logits: float = 1e-2
    """States whose logits are closer than this may change places."""
    share: float = 0.005
    """Share of joints that may be further off: another processor rounds differently, and a consensus
    between views that tie then falls the other way."""


class Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number that was measured, and how large it may be."""

    name: str
    unit: str
    allowed: float
    found: float


class GraphGate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was measured on a graph before it was let into the bundle."""

    views: int
    against: str
    """What it was compared with."""
    figures: tuple[Figure, ...]
    lowered: int = 0
    """Layers in lower precision."""
    layers: int = 0
    """Layers that could be, by their kind."""
    lowered_share: float = 0.0
    """Share of those layers' weights that are in lower precision."""


class BundleManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a program needs to know before it runs a bundle."""

    schema: int
    version: str
    """Of the mvmono3d that wrote the bundle."""
    commit: str
    opset: int
    precision: str
    skeleton: Skeleton
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    graphs: tuple[GraphFile, ...]
    selftest: BundleFile
    card: BundleFile
    tolerances: Tolerances
    noise_px: float
    """Standard deviation of good detections that the graphs expect; bring recordings to it by rescaling."""
    training: dict[str, str | int | float | bool]
    """Where the weights come from: experiment, checkpoint hash, data, metrics."""
    gates: tuple[GraphGate, ...] = ()
    """What each graph had to pass; bundles of earlier versions don't state it."""

    @property
    def files(self) -> tuple[BundleFile, ...]:
        """Every file the manifest vouches for."""
        return (*(graph.file for graph in self.graphs), self.selftest, self.card)


def check_files(folder: Path, files: Iterable[BundleFile], *, what: str) -> None:
    """Compare files with their hashes; raises `InvalidFileError` for one not there, `IntegrityError`."""
    for file in files:
        path = folder / file.name
        if file.name != path.name or not path.is_file():
            raise InvalidFileError(f"{what} {folder} lacks {file.name}; copy the whole folder")
        found = sha256_of_file(path)
        if found != file.sha256:
            raise IntegrityError(
                f"{path}: SHA-256 {found[:12]}…, the manifest says {file.sha256[:12]}…; "
                "the file is damaged or was exchanged: copy the bundle again"
            )


def read_manifest(path: Path) -> BundleManifest:
    """Read and check a manifest; raises `InvalidFileError` with the field that is wrong."""
    try:
        content = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise InvalidFileError(f"no bundle at {path.parent}: {path.name}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise InvalidFileError(f"{path}: expected a JSON object, got {type(content).__name__}")
    if "kind" in content:
        raise InvalidFileError(
            f"{path} is a {content['kind']}'s manifest; expected that of a bundle which reconstructs"
        )
    check_schema(content.get("schema"), where=str(path))
    try:
        manifest = msgspec.convert(content, BundleManifest)
    except (msgspec.ValidationError, InvalidRecordError) as error:
        raise InvalidFileError(f"{path}: {error}") from None
    _check(manifest, path)
    return manifest


def _check(manifest: BundleManifest, path: Path) -> None:
    if not manifest.graphs:
        raise InvalidFileError(f"{path}: no graphs, expected at least one")
    for file in manifest.files:
        if file.name != Path(file.name).name or file.name in {"", ".", ".."}:
            raise InvalidFileError(f"{path}: file {file.name!r} is outside the bundle; expected a plain name")
    for kind, expected, got in (("inputs", INPUTS, manifest.inputs), ("outputs", OUTPUTS, manifest.outputs)):
        if _plain(got) != _plain(expected):
            raise InvalidFileError(
                f"{path}: {kind} {_words(got)}, but this runtime knows {_words(expected)}; "
                "export the bundle again with this version of mvmono3d"
            )


def _plain(tensors: tuple[TensorSpec, ...]) -> list[tuple[str, str, str]]:
    return [(tensor.name, tensor.dtype, tensor.shape) for tensor in tensors]


def _words(tensors: tuple[TensorSpec, ...]) -> str:
    return ", ".join(f"{tensor.name} ({tensor.shape}) {tensor.dtype}" for tensor in tensors)
