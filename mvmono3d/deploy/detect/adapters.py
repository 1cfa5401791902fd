"""Somebody else's network as a detector: a folder with it and `detector.toml`, which says what it is."""

from pathlib import Path
from typing import Literal

import msgspec

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton, skeleton_names
from mvmono3d.deploy.detect.protocol import Detector
from mvmono3d.deploy.engines.onnxruntime import PROVIDERS
from mvmono3d.errors import InvalidFileError, unknown_name

ADAPTER_FILE = "detector.toml"
Kind = Literal["simcc", "heatmap", "mediapipe"]


class AdapterSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `detector.toml` says."""

    kind: Kind
    """simcc: RTMPose and its kin. heatmap: one map per joint. mediapipe: a task file, by that package."""
    model: str
    """File beside `detector.toml`."""
    skeleton: str
    """Name of a skeleton, or a YAML file beside it."""
    joints: tuple[str, ...] = ()
    """Names in the network's order; the skeleton's where empty. Further ones of the network are left out."""
    sigma_share: float = 0.015
    """Standard deviation of a joint's place that has confidence 1, as a share of the crop's side."""
    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    """Of red, green and blue, 0 to 255; what RTMPose and MMPose train with."""
    deviation: tuple[float, float, float] = (58.395, 57.12, 57.375)
    split_ratio: float = 2.0
    """simcc: bins per pixel."""


def open_adapter(folder: Path, *, threads: int, engine: str) -> Detector:
    """Open a network by its `detector.toml`.

    Raises `InvalidFileError` for a file that is not one, or names joints that the skeleton lacks.
    """
    settings = _read(folder / ADAPTER_FILE)
    skeleton = _skeleton(settings.skeleton, folder)
    order = _order(settings, skeleton, folder / ADAPTER_FILE)
    path = folder / settings.model
    if not path.is_file():
        raise InvalidFileError(f"{folder / ADAPTER_FILE}: no file {settings.model!r} beside it")
    if settings.kind == "mediapipe":
        from mvmono3d.deploy.detect.mediapipe import MediaPipeDetector

        return MediaPipeDetector(path, skeleton, order=order, sigma_share=settings.sigma_share)
    if engine not in PROVIDERS:
        raise unknown_name("engine", engine, PROVIDERS, where="a detector's settings")
    from mvmono3d.deploy.detect.simcc import OnnxDetector

    return OnnxDetector(path, skeleton, order=order, settings=settings, threads=threads, engine=engine)


def _read(path: Path) -> AdapterSettings:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=AdapterSettings)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"{path}: {error}") from None


def _skeleton(name: str, folder: Path) -> Skeleton:
    return load_skeleton(name if name in skeleton_names() else folder / name)


def _order(settings: AdapterSettings, skeleton: Skeleton, where: Path) -> tuple[int, ...]:
    """Return which of the network's joints each joint of the skeleton is."""
    given = settings.joints or skeleton.joints
    missing = [joint for joint in skeleton.joints if joint not in given]
    if missing:
        raise InvalidFileError(
            f"{where}: the network has no joint {', '.join(missing[:3])} of skeleton {skeleton.name!r}; "
            "name its joints in its own order, as the skeleton names them, or choose a skeleton that fits"
        )
    return tuple(given.index(joint) for joint in skeleton.joints)
