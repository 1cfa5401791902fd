"""A site means its processes: none that it doesn't ask for."""

from pathlib import Path

from mvmono3d.deploy.cloud.orders import CloudOrder
from mvmono3d.deploy.live.plan import CLOUD, Choice, make_plan
from mvmono3d.deploy.site.site_file import read_site
from tests.deploy.live.rigs import free_port
from tests.deploy.live.small_site import write_site


def test_a_cloud_is_made_where_the_site_asks_for_it_and_nowhere_else(tmp_path: Path):
    path, choice = write_site(tmp_path), Choice(port=free_port(), viewer_port=None)
    assert CLOUD not in {part.name for part in make_plan(read_site(path), choice).parts}
    path.write_text(path.read_text() + "cloud: {voxel_m: 0.01}\n")
    site = read_site(path)
    (part,) = (part for part in make_plan(site, choice).parts if part.name == CLOUD)
    assert isinstance(part.order, CloudOrder)
    assert part.order.settings.voxel_m == 0.01
    assert part.order.name == site.site.ring.name
