"""A detector from a folder: the networks of a bundle, or somebody else's by an adapter."""

from pathlib import Path

from mvmono3d.core.resources import resource_folder
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.deploy.detect.adapters import ADAPTER_FILE, open_adapter
from mvmono3d.deploy.detect.batch import check_size, grey, no_joints, spread
from mvmono3d.deploy.detect.bundle import (
    IMAGES,
    JOINTS,
    OUTPUTS,
    DetectorBundle,
    DetectorGraph,
    is_detector_bundle,
    read_detector_bundle,
)
from mvmono3d.deploy.detect.protocol import CropJoints, Crops, Detector
from mvmono3d.deploy.engines.onnxruntime import PROVIDERS, Engine
from mvmono3d.errors import InvalidFileError, unknown_name


class NetworkDetector:
    """The joint network of a bundle: one batch of the crops that are known."""

    def __init__(self, bundle: DetectorBundle, *, threads: int = 1, engine: str = "cpu") -> None:
        graph = bundle.graph(JOINTS)
        if graph is None:
            raise InvalidFileError(f"{bundle.folder} has no graph for joints")
        self._engine = load_detector_graph(bundle, graph, threads=threads, engine=engine)
        self.skeleton, self.size = bundle.manifest.skeleton, graph.size

    def detect(self, crops: Crops) -> CropJoints:
        """See `Detector`. Raises `InvalidRecordError` for crops of another size."""
        check_size(crops, self.size)
        views, joints = len(crops.known), len(self.skeleton.joints)
        nothing = no_joints(views, joints)
        if not crops.known.any():
            return nothing
        found = self._engine.run({"images": grey(crops.images[crops.known])})
        return spread(found, crops.known, nothing)


def open_detector(folder: Path, *, threads: int = 1, engine: str = "cpu") -> Detector:
    """Open what lies in a folder: a detector's bundle, or `detector.toml` and somebody else's network.

    Args:
        folder: the bundle, or the adapter's folder.
        threads: of onnxruntime.
        engine: "cpu" or "cuda".
    """
    if is_detector_bundle(folder):
        return NetworkDetector(read_detector_bundle(folder), threads=threads, engine=engine)
    if (folder / ADAPTER_FILE).is_file():
        return open_adapter(folder, threads=threads, engine=engine)
    raise InvalidFileError(
        f"no detector in {folder}: expected a detector's manifest.json (`mvmono3d export` writes one), or "
        f"{ADAPTER_FILE} beside a network of your own"
    )


def released_detector(skeleton: Skeleton) -> Path | None:
    """Return the folder of the released detector for exactly these joints, `None` where there is none."""
    try:
        folder = resource_folder("deploy", "models", f"detector_{skeleton.name}")
    except InvalidFileError:
        return None
    if not is_detector_bundle(folder):
        return None
    return folder if read_detector_bundle(folder).manifest.skeleton.hash == skeleton.hash else None


def load_detector_graph(
    bundle: DetectorBundle, graph: DetectorGraph, *, threads: int = 1, engine: str = "cpu"
) -> Engine:
    """Load a graph of a bundle and check the names of its tensors."""
    if engine not in PROVIDERS:
        raise unknown_name("engine", engine, PROVIDERS, where="a detector's settings")
    loaded = Engine(bundle.path_of(graph), threads=threads, provider=PROVIDERS[engine])
    loaded.check(IMAGES, OUTPUTS[graph.role])
    return loaded
