"""What clients ask of a rig, beside what the loop does itself."""

from pathlib import Path

import msgspec

from mvmono3d.deploy.capture.handle import CaptureHandle
from mvmono3d.deploy.live.child import Part
from mvmono3d.deploy.live.plan import RECORDER, Plan
from mvmono3d.deploy.server.messages import Exposure, Take
from mvmono3d.deploy.site.wiring import factor
from mvmono3d.errors import ConfigurationError


def set_exposure(capture: CaptureHandle, wanted: Exposure) -> None:
    """Light the cameras so; a gain that is not named stays.

    Raises `ConfigurationError` where an exposure would not fit between two pulses, or nothing runs yet.
    """
    health = capture.health()
    period_ns = capture.period_ns
    if health.lighting is None:
        raise ConfigurationError("set_exposure: the cameras don't run yet")
    if wanted.exposure_ns >= period_ns:
        raise ConfigurationError(
            f"set_exposure: {wanted.exposure_ns / 1e3:.0f} us, expected less than the trigger's period of "
            f"{period_ns / 1e3:.0f} us"
        )
    changes = {"exposure_ns": wanted.exposure_ns}
    gain = health.lighting.gain if wanted.gain_db is None else factor(wanted.gain_db)
    capture.light(type(health.lighting)(**changes, gain=gain, strobe=health.lighting.strobe))


def recorder_part(plan: Plan, take: Take) -> Part:
    """Return the process that records a take.

    Raises `ConfigurationError` where the site has no such consent, or the take is there already.
    """
    consent, folder = _consent(plan.home, take.consent), plan.home / "takes" / take.name
    if folder.exists():
        raise ConfigurationError(f"start_recording: {folder} is there already; choose another name")
    order = msgspec.structs.replace(
        plan.taking, folder=str(folder), consent=str(consent), purpose=take.purpose
    )
    return Part(name=RECORDER, module="mvmono3d.deploy.live.taking", order=order)


def _consent(home: Path, name: str) -> Path:
    path = home / "consents" / f"{name}.toml"
    if not path.is_file():
        known = sorted(each.stem for each in path.parent.glob("*.toml"))
        raise ConfigurationError(
            f"start_recording: no consent {name!r} in {path.parent} (known: {', '.join(known) or 'none'})"
        )
    return path
