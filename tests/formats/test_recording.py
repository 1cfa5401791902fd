from dataclasses import replace

import numpy as np
import pytest

from mvmono3d.core.detections_file import Detections, write_detections
from mvmono3d.core.rig_file import write_rig
from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.any_rig import write_anipose
from mvmono3d.formats.kalibr import write_kalibr
from mvmono3d.formats.recording import read_plausible_rig, read_recording
from mvmono3d.geometry.rigid import compose, invert
from tests.recordings import recording, ring

HOW = {"skeleton": None, "person": None, "rate_hz": 60.0}


def from_first_camera(rig):
    """Kalibr's world is the first camera."""
    return compose(rig.camera_from_world, invert(rig.camera_from_world[0]))


@pytest.mark.parametrize(
    ("name", "write", "units"),
    [
        ("rig.toml", write_rig, "m"),
        ("anipose.toml", write_anipose, "mm"),
        ("camchain.yaml", write_kalibr, "m"),
    ],
)
def test_a_rig_of_any_program_reads_the_same_recording(tmp_path, name, write, units):
    made = recording(frames=3)
    write(tmp_path / name, made.rig)
    file = tmp_path / "detections.npz"
    write_detections(
        file,
        Detections(
            observations=made.observations,
            views=made.rig.names,
            joints=made.skeleton.joints,
            skeleton=made.skeleton.name,
        ),
    )
    found = read_recording(file, read_plausible_rig(tmp_path / name, units=units), **HOW)
    np.testing.assert_allclose(from_first_camera(found.rig), from_first_camera(made.rig), atol=1e-9)
    np.testing.assert_allclose(found.detections.observations.pixels, made.observations.pixels)
    assert found.skeleton == made.skeleton


def test_a_recording_where_nothing_was_detected_is_refused(tmp_path):
    made = recording(frames=3)
    nothing = replace(made.observations, detected=np.zeros_like(made.observations.detected))
    file = tmp_path / "detections.npz"
    write_detections(
        file,
        Detections(
            observations=nothing, views=made.rig.names, joints=made.skeleton.joints, skeleton="body17"
        ),
    )
    with pytest.raises(InvalidFileError, match=r"the recording is empty \(nothing detected\)"):
        read_recording(file, ring(), **HOW)


def test_a_rig_in_the_wrong_unit_is_refused(tmp_path):
    write_anipose(tmp_path / "rig.toml", ring())
    with pytest.raises(InvalidFileError, match="say --units mm"):
        read_plausible_rig(tmp_path / "rig.toml", units="m")
