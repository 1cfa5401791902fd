"""What is published is recorded: every actor with its name and covariance, for the sets of the take alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from mvmono3d.deploy.live.answers import Answers
from mvmono3d.deploy.recording.frame import FrameSet
from mvmono3d.deploy.recording.reader import open_recording
from mvmono3d.deploy.recording.recorder import start_recorder
from mvmono3d.deploy.server.pose_frame import PoseFrame
from mvmono3d.viewer.take import open_take
from tests.deploy.recording.takes import CAMERAS, CONSENT, NOW, PURPOSE, SETTINGS, sets
from tests.deploy.server.streams import SKELETON, publishing, random_frame


def _answer(frames: FrameSet, *, actors: int) -> PoseFrame:
    return replace(random_frame(frames.number, actors=actors), time_ns=frames.time_ns)


def _take(folder: Path, *, actors: int) -> list[PoseFrame]:
    """Record eight sets with their answers; one before the take and one of nobody among them."""
    published = []
    recorder = start_recorder(
        folder, cameras=CAMERAS, consent=CONSENT, purpose=PURPOSE, settings=SETTINGS, now=NOW
    )
    with publishing() as (name, publisher):
        answers = Answers(name, SKELETON)
        for frames in sets(10):
            answer = _answer(frames, actors=0 if frames.number == 5 else actors)
            if frames.number >= 2:
                recorder.offer(frames)
                answers.expect(frames.time_ns)
                published.append(answer)
            publisher.publish(answer)
            recorder.offer_joints(*answers.take())
        assert not answers.awaited
        assert not answers.skipped
        assert answers.take() == ()
        answers.close()
    recorder.stop()
    return published


def test_joints_names_and_covariances_of_all_actors_come_back(tmp_path: Path):
    published = _take(tmp_path / "take", actors=2)
    wanted = [(frame.time_ns, actor) for frame in published for actor in frame.actors]
    found = sorted(open_recording(tmp_path / "take").joints(), key=lambda each: (each.time_ns, each.actor))
    assert [(each.time_ns, each.actor) for each in found] == [(time, actor.actor) for time, actor in wanted]
    for each, (_, actor) in zip(found, wanted, strict=True):
        assert each.skeleton == SKELETON.name
        np.testing.assert_array_equal(each.source, actor.source)
        np.testing.assert_allclose(each.points_world, actor.points_world, atol=1e-6)
        assert each.covariance_world is not None
        np.testing.assert_allclose(each.covariance_world, actor.covariance_world, atol=1e-11)


def test_the_viewer_finds_them_beside_their_frames(tmp_path: Path):
    published = _take(tmp_path / "take", actors=2)
    viewed = open_take(tmp_path / "take", rig=None, skeleton=None, identity=None)
    assert viewed.skeleton.name == SKELETON.name
    assert [len(frame.actors) for frame in viewed.frames] == [len(frame.actors) for frame in published]
    assert [actor.actor for actor in viewed.frames[0].actors] == [0, 1]


def test_before_anything_is_published_there_is_nothing_to_record():
    assert Answers("nobody-publishes-here", SKELETON).take() == ()
