"""Reconstruction `.npz`: 3D joints with covariance, source and the evidence behind them.

Arrays: points_world (T,K,3) m, covariance_world (T,K,3,3) m², source (T,K), decided_by (T,K),
reason (T,K), weights (T,V,K), occlusion (T,V,K,4), reprojection_px (T,V,K), time_ns (T,), joints (K,),
skeleton ().
"""

from dataclasses import fields
from pathlib import Path

import numpy as np

from mvmono3d.core.npz import read_npz, write_npz
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.trajectory import Reconstruction, Trajectory
from mvmono3d.errors import InvalidFileError

_TRAJECTORY = tuple(field.name for field in fields(Trajectory))
_EVIDENCE = tuple(field.name for field in fields(Reconstruction) if field.name != "trajectory")


def write_reconstruction(path: Path, reconstruction: Reconstruction, skeleton: Skeleton) -> None:
    """Write a reconstruction; `read_reconstruction` gives the same back."""
    arrays = {name: np.asarray(getattr(reconstruction.trajectory, name)) for name in _TRAJECTORY}
    arrays |= {name: np.asarray(getattr(reconstruction, name)) for name in _EVIDENCE}
    write_npz(path, arrays | _names(skeleton))


def read_reconstruction(path: Path, skeleton: Skeleton) -> Reconstruction:
    """Read a reconstruction of that skeleton."""
    arrays = read_npz(path, required=(*_TRAJECTORY, *_EVIDENCE, "joints"))
    _check_joints(arrays, skeleton, path)
    return Reconstruction(
        trajectory=Trajectory(**{name: arrays[name] for name in _TRAJECTORY}),
        **{name: arrays[name] for name in _EVIDENCE},
    )


def write_trajectory(path: Path, trajectory: Trajectory, skeleton: Skeleton) -> None:
    """Write 3D joints alone (truth of a clip, say)."""
    arrays = {name: np.asarray(getattr(trajectory, name)) for name in _TRAJECTORY}
    write_npz(path, arrays | _names(skeleton))


def read_trajectory(path: Path, skeleton: Skeleton) -> Trajectory:
    """Read the 3D joints of a trajectory or reconstruction file."""
    arrays = read_npz(path, required=(*_TRAJECTORY, "joints"))
    _check_joints(arrays, skeleton, path)
    return Trajectory(**{name: arrays[name] for name in _TRAJECTORY})


def _names(skeleton: Skeleton) -> dict[str, np.ndarray]:
    return {"joints": np.array(skeleton.joints), "skeleton": np.array(skeleton.name)}


def _check_joints(arrays: dict[str, np.ndarray], skeleton: Skeleton, path: Path) -> None:
    joints = tuple(str(name) for name in arrays["joints"])
    if joints != skeleton.joints:
        raise InvalidFileError(
            f"{path}: {len(joints)} joints of skeleton {str(arrays.get('skeleton', '?'))!r}, "
            f"expected the {len(skeleton.joints)} joints of {skeleton.name!r}"
        )
