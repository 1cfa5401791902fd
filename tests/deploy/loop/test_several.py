"""Several actors: told apart through grasping, found when they come, gone when they leave, always alike."""

from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.core.candidates import Candidates
from mvmono3d.core.detections_file import Detections, write_people
from mvmono3d.core.observations import Observations
from mvmono3d.core.resources import resource_folder
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.bundle import read_bundle
from mvmono3d.deploy.detect.look import Sighting
from mvmono3d.deploy.detect.protocol import WholeImages
from mvmono3d.deploy.detect.source import RecordedSource, open_eyes
from mvmono3d.deploy.detect.truth import TruthSettings
from mvmono3d.deploy.loop.parts import Parts
from mvmono3d.deploy.loop.reconstructor import LearnedReconstructor, RobustReconstructor
from mvmono3d.deploy.loop.several import tell_apart
from mvmono3d.deploy.loop.state import LoopState
from mvmono3d.deploy.loop.step import question, step
from mvmono3d.deploy.server.messages import Box
from mvmono3d.synthetic.crowd import CrowdSettings
from mvmono3d.synthetic.crowd_detector import make_crowd_clip
from tests.deploy.loop.crowd_stage import CrowdRun, hands_of
from tests.deploy.loop.stage import HAND, PERIOD_NS, RIG

_FRAMES = 150
TRUTHS = hands_of(_FRAMES)


def test_the_hands_of_this_test_do_meet():
    apart = np.linalg.norm(TRUTHS[0].points_world.mean(axis=1) - TRUTHS[1].points_world.mean(axis=1), axis=-1)
    assert apart.min() < 0.12
    assert apart.max() > 0.2


@pytest.mark.parametrize("windows", [True, False])
def test_two_hands_that_grasp_each_other_stay_who_they_are(windows: bool):
    run = CrowdRun(TRUTHS, windows=windows)
    owners = [run.who(run.next()) for _ in range(_FRAMES)]
    # A new actor has to show itself for some frames.
    assert all(each == {0: owners[9][0], 1: owners[9][1]} for each in owners[9:])
    assert len({*owners[9].values()}) == 2


def test_a_detector_three_times_as_noisy_as_expected_only_has_to_say_so():
    run = CrowdRun(TRUTHS, noise=TruthSettings(noise_px=8.0, hidden_noise_px=30.0))
    owners = [run.who(run.next()) for _ in range(_FRAMES)]
    assert all(each == {0: owners[9][0], 1: owners[9][1]} for each in owners[9:])


def test_both_are_reconstructed_within_millimetres_where_cameras_see_them():
    run = CrowdRun(TRUTHS, windows=False)
    errors = []
    for frame in range(60):
        stepped = run.next()
        for actor, identity in run.who(stepped).items():
            pose = next(each for each in stepped.actors if each.actor == identity)
            seen = (TRUTHS[actor].state[frame] == 0).sum(axis=0) >= 2
            apart = np.linalg.norm(pose.points_world - TRUTHS[actor].points_world[frame], axis=-1)
            errors.append(1e3 * apart[seen & pose.present])
    assert np.median(np.concatenate(errors)) < 4.0


@pytest.mark.parametrize("windows", [True, False])
def test_the_same_sets_give_the_same_numbers_bit_by_bit(windows: bool):
    one, other = (CrowdRun(TRUTHS, windows=windows) for _ in range(2))
    for _ in range(25):
        for first, second in zip(one.next().actors, other.next().actors, strict=True):
            assert first.actor == second.actor
            np.testing.assert_array_equal(first.points_world, second.points_world)
            np.testing.assert_array_equal(first.covariance_world, second.covariance_world)


def test_somebody_who_comes_later_is_found_and_one_who_leaves_is_gone():
    run = CrowdRun(TRUTHS, windows=True)
    run.there = TRUTHS[:1]
    alone = [run.next() for _ in range(10)][-1]
    assert [each.actor for each in alone.actors] == [0]
    run.there = TRUTHS
    assert set(run.who([run.next() for _ in range(25)][-1])) == {0, 1}
    run.there = TRUTHS[1:]
    left = [run.next() for _ in range(60)][-1]
    assert set(run.who(left)) == {1}
    # Whoever is followed is not searched for: that would cost whole images of every frame set.
    assert run.searches < 40


def test_no_more_are_shown_than_were_asked_for():
    run = CrowdRun(TRUTHS, windows=False, most=1)
    assert all(len(run.next().actors) <= 1 for _ in range(20))


def test_without_a_detector_both_are_predicted_and_keep_their_names():
    run = CrowdRun(TRUTHS, windows=False)
    before = [run.who(run.next()) for _ in range(20)][-1]
    blind = [run.next(seen=False) for _ in range(3)][-1]
    assert {each.actor for each in blind.actors} == set(before.values())
    assert [run.who(run.next()) for _ in range(3)][-1] == before


def test_who_is_outside_the_region_is_not_shown():
    run = CrowdRun(TRUTHS, windows=False)
    stepped = [run.next() for _ in range(10)][-1]
    both = run.who(stepped)
    middle = TRUTHS[0].points_world[9].mean(axis=0)
    box = Box(center=tuple(middle.tolist()), size=(0.2, 0.2, 0.2))
    run.state = replace(run.state, region=box)
    assert [each.actor for each in run.next().actors] == [both[0]]


def test_a_file_of_several_people_is_seen_whole(tmp_path):
    people = [
        Detections(
            observations=Observations(
                pixels=each.pixels,
                confidence=np.full(each.state.shape, 0.7),
                detected=each.state == 0,
                time_ns=np.arange(_FRAMES) * PERIOD_NS,
            ),
            views=RIG.names,
            joints=HAND.joints,
            skeleton=HAND.name,
        )
        for each in TRUTHS
    ]
    write_people(tmp_path / "two.npz", people, names=("left", "right"))
    eyes = open_eyes(RecordedSource(path=str(tmp_path / "two.npz"), views=RIG.names), HAND, several=True)
    assert eyes.everybody is not None
    run = CrowdRun(TRUTHS, windows=False)
    seen = eyes.everybody.see(_whole(run, time_ns=7 * PERIOD_NS))
    for actor, each in enumerate(TRUTHS):
        visible = each.state[7] == 0
        np.testing.assert_allclose(seen.pixels[actor][visible], each.pixels[7][visible], atol=1e-6)
        assert not seen.confidence[actor][~visible].any()


def _whole(run: CrowdRun, *, time_ns: int) -> WholeImages:
    return WholeImages(
        images=np.zeros((len(RIG.names), 400, 640), dtype=np.uint8),
        bits=8,
        present=np.ones(len(RIG.names), dtype=bool),
        frame_id=np.full(len(RIG.names), run.frame),
        time_ns=time_ns,
    )


@pytest.mark.slow
def test_two_people_who_cross_keep_their_names_whatever_the_detector_does():
    clip = make_crowd_clip(load_skeleton("body17"), CrowdSettings(), frames=600, seed=4)
    bundle = read_bundle(resource_folder("deploy", "models", "body17"))
    parts = Parts(
        rig=clip.rig,
        joints=17,
        learned=LearnedReconstructor(bundle, clip.rig, clip.skeleton),
        robust=RobustReconstructor(clip.rig),
        crowd=tell_apart(clip.rig, clip.skeleton, most=2),
    )
    state, owners = LoopState(), []
    for frame, time_ns in enumerate(np.asarray(clip.candidates.time_ns).tolist()):
        asked = question(state, parts, time_ns=time_ns)
        sighting = _sighting(clip.candidates.map(lambda array, at=frame: array[at]))
        stepped = step(
            state, asked, sighting, parts, time_ns=time_ns, present=np.ones(len(clip.rig.names), dtype=bool)
        )
        state = stepped.state
        truths = [each.points_world[frame] for each in clip.crowd.scenes]
        owners.append({_nearest(each.points_world[each.present], truths, each.present): each.actor
                       for each in stepped.actors})  # fmt: skip
    settled = owners[30:]
    assert np.mean([len(each) == 2 for each in settled]) > 0.95
    assert {each[0] for each in settled if 0 in each} == {settled[0][0]}
    assert {each[1] for each in settled if 1 in each} == {settled[0][1]}


def _nearest(points: np.ndarray, truths: list[np.ndarray], present: np.ndarray) -> int:
    return int(np.argmin([np.median(np.linalg.norm(points - each[present], axis=-1)) for each in truths]))


def _sighting(now: Candidates) -> Sighting:
    pixels, confidence = (np.swapaxes(np.asarray(each), 0, 1) for each in (now.pixels, now.confidence))
    return Sighting(
        pixels=pixels,
        confidence=np.where(np.swapaxes(np.asarray(now.detected), 0, 1), confidence, 0.0),
        sigma_px=np.full(confidence.shape, 3.0),
        visible=np.full(confidence.shape, 0.9),
    )
