import numpy as np
import pytest

from mvmono3d.errors import InvalidRecordError
from mvmono3d.pointcloud.volume import BLOCK, Volume, empty_volume


@pytest.mark.parametrize("voxel_m", [0.002, 0.003, 0.004, 0.0125])
def test_a_volume_holds_its_cube_in_whole_blocks_round_its_centre(voxel_m):
    centre = np.array([0.1, -0.2, 0.3])
    volume = empty_volume(centre, side_m=0.3, voxel_m=voxel_m)
    size = volume.voxel_m * np.array(volume.distance.shape)
    assert (size >= 0.3 - 1e-9).all()
    assert (size < 0.3 + BLOCK * voxel_m).all()
    assert all(count % BLOCK == 0 for count in volume.distance.shape)
    np.testing.assert_allclose(volume.origin_m + 0.5 * size, centre)
    assert not volume.weight.any()


def test_a_side_of_whole_blocks_gains_none():
    assert empty_volume(np.zeros(3), side_m=0.24, voxel_m=0.003).distance.shape == (80, 80, 80)


@pytest.mark.parametrize(
    ("side_m", "voxel_m", "truncation_m", "message"),
    [
        (0.3, 0.0, None, "voxels above 0"),
        (0.3, 0.4, None, "no longer than the cube"),
        (float("nan"), 0.003, None, "finite place"),
        (3.0, 0.001, None, "would do"),
        (0.3, 0.003, 0.001, "at least one voxel"),
    ],
)
def test_sizes_that_make_no_volume_are_refused(side_m, voxel_m, truncation_m, message):
    with pytest.raises(InvalidRecordError, match=message):
        empty_volume(np.zeros(3), side_m=side_m, voxel_m=voxel_m, truncation_m=truncation_m)


def test_broken_blocks_are_refused():
    distance = np.zeros((8, 12, 8), dtype=np.float32)
    with pytest.raises(InvalidRecordError, match="whole blocks"):
        Volume(origin_m=np.zeros(3), voxel_m=0.1, truncation_m=0.4, distance=distance, weight=distance)
