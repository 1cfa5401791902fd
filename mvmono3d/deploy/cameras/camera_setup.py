"""How one GenICam camera is set, and what it then says it is set to."""

import math

from mvmono3d.deploy.cameras.features import Features, Report
from mvmono3d.deploy.cameras.records import (
    AppliedSettings,
    CameraSettings,
    ClockKind,
    PtpState,
    Trigger,
)
from mvmono3d.deploy.exposure.control import Lighting

_PTP_LOCKED = ("Slave", "Master", "Locked")
_PTP_OFF = ("Disabled", "Off")
_NS_PER_US = 1000


def apply_settings(features: Features, settings: CameraSettings, *, serial: str) -> AppliedSettings:
    """Set a camera that is not streaming, and read back what it took.

    Raises one of `NODE_ERRORS` if the camera does not answer.
    """
    report = Report(features)
    report.choose("AcquisitionMode", ("Continuous",), needed=False)
    width, height = _set_image(report, settings)
    _set_trigger(features, report, settings)
    lighting = set_lighting(features, report, settings.lighting)
    if settings.strobe_line:
        _set_strobe(features, report, settings.strobe_line)
    _enable_ptp(features, wanted=settings.ptp)
    _enable_chunks(features)
    for name, value in settings.nodes:
        report.set(name, value)
    fastest_hz = features.read("fastest_hz")
    return AppliedSettings(
        serial=serial,
        width=width,
        height=height,
        pixel_format=str(features.read("PixelFormat")),
        lighting=lighting,
        clock=ClockKind.LATCHED if has_clock(features) else ClockKind.NONE,
        buffers=settings.buffers,
        payload_bytes=features.read("PayloadSize") or 0,
        packet_bytes=features.read("packet_bytes"),
        link_bytes_s=features.read("link_bytes_s"),
        fastest_hz=None if fastest_hz is None else float(fastest_hz),
        differences=tuple(report.differences),
    )


def _set_image(report: Report, settings: CameraSettings) -> tuple[int, int]:
    """Set format and region; offsets go to 0 first, since they limit the size."""
    for name in ("OffsetX", "OffsetY"):
        Report(report.features).set(name, 0)
    report.choose("PixelFormat", (settings.pixel_format,))
    width, height = report.set("Width", settings.width), report.set("Height", settings.height)
    for name, value in (("OffsetX", settings.left), ("OffsetY", settings.top)):
        if value or report.features.find(name) is not None:
            report.set(name, value)
    return width or 0, height or 0


def _set_trigger(features: Features, report: Report, settings: CameraSettings) -> None:
    selector = features.find("TriggerSelector")
    for other in selector.symbolics if selector is not None else ():
        # A camera that also waits for an acquisition or burst trigger would never start.
        if other != "FrameStart" and features.choose("TriggerSelector", (other,)):
            features.choose("TriggerMode", ("Off",))
    if selector is not None:
        report.choose("TriggerSelector", ("FrameStart",))
    if settings.trigger is Trigger.FREE:
        report.choose("TriggerMode", ("Off",), needed=features.find("TriggerMode") is not None)
        features.write("rate_enable", True)
        report.set("rate_hz", settings.rate_hz, within=0.01 * settings.rate_hz)
        return
    report.choose("TriggerMode", ("On",))
    line = settings.trigger is Trigger.LINE
    report.choose("TriggerSource", (settings.trigger_line if line else "Software",))
    if line:
        report.choose("TriggerActivation", ("RisingEdge",), needed=False)
        # Without overlap a camera ignores pulses while it reads out, which halves its rate.
        report.choose("TriggerOverlap", ("ReadOut", "PreviousFrame"), needed=False)


def set_lighting(features: Features, report: Report, lighting: Lighting) -> Lighting:
    """Set exposure and gain, also while the camera streams; returns what they are then.

    GenICam knows no strobe power: a camera's strobe is on or off, and its share is 1.
    """
    for name, choice in (("ExposureMode", "Timed"), ("ExposureAuto", "Off"), ("GainAuto", "Off")):
        report.choose(name, (choice,), needed=False)
    # Sensors expose in steps of a row's time.
    wanted_us = lighting.exposure_ns / _NS_PER_US
    got_us = report.set("exposure_us", wanted_us, within=max(20.0, 0.02 * wanted_us))
    got_db = report.set("gain_db", decibels(lighting.gain), within=0.2)
    if lighting.strobe != 1.0:
        report.note("strobe", asked=lighting.strobe, got=1.0)
    return Lighting(
        exposure_ns=lighting.exposure_ns if got_us is None else round(got_us * _NS_PER_US),
        gain=1.0 if got_db is None else factor(got_db),
        strobe=1.0,
    )


def decibels(gain: float) -> float:
    """Return a factor of amplitude in dB."""
    return 20 * math.log10(gain)


def factor(gain_db: float) -> float:
    """Return dB as a factor of amplitude."""
    return 10 ** (gain_db / 20)


def _set_strobe(features: Features, report: Report, line: str) -> None:
    if features.find("LineSelector") is None:
        report.note("LineSelector", asked=line, got=None)
        return
    report.choose("LineSelector", (line,))
    report.choose("LineMode", ("Output", "Strobe"), needed=False)
    report.choose("LineSource", ("ExposureActive", "Strobe"))


def _enable_ptp(features: Features, *, wanted: bool) -> None:
    node = features.find("ptp_enable")
    if node is not None and hasattr(node, "symbolics"):
        features.choose("ptp_enable", ("Auto", "Slave", "On") if wanted else ("Off",))
    else:
        features.write("ptp_enable", wanted)


def _enable_chunks(features: Features) -> None:
    """Let every frame say how it was exposed, where the camera can."""
    if features.write("ChunkModeActive", True):
        for chunk in ("ExposureTime", "Gain"):
            if features.choose("ChunkSelector", (chunk,)):
                features.write("ChunkEnable", True)


def has_clock(features: Features) -> bool:
    """Say whether the camera's clock can be read."""
    return features.find("latch") is not None and features.find("latched") is not None


def ptp_state(features: Features) -> PtpState:
    """Return whether the camera follows the network's time. Raises as `Features.read` does."""
    if features.find("ptp_latch") is not None:
        features.execute("ptp_latch")
    status = features.read("ptp_status")
    if status is None or status in _PTP_OFF or not features.read("ptp_enable"):
        return PtpState.OFF
    return PtpState.LOCKED if status in _PTP_LOCKED else PtpState.WAITING
