"""The joints of a recording as a motion file."""

from pathlib import Path

import numpy as np

from mvmono3d.deploy.recording.reader import Recording
from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.trc import Markers, write_trc


def write_joints(recording: Recording, path: Path) -> int:
    """Write the joints that were recorded beside the frames as TRC; returns the number of answers.

    Raises `InvalidFileError` where there are none, or not always the same joints.
    """
    answers = sorted(recording.joints(), key=lambda answer: answer.time_ns)
    names = {answer.joints for answer in answers}
    if len(names) != 1:
        found = "no joints" if not answers else f"joints of {len(names)} skeletons"
        raise InvalidFileError(
            f"{recording.folder} holds {found}, expected those of one skeleton; joints are recorded where "
            "the live loop runs beside the recorder"
        )
    time_s = (np.array([answer.time_ns for answer in answers]) - answers[0].time_ns) * 1e-9
    step = float(np.median(np.diff(time_s))) if len(answers) > 1 else 1.0
    present = np.stack([answer.present for answer in answers])
    points = np.stack([answer.points_world for answer in answers])
    markers = Markers(
        names=answers[0].joints,
        points_world=np.where(present[:, :, None], points, 0.0),
        present=present,
        time_s=time_s,
        rate_hz=round(1.0 / step, 6),
    )
    write_trc(path, markers)
    return len(answers)
