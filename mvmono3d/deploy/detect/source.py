"""Which detector: a record of plain values that travels to the detector's process, and what is made of it."""

from pathlib import Path
from typing import NamedTuple

import msgspec

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.deploy.cameras.sources import VirtualSource
from mvmono3d.deploy.detect.everybody import Everybody
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
    everybody: Everybody | None = None
    """Sees all actors without windows, where there may be several."""


def open_eyes(source: DetectorSource, skeleton: Skeleton, *, several: bool = False) -> Eyes:
    """Build detector and finder; `several` where more actors than one are looked for.

    Raises `InvalidFileError` for files that are not what they should be, or a virtual take that was never
    rendered: start the cameras first.
    """
    if isinstance(source, TruthSource):
        from mvmono3d.deploy.cameras.virtual_truth import read_other_truths, read_virtual_truth
        from mvmono3d.deploy.detect.truth import TruthDetector, TruthFinder

        rate_hz, exposure_ns = source.rate_hz, source.exposure_ns
        truth = read_virtual_truth(source.source, rate_hz=rate_hz, exposure_ns=exposure_ns)
        detector, finder = (
            TruthDetector(truth, skeleton, source.settings),
            TruthFinder(truth, source.settings),
        )
        if not several:
            return Eyes(detector, finder)
        others = read_other_truths(source.source, rate_hz=rate_hz, exposure_ns=exposure_ns)
        beside = [
            TruthDetector(each, skeleton, msgspec.structs.replace(source.settings, seed=seed))
            for seed, each in enumerate(others, source.settings.seed + 1)
        ]
        return Eyes(detector, finder, Everybody((detector, *beside)))
    if isinstance(source, RecordedSource):
        return _recorded(source, skeleton, several=several)
    return _network(source)


def _recorded(source: RecordedSource, skeleton: Skeleton, *, several: bool) -> Eyes:
    from mvmono3d.core.detections_file import people_of, read_detections
    from mvmono3d.deploy.detect.recorded import RecordedDetector

    path = Path(source.path)
    people = range(people_of(path)[1]) if several else (None,)
    detectors = tuple(
        RecordedDetector(read_detections(path, person=person), skeleton, views=source.views)
        for person in people
    )
    return Eyes(detectors[0], detectors[0], Everybody(detectors) if several else None)


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
