"""What can be told of cameras before they run: presence, firmware, settings, link, buffers, exposure."""

from mvmono3d.deploy.cameras.records import AppliedSettings, CameraInfo, CameraSettings
from mvmono3d.deploy.finding import Finding, bad
from mvmono3d.deploy.rig_doctor.opening import Opened

GIGE, USB3 = "GEV", "U3V"
_LEAST_WAIT_S = 0.1
"""Time that buffers should bridge: what this machine may be busy with something else."""
_JUMBO_BYTES = 8000
_READOUT_SHARE = 0.98
"""Of the period; an exposure that ends later makes the next trigger come too early."""
_THROUGHPUT = (
    "raise DeviceLinkThroughputLimit in image.features, lower trigger.rate_hz, or shrink image.region"
)
_PACKETS = (
    "set the network card's MTU to 9000 (ip link set DEVICE mtu 9000) and image.packet_bytes to 8960: small "
    "packets cost frames"
)
_OVERLAP = (
    "shorten light.exposure_us, lower trigger.rate_hz or shrink image.region: a trigger during exposure or "
    "readout is missed"
)
_REMEDIES = {
    "width": "choose image.region in steps that the camera has (often 8 or 16 pixels), within its sensor",
    "height": "choose image.region in steps that the camera has, within its sensor",
    "pixel_format": "choose an image.pixel_format that all cameras have: Mono8 is one",
    "exposure": "choose light.exposure_us within the camera's range",
    "gain": "choose light.gain_db within the camera's range, or switch its own automatic gain off",
    "packet": "set the network card's MTU to 9000 and image.packet_bytes to no more than that",
    "trigger": "check trigger.source and trigger.line against the camera's manual",
}


def presence(opened: Opened, names: dict[str, str]) -> list[Finding]:
    """Say of each camera whether it is there, and what it is; `names` are those of the serial numbers."""
    missing = dict(opened.missing)
    found = []
    reasons = set(missing.values())
    if not opened.cameras and len(reasons) < 2:
        # What stops all of them alike is not theirs.
        return [
            bad("cameras", next(iter(reasons), opened.problem), "mend that first: it concerns all cameras")
        ]
    if opened.source:
        found.append(Finding(subject="producers", state=opened.source))
    for serial, name in names.items():
        if serial in missing:
            found.append(
                bad(
                    f"camera {name}",
                    missing[serial],
                    "check its power and cable, that its address is in the network card's subnet, that no "
                    f"other program holds it, and the serial number {serial!r} in site.yaml",
                )
            )
    for camera in opened.cameras:
        found.append(
            Finding(subject=f"camera {names.get(camera.serial, camera.serial)}", state=_described(camera))
        )
    return [*found, *_firmware(opened.cameras)]


def settings_taken(opened: Opened, names: dict[str, str], asked: CameraSettings) -> list[Finding]:
    """Say what each camera really is set to."""
    if opened.problem and opened.cameras:
        return [
            bad("settings", opened.problem, "plug the camera in again, and check that nothing else uses it")
        ]
    return [
        finding
        for camera, applied in zip(opened.cameras, opened.applied, strict=True)
        for finding in _of_camera(camera, applied, names.get(camera.serial, camera.serial), asked)
    ]


def _of_camera(
    camera: CameraInfo, applied: AppliedSettings, name: str, asked: CameraSettings
) -> list[Finding]:
    return [
        _differences(applied, name),
        _link(camera, applied, name, asked),
        _buffers(applied, name, asked),
        _exposure(applied, name, asked),
    ]


def _described(camera: CameraInfo) -> str:
    known = (
        ("", f"{camera.vendor} {camera.model}".strip()),
        ("serial ", camera.serial),
        ("firmware ", camera.firmware),
        ("link ", camera.link),
        ("sensor ", f"{camera.sensor_width} x {camera.sensor_height} px" if camera.sensor_width else ""),
    )
    return ", ".join(f"{word}{value}" for word, value in known if value)


def _firmware(cameras: tuple[CameraInfo, ...]) -> list[Finding]:
    versions: dict[str, set[str]] = {}
    for camera in cameras:
        if camera.firmware:
            versions.setdefault(f"{camera.vendor} {camera.model}", set()).add(camera.firmware)
    mixed = {model: found for model, found in versions.items() if len(found) > 1}
    if mixed:
        told = "; ".join(f"{model}: {', '.join(sorted(found))}" for model, found in mixed.items())
        return [
            bad("firmware", f"differs among cameras of one model: {told}", "bring all to the newest of them")
        ]
    if not versions:
        return []
    told = ", ".join(f"{model} {next(iter(found))}" for model, found in versions.items())
    return [Finding(subject="firmware", state=f"the same in all cameras of a model: {told}")]


def _differences(applied: AppliedSettings, name: str) -> Finding:
    subject = f"settings {name}"
    if applied.differences:
        told = ", ".join(
            f"{each.setting}: asked {each.asked}, got {each.got}" for each in applied.differences
        )
        remedies = [
            remedy
            for word, remedy in _REMEDIES.items()
            if any(word in each.setting.lower() for each in applied.differences)
        ]
        return bad(subject, told, "; ".join(remedies) or "ask for what the camera has, in site.yaml")
    light = applied.lighting
    return Finding(
        subject=subject,
        state=f"{applied.width} x {applied.height} px {applied.pixel_format}, "
        f"{light.exposure_ns / 1e3:g} us, gain x {light.gain:.2f}",
    )


def _link(camera: CameraInfo, applied: AppliedSettings, name: str, asked: CameraSettings) -> Finding:
    subject, needed = f"link {name}", applied.payload_bytes * asked.rate_hz
    told = f"{camera.link or 'unknown'}, {needed / 1e6:.1f} MB/s needed"
    if applied.link_bytes_s is not None:
        told += f", limited to {applied.link_bytes_s / 1e6:.1f} MB/s"
        if applied.link_bytes_s < needed:
            return bad(subject, told, _THROUGHPUT)
    if camera.link == GIGE and applied.packet_bytes is not None:
        told += f", packets of {applied.packet_bytes} bytes"
        if applied.packet_bytes < _JUMBO_BYTES:
            return bad(subject, told, _PACKETS)
    return Finding(subject=subject, state=told)


def _buffers(applied: AppliedSettings, name: str, asked: CameraSettings) -> Finding:
    seconds = applied.buffers / asked.rate_hz
    size_mb = applied.payload_bytes / 1e6
    told = f"{applied.buffers} of {size_mb:.2f} MB: {seconds * 1e3:.0f} ms at {asked.rate_hz:g} Hz"
    if applied.buffers and seconds < _LEAST_WAIT_S:
        enough = -(-_LEAST_WAIT_S * asked.rate_hz // 1)
        return bad(
            f"buffers {name}", told, f"set image.buffers to {enough:.0f} or more: a busy moment costs frames"
        )
    return Finding(
        subject=f"buffers {name}", state=told if applied.buffers else "none: frames come from a file"
    )


def _exposure(applied: AppliedSettings, name: str, asked: CameraSettings) -> Finding:
    exposure_ms, period_ms = applied.lighting.exposure_ns / 1e6, asked.period_ns / 1e6
    told = f"{exposure_ms:.2f} ms of a period of {period_ms:.2f} ms"
    if applied.fastest_hz is not None:
        told += f"; the camera can do {applied.fastest_hz:.1f} Hz"
    slow = applied.fastest_hz is not None and applied.fastest_hz < asked.rate_hz
    if slow or exposure_ms > _READOUT_SHARE * period_ms:
        return bad(f"exposure {name}", told, _OVERLAP)
    return Finding(subject=f"exposure {name}", state=told)
