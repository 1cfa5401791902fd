"""Synthetic rigs: ours beside the peers on the same corners, and what is left at more noise."""

import time

import numpy as np

from mvmono3d.calibration.solution import CalibrationSettings
from mvmono3d.calibration.trusted import judge
from tests.benchmarks.calibration.ask import rigs_of
from tests.benchmarks.calibration.scoring import errors_of, stated_axes_deg
from tests.benchmarks.calibration.worlds import anipose_lenses, full_images, full_lenses

WORLDS = {"middle": full_lenses, "full": full_images, "anipose": anipose_lenses}
TRUE_LENS = {"middle": "pinhole5", "full": "pinhole5", "anipose": "pinhole1"}
OURS, OURS_KNOWN = "ours", "ours, lens known"
CHAINS = {
    "OpenCV chain, k1 k2 p1 p2 k3": {},
    "OpenCV chain, k1 k2": {"coefficients": 2},
    "OpenCV chain, k1, one focal length, centre held": {
        "coefficients": 1,
        "centred": True,
        "square_pixels": True,
    },
}
MULTIVIEW = {"OpenCV calibrateMultiview": {"multiview": True}}
ANIPOSE = {
    "aniposelib, as anipose calls it": {},
    "aniposelib, to the end": {"to_the_end": True},
    "aniposelib, k2 too, from OpenCV's lenses, to the end": {
        "start": "opencv",
        "extra_dist": True,
        "to_the_end": True,
    },
    "aniposelib, OpenCV's lenses held, to the end": {
        "start": "opencv",
        "only_extrinsics": True,
        "to_the_end": True,
    },
}


def compare(world, seed, *, poses, noise_px, peers=True):
    """Return method → errors and times of one rig."""
    scene = WORLDS[world](seed, poses=poses, noise_px=noise_px)
    found = {OURS: _ours(scene, CalibrationSettings())}
    if not peers:
        return found
    found[OURS_KNOWN] = _ours(scene, CalibrationSettings(models=(TRUE_LENS[world],)))
    for peer, settings in (("OpenCV", CHAINS | MULTIVIEW), ("aniposelib", ANIPOSE)):
        for label, rig in rigs_of(peer, scene.boards(), settings).items():
            found[label] = _errors(scene, rig.lens, rig.camera_from_world, cpu_s=float(rig.cpu_s))
    return found


def _ours(scene, settings):
    """Do what the verb does with corners: check, choose lenses, solve, hold out, state covariances."""
    begin = time.process_time()
    found = judge(scene.sightings, settings=settings)
    spent = time.process_time() - begin
    if found.calibration is None:
        raise RuntimeError(f"refused: {found.findings[0].message}")
    calibration = found.calibration
    rig = calibration.rig
    stated = {"stated_axes_deg": stated_axes_deg(calibration), "accepted": found.accepted}
    return _errors(scene, rig.camera.lens, rig.camera_from_world, cpu_s=spent) | stated


def _errors(scene, lens, camera_from_world, *, cpu_s):
    found = errors_of(scene, np.asarray(lens), np.asarray(camera_from_world))
    return {name: float(value) for name, value in vars(found).items()} | {"cpu_s": cpu_s}
