"""Of all answers the newest is carved, in the images of its own moment, once."""

import numpy as np

from mvmono3d.deploy.cloud.carving import Carving
from mvmono3d.deploy.cloud.orders import CloudOrder
from mvmono3d.deploy.cloud.process import Clouding
from mvmono3d.deploy.ring.layout import RingLayout
from mvmono3d.deploy.ring.memory import path_of
from mvmono3d.deploy.ring.writer import RingFrame, RingWriter
from mvmono3d.deploy.site.settings import PointCloud
from tests.deploy.cloud.spheres import RIG, VIEWS, answer_of, images_of
from tests.deploy.server.streams import publishing

_SETTINGS = PointCloud(side_m=0.2, voxel_m=0.008)
_SETS = 4


def _write(ring: RingWriter, centre: np.ndarray, time_ns: int) -> None:
    frames = []
    for view, image in enumerate(images_of(centre)):
        slot, place = ring.reserve(view)
        place[:] = image
        ring.commit(view, slot)
        frames.append(RingFrame(view=view, slot=slot, frame_id=time_ns, device_ns=time_ns, host_ns=time_ns))
    ring.publish(frames, time_ns=time_ns)


def test_the_newest_answer_is_carved_once_and_one_whose_images_are_gone_is_not():
    height, width = np.asarray(RIG.camera.size_px)[0, ::-1].tolist()
    layout = RingLayout(views=VIEWS, height=height, width=width, buffers=2 * _SETS, sets=_SETS)
    centre = np.zeros(3)
    with publishing() as (name, publisher):
        order = CloudOrder(name=name, rig="", bits=8, settings=_SETTINGS)
        clouding = Clouding(order, Carving(RIG, _SETTINGS, bits=8))
        with RingWriter(name, layout) as ring:
            assert clouding.turn() is None
            for number in range(1, _SETS):
                _write(ring, centre, number)
                publisher.publish(answer_of(centre, number))
            cloud = clouding.turn()
            assert cloud is not None
            assert (cloud.id, cloud.t_ns) == (_SETS - 1, _SETS - 1)
            assert clouding.turn() is None
            publisher.publish(answer_of(centre, _SETS))
            assert clouding.turn() is None
            for number in range(_SETS, 2 * _SETS):
                _write(ring, centre, number)
            publisher.publish(answer_of(centre, 2 * _SETS - 1))
            newest = clouding.turn()
            assert newest is not None
            assert newest.t_ns == 2 * _SETS - 1
        clouding.close()
        path_of(name).unlink(missing_ok=True)
