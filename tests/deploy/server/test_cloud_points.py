"""Points survive their message to within half a step, and what a message could not hold is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvmono3d.deploy.server.cloud_points import cloud_message, cloud_points
from mvmono3d.deploy.server.messages import Cloud
from mvmono3d.deploy.server.wire import Format, decode, encode
from mvmono3d.errors import InvalidRecordError


@given(seed=st.integers(0, 1000), side_m=st.floats(0.01, 20.0), away_m=st.floats(-50.0, 50.0))
def test_points_come_back_within_half_a_step(seed: int, side_m: float, away_m: float):
    draw = np.random.default_rng(seed)
    corner = np.full(3, away_m)
    # Corners of the cube are points like others.
    shares = np.concatenate([draw.random((50, 3)), np.eye(3), np.zeros((1, 3)), np.ones((1, 3))])
    points = corner + side_m * shares
    cloud = cloud_message(points, corner_world=corner, side_m=side_m, number=7, time_ns=1 << 60)
    assert (cloud.id, cloud.t_ns, cloud.count) == (7, 1 << 60, len(points))
    assert cloud.step_m * 65535 == pytest.approx(side_m)
    for format in (Format.MSGPACK, Format.JSON):
        read = decode(encode(cloud, format), format)
        assert isinstance(read, Cloud)
        found = cloud_points(read)
        assert np.abs(found - points).max() <= 0.5 * cloud.step_m + 1e-12


def test_a_cloud_of_nothing_is_a_cloud():
    cloud = cloud_message(np.zeros((0, 3)), corner_world=np.zeros(3), side_m=0.3, number=0, time_ns=0)
    assert cloud.count == 0
    assert cloud_points(cloud).shape == (0, 3)


@pytest.mark.parametrize("outside", [-1e-3, 0.301])
def test_a_point_outside_the_cube_is_refused(outside: float):
    points = np.array([[0.1, 0.1, outside]])
    with pytest.raises(InvalidRecordError, match=r"all within 0\.3 m of the corner"):
        cloud_message(points, corner_world=np.zeros(3), side_m=0.3, number=0, time_ns=0)
