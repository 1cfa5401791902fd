"""Another process of the rig reads a topic beside the server, whoever writes it at the moment."""

from mvmono3d.deploy.server.beside import Beside
from mvmono3d.deploy.server.channel import Publisher, Topic
from mvmono3d.deploy.server.convert import hello_message
from mvmono3d.deploy.server.messages import Pose, Status
from tests.deploy.server.streams import SKELETON, publishing, random_frame, random_rig


def _number(poses: Beside) -> int | None:
    pose = poses.take()
    return pose.seq if isinstance(pose, Pose) else None


def test_the_newest_message_is_taken_once_and_the_skipped_are_counted():
    with publishing() as (name, publisher):
        poses, states = Beside(name, Topic.POSE), Beside(name, Topic.STATUS)
        assert _number(poses) is None
        for seq in range(3):
            publisher.publish(random_frame(seq))
        assert _number(poses) == 2
        assert _number(poses) is None
        assert poses.skipped == 2
        for seq in range(3, 6):
            publisher.publish(random_frame(seq))
        assert _number(poses) == 5
        assert poses.skipped == 4
        publisher.publish_status(Status(source="live"))
        assert states.take() == Status(source="live")
        poses.close()
        states.close()


def test_a_writer_that_ended_is_followed_by_the_next_one():
    with publishing() as (name, publisher):
        poses = Beside(name, Topic.POSE)
        publisher.publish(random_frame(0))
        assert _number(poses) == 0
        publisher.close()
        assert _number(poses) is None
        with Publisher(name, hello_message(SKELETON, random_rig())) as following:
            following.publish(random_frame(9))
            assert _number(poses) == 9
        poses.close()
