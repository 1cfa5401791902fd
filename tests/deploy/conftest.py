from collections.abc import Iterator
from pathlib import Path

import pytest

from mvmono3d.deploy.cameras.simulator import Simulator
from mvmono3d.errors import MissingDependencyError
from tests.deploy.gentl.rig import START_NS


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.export.stand_in import shared_bundle  # brings torch

    return shared_bundle(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def rig_library() -> Simulator:
    """The simulated rig of this process; skips where it can't be built or loaded."""
    pytest.importorskip("harvesters", reason="the extra `rig` is not installed")
    try:
        return Simulator()
    except MissingDependencyError as error:
        pytest.skip(str(error))


@pytest.fixture
def simulator(rig_library: Simulator) -> Iterator[Simulator]:
    """The rig with a standing clock at START_NS, every camera well, every setting at its default."""
    rig_library.stand(START_NS)
    yield rig_library
    defaults = {
        "stamp": 1, "light": 0, "frame_id_bits": 64, "first_frame_id": 1, "keep_frame_id": 0, "tick_hz": 1e9,
        "ptp_jitter_ns": 60, "ptp_lock_ms": 200, "readout_us": 0, "link_mb_s": 0, "shared_link": 0,
    }  # fmt: skip
    for name, value in defaults.items():
        rig_library.set(name, value)
    for camera in range(len(rig_library.serials)):
        rig_library.source(camera, None)
