"""Takes to publish without a loop: a file, or a hand of the built-in world."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from mvmono3d.core.rig import Rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.trajectory import Reconstruction
from mvmono3d.deploy.reconstruct import reconstruct_with_bundle
from mvmono3d.deploy.released import released_bundle
from mvmono3d.deploy.server.replay import read_take
from mvmono3d.errors import ConfigurationError, InvalidFileError
from mvmono3d.formats.any_rig import read_any_rig
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.splits import Split, clip_seeds
from mvmono3d.synthetic.world import make_clip

_SKELETON = "hand21"


class Take(NamedTuple):
    """What a demonstration publishes."""

    reconstruction: Reconstruction
    skeleton: Skeleton
    rig: Rig


def demo_take(*, frames: int = 600, number: int = 0) -> Take:
    """Make a clip of the test split and reconstruct it; raises `InvalidFileError` without the bundle."""
    settings = replace(preset("realistic", skeleton=_SKELETON), frames=frames)
    seeds = next(clip_seeds(Split.TEST, 1, first=number))
    clip = make_clip(settings, seed=seeds.seed, subject=seeds.subject, rig_seed=seeds.rig_seed)
    bundle = released_bundle(clip.skeleton)
    if bundle is None:
        raise InvalidFileError(f"no released bundle of {_SKELETON}: the demonstration needs one")
    reconstruction = reconstruct_with_bundle(bundle, clip.observations, rig=clip.rig, skeleton=clip.skeleton)
    return Take(reconstruction, clip.skeleton, clip.rig)


def replayed_take(path: Path | None, rig: Path | None, skeleton: str | None) -> Take:
    """Read a reconstruction and its rig; raises `ConfigurationError` without a rig."""
    if path is None or rig is None:
        raise ConfigurationError("--replay needs the take's calibration: --rig rig.toml")
    reconstruction, found = read_take(path, skeleton)
    return Take(reconstruction, found, read_any_rig(rig))
