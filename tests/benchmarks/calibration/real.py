"""Real boards: a mouse's four cameras, two sessions of four webcams, and rigs that others published."""

import contextlib
import io
import os
import time
import tomllib
from pathlib import Path

import cv2
import numpy as np

from mvmono3d.calibration.board_file import read_board
from mvmono3d.calibration.calibrate import calibrate
from mvmono3d.calibration.inputs import gather_sequence, gather_sightings, look_into, thin
from mvmono3d.calibration.solution import CalibrationSettings
from mvmono3d.calibration.time_offsets import board_motion, of_labels
from mvmono3d.calibration.trusted import judge, judge_synchronised
from mvmono3d.cli import main
from mvmono3d.core.rig_file import read_rig
from tests.benchmarks.calibration.exchange import lens_of
from tests.benchmarks.calibration.geometry import board_errors_m, pair_errors_m, seen_again
from tests.benchmarks.peers.bench import real_folder

SESSIONS = ("4_cam_recording", "post_optimization")
_GOOD, _DEMO = "mouse_4mono/calibration_4cam_fd57457.toml", "pose2sim_demo/S00_P00_SingleParticipant"
PUBLISHED = {
    "mouse_4mono, by joints": (_GOOD, "mm", ("--detections", "@mouse_4mono")),
    "mouse_4mono, by boards": (
        _GOOD, "mm", ("--boards", "@mouse_4mono", "--board", "@mouse_4mono/board.toml"),
    ),
    "pose2sim_demo, by joints": (
        "pose2sim_demo/S00_Calibration/Calib_qualisys.toml", "m",
        ("--skeleton", "body25b", "--detections", f"@{_DEMO}/S00_P00_T01_BalancingTrial/pose-associated"),
    ),
}  # fmt: skip
"""Good rigs: file, its units, and evidence; @ is the folder of recordings."""
BROKEN = "mouse_4mono/calibration_HEAD_side_is_wrong.toml"
_PROCESSES = 2


def root():
    return real_folder().parent


def _solve_cpu_s(sightings):
    """Return the CPU time of a solve, the median of five: lenses chosen, all adjusted, little reported."""
    spent = []
    for _ in range(5):
        begin = time.process_time()
        calibrate(sightings, settings=CalibrationSettings(folds=2, grid_steps=2))
        spent.append(time.process_time() - begin)
    return float(np.median(spent))


def mouse():
    """Return errors at boards left out, beside those of the shipped rig, and what it takes."""
    folder = root() / "mouse_4mono"
    begin, spent = time.perf_counter(), _cpu_s()
    sightings = gather_sightings(folder, read_board(folder / "board.toml"), processes=_PROCESSES)
    found = judge(sightings).calibration
    if found is None:
        raise RuntimeError(f"{folder}: no rig")
    wall, spent = time.perf_counter() - begin, _cpu_s() - spent
    held = found.held_out
    length = np.linalg.norm(held.residual_px, axis=-1)
    shipped = read_rig(folder / "calibration_4cam_fd57457.toml", units="mm").select(sightings.cameras)
    theirs, theirs_px = board_errors_m(sightings, shipped.camera.lens, shipped.camera_from_world)
    ours = {
        "corner_mm": 1e3 * float(held.error_m[held.triangulated].mean()),
        "mean_px": float(length.mean()),
        "rms_px": float(np.sqrt(np.mean(length**2))),
        "wall_s": wall,
        "cpu_s": spent,
        "solve_cpu_s": _solve_cpu_s(sightings),
        "load": os.getloadavg()[0],
        "lenses": " ".join(found.lens_evidence.chosen),
    }
    mean, rms = float(theirs_px.mean()), float(np.sqrt(np.mean(theirs_px**2)))
    return {
        "ours": ours,
        "shipped": {"corner_mm": 1e3 * float(theirs.mean()), "mean_px": mean, "rms_px": rms},
    }


def _cpu_s():
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def webcams(session):
    """Return errors of distances on the board, offsets taken out, beside those of the shipped rig."""
    folder = root() / "caliscope_charuco4cam" / session
    sequence = gather_sequence(
        look_into(folder / "calibration" / "extrinsic"),
        read_board(folder / "charuco.toml"),
        processes=_PROCESSES,
    )
    kept = thin(sequence, most=80)
    motion = of_labels(board_motion(sequence), sequence, kept.labels)
    found, moved = judge_synchronised(kept, motion=motion)
    methods = {}
    for name, pixels in (("shipped", kept), ("shipped, offsets taken out", moved)):
        methods[name] = _distances(pixels, *_shipped(folder / "camera_array.toml"))
    if found.calibration is not None:
        rig = found.calibration.rig
        methods["ours"] = _distances(moved, rig.camera.lens, rig.camera_from_world)
        judged = found.calibration.held_out
        methods["ours"]["corner_mm"] = 1e3 * float(judged.error_m[judged.triangulated].mean())
    methods.setdefault("ours", {})
    methods["ours"] |= {"accepted": found.accepted, "poses": len(kept.labels)}
    if found.offsets is not None:
        methods["ours"] |= _offsets(found.offsets, sequence.cameras)
    return methods


def _distances(sightings, lens, camera_from_world):
    error = np.abs(pair_errors_m(sightings, lens, camera_from_world))
    _, two = seen_again(sightings, lens, camera_from_world)
    return {"pair_mm": 1e3 * float(np.median(error)), "corners": int(two.sum()), "pairs": len(error)}


def _offsets(offsets, cameras):
    unit = 1e3 if offsets.unit == "s" else 1.0
    words = {"offset_unit": "ms" if offsets.unit == "s" else offsets.unit}
    for name, judged, offset, sigma in zip(
        cameras, offsets.judged, offsets.offset, offsets.sigma, strict=True
    ):
        if judged:
            words[f"offset of {name}"] = unit * float(offset)
            words[f"sigma of {name}"] = unit * float(sigma)
    return words


def _shipped(path):
    """Read caliscope's camera array: lens (view 10) and camera_from_world (view 3 4)."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))["cameras"]
    lens, poses = [], []
    for number in sorted(content, key=int):
        one = content[number]
        lens.append(lens_of(np.array(one["matrix"]), np.array(one["distortions"])))
        turn = np.array(one["rotation"], dtype=float)
        turn = turn if turn.size == 9 else cv2.Rodrigues(turn)[0]
        poses.append(np.concatenate([turn.reshape(3, 3), np.reshape(one["translation"], (3, 1))], axis=1))
    return np.stack(lens), np.stack(poses)


def published(name):
    """Say whether `check-rig` trusts a rig with that evidence."""
    rig, units, evidence = PUBLISHED[name]
    return {"ours": {"trusted": _check(rig, units, evidence)[0] == 0}}


def broken():
    """Say whether `check-rig` refuses the copied camera, by joints and by boards, and names both."""
    found = {}
    for name in ("mouse_4mono, by joints", "mouse_4mono, by boards"):
        _, units, evidence = PUBLISHED[name]
        code, said = _check(BROKEN, units, evidence)
        named = "cameras 'side' and 'top' have the same pose" in said
        found[name] = {"refused": code == 1, "named": named, "moved": "camera 'side'" in said}
    return found


def _check(rig, units, evidence):
    given = [str(root() / each[1:]) if each.startswith("@") else each for each in evidence]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = main(["check-rig", str(root() / rig), "--units", units, *given])
    return code, said.getvalue()


def is_there(name):
    return Path(root() / name).is_dir()
