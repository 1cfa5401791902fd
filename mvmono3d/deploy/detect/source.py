"""Which detector: a record of plain values that travels to the detector's process, and what is made of it."""

from pathlib import Path
from typing import NamedTuple

import msgspec

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.deploy.cameras.sources import VirtualSource
from mvmono3d.deploy.detect.protocol import Detector, Finder
from mvmono3d.deploy.detect.truth import TruthSettings
from mvmono3d.errors import MissingDependencyError


class NetworkSource(msgspec.Struct, frozen=True, kw_only=True, tag="network", tag_field="kind"):
    """A network's folder or file."""

    folder: str
    engine: str = "cpu"
    threads: int = 1


class TruthSource(msgspec.Struct, frozen=True, kw_only=True, tag="truth", tag_field="kind"):
    """The truth of the virtual rig, with noise: a rehearsal, named as one wherever it is told."""

    source: VirtualSource
    rate_hz: float
    exposure_ns: int
    settings: TruthSettings = TruthSettings()


class RecordedSource(msgspec.Struct, frozen=True, kw_only=True, tag="recorded", tag_field="kind"):
    """A file of detections, by the times of its frames."""

    path: str
    views: tuple[str, ...]


DetectorSource = NetworkSource | TruthSource | RecordedSource
"""Any of them."""


class Eyes(NamedTuple):
    """What looks at images."""

    detector: Detector
    finder: Finder


def open_eyes(source: DetectorSource, skeleton: Skeleton) -> Eyes:
    """Build detector and finder.

    Raises `InvalidFileError` for files that are not what they should be, or a virtual take that was never
    rendered: start the cameras first.
    """
    if isinstance(source, TruthSource):
        from mvmono3d.deploy.cameras.virtual_truth import read_virtual_truth
        from mvmono3d.deploy.detect.truth import TruthDetector, TruthFinder

        truth = read_virtual_truth(source.source, rate_hz=source.rate_hz, exposure_ns=source.exposure_ns)
        detector = TruthDetector(truth, skeleton, source.settings)
        return Eyes(detector, TruthFinder(truth, source.settings))
    if isinstance(source, RecordedSource):
        from mvmono3d.core.detections_file import read_detections
        from mvmono3d.deploy.detect.recorded import RecordedDetector

        recorded = RecordedDetector(read_detections(Path(source.path)), skeleton, views=source.views)
        return Eyes(recorded, recorded)
    return _network(source)


def _network(source: NetworkSource) -> Eyes:
    try:
        from mvmono3d.deploy.detect.finder import open_finder
        from mvmono3d.deploy.detect.network import open_detector
    except ImportError as error:
        raise MissingDependencyError(f"no network detector here ({error}); set `detector: truth`") from None
    folder = Path(source.folder)
    return Eyes(
        open_detector(folder, threads=source.threads, engine=source.engine),
        open_finder(folder, threads=source.threads),
    )
