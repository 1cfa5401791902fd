"""What clients may not ask for is refused with what would work."""

from pathlib import Path

import pytest

from mvmono3d.deploy.live.obey import recorder_part
from mvmono3d.deploy.live.orders import TakingOrder
from mvmono3d.deploy.live.plan import Choice, make_plan
from mvmono3d.deploy.live.taking import new_folder
from mvmono3d.deploy.server.messages import Take
from mvmono3d.deploy.site.site_file import read_site
from mvmono3d.errors import ConfigurationError
from tests.deploy.live.rigs import free_port
from tests.deploy.live.small_site import write_site

_TAKE = Take(name="first", consent="nobody", purpose="a test")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_site(tmp_path)
    return tmp_path


def _plan(home: Path):
    return make_plan(read_site(home), Choice(port=free_port(), viewer_port=None))


def test_a_take_needs_a_consent_that_the_site_holds(home: Path):
    (home / "consents").mkdir()
    (home / "consents" / "other.toml").write_text("")
    with pytest.raises(ConfigurationError, match=r"no consent 'nobody' .* \(known: other\)"):
        recorder_part(_plan(home), _TAKE)


def test_a_take_is_recorded_beside_the_site_and_none_is_overwritten(home: Path):
    (home / "consents").mkdir()
    (home / "consents" / "nobody.toml").write_text("")
    order = recorder_part(_plan(home), _TAKE).order
    assert isinstance(order, TakingOrder)
    assert Path(order.folder) == home / "takes" / "first"
    Path(order.folder).mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="there already"):
        recorder_part(_plan(home), _TAKE)


def test_a_recorder_that_came_back_goes_on_in_the_next_folder(tmp_path: Path):
    assert new_folder(tmp_path / "take") == tmp_path / "take"
    (tmp_path / "take").mkdir()
    (tmp_path / "take-2").mkdir()
    assert new_folder(tmp_path / "take") == tmp_path / "take-3"
