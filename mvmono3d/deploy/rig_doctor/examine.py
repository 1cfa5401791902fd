"""Examine a rig: its files, its cameras, a few seconds of frames, and the machine beneath."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.cameras.sources import backend_of
from mvmono3d.deploy.finding import Finding, bad
from mvmono3d.deploy.recording.seal import new_seal
from mvmono3d.deploy.released import most_views, released_bundle
from mvmono3d.deploy.rig_doctor.camera_checks import presence, settings_taken
from mvmono3d.deploy.rig_doctor.machine_checks import machine_findings
from mvmono3d.deploy.rig_doctor.opening import Opened, open_all, with_serials
from mvmono3d.deploy.rig_doctor.run_checks import run_findings
from mvmono3d.deploy.rig_doctor.trial import run_trial
from mvmono3d.deploy.site.site_file import LoadedSite, RigNeed, read_site
from mvmono3d.deploy.site.wiring import camera_settings, capture_settings
from mvmono3d.errors import MVMono3DError

SECONDS = 3.0
_CALIBRATE = "record a board (mvmono3d record SITE --calibration --board board.toml), then mvmono3d calibrate"


def examine_rig(
    loaded: LoadedSite,
    *,
    folder: Path,
    seconds: float = SECONDS,
    while_running: Callable[[float], None] | None = None,
) -> Iterator[Finding]:
    """Yield what is found, line by line; takes the cameras for itself meanwhile.

    Args:
        loaded: The site, read without asking for its calibration.
        folder: Where recordings would go.
        seconds: How long the cameras run.
        while_running: See `run_trial`.
    """
    site = loaded.site
    names = {camera.serial: camera.name for camera in site.cameras}
    yield Finding(
        subject="site",
        state=f"{loaded.path}: {len(names)} cameras, {site.backend.__class__.__name__.lower()}, "
        f"{site.trigger.rate_hz:g} Hz",
    )
    loaded, calibration = _calibrated(loaded)
    yield calibration
    yield _bundle(loaded)
    yield from _encryption(loaded)
    settings = capture_settings(loaded)
    opened = open_all(settings.source, camera_settings(site))
    yield from presence(opened, names)
    if opened.cameras:
        yield from settings_taken(opened, names, settings.cameras)
        yield from _run(loaded, opened, names, seconds, while_running)
    links = frozenset(camera.link for camera in opened.cameras)
    yield from machine_findings(site, folder, links=links)


def _run(
    loaded: LoadedSite,
    opened: Opened,
    names: dict[str, str],
    seconds: float,
    while_running: Callable[[float], None] | None,
) -> Iterator[Finding]:
    whole = capture_settings(loaded)
    # Not the ring of a capture process that runs already.
    settings = msgspec.structs.replace(
        whole, source=with_serials(whole.source, opened.serials), ring=f"doctor-{os.getpid()}"
    )
    trial = run_trial(settings, backend_of(settings.source), seconds=seconds, while_running=while_running)
    calibrated_c = dict(loaded.rig.metadata).get("temperature_c") if loaded.rig is not None else None
    yield from run_findings(
        trial,
        tuple(names[serial] for serial in opened.serials),
        asked_hz=settings.cameras.rate_hz,
        calibrated_c=None if calibrated_c is None else float(calibrated_c),
    )


def _encryption(loaded: LoadedSite) -> Iterator[Finding]:
    recipients = loaded.site.recorder.recipients
    if recipients:
        try:
            new_seal().wrapped(recipients)
            yield Finding(subject="encryption", state=f"for {len(recipients)} recipients")
        except MVMono3DError as error:
            yield bad(
                "encryption",
                str(error),
                "write age public keys (age1…, by age-keygen) in recorder.recipients",
            )


def _calibrated(loaded: LoadedSite) -> tuple[LoadedSite, Finding]:
    """Return the site with its calibration, if it has one that fits."""
    try:
        loaded = read_site(loaded.path, rig=RigNeed.ALWAYS)
    except MVMono3DError as error:
        return loaded, bad("calibration", str(error), _CALIBRATE)
    date = dict(loaded.rig.metadata).get("date", "without a date") if loaded.rig is not None else ""
    return loaded, Finding(subject="calibration", state=f"{loaded.rig_path}, {date}")


def _bundle(loaded: LoadedSite) -> Finding:
    site, views = loaded.site, len(loaded.site.cameras)
    try:
        own = Path(site.skeleton).suffix in {".yaml", ".yml"}
        skeleton = load_skeleton(loaded.beside(site.skeleton) if own else site.skeleton)
        folder = released_bundle(skeleton) if site.bundle is None else loaded.beside(site.bundle)
        if folder is None:
            return bad(
                "bundle",
                f"none ships for skeleton {skeleton.name}",
                "train one, export it, name it in bundle",
            )
        most = most_views(folder)
    except MVMono3DError as error:
        return bad("bundle", str(error), "name a folder that mvmono3d export wrote in bundle, or none")
    told = f"{folder}, up to {most} cameras"
    if most < views:
        return bad("bundle", told, f"export one with --views {views}")
    return Finding(subject="bundle", state=told)
