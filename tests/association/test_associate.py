from dataclasses import fields, replace

import numpy as np
import pytest

from mvmono3d.association.associate import associate
from mvmono3d.association.settings import AssociationSettings
from mvmono3d.association.tracks import no_tracks
from mvmono3d.association.watch import make_watch
from mvmono3d.core.limbs import limb_of_joint
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.errors import ConfigurationError, InvalidRecordError
from mvmono3d.synthetic.crowd import CrowdSettings, Meeting
from mvmono3d.synthetic.crowd_detector import CrowdDetector, make_crowd_clip
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.settings import CalibrationSettings
from tests.association.crowds import keep_score

BODY, HAND = load_skeleton("body17"), load_skeleton("hand21")
FRAMES = 90


@pytest.fixture(scope="module")
def crossing():
    return make_crowd_clip(BODY, CrowdSettings(), frames=FRAMES, seed=3)


@pytest.fixture(scope="module")
def clean():
    """Two people, a detector without errors, a rig without errors."""
    exact = CalibrationSettings(rotation_rad=(0, 0), translation_share=(0, 0), focal_share=(0, 0))
    detector = CrowdDetector(
        joints=preset("A").detector, missed=0, hidden_missed=0, mixed=0, doubled=0, made_up=0
    )
    return make_crowd_clip(BODY, CrowdSettings(), frames=30, seed=1, detector=detector, calibration=exact)


def walk(candidates, rig, skeleton, settings=None):
    """Return all associations of a clip."""
    watch, tracks, found = make_watch(rig, skeleton, settings), no_tracks(len(skeleton.joints)), []
    for frame in range(len(candidates.time_ns)):
        each, tracks = associate(candidates.map(lambda array, at=frame: array[at]), tracks, watch)
        found.append(each)
    return found


def followed(clip, frame, found):
    """Return {identity: the actors whose candidates it has}."""
    return {
        int(identity): {int(clip.actor[frame, view, place]) for view, place in enumerate(row) if place >= 0}
        for identity, row in zip(found.identity, found.candidate, strict=True)
    }


@pytest.mark.parametrize("seed", range(2))
def test_people_who_cross_keep_their_identity(seed):
    kept = keep_score(make_crowd_clip(BODY, CrowdSettings(), frames=240, seed=seed))
    assert (kept.switches, len(kept.identities), kept.ghosts) == (0, 2, 0)
    assert kept.wrong == 0
    assert kept.missed <= 2 * AssociationSettings().confirm_frames


def test_hands_that_grasp_each_other_keep_their_identity():
    clip = make_crowd_clip(HAND, CrowdSettings(meeting=Meeting.GRASPING), frames=240, seed=0)
    kept = keep_score(clip)
    assert (kept.switches, len(kept.identities), kept.wrong) == (0, 2, 0)


def test_six_people_are_six():
    kept = keep_score(make_crowd_clip(BODY, CrowdSettings(actors=6), frames=90, seed=2))
    assert (kept.switches, len(kept.identities), kept.wrong) == (0, 6, 0)


def test_the_order_of_candidates_means_nothing(crossing):
    order = np.array([2, 0, 3, 1])
    mixed = replace(crossing.candidates, right=None).map(
        lambda array: array[:, :, order] if array.ndim > 1 else array
    )
    for one, other in zip(
        walk(crossing.candidates, crossing.rig, BODY), walk(mixed, crossing.rig, BODY), strict=True
    ):
        np.testing.assert_array_equal(one.identity, other.identity)
        there = other.candidate >= 0
        np.testing.assert_array_equal(one.candidate >= 0, there)
        np.testing.assert_array_equal(one.candidate[there], order[other.candidate[there]])
        np.testing.assert_array_equal(one.joint, other.joint)
        np.testing.assert_allclose(one.points_world, other.points_world, atol=1e-9)


def test_the_order_of_views_means_nothing(crossing):
    order = [2, 0, 3, 1]
    turned = crossing.candidates.map(lambda array: array[:, order] if array.ndim > 1 else array)
    rig = crossing.rig.select(tuple(crossing.rig.names[view] for view in order))
    for one, other in zip(
        walk(crossing.candidates, crossing.rig, BODY), walk(turned, rig, BODY), strict=True
    ):
        np.testing.assert_array_equal(one.identity, other.identity)
        np.testing.assert_array_equal(one.candidate[:, order], other.candidate)
        np.testing.assert_array_equal(one.joint[:, order], other.joint)
        np.testing.assert_allclose(one.points_world, other.points_world, atol=1e-6)


def test_no_identity_and_no_candidate_is_used_twice_in_a_frame(crossing):
    highest = -1
    for found in walk(crossing.candidates, crossing.rig, BODY):
        assert len(set(found.identity.tolist())) == len(found.identity)
        for view in found.candidate.T:
            used = view[view >= 0].tolist()
            assert len(used) == len(set(used))
        new = [each for each in found.identity.tolist() if each > highest]
        assert new == sorted(new)
        highest = max([highest, *new])


def test_joints_come_from_detections_of_one_candidate(crossing):
    for frame, found in enumerate(walk(crossing.candidates, crossing.rig, BODY)):
        actor, view, joint = np.nonzero(found.joint >= 0)
        source = found.joint[actor, view, joint]
        assert crossing.candidates.detected[frame, view, found.candidate[actor, view], source].all()
        mirror = np.array(BODY.mirror)
        assert ((source == joint) | (source == mirror[joint])).all()


def test_equal_state_and_frame_set_give_equal_answers_and_stay_as_they_are(crossing):
    watch = make_watch(crossing.rig, BODY)
    tracks = no_tracks(len(BODY.joints))
    for frame in range(20):
        now = crossing.candidates.map(lambda array, at=frame: array[at])
        before = tracks.map(np.copy)
        (one, after), (other, again) = (associate(now, tracks, watch) for _ in range(2))
        for record, twin in ((one, other), (after, again), (tracks, before)):
            for entry in fields(record):
                np.testing.assert_array_equal(getattr(record, entry.name), getattr(twin, entry.name))
        tracks = after


def test_a_swapped_limb_is_put_right(clean):
    mirror, limb = np.array(BODY.mirror), limb_of_joint(BODY)
    legs = np.flatnonzero(limb == limb[BODY.index("left_knee")])
    frame, view = _where_legs_are_apart(clean, legs)
    pixels, detected = clean.candidates.pixels.copy(), clean.candidates.detected.copy()
    for array in (pixels, detected):
        array[frame, view][:, legs] = array[frame, view][:, mirror[legs]]
    found = walk(replace(clean.candidates, pixels=pixels, detected=detected), clean.rig, BODY)[frame]
    repaired = 0
    for row, place in zip(found.joint[:, view], found.candidate[:, view], strict=True):
        assert place >= 0
        seen = [joint for joint in legs if row[joint] >= 0]
        assert (row[seen] == mirror[seen]).all()
        repaired += len(seen)
    assert repaired >= len(legs)


def _where_legs_are_apart(clip, legs):
    """Return the frame and view in which nobody's leg lies before its own other leg."""
    pixels, there = clip.candidates.pixels, clip.candidates.detected
    mirror = np.array(BODY.mirror)
    apart = np.linalg.norm(pixels[..., legs, :] - pixels[..., mirror[legs], :], axis=-1)
    both = there[..., legs] & there[..., mirror[legs]]
    nearest = np.where(both, apart, np.inf).min(axis=(2, 3))
    nearest[~((both.sum(axis=-1) == len(legs)).sum(axis=-1) == 2)] = -1.0
    nearest[:15] = -1.0
    frame, view = np.unravel_index(np.argmax(nearest), nearest.shape)
    assert 30.0 < nearest[frame, view] < np.inf
    return int(frame), int(view)


def test_someone_whom_one_camera_alone_still_sees_keeps_the_identity(clean):
    detected = clean.candidates.detected.copy()
    alone = slice(10, 20)
    for frame in range(10, 20):
        for view in range(1, 4):
            detected[frame, view][clean.actor[frame, view] == 0] = False
    found = walk(replace(clean.candidates, detected=detected), clean.rig, BODY)
    before = followed(clean, 9, found[9])
    assert sorted(map(sorted, before.values())) == [[0], [1]]
    for frame in range(alone.start, 30):
        assert followed(clean, frame, found[frame]) == before


def test_who_is_unseen_for_longer_than_the_horizon_is_somebody_new(clean):
    settings = AssociationSettings(horizon_s=0.1)
    detected = clean.candidates.detected.copy()
    for frame in range(8, 18):
        detected[frame][clean.actor[frame] == 0] = False
    gone = replace(clean.candidates, detected=detected)
    identities = {
        name: [set(each.identity.tolist()) for each in walk(gone, clean.rig, BODY, chosen)]
        for name, chosen in (("short", settings), ("usual", None))
    }
    assert len(identities["short"][16]) == 1
    assert max(identities["short"][29]) == 2
    assert identities["usual"][29] == identities["usual"][7]


def test_nobody_is_reported_before_proving_to_be_somebody(clean):
    found = walk(clean.candidates, clean.rig, BODY)
    wait = AssociationSettings().confirm_frames
    assert not any(each.confirmed.any() for each in found[: wait - 1])
    assert found[wait - 1].confirmed.all()


def test_empty_frame_sets_are_no_error(clean):
    nothing = replace(clean.candidates, detected=np.zeros_like(clean.candidates.detected))
    assert all(len(each.identity) == 0 for each in walk(nothing, clean.rig, BODY))
    watch, tracks = make_watch(clean.rig, BODY), no_tracks(len(BODY.joints))
    answers = []
    for frame in range(8):
        now = clean.candidates.map(lambda array, at=frame: array[at])
        if frame > 4:
            now = now.map(lambda array: array[:, :0] if np.ndim(array) > 1 else array)
        found, tracks = associate(now, tracks, watch)
        answers.append(found)
    found = answers[-1]
    assert found.identity.tolist() == [0, 1]
    assert (found.candidate == -1).all()
    assert (found.joint == -1).all()


def test_wrong_shapes_times_and_settings_are_named(clean):
    watch, now = make_watch(clean.rig, BODY), clean.candidates.map(lambda array: array[0])
    _, after = associate(now, no_tracks(len(BODY.joints)), watch)
    with pytest.raises(InvalidRecordError, match="at 0 ns, but the last one was at 0 ns"):
        associate(now, after, watch)
    with pytest.raises(InvalidRecordError, match="begin with no_tracks"):
        associate(now, no_tracks(3), watch)
    with pytest.raises(InvalidRecordError, match="4 cameras of the rig, any number, 17 joints"):
        associate(now.map(lambda array: array[:2] if np.ndim(array) > 1 else array), after, watch)
    with pytest.raises(ConfigurationError, match=r"AssociationSettings.gate = 0.0"):
        AssociationSettings(gate=0.0)
    with pytest.raises(ConfigurationError, match="one view has no 3D"):
        AssociationSettings(views_at_birth=1)
