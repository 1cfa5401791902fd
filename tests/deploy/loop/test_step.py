"""One frame set after the other: found once, followed, reconstructed, lost, found again; always alike."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from mvmono3d.core.trajectory import Decision, PointSource
from mvmono3d.deploy.loop.state import LoopState
from mvmono3d.deploy.server.messages import Box
from mvmono3d.errors import EngineError
from tests.deploy.loop.stage import VIEWS, Run


@pytest.mark.parametrize("learned", [True, False])
def test_a_hand_is_found_once_then_followed_within_millimetres(learned: bool):
    run = Run.begin(40, learned=learned)
    answers = [run.next() for _ in range(40)]
    assert run.searches == 1
    assert {answer.actors[0].actor for answer in answers} == {0}
    assert np.median(run.error_mm(answers[-1])) < 4.0


def test_the_same_sets_give_the_same_numbers_bit_by_bit():
    one, other = Run.begin(12), Run.begin(12)
    for _ in range(12):
        first, second = one.next().actors[0], other.next().actors[0]
        np.testing.assert_array_equal(first.points_world, second.points_world)
        np.testing.assert_array_equal(first.covariance_world, second.covariance_world)
        np.testing.assert_array_equal(first.occlusion, second.occlusion)


def test_without_a_detector_the_joints_are_predicted_less_and_less_surely():
    run = Run.begin(40)
    last = [run.next() for _ in range(20)][-1].actors[0]
    blind = [run.next(seen=False).actors[0] for _ in range(3)]
    spread = [np.trace(each.covariance_world.mean(axis=0)) for each in (last, *blind)]
    assert all(after > before for before, after in pairwise(spread))
    assert all((each.source != PointSource.MEASURED).all() for each in blind)


def test_an_actor_out_of_sight_is_searched_for_and_comes_back_as_itself():
    run = Run.begin(60)
    for _ in range(10):
        run.next()
    for _ in range(15):
        run.next(seen=False)
    assert run.searches > 1
    answer = run.next()
    assert answer.actors[0].actor == 0
    assert np.median(run.error_mm(answer)) < 5.0


def test_one_gone_for_longer_than_the_horizon_is_somebody_new():
    run = Run.begin(100)
    for _ in range(5):
        run.next()
    lost = [run.next(seen=False) for _ in range(60)]
    assert not lost[-1].actors
    assert run.next().actors[0].actor == 1


def test_a_camera_that_delivers_nothing_has_no_part_in_the_answer():
    run = Run.begin(30)
    present = np.arange(VIEWS) != 1
    answer = [run.next(present=present) for _ in range(20)][-1]
    assert not answer.actors[0].weights[1].any()
    assert np.median(run.error_mm(answer)) < 3.0


def test_hidden_joints_get_an_answer_with_a_larger_covariance():
    run = Run.begin(30, hidden=(4, 8))
    answer = [run.next() for _ in range(25)][-1].actors[0]
    spread = np.trace(answer.covariance_world, axis1=-2, axis2=-1)
    seen = np.setdiff1d(np.arange(21), (4, 8))
    assert spread[[4, 8]].min() > np.median(spread[seen])


class _Broken:
    """A graph that fails."""

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        raise EngineError("out of memory")


def test_where_the_network_fails_the_robust_one_answers_and_it_is_tried_again_later(
    monkeypatch: pytest.MonkeyPatch,
):
    run = Run.begin(200)
    for _ in range(5):
        run.next()
    learned = run.parts.learned
    assert learned is not None
    with monkeypatch.context() as broken:
        broken.setattr(learned, "_engine", _Broken())
        failed = run.next()
    assert run.state.failure == "out of memory"
    assert (failed.actors[0].decided_by == Decision.CONSENSUS).all()
    assert np.median(run.error_mm(failed)) < 3.0
    decided = [run.next().actors[0].decided_by for _ in range(160)]
    assert (decided[0] == Decision.CONSENSUS).all()
    assert not run.state.failure
    assert (decided[-1] == Decision.LEARNED).any()


def test_who_is_outside_the_region_is_nobody():
    run = Run.begin(10)
    assert run.next().actors
    run.state = _with_region(run, Box(center=(1.0, 0.0, 0.0), size=(0.5, 0.5, 0.5)))
    assert not run.next().actors
    run.state = _with_region(run, Box(center=(0.0, 0.0, 0.0), size=(1.0, 1.0, 1.0)))
    assert run.next().actors


def _with_region(run: Run, region: Box) -> LoopState:
    return replace(run.state, region=region)
