"""DeepLabCut's CSV, which anipose writes too: one file per camera, `bodyparts` × x, y, likelihood.

The header rows are scorer, (individuals,) bodyparts, coords; the first column is the frame number.
"""

import csv
from pathlib import Path

import numpy as np

from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.view_track import ViewTrack, make_view_track

_COORDINATES = ("x", "y", "likelihood")


def read_deeplabcut(path: Path, *, person: int | None = None) -> tuple[ViewTrack, tuple[str, ...]]:
    """Return one camera's track with its joint names; several animals need `person`, counted from 0."""
    header, rows = _read(path)
    columns = _columns_of(header, person, path)
    joints = tuple(columns)
    values = np.full((len(rows), len(joints), 3), np.nan)
    for index, row in enumerate(rows):
        for joint, places in enumerate(columns.values()):
            values[index, joint] = [_number(row, place, path, index) for place in places]
    frames = np.array([_frame(row[0], index) for index, row in enumerate(rows)], dtype=np.int64)
    if len(np.unique(frames)) != len(frames):
        raise InvalidFileError(f"{path}: frame numbers repeat in the first column")
    return make_view_track(frames, values, where=str(path), joints=joints), joints


def count_deeplabcut(path: Path) -> int:
    """Return how many animals a file holds."""
    header, _ = _read(path)
    return len(_animals_of(header))


def _read(path: Path) -> tuple[dict[str, list[str]], list[list[str]]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidFileError(f"{path} is not a readable CSV file: {error}") from None
    names = ("scorer", "individuals", "bodyparts", "coords")
    header: dict[str, list[str]] = {}
    for line in lines[:4]:
        if line[0] not in names:
            break
        header[line[0]] = line
    if "bodyparts" not in header or "coords" not in header:
        raise InvalidFileError(
            f"{path}: the first rows are not scorer, bodyparts, coords: expected DeepLabCut's CSV"
        )
    return header, lines[len(header) :]


def _columns_of(header: dict[str, list[str]], person: int | None, path: Path) -> dict[str, list[int]]:
    individuals, animals = _individuals_of(header), _animals_of(header)
    if person is None and len(animals) > 1:
        raise InvalidFileError(f"{path} holds {', '.join(animals)}: say --person N (0 to {len(animals) - 1})")
    if not 0 <= (person or 0) < len(animals):
        raise InvalidFileError(f"{path}: no individual {person}; it holds {len(animals)}, counted from 0")
    animal, columns = animals[person or 0], {}
    triples = zip(individuals, header["bodyparts"], header["coords"], strict=True)
    for place, (owner, joint, coordinate) in enumerate(triples):
        if place > 0 and owner == animal and coordinate in _COORDINATES:
            columns.setdefault(joint, {})[coordinate] = place
    for joint, places in columns.items():
        if len(places) != 3:
            raise InvalidFileError(
                f"{path}: joint {joint!r} has {', '.join(places)}; expected x, y, likelihood"
            )
    return {joint: [places[name] for name in _COORDINATES] for joint, places in columns.items()}


def _individuals_of(header: dict[str, list[str]]) -> list[str]:
    return header.get("individuals", ["individuals"] + ["one"] * (len(header["bodyparts"]) - 1))


def _animals_of(header: dict[str, list[str]]) -> list[str]:
    return list(dict.fromkeys(_individuals_of(header)[1:]))


def _number(row: list[str], place: int, path: Path, index: int) -> float:
    text = row[place] if place < len(row) else ""
    try:
        return float(text) if text else np.nan
    except ValueError:
        raise InvalidFileError(f"{path}: {text!r} in data row {index}, expected a number") from None


def _frame(text: str, index: int) -> int:
    # Labelled data has image paths in this column; their order is then the frame number.
    return int(text) if text.isdigit() else index
