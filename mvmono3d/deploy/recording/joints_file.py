"""The joints of a recording as a motion file."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from mvmono3d.deploy.recording.messages import JointsMessage
from mvmono3d.deploy.recording.reader import Recording
from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.trc import Markers, write_trc


class Written(NamedTuple):
    """What was written."""

    answers: int
    files: tuple[Path, ...]


def write_joints(recording: Recording, path: Path) -> Written:
    """Write the joints that were recorded beside the frames as TRC.

    Several actors make several files with one clock: PATH with `_actorN` before its ending.

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
    actors, files = sorted({answer.actor for answer in answers}), []
    for actor in actors:
        files.append(path if len(actors) == 1 else path.with_stem(f"{path.stem}_actor{actor}"))
        own = [answer for answer in answers if answer.actor == actor]
        _write(own, files[-1], begun_ns=answers[0].time_ns)
    return Written(len(answers), tuple(files))


def _write(answers: list[JointsMessage], path: Path, *, begun_ns: int) -> None:
    time_s = (np.array([answer.time_ns for answer in answers]) - begun_ns) * 1e-9
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
