"""What is true of the virtual rig's frames, for scoring: read from its rendered take, not rendered."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from mvmono3d.core.array import Array
from mvmono3d.core.npz import read_npz
from mvmono3d.core.record import Record
from mvmono3d.core.resources import resource_folder
from mvmono3d.core.rig_file import read_rig
from mvmono3d.core.schema import sha256_of_bytes, sha256_of_file
from mvmono3d.deploy.cameras.sources import MEETINGS, VirtualSource
from mvmono3d.deploy.cameras.virtual_knock import knocked_pixels, knocked_state
from mvmono3d.deploy.cameras.virtual_orders import take_index
from mvmono3d.synthetic import render

ARRAYS = ("points_world", "pixels", "state", "smear_px")
OTHERS_FILE = "others.npz"
"""Beside a take of a meeting: the same arrays of the other actors, with a first axis of actors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualTruth(Record):
    """The actor, or the board's corners, over a take; at the middle of each exposure."""

    points_world: Float[Array, "frame joint 3"]
    pixels: Float[Array, "frame view joint 2"]
    state: Int[Array, "frame view joint"]
    """`OcclusionState`."""
    smear_px: Float[Array, "frame view joint"]
    """How far each joint moved while the shutter was open."""
    knocked_from: int | None = None
    """Number of the first camera frame after a knock; the second half of the rows is what is seen then."""

    def frame(self, frame_id: int) -> int:
        """Return the row that holds what a camera's frame shows."""
        rows = len(self.points_world)
        if self.knocked_from is None:
            return take_index(frame_id, rows)
        taken = rows // 2
        return take_index(frame_id, taken) + (taken if frame_id >= self.knocked_from else 0)


def read_virtual_truth(source: VirtualSource, *, rate_hz: float, exposure_ns: int) -> VirtualTruth:
    """Return the truth of what `VirtualBackend` shows at that rate and first exposure.

    Raises `InvalidFileError` where that take was never rendered, which starting the backend does.
    """
    folder = take_folder(source, rate_hz=rate_hz, exposure_ns=exposure_ns)
    arrays = read_npz(folder / "index.npz", required=ARRAYS)
    return _after_knock(_truth_of(*(arrays[name] for name in ARRAYS)), source)


def read_other_truths(source: VirtualSource, *, rate_hz: float, exposure_ns: int) -> tuple[VirtualTruth, ...]:
    """Return the truth of the actors beside the first one; none in a scene of one."""
    if source.scene not in MEETINGS:
        return ()
    folder = take_folder(source, rate_hz=rate_hz, exposure_ns=exposure_ns)
    arrays = read_npz(folder / OTHERS_FILE, required=ARRAYS)
    actors = range(len(arrays["points_world"]))
    truths = [_truth_of(*(arrays[name][actor] for name in ARRAYS)) for actor in actors]
    return tuple(_after_knock(truth, source) for truth in truths)


def _truth_of(points_world: Array, pixels: Array, state: Array, smear_px: Array) -> VirtualTruth:
    return VirtualTruth(points_world=points_world, pixels=pixels, state=state, smear_px=smear_px)


def _after_knock(truth: VirtualTruth, source: VirtualSource) -> VirtualTruth:
    """Return the truth before and after the source's knock, where it has one."""
    knock = source.knock
    if knock is None:
        return truth
    rig, pixels, state = read_rig(rig_path(source)), np.array(truth.pixels), np.array(truth.state)
    pixels[:, knock.camera] = knocked_pixels(pixels[:, knock.camera], rig, knock)
    state[:, knock.camera] = knocked_state(state[:, knock.camera], pixels[:, knock.camera], rig, knock)
    after = replace(truth, pixels=pixels, state=state)
    return replace(VirtualTruth.concatenate([truth, after]), knocked_from=knock.frame)


def take_folder(source: VirtualSource, *, rate_hz: float, exposure_ns: int) -> Path:
    """Return where the take of a source is kept: another rig, scene or renderer is another folder."""
    code = sorted(Path(str(render.__file__)).parent.glob("*.py"))
    name = "virtual_meeting.py" if source.scene in MEETINGS else "virtual_scene.py"
    scene = Path(__file__).with_name(name)
    values = (source.scene, source.skeleton, source.seed, source.seconds, rate_hz, exposure_ns)
    sums = [sha256_of_file(path) for path in (*code, scene)]
    key = sha256_of_bytes(
        *(repr(value).encode() for value in (*values, read_rig(rig_path(source)).hash, *sums))
    )
    return take_cache() / key[:20]


def take_cache() -> Path:
    """Return the folder of rendered takes; it may be deleted at any time when no rig runs."""
    root = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    return root / "mvmono3d" / "virtual"


def rig_path(source: VirtualSource) -> Path:
    """Return the file of the true rig."""
    return Path(source.rig) if source.rig else resource_folder("deploy", "sites", "virtual") / "rig.toml"
