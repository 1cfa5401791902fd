"""Where frames come from, as a site file names it: `source: {kind: harvesters, ...}`.

Each source is a record of plain values, so that it travels to the capture process; that process builds the
backend of it, and only then are the backend's packages imported.
"""

from pathlib import Path
from typing import Literal

import msgspec

from mvmono3d.deploy.cameras.protocol import CameraBackend
from mvmono3d.errors import MissingDependencyError

MEETINGS = {"hands": "hand21", "people": "body17"}
"""Virtual scenes of two actors, and whose skeletons they have: hands that come together, people who cross."""


class HarvestersSource(msgspec.Struct, frozen=True, kw_only=True, tag="harvesters", tag_field="kind"):
    """Cameras behind GenTL."""

    serials: tuple[str, ...]
    producers: tuple[str, ...] = ()
    """Paths of `.cti` files; none: those of the folders in GENICAM_GENTL64_PATH. "simulated" is the
    simulated rig, built where it was never built."""


class ReplaySource(msgspec.Struct, frozen=True, kw_only=True, tag="replay", tag_field="kind"):
    """A recording, played as if it were cameras."""

    recording: str
    """Its folder."""
    serials: tuple[str, ...] = ()
    """Names of its cameras; none: all of them."""
    pace: Literal["real", "fast", "stepped"] = "real"
    speed: float = 1.0
    identity: str = ""
    """File with the age identity that opens an encrypted recording."""


class Knock(msgspec.Struct, frozen=True, kw_only=True):
    """A virtual camera is turned about its own centre while it runs, and stays so."""

    camera: int
    """Place in the rig."""
    turn_deg: float
    """About the camera's axis that points down."""
    frame: int
    """The first frame after it."""


class VirtualSource(msgspec.Struct, frozen=True, kw_only=True, tag="virtual", tag_field="kind"):
    """Cameras that see the synthetic world, rendered by a process of their own."""

    serials: tuple[str, ...] = ("VIRTUAL0", "VIRTUAL1", "VIRTUAL2", "VIRTUAL3")
    """Any names, in the order of the rig's cameras."""
    scene: Literal["hand", "body", "hands", "people", "board"] = "hand"
    """An actor's motion, two that meet (`MEETINGS`), or a calibration board that is waved about."""
    skeleton: str = ""
    """Of the actors, by name or file; empty: hand21 or body17."""
    seed: int = 0
    """Actor, motion and props."""
    rig: str = ""
    """File of the true rig; empty: the one that ships with the virtual site."""
    seconds: float = 6.0
    """Length of the take, which goes forth and back without end."""
    live: bool = False
    """Render every frame when it is exposed, coarsely, rather than once and for all."""
    knock: Knock | None = None


Source = HarvestersSource | ReplaySource | VirtualSource
"""Any of them."""


def backend_of(source: Source) -> CameraBackend:
    """Build the backend; nothing is opened yet. Raises `MissingDependencyError` without its packages."""
    if isinstance(source, ReplaySource):
        from mvmono3d.deploy.cameras.replay import ReplayBackend
        from mvmono3d.deploy.recording.replay import Pace

        return ReplayBackend(
            Path(source.recording),
            serials=source.serials,
            pace=Pace(source.pace),
            speed=source.speed,
            identity=Path(source.identity) if source.identity else None,
        )
    if isinstance(source, VirtualSource):
        from mvmono3d.deploy.cameras.virtual import VirtualBackend

        return VirtualBackend(source)
    try:
        from mvmono3d.deploy.cameras.harvesters import HarvestersBackend
    except ImportError as error:
        raise MissingDependencyError(
            f"live cameras need harvesters and genicam ({error}): pip install 'mvmono3d[rig]'"
        ) from None
    return HarvestersBackend(source.serials, producers=source.producers)
