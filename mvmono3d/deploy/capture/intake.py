"""Where delivered frames go: straight into the ring, counted before anything is decided about them."""

import logging

from mvmono3d.deploy.cameras.protocol import Delivery
from mvmono3d.deploy.exposure.control import Lighting
from mvmono3d.deploy.ring.layout import RingLayout
from mvmono3d.deploy.ring.writer import RingWriter
from mvmono3d.deploy.sync.ledger import Ledger
from mvmono3d.deploy.sync.records import Cause, Frame, FrameStatus, Loss, Outcome

_LOG = logging.getLogger(__name__)
_NO_SLOT = -1


class Intake:
    """The sink of the cameras: copies each frame once and remembers what was copied since the last look."""

    def __init__(self, ring: RingWriter, ledger: Ledger, *, layout: RingLayout, bits: int) -> None:
        self._ring, self._ledger, self._layout, self._bits = ring, ledger, layout, bits
        self._batch: list[Frame] = []
        self._taken: list[dict[int, Lighting]] = [{} for _ in range(layout.views)]
        self.lighting = [Lighting(exposure_ns=0)] * layout.views
        """How each camera is set, for frames that don't tell."""
        self.complaints = [""] * layout.views
        """What was wrong with each camera's last frame; empty: nothing."""

    def __call__(self, delivery: Delivery) -> None:
        """Take a frame."""
        self._ledger.deliver(delivery.camera)
        if delivery.status is FrameStatus.INCOMPLETE:
            self._batch.append(_frame(delivery, _NO_SLOT))
        elif (delivery.height, delivery.width, delivery.bits) != self._expected:
            self._refuse(delivery)
        else:
            slot, image = self._ring.reserve(delivery.camera)
            delivery.copy_to(image)
            self._ring.commit(delivery.camera, slot)
            place = slot % self._layout.buffers
            self._taken[delivery.camera][place] = delivery.lighting or self.lighting[delivery.camera]
            self._batch.append(_frame(delivery, slot))
            self.complaints[delivery.camera] = ""

    def take(self) -> list[Frame]:
        """Hand out the frames that came since the last time."""
        batch, self._batch = self._batch, []
        return batch

    def taken(self, frame: Frame) -> Lighting:
        """Return how a frame was exposed, while the ring holds it."""
        return self._taken[frame.camera][frame.slot % self._layout.buffers]

    @property
    def _expected(self) -> tuple[int, int, int]:
        return self._layout.height, self._layout.width, self._bits

    def _refuse(self, delivery: Delivery) -> None:
        height, width, bits = self._expected
        complaint = (
            f"it sends {delivery.width} x {delivery.height} px of {delivery.bits or 'unknown'} bits, the rig "
            f"was set to {width} x {height} px of {bits} bits: its frames are not used"
        )
        if complaint != self.complaints[delivery.camera]:
            _LOG.error("camera %d: %s", delivery.camera, complaint)
        self.complaints[delivery.camera] = complaint
        loss = Loss(frame=_frame(delivery, _NO_SLOT), cause=Cause.FORMAT)
        self._ledger.settle(Outcome(losses=(loss,)))


def _frame(delivery: Delivery, slot: int) -> Frame:
    return Frame(
        camera=delivery.camera,
        frame_id=delivery.frame_id,
        device_ns=delivery.device_ns,
        host_ns=delivery.host_ns,
        status=delivery.status,
        slot=slot,
    )
