"""The region is drawn as the rig has it, and changed by hand only where orders are allowed."""

import pytest

from mvmono3d.deploy.server.messages import Box

viser = pytest.importorskip("viser", reason="no viser: pip install 'mvmono3d[viewer]'")
from mvmono3d.viewer.region import RegionControl  # noqa: E402

PROPOSAL = Box(center=(0.0, 0.0, 0.1), size=(0.3, 0.3, 0.3))
OTHER = Box(center=(0.1, 0.2, 0.3), size=(0.4, 0.5, 0.6))


@pytest.fixture(scope="module")
def server():
    server = viser.ViserServer(host="127.0.0.1", port=0, verbose=False)
    yield server
    server.stop()


def test_nothing_is_drawn_until_the_rig_has_a_region(server):
    control = RegionControl(server, proposal=PROPOSAL, ordered=None)
    control.follow(None)
    assert not control.lines.visible
    control.follow(OTHER)
    assert control.lines.visible
    assert control.lines.position == pytest.approx(OTHER.center)
    assert abs(control.lines.points).reshape(-1, 3).max(axis=0) * 2 == pytest.approx(OTHER.size)


def test_what_is_moved_by_hand_is_ordered_and_stays_until_the_rig_has_it(server):
    ordered = []
    control = RegionControl(server, proposal=PROPOSAL, ordered=ordered.append)
    control.order(center=(0.5, 0.0, 0.0))
    moved = Box(center=(0.5, 0.0, 0.0), size=PROPOSAL.size)
    assert ordered == [moved]
    control.follow(OTHER)
    assert control.lines.position == pytest.approx(moved.center)
    control.follow(moved)
    control.follow(OTHER)
    assert control.lines.position == pytest.approx(OTHER.center)


def test_a_refused_order_gives_way_to_what_the_rig_has(server):
    control = RegionControl(server, proposal=PROPOSAL, ordered=lambda _: None)
    control.order(size=(0.1, 0.1, 0.1))
    control.refused()
    control.follow(OTHER)
    assert control.lines.position == pytest.approx(OTHER.center)
