"""Which of a site's cameras are there, what they are, and what they took of their settings."""

from dataclasses import dataclass

import msgspec

from mvmono3d.deploy.cameras.protocol import CameraBackend
from mvmono3d.deploy.cameras.records import AppliedSettings, CameraHealth, CameraInfo, CameraSettings
from mvmono3d.deploy.cameras.sources import Source, backend_of
from mvmono3d.errors import CameraError, MVMono3DError


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The cameras that could be opened, in the order of the site."""

    source: str
    """Where they come from, in words."""
    cameras: tuple[CameraInfo, ...]
    applied: tuple[AppliedSettings, ...]
    health: tuple[CameraHealth, ...]
    missing: tuple[tuple[str, str], ...]
    """Serial number of each camera that could not be opened, and why."""
    problem: str = ""
    """Why none could be looked at, or set."""

    @property
    def serials(self) -> tuple[str, ...]:
        """Of the cameras that are there."""
        return tuple(camera.serial for camera in self.cameras)


def open_all(source: Source, settings: CameraSettings) -> Opened:
    """Open and set every camera that is there; one that is missing doesn't hide the others."""
    asked = source.serials
    missing: dict[str, str] = {}
    try:
        backend = backend_of(source)
        try:
            return _looked_at(backend, settings, missing)
        except MVMono3DError as error:
            if len(asked) == 1:
                return _nothing(str(error), dict.fromkeys(asked, str(error)))
        finally:
            backend.close()
    except MVMono3DError as error:
        return _nothing(str(error), {})
    for serial in asked:
        reason = _reason(msgspec.structs.replace(source, serials=(serial,)))
        missing |= {serial: reason} if reason else {}
    there = tuple(serial for serial in asked if serial not in missing)
    if not there:
        return _nothing("no camera of the site can be opened", missing)
    backend = backend_of(msgspec.structs.replace(source, serials=there))
    try:
        return _looked_at(backend, settings, missing)
    except MVMono3DError as error:
        return _nothing(str(error), missing)
    finally:
        backend.close()


def with_serials(source: Source, serials: tuple[str, ...]) -> Source:
    """Return the source for these cameras alone."""
    return msgspec.structs.replace(source, serials=serials)


def _reason(source: Source) -> str:
    """Return why a camera can't be opened; nothing where it can."""
    backend = backend_of(source)
    try:
        backend.open()
    except MVMono3DError as error:
        return str(error)
    finally:
        backend.close()
    return ""


def _looked_at(backend: CameraBackend, settings: CameraSettings, missing: dict[str, str]) -> Opened:
    info = backend.open()
    try:
        applied, problem = backend.configure(settings), ""
    except CameraError as error:
        applied, problem = (), str(error)
    return Opened(
        source=info.source,
        cameras=info.cameras,
        applied=applied,
        health=tuple(backend.health(camera) for camera in range(len(info.cameras))),
        missing=tuple(missing.items()),
        problem=problem,
    )


def _nothing(problem: str, missing: dict[str, str]) -> Opened:
    return Opened(
        source="", cameras=(), applied=(), health=(), missing=tuple(missing.items()), problem=problem
    )
