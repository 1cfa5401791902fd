"""Orders to the rig, as the server checks them."""

from collections.abc import Sequence

from mvmono3d.deploy.server.messages import (
    Box,
    Exposure,
    GetStatus,
    Recalibrate,
    SetExposure,
    SetRoi,
    StartRecording,
    StopRecording,
    Take,
)


def set_roi(center: Sequence[float], size: Sequence[float]) -> SetRoi:
    """Look for actors in this box only: centre and size in metres, along the world's axes."""
    (x, y, z), (width, depth, height) = center, size
    return SetRoi(
        value=Box(center=(float(x), float(y), float(z)), size=(float(width), float(depth), float(height)))
    )


def set_exposure(exposure_ns: int, *, gain_db: float | None = None) -> SetExposure:
    """Set exposure time and gain of all cameras."""
    return SetExposure(value=Exposure(exposure_ns=exposure_ns, gain_db=gain_db))


def start_recording(name: str, *, consent: str, purpose: str) -> StartRecording:
    """Record a take; `name` and `consent` are names that the site knows, never paths."""
    return StartRecording(value=Take(name=name, consent=consent, purpose=purpose))


def stop_recording() -> StopRecording:
    """End the recording."""
    return StopRecording()


def recalibrate() -> Recalibrate:
    """Let the guard place the cameras anew."""
    return Recalibrate()


def get_status() -> GetStatus:
    """Ask for the state of the rig: it comes as the stream's `status`."""
    return GetStatus()
