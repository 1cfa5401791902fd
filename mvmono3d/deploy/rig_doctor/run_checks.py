"""What a few seconds of frames tell: rate, losses by cause, clocks, pictures, temperature."""

from collections import Counter

from mvmono3d.deploy.cameras.records import ClockKind, PtpState
from mvmono3d.deploy.capture.health import ViewHealth
from mvmono3d.deploy.exposure.alarms import Alarm
from mvmono3d.deploy.finding import Finding, bad
from mvmono3d.deploy.rig_doctor.trial import Trial
from mvmono3d.deploy.sync.ledger import CameraAccount
from mvmono3d.deploy.sync.records import Absence, Cause

_RATE_SHARE = 0.02
_HOT_C = 70.0
_DRIFTED_C = 10.0
_DARK, _SATURATED = 0.02, 0.05
_TRIGGER = (
    "shorten light.exposure_us or lower trigger.rate_hz; check the trigger's cable and this camera's input"
)
_NETWORK = (
    "check cable and port, packet size, and the network card's ring (ethtool -G DEVICE rx 4096) and "
    "net.core.rmem_max; cameras that share a link need a delay between packets (GevSCPD in image.features)"
)
_GONE = "check its power and cable"
_CLOCK = (
    "its clock can't be tied to the others': switch sync.ptp on and check that it locks, or off everywhere"
)
_WARMED = "let it warm up, or calibrate again: lenses move with temperature"
_NO_TIME = (
    "update producer or firmware: frames are paired by their arrival now, which a busy machine gets wrong"
)
_NO_PTP = (
    "run a PTP master (ptp4l) on the network card and let the switch pass it, or set sync.ptp to false: "
    "clocks are latched then"
)
_LOSSES = {
    Cause.INCOMPLETE: _NETWORK,
    Cause.DUPLICATE: "the transport delivers frames twice: update producer and firmware",
    Cause.DOUBLE_TRIGGER: "the trigger line bounces: shield it, or debounce it (LineDebouncerTime)",
    Cause.LATE: "this machine was too busy: close other programs, or raise sync.wait_ms",
    Cause.UNSYNCHRONISED: _CLOCK,
    Cause.FORMAT: "it delivers another format than it was set to: update producer and firmware",
    Cause.OVERRUN: "raise ring.buffers",
    Absence.MISSED_TRIGGER: _TRIGGER,
    Absence.GAP: _NETWORK,
    Absence.SILENT: _TRIGGER,
    Absence.UNSYNCHRONISED: _CLOCK,
    Absence.CAMERA_LOST: _GONE,
}
_PICTURES = {
    Alarm.SATURATED: "shorten light.exposure_us, lower light.gain_db or light.strobe, or close the iris",
    Alarm.DARK: "take the lens cap off, open the iris, check this camera's infrared light",
    Alarm.NO_LIGHT: "no camera sees light: switch the infrared light on, check light.strobe_line",
    Alarm.STUCK: "the picture never changes: switch test patterns off, restart the camera",
}


def run_findings(
    trial: Trial, names: tuple[str, ...], *, asked_hz: float, calibrated_c: float | None = None
) -> list[Finding]:
    """Judge a trial; `names` are those of its views, `calibrated_c` the rig file's temperature."""
    if trial.problem:
        return [bad("capture", trial.problem, "mend what the lines above say, then ask again")]
    if not trial.times_ns:
        return [
            bad(
                "trigger",
                f"no frame in {trial.seconds:.1f} s",
                "start the trigger generator; check trigger.source and trigger.line, its cable and its level",
            ),
            *_clocks(trial, names),
        ]
    return [
        _trigger(trial, asked_hz),
        *_frames(trial, names),
        _sets(trial),
        *_clocks(trial, names),
        *_offsets(trial, names),
        *_pictures(trial, names),
        *_temperatures(trial, names, calibrated_c),
    ]


def _trigger(trial: Trial, asked_hz: float) -> Finding:
    told = f"{trial.rate_hz:.2f} Hz, site.yaml says {asked_hz:g}"
    if trial.rate_hz and abs(trial.rate_hz - asked_hz) > _RATE_SHARE * asked_hz:
        return bad("trigger", told, "set the generator or trigger.rate_hz: all waiting times follow from it")
    return Finding(subject="trigger", state=told)


def _frames(trial: Trial, names: tuple[str, ...]) -> list[Finding]:
    """Compare frames with pulses, camera by camera."""
    if trial.health is None or trial.health.accounts is None or trial.before is None:
        return []
    pulses = trial.health.accounts.expected - trial.before.expected
    found = []
    for name, then, now in zip(names, trial.before.cameras, trial.health.accounts.cameras, strict=True):
        lost = Counter({**dict(now.lost), **dict(now.absent)})
        lost.subtract({**dict(then.lost), **dict(then.absent)})
        causes = {cause: count for cause, count in lost.items() if count > 0}
        told = f"{_used(now) - _used(then)} of {pulses} pulses"
        if not causes:
            found.append(Finding(subject=f"frames {name}", state=told))
            continue
        reasons = ", ".join(f"{count} {cause.value.replace('_', ' ')}" for cause, count in causes.items())
        remedies = dict.fromkeys(_LOSSES[cause] for cause in causes if cause in _LOSSES)
        found.append(bad(f"frames {name}", f"{told}; {reasons}", "; ".join(remedies)))
    return found


def _used(account: CameraAccount) -> int:
    return account.used + account.in_hand


def _sets(trial: Trial) -> Finding:
    if trial.health is None or trial.health.accounts is None or trial.before is None:
        return Finding(subject="frame sets", state="none")
    sets = trial.health.accounts.sets - trial.before.sets
    complete = trial.health.accounts.complete - trial.before.complete
    told = f"{complete} of {sets} complete, frames of a set at most {trial.spread_ns / 1e3:.0f} us apart"
    if not trial.health.accounts.balanced:
        return bad(
            "frame sets", f"{told}; the ledger doesn't add up", "report this: it is a fault of MVMono3D"
        )
    return Finding(subject="frame sets", state=told)


def _clocks(trial: Trial, names: tuple[str, ...]) -> list[Finding]:
    if trial.health is None:
        return []
    kinds = {applied.clock for applied in trial.health.applied}
    states = ", ".join(
        f"{name} {view.camera.ptp.value}" for name, view in zip(names, trial.health.views, strict=True)
    )
    if ClockKind.NONE in kinds:
        return [bad("clocks", "frames carry no time of the camera", _NO_TIME)]
    if kinds == {ClockKind.SHARED}:
        return [Finding(subject="clocks", state=f"one time for all (PTP {states})")]
    if any(view.camera.ptp is PtpState.WAITING for view in trial.health.views):
        return [bad("clocks", f"PTP does not lock: {states}", _NO_PTP)]
    return [Finding(subject="clocks", state=f"each its own, latched and followed (PTP {states})")]


def _offsets(trial: Trial, names: tuple[str, ...]) -> list[Finding]:
    if len(trial.offsets_ns) < 2 or trial.seconds <= 0:
        return []
    last = {view: last for view, (_, last) in trial.offsets_ns.items()}
    least = min(last.values())
    told = ", ".join(
        f"{names[view]} {(offset - least) / 1e6:+.3f} ms ({_drift_ppm(trial, view):+.1f} ppm)"
        for view, offset in sorted(last.items())
    )
    return [Finding(subject="time offsets", state=f"clocks ahead of the slowest: {told}")]


def _drift_ppm(trial: Trial, view: int) -> float:
    first, last = trial.offsets_ns[view]
    spanned_ns = trial.times_ns[-1] - trial.times_ns[0]
    return 1e6 * (last - first) / spanned_ns if spanned_ns > 0 else 0.0


def _pictures(trial: Trial, names: tuple[str, ...]) -> list[Finding]:
    views = trial.health.views if trial.health is not None else ()
    found = []
    for view, seen in sorted(trial.brightness.items()):
        told = f"mean {100 * seen.level:.0f} % of full scale, {100 * seen.saturated:.1f} % saturated"
        alarm = views[view].alarm if view < len(views) else None
        if alarm is None and seen.saturated > _SATURATED:
            alarm = Alarm.SATURATED
        if alarm is None and seen.level < _DARK:
            alarm = Alarm.DARK
        if alarm is None:
            found.append(Finding(subject=f"picture {names[view]}", state=told))
        else:
            found.append(
                bad(f"picture {names[view]}", f"{told}: {alarm.value.replace('_', ' ')}", _PICTURES[alarm])
            )
    return found


def _temperatures(trial: Trial, names: tuple[str, ...], calibrated_c: float | None) -> list[Finding]:
    views = trial.health.views if trial.health is not None else ()
    return [
        _temperature(name, view, calibrated_c)
        for name, view in zip(names, views, strict=True)
        if view.camera.temperature_c is not None
    ]


def _temperature(name: str, view: ViewHealth, calibrated_c: float | None) -> Finding:
    celsius = view.camera.temperature_c or 0.0
    subject, told = f"temperature {name}", f"{celsius:.1f} C"
    if celsius > _HOT_C:
        return bad(
            subject, told, f"cool it below {_HOT_C:.0f} C: noise and defects grow, and the camera may stop"
        )
    if calibrated_c is not None and abs(celsius - calibrated_c) > _DRIFTED_C:
        return bad(subject, f"{told}, calibrated at {calibrated_c:.1f} C", _WARMED)
    return Finding(subject=subject, state=told)
