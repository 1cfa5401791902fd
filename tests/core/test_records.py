from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import torch

from mvmono3d.core.clip import Clip
from mvmono3d.core.observations import Observations
from mvmono3d.errors import InvalidRecordError, UnknownNameError
from tests.recordings import recording, ring


@pytest.fixture
def made():
    return recording(frames=2)


@pytest.fixture
def clip(made):
    return Clip(skeleton=made.skeleton, rig=made.rig, observations=made.observations)


def test_mapping_the_identity_changes_nothing(clip):
    mapped = clip.map(lambda array: array)
    np.testing.assert_array_equal(mapped.observations.pixels, clip.observations.pixels)
    np.testing.assert_array_equal(mapped.rig.camera.lens, clip.rig.camera.lens)


def test_mapping_reaches_every_array_of_nested_records(clip):
    tensors = clip.map(torch.as_tensor)
    assert isinstance(tensors.rig.camera.focal_px, torch.Tensor)
    assert isinstance(tensors.observations.detected, torch.Tensor)
    assert tensors.skeleton is clip.skeleton
    assert tensors.rig.names == clip.rig.names
    assert tensors.to("cpu").observations.pixels.dtype == torch.float64


def test_stacking_adds_an_axis_and_concatenating_extends_one(made):
    seen = made.observations
    assert Observations.stack([seen, seen, seen]).pixels.shape == (3, *seen.pixels.shape)
    assert Observations.concatenate([seen, seen]).pixels.shape == (4, *seen.pixels.shape[1:])
    assert Observations.stack([seen, seen]).sigma_px is None


def test_parts_that_are_concatenated_are_the_whole(made):
    seen = made.observations
    parts = [seen.map(lambda array, frame=frame: array[frame : frame + 1]) for frame in range(2)]
    np.testing.assert_array_equal(Observations.concatenate(parts).pixels, seen.pixels)


def test_records_whose_static_parts_differ_are_not_combined(clip):
    other = replace(clip, rig=replace(clip.rig, names=("a", "b", "c", "d")))
    with pytest.raises(InvalidRecordError, match="'names' differ"):
        Clip.stack([clip, other])
    with pytest.raises(InvalidRecordError, match="no records"):
        Clip.stack([])


def test_records_are_immutable(clip):
    with pytest.raises(FrozenInstanceError):
        clip.truth = None


def test_a_clip_whose_parts_do_not_fit_is_refused(made):
    with pytest.raises(InvalidRecordError, match="4 views but a rig of 3"):
        Clip(skeleton=made.skeleton, rig=ring(3), observations=made.observations)
    with pytest.raises(InvalidRecordError, match="17 joints, but skeleton 'hand21' has 21"):
        Clip(skeleton=recording(skeleton="hand21").skeleton, rig=made.rig, observations=made.observations)


def test_selected_cameras_come_in_the_order_asked():
    rig = ring()
    chosen = rig.select(("cam_03", "cam_01"))
    assert chosen.names == ("cam_03", "cam_01")
    np.testing.assert_array_equal(chosen.camera_from_world, rig.camera_from_world[[2, 0]])
    np.testing.assert_array_equal(chosen.camera.lens, rig.camera.lens[[2, 0]])
    assert rig.select(rig.names).hash == rig.hash
    with pytest.raises(UnknownNameError, match=r"no camera 'cam_3' in the rig; did you mean 'cam_03'\?"):
        rig.select(("cam_3",))


def test_a_rigs_names_count_and_differ():
    rig = ring()
    with pytest.raises(InvalidRecordError, match="4 poses but 3 names"):
        replace(rig, names=rig.names[:3])
    with pytest.raises(InvalidRecordError, match="names that repeat"):
        replace(rig, names=("a", "a", "b", "c"))


def test_a_hash_follows_what_calibrates_and_nothing_else():
    rig = ring()
    assert replace(rig, metadata=(("note", "new"),)).hash == rig.hash
    assert rig.map(torch.as_tensor).hash == rig.hash
    moved = rig.camera_from_world.copy()
    moved[0, 0, 3] += 1e-6
    assert replace(rig, camera_from_world=moved).hash != rig.hash
    assert replace(rig, names=("a", "b", "c", "d")).hash != rig.hash


def test_a_packed_lens_holds_focal_centre_distortion_and_kind():
    camera = ring().camera
    np.testing.assert_array_equal(camera.lens[:, :2], camera.focal_px)
    np.testing.assert_array_equal(camera.lens[:, 2:4], camera.centre_px)
    np.testing.assert_array_equal(camera.lens[:, 4:9], camera.distortion)
    np.testing.assert_array_equal(camera.lens[:, 9], 0.0)
