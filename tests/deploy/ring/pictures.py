"""Pictures whose every pixel says which set they belong to."""

from mvmono3d.deploy.ring.writer import RingFrame, RingWriter


def write_set(ring: RingWriter, number: int, *, views: int) -> None:
    frames = []
    for view in range(views):
        slot, image = ring.reserve(view)
        image[:] = (number * views + view) % 251
        ring.commit(view, slot)
        frames.append(RingFrame(view=view, slot=slot, frame_id=number, device_ns=number, host_ns=number))
    ring.publish(frames, time_ns=number)
