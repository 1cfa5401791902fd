from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def harvester(rig_library: Any) -> Iterator[Any]:
    """The one Harvester of this process."""
    from mvmono3d.deploy.cameras.one_harvester import give_back_harvester, take_harvester
    from tests.deploy.producers import producers

    del rig_library
    yield take_harvester(producers())
    give_back_harvester()
