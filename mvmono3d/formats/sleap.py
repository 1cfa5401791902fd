"""SLEAP's analysis HDF5: one file per camera, `tracks` (track, xy, node, frame) in pixels.

NaN means that a node was not seen. https://sleap.ai/learnings/export-analysis.html
"""

from pathlib import Path

import h5py
import numpy as np

from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.view_track import ViewTrack, make_view_track


def read_sleap(path: Path, *, person: int | None = None) -> tuple[ViewTrack, tuple[str, ...]]:
    """Return one camera's track with its joint names.

    Several animals need `person`, their place on the track axis. Points without a score (labels made by
    hand) have confidence 1.
    """
    try:
        with h5py.File(path) as file:
            missing = [name for name in ("tracks", "node_names") if name not in file]
            if missing:
                _refuse_other_contents(path, file, missing)
            tracks = np.asarray(file["tracks"], dtype=np.float64)
            joints = tuple(name.decode() for name in np.asarray(file["node_names"]).tolist())
            scores = np.asarray(file["point_scores"], dtype=np.float64) if "point_scores" in file else None
    except OSError as error:
        raise InvalidFileError(f"{path} is not a readable HDF5 file: {error}") from None
    if tracks.ndim != 4 or tracks.shape[1:3] != (2, len(joints)):
        raise InvalidFileError(
            f"{path}: tracks {tracks.shape}, expected (track, 2, {len(joints)} nodes, frame)"
        )
    animal = _choose(person, len(tracks), path)
    pixels = tracks[animal].transpose(2, 1, 0)
    confidence = _confidence(pixels, None if scores is None else scores[animal].T, path)
    values = np.concatenate([pixels, confidence[..., None]], axis=-1)
    return make_view_track(np.arange(len(pixels)), values, where=str(path), joints=joints), joints


def count_sleap(path: Path) -> int:
    """Return how many animals a file holds."""
    try:
        with h5py.File(path) as file:
            if "tracks" not in file:
                _refuse_other_contents(path, file, ["tracks"])
            return len(np.asarray(file["tracks"]))
    except OSError as error:
        raise InvalidFileError(f"{path} is not a readable HDF5 file: {error}") from None


def _refuse_other_contents(path: Path, file: h5py.File, missing: list[str]) -> None:
    if "df_with_missing" in file or "keypoints" in file:
        raise InvalidFileError(
            f"{path} is a pandas HDF5 file of DeepLabCut, which needs pytables: "
            "write CSV instead (deeplabcut: save_as_csv=True, or pandas.read_hdf(...).to_csv(...))"
        )
    raise InvalidFileError(
        f"{path}: no {' and no '.join(missing)}; expected a SLEAP analysis file, got {', '.join(file)}"
    )


def _choose(person: int | None, count: int, path: Path) -> int:
    if person is None and count > 1:
        raise InvalidFileError(f"{path} holds {count} tracks: say --person N (0 to {count - 1})")
    if not 0 <= (person or 0) < count:
        raise InvalidFileError(f"{path}: no track {person}; it holds {count}, counted from 0")
    return person or 0


def _confidence(pixels: np.ndarray, scores: np.ndarray | None, path: Path) -> np.ndarray:
    seen = np.asarray(np.isfinite(pixels).all(axis=-1))
    if scores is None:
        return seen.astype(np.float64)
    if scores.shape != seen.shape:
        raise InvalidFileError(f"{path}: point_scores {scores.T.shape}, expected {seen.T.shape} as in tracks")
    by_hand = seen & (np.isnan(scores) | (scores == 0))
    return np.asarray(np.where(by_hand, 1.0, np.where(seen, scores, 0.0)))
