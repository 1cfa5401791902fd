"""CMU's motion capture → motion.npz for the built-in world: `python …/prepare.py RAW OUT`.

RAW is searched for BVH files, for AMC files with their ASF skeleton, and for a `motion.npz` of joints.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mvmono3d.core.npz import read_npz
from mvmono3d.core.schema import sha256_of_bytes, sha256_of_file
from mvmono3d.errors import IntegrityError, InvalidFileError, MVMono3DError
from mvmono3d.formats.acclaim import read_amc, read_asf
from mvmono3d.formats.bvh import read_bvh
from mvmono3d.formats.motion_capture import MotionCapture
from mvmono3d.formats.raw_dataset import Manifest, read_manifest
from mvmono3d.synthetic.excerpt import sample
from mvmono3d.synthetic.landmarks import CAPTURED, body_landmarks
from mvmono3d.synthetic.motion_file import RecordedMotion, write_motion
from mvmono3d.synthetic.splits import Split

RATE_HZ = 60.0
AMC_RATE_HZ = 120.0
"""AMC files state no rate; nearly all of the database has this one, the rest 60 Hz."""
BVH_UNITS_M = (0.01, 0.0254, 0.0254 / 0.45, 1.0)
"""BVH files state no unit: the one that gives a leg between `LEG_M` is taken."""
LEG_M = (0.65, 1.1)
FASTEST_M_PER_S, STRONGEST_M_PER_S2 = 15.0, 600.0
"""A joint that is faster, or accelerates more, has jumped: the take is cut there, `CUT_S` each way."""
CUT_S = 0.05
SHORTEST_S = 1.0

_SIDES = {"left": ("l", "Left", "L"), "right": ("r", "Right", "R")}
_PARTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "toe")
_NAMES = {
    # The joints of _PARTS, neck and head; {s} is the side as the row's scheme writes it.
    "Poser's BVH": (0, "{s}Shldr {s}ForeArm {s}Hand {s}Thigh {s}Shin {s}Foot {s}Foot_end neck head"),
    "MotionBuilder's BVH": (
        1,
        "{s}Arm {s}ForeArm {s}Hand {s}UpLeg {s}Leg {s}Foot {s}ToeBase Neck Head",
    ),
    "ASF": (0, "{s}clavicle {s}humerus {s}radius {s}hipjoint {s}femur {s}tibia {s}foot thorax upperneck"),
    "motion.npz": (2, "{s}sho {s}elb {s}wri {s}hip {s}kne {s}ank {s}toe neck head"),
}
_HEADS = {"Poser's BVH": "head", "MotionBuilder's BVH": "Head", "ASF": "head"}
_FILE_FROM_BODY = np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
"""Skeletons at rest look along the file's +Z and stand along +Y."""


class Take(NamedTuple):
    """One recording of one person."""

    name: str
    subject: str
    split: Split
    joints: dict[str, np.ndarray]
    head: np.ndarray | None
    rate_hz: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Write OUT/motion.npz; return the exit code."""
    parser = argparse.ArgumentParser(description="Turn motion capture into motion.npz.")
    parser.add_argument("raw", type=Path, metavar="RAW", help="folder with BVH, ASF and AMC files")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write motion.npz to")
    own = Path(__file__).with_name("manifest.yaml")
    parser.add_argument("--manifest", type=Path, default=own, metavar="YAML", help="other people and splits")
    chosen = parser.parse_args(arguments)
    try:
        motion = prepare(chosen.raw, read_manifest(chosen.manifest))
        write_motion(chosen.out / "motion.npz", motion)
    except MVMono3DError as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        return error.exit_code
    for split in Split:
        own = [place for place, each in enumerate(motion.splits) if each == split]
        minutes = motion.take_frames[own].sum() / motion.rate_hz / 60
        people = len({motion.subjects[place] for place in own})
        sys.stdout.write(
            f"{split.name.lower()}: {people} subjects, {len(own)} takes, {minutes:.1f} minutes\n"
        )
    sys.stdout.write(f"wrote {chosen.out / 'motion.npz'}\n")
    return 0


def prepare(raw: Path, manifest: Manifest) -> RecordedMotion:
    """Read all takes of a folder, as landmarks at `RATE_HZ`."""
    if not raw.is_dir():
        raise InvalidFileError(f"no folder {raw}: download the files that card.md names")
    check_known_files(raw, manifest)
    pieces: list[tuple[Take, np.ndarray]] = []
    known: set[str] = set()
    for take in find_takes(raw, manifest):
        # The same take in two forms: the one read first stays, whose head turns on its own.
        if take.name not in known:
            pieces += [(take, points) for points in landmarks(take)]
        known.add(take.name)
    if not pieces:
        raise InvalidFileError(f"{raw}: no motion; expected *.bvh, *.asf with *.amc, or motion.npz")
    return RecordedMotion(
        points_world=np.concatenate([points for _, points in pieces]).astype(np.float32),
        takes=tuple(take.name for take, _ in pieces),
        take_frames=np.array([len(points) for _, points in pieces]),
        subjects=tuple(take.subject for take, _ in pieces),
        splits=tuple(take.split for take, _ in pieces),
        rate_hz=RATE_HZ,
    )


def check_known_files(raw: Path, manifest: Manifest) -> None:
    """Refuse files of the manifest that have another content; others are the user's own."""
    for name, expected in manifest["files"].items():
        if (raw / name).is_file() and sha256_of_file(raw / name) != expected:
            raise IntegrityError(f"{raw / name} is not the file that manifest.yaml lists: another sha256")


def find_takes(raw: Path, manifest: Manifest) -> Iterator[Take]:
    """Yield the takes of all files under a folder, those with joint rotations first."""
    for path in sorted(raw.rglob("*.bvh")):
        check_name(path)
        yield _named_take(path, _read_bvh(path), manifest)
    for path in sorted(raw.rglob("*.amc")):
        check_name(path)
        skeleton = path.with_name(f"{path.stem.split('_')[0]}.asf")
        yield _named_take(path, read_amc(path, read_asf(skeleton), rate_hz=AMC_RATE_HZ), manifest)
    for path in sorted(raw.rglob("motion.npz")):
        yield from _read_joints(path, manifest)


def check_name(path: Path) -> None:
    """Refuse a file whose name does not say whose take it is."""
    person, _, take = path.stem.partition("_")
    if not person.isdigit() or not take:
        raise InvalidFileError(f"whose take is {path}? expected a name such as 07_02: person, take")


def landmarks(take: Take) -> Iterator[np.ndarray]:
    """Yield a take's landmarks at `RATE_HZ`, in pieces without jumps."""
    joints = np.stack(list(take.joints.values()), axis=1)
    for piece in steady(joints, rate_hz=take.rate_hz):
        points = body_landmarks(
            {name: values[piece] for name, values in take.joints.items()},
            rate_hz=take.rate_hz,
            head=None if take.head is None else take.head[piece],
        )
        frames = np.arange(0.0, len(points) - 1 + 1e-6, take.rate_hz / RATE_HZ)
        yield sample(points, frames)


def steady(joints: np.ndarray, *, rate_hz: float) -> Iterator[slice]:
    """Yield the parts of a take in which nothing jumps, at least `SHORTEST_S` long."""
    velocity = np.diff(joints, axis=0) * rate_hz
    speed = np.linalg.norm(velocity, axis=-1).max(axis=1)
    pull = np.linalg.norm(np.diff(velocity, axis=0), axis=-1).max(axis=1) * rate_hz
    near = max(1, round(CUT_S * rate_hz))
    bad = np.zeros(len(joints), dtype=bool)
    jumps = np.flatnonzero(speed > FASTEST_M_PER_S), np.flatnonzero(pull > STRONGEST_M_PER_S2)
    for jump in np.concatenate(jumps).tolist():
        bad[max(0, jump + 1 - near) : jump + 1 + near] = True
    edges = np.flatnonzero(np.diff(np.concatenate(([True], bad, [True])).astype(int)))
    for start, end in edges.reshape(-1, 2).tolist():
        if end - start >= SHORTEST_S * rate_hz:
            yield slice(start, end)


def split_of_subject(subject: str, manifest: Manifest) -> Split:
    """Return a subject's split: the manifest's, or one in ten each for val and test by its name's hash."""
    for entry in manifest["recordings"].values():
        if entry["subject"] == subject:
            return Split[entry["split"].upper()]
    tenth = int(sha256_of_bytes(subject.encode())[:8], 16) % 10
    return {0: Split.VAL, 1: Split.TEST}.get(tenth, Split.TRAIN)


def _named_take(path: Path, capture: MotionCapture, manifest: Manifest) -> Take:
    subject = f"cmu_{int(path.stem.split('_')[0]):02d}"
    points = {name: capture.points_world[:, place] for place, name in enumerate(capture.names)}
    scheme, joints = _body_joints(points, path)
    head = capture.world_from_node[:, capture.index(_HEADS[scheme])] @ _FILE_FROM_BODY
    return Take(path.stem, subject, split_of_subject(subject, manifest), joints, head, capture.rate_hz)


def _read_joints(path: Path, manifest: Manifest) -> Iterator[Take]:
    arrays = read_npz(path, required=("joint_names", "rate_hz"))
    names, rate_hz = [str(name) for name in arrays.pop("joint_names")], float(arrays.pop("rate_hz"))
    for take, points in arrays.items():
        if points.ndim != 3 or any(fnmatch(take, key) for key in manifest.get("damaged", ())):
            continue
        entry = next((entry for key, entry in manifest["recordings"].items() if fnmatch(take, key)), None)
        if entry is None:
            raise InvalidFileError(f"{path}: take {take!r} is none of manifest.yaml's recordings")
        _, joints = _body_joints({name: points[:, place] for place, name in enumerate(names)}, path)
        name = f"{entry['number']}_{take.rsplit('_', 1)[1]}" if "number" in entry else take
        yield Take(name, entry["subject"], Split[entry["split"].upper()], joints, None, rate_hz)


def _read_bvh(path: Path) -> MotionCapture:
    shown = read_bvh(path, metres_per_unit=1.0)
    points = {name: shown.points_world[:, place] for place, name in enumerate(shown.names)}
    _, joints = _body_joints(points, path)
    hip, knee, ankle = (joints[f"left_{name}"][0] for name in ("hip", "knee", "ankle"))
    leg = float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))
    unit = next((unit for unit in BVH_UNITS_M if LEG_M[0] < unit * leg < LEG_M[1]), None)
    if unit is None:
        raise InvalidFileError(f"{path}: legs are {leg:.3g} units long, in no known unit those of a person")
    return replace(shown, points_world=unit * shown.points_world)


def _body_joints(points: dict[str, np.ndarray], path: Path) -> tuple[str, dict[str, np.ndarray]]:
    lacking: dict[str, list[str]] = {}
    for scheme, (column, text) in _NAMES.items():
        *sided, neck, head = text.split()
        names = {"neck": neck, "head": head}
        for side, letters in _SIDES.items():
            filled = (name.format(s=letters[column]) for name in sided)
            names |= {f"{side}_{part}": name for part, name in zip(_PARTS, filled, strict=True)}
        lacking[scheme] = [name for name in names.values() if name not in points]
        if not lacking[scheme]:
            return scheme, {joint: points[names[joint]] for joint in CAPTURED}
    scheme = min(lacking, key=lambda each: len(lacking[each]))
    raise InvalidFileError(
        f"{path}: not a body's joints; with the names of {scheme} it lacks {', '.join(lacking[scheme])}"
    )


if __name__ == "__main__":
    sys.exit(main())
