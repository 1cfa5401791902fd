"""A person as motion capture sees one: joints of the body that moves by rules, and a motion file of it."""

import numpy as np

from mvmono3d.synthetic.body import BODY_JOINTS, body_model
from mvmono3d.synthetic.body_motion import move_body
from mvmono3d.synthetic.landmarks import CAPTURED
from mvmono3d.synthetic.motion_file import RecordedMotion, write_motion
from mvmono3d.synthetic.splits import Split


def moving_body(*, seed=0, subject=0, seconds=6.0, rate_hz=60.0):
    """Return the model, its landmarks over time and the rotations of its nodes."""
    model = body_model(subject)
    poses = move_body(model, np.arange(round(seconds * rate_hz)) / rate_hz, seed=seed)
    return model, poses.points_world[:, model.indices(BODY_JOINTS)], poses


def as_captured(landmarks):
    """Return the joints that a mocap skeleton would have."""
    names = {name: name.replace("toe", "big_toe").replace("head", "upper_neck") for name in CAPTURED}
    return {name: landmarks[:, BODY_JOINTS.index(landmark)] for name, landmark in names.items()}


def write_made_motion(path, *, seconds=6.0, rate_hz=60.0):
    """Write a motion file of six made people, two per split."""
    takes = [moving_body(seed=s, subject=s, seconds=seconds + s, rate_hz=rate_hz)[1] for s in range(6)]
    motion = RecordedMotion(
        points_world=np.concatenate(takes).astype(np.float32),
        takes=tuple(f"take {person}" for person in range(6)),
        take_frames=np.array([len(take) for take in takes]),
        subjects=tuple(f"person {person}" for person in range(6)),
        splits=tuple(Split(person % 3) for person in range(6)),
        rate_hz=rate_hz,
    )
    write_motion(path, motion)
    return motion
