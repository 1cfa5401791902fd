import signal
from collections.abc import Iterator
from typing import Any

import pytest

from mvmono3d.deploy.cameras.simulator import Simulator
from mvmono3d.errors import MissingDependencyError
from tests.deploy.gentl.rig import START_NS


@pytest.fixture(scope="session")
def _loaded() -> Simulator:
    pytest.importorskip("harvesters", reason="the extra `rig` is not installed")
    try:
        return Simulator()
    except MissingDependencyError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def harvester(_loaded: Simulator) -> Iterator[Any]:
    # A second Harvester in a process finds no cameras, so there is one for all tests.
    from harvesters.core import Harvester

    before = signal.getsignal(signal.SIGINT)
    found = Harvester()
    found.add_file(str(_loaded.path), check_existence=True, check_validity=True)
    found.update()
    yield found
    found.reset()
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def simulator(_loaded: Simulator) -> Iterator[Simulator]:
    """The rig with a standing clock at START_NS, every camera well, every setting at its default."""
    _loaded.stand(START_NS)
    yield _loaded
    defaults = {
        "stamp": 1, "light": 0, "frame_id_bits": 64, "first_frame_id": 1, "keep_frame_id": 0, "tick_hz": 1e9,
        "ptp_jitter_ns": 60, "ptp_lock_ms": 200, "readout_us": 0, "link_mb_s": 0, "shared_link": 0,
    }  # fmt: skip
    for name, value in defaults.items():
        _loaded.set(name, value)
    for camera in range(len(_loaded.serials)):
        _loaded.source(camera, None)
