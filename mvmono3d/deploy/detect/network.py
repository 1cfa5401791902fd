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
from mvmono3d.deploy.engines.load import ENGINES, TENSORRT, load_plan
from mvmono3d.deploy.engines.onnxruntime import PROVIDERS, Engine
from mvmono3d.deploy.engines.plan import ShapeRange
from mvmono3d.deploy.engines.tensorrt import TensorRTEngine
from mvmono3d.errors import InvalidFileError, unknown_name

_BATCHES = (1, 4, 16)


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
        engine: one of `ENGINES`; adapters take "cpu" and "cuda".
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
) -> Engine | TensorRTEngine:
    """Load a graph of a bundle and check the names of its tensors; `engine` is one of `ENGINES`."""
    if engine == TENSORRT:
        how = f"mvmono3d export {bundle.folder} --tensorrt"
        loaded = load_plan(graph.file, how=how, shapes=batch_shapes(graph))
    elif engine in PROVIDERS:
        loaded = Engine(bundle.path_of(graph), threads=threads, provider=PROVIDERS[engine])
    else:
        raise unknown_name("engine", engine, ENGINES, where="a detector's settings")
    loaded.check(IMAGES, OUTPUTS[graph.role])
    return loaded


def batch_shapes(graph: DetectorGraph) -> dict[str, ShapeRange]:
    """Return how many crops an engine takes at once: one, usually four, at most sixteen."""
    least, usual, most = ((count, 1, graph.size, graph.size) for count in _BATCHES)
    return {IMAGES[0].name: (least, usual, most)}
