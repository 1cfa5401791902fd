"""Whatever moment a device is lost at, it can be opened again when it is back."""

import pytest

pytest.importorskip("harvesters", reason="the extra `rig` is not installed")

from genicam import gentl
from harvesters.core import ImageAcquirer

from mvmono3d.deploy.cameras.harvesters import HarvestersBackend
from mvmono3d.deploy.cameras.simulator import Simulator
from mvmono3d.errors import CameraError
from tests.deploy.cameras.live_rig import Pictures, await_return, live_rig, pulse
from tests.deploy.producers import RIG, producers


def test_lost_while_a_buffer_is_filled(simulator: Simulator, monkeypatch: pytest.MonkeyPatch):
    revoke, held = gentl.DataStream.revoke_buffer, []

    def revoke_what_is_not_filled(stream: gentl.DataStream, buffer: gentl.Buffer):
        # Python's collector would close what nobody holds, sooner or later.
        held.append((stream, stream.parent))
        if stream.is_grabbing():
            raise gentl.BusyException("the buffer is being filled")
        return revoke(stream, buffer)

    monkeypatch.setattr(gentl.DataStream, "revoke_buffer", revoke_what_is_not_filled)
    with live_rig(simulator) as backend:
        simulator.unplug(3)
        assert not backend.health(3).connected
        assert not backend.reconnect(3)
        simulator.plug_in(3)
        await_return(backend, 3)
        pictures = Pictures()
        pulse(simulator, backend, pictures)
        assert [len(pictures.pulses(camera)) for camera in range(4)] == [1, 1, 1, 1]


def test_lost_while_it_is_connected_to(simulator: Simulator, monkeypatch: pytest.MonkeyPatch):
    set_up = ImageAcquirer._setup_data_streams

    def set_up_and_lose(acquirer: ImageAcquirer) -> None:
        set_up(acquirer)
        raise gentl.IoException("the device does not answer")

    # While somebody uses another camera, the producer stays loaded and knows what is open.
    with live_rig(simulator, serials=RIG[:1]), monkeypatch.context() as patch:
        patch.setattr(ImageAcquirer, "_setup_data_streams", set_up_and_lose)
        backend = HarvestersBackend(RIG[3:], producers=producers(), now_ns=simulator.now_ns)
        with pytest.raises(CameraError, match="does not answer"):
            backend.open()
        patch.undo()
        with live_rig(simulator, serials=RIG[3:]) as again:
            assert again.health(0).connected
