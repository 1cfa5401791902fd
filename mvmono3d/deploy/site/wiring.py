"""What a site means for each part: cameras, capture, recorder, server."""

import dataclasses
import math
from pathlib import Path

import msgspec

from mvmono3d.deploy.cameras.records import CameraSettings, Trigger
from mvmono3d.deploy.cameras.sources import HarvestersSource, Knock, ReplaySource, Source, VirtualSource
from mvmono3d.deploy.capture.settings import CaptureSettings
from mvmono3d.deploy.exposure.control import Lighting, LightingLimits
from mvmono3d.deploy.recording.settings import RecorderSettings
from mvmono3d.deploy.server.settings import ServerSettings
from mvmono3d.deploy.site.settings import Harvesters, Light, Replay, Site, Virtual, VirtualKnock
from mvmono3d.deploy.site.site_file import LoadedSite
from mvmono3d.errors import ConfigurationError

SIMULATED = "simulated"
_GB = 1_000_000_000


def source_of(loaded: LoadedSite) -> Source:
    """Return where the site's frames come from, with paths that hold anywhere."""
    backend, serials = loaded.site.backend, tuple(camera.serial for camera in loaded.site.cameras)
    if isinstance(backend, Harvesters):
        files = tuple(
            name if name == SIMULATED else str(loaded.beside(name).resolve()) for name in backend.producers
        )
        return HarvestersSource(serials=serials, producers=files)
    if isinstance(backend, Replay):
        return ReplaySource(
            recording=str(loaded.beside(backend.recording).resolve()),
            serials=serials,
            pace=backend.pace,
            speed=backend.speed,
            identity="" if backend.identity is None else str(loaded.beside(backend.identity).resolve()),
        )
    return VirtualSource(
        serials=serials,
        scene=backend.scene,
        seed=backend.seed,
        seconds=backend.seconds,
        live=backend.live,
        rig="" if backend.true_rig is None else str(loaded.beside(backend.true_rig).resolve()),
        knock=_knock(loaded, backend.knock),
    )


def _knock(loaded: LoadedSite, wanted: VirtualKnock | None) -> Knock | None:
    if wanted is None:
        return None
    names = [camera.name for camera in loaded.site.cameras]
    if wanted.camera not in names:
        raise ConfigurationError(
            f"{loaded.path}: backend.knock.camera: {wanted.camera!r}, expected one of {', '.join(names)}"
        )
    frame = round(wanted.after_s * loaded.site.trigger.rate_hz)
    return Knock(camera=names.index(wanted.camera), turn_deg=wanted.turn_deg, frame=frame)


def with_board(loaded: LoadedSite) -> LoadedSite:
    """Return the site with a board before its cameras, where somebody can put it there without a hand."""
    if not isinstance(loaded.site.backend, Virtual):
        return loaded
    backend = msgspec.structs.replace(loaded.site.backend, scene="board")
    return dataclasses.replace(loaded, site=msgspec.structs.replace(loaded.site, backend=backend))


def camera_settings(site: Site) -> CameraSettings:
    """Return what all cameras are set to."""
    region, image = site.image.region, site.image
    packet = () if image.packet_bytes is None else (("GevSCPSPacketSize", image.packet_bytes),)
    return CameraSettings(
        width=region.width_px,
        height=region.height_px,
        left=region.left_px,
        top=region.top_px,
        pixel_format=image.pixel_format,
        trigger=Trigger(site.trigger.source),
        trigger_line=site.trigger.line,
        rate_hz=site.trigger.rate_hz,
        lighting=lighting(site.light),
        strobe_line=site.light.strobe_line,
        ptp=site.sync.ptp,
        ptp_wait_s=site.sync.ptp_wait_s,
        buffers=image.buffers,
        nodes=(*packet, *image.features.items()),
    )


def capture_settings(loaded: LoadedSite) -> CaptureSettings:
    """Return what the capture process is told."""
    site = loaded.site
    return CaptureSettings(
        source=source_of(loaded),
        cameras=camera_settings(site),
        ring=site.ring.name,
        ring_buffers=site.ring.buffers,
        ring_sets=site.ring.sets,
        control=lighting_limits(site.light) if site.light.control == "automatic" else None,
        id_modulus=site.sync.frame_id_modulus,
        tolerance_ns=round(site.sync.tolerance_us * 1e3),
        wait_ns=round(site.sync.wait_ms * 1e6),
        realtime=site.realtime,
    )


def lighting(light: Light) -> Lighting:
    """Return what the cameras begin with."""
    return Lighting(
        exposure_ns=round(light.exposure_us * 1e3), gain=factor(light.gain_db), strobe=light.strobe
    )


def lighting_limits(light: Light) -> LightingLimits:
    """Return between what the control may move."""
    return LightingLimits(
        target=light.target,
        exposure_ns=(round(light.exposure_least_us * 1e3), round(light.exposure_most_us * 1e3)),
        gain=(1.0, max(1.0, factor(light.gain_most_db))),
        strobe=(min(light.strobe, LightingLimits().strobe[0]), light.strobe),
        blur_px=light.blur_px,
    )


def factor(decibels: float) -> float:
    """Return a gain as a factor of the signal's amplitude."""
    return 10.0 ** (decibels / 20.0)


def recorder_settings(site: Site) -> RecorderSettings:
    """Return how the recorder works; its queue holds so many seconds of frames."""
    recorder = site.recorder
    return RecorderSettings(
        queue_frames=max(2, math.ceil(recorder.queue_s * site.trigger.rate_hz)) * len(site.cameras),
        frame_bytes=site.image.frame_bytes,
        segment_bytes=round(recorder.segment_gb * _GB),
        segment_s=recorder.segment_s,
        sync_s=recorder.sync_ms * 1e-3,
        stop_below_bytes=round(recorder.stop_below_gb * _GB),
        warn_below_s=recorder.warn_below_s,
        preview_hz=recorder.preview_hz,
    )


def server_settings(
    loaded: LoadedSite, *, control_token: str | None, read_token: str | None = None
) -> ServerSettings:
    """Return where the pose stream is served; raises `ConfigurationError` where that would not be safe."""
    server = loaded.site.server
    return ServerSettings(
        name=loaded.site.ring.name,
        host=server.address,
        port=server.port,
        origins=server.origins,
        control_token=control_token,
        read_token=read_token,
        certificate=_path(loaded, server.certificate),
        key=_path(loaded, server.key),
    )


def _path(loaded: LoadedSite, name: str | None) -> Path | None:
    return None if name is None else loaded.beside(name)
