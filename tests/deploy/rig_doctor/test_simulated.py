"""`mvmono3d doctor --rig` before simulated cameras: green when all is well, red with the cause when not.

Each rig is a process of its own, since a process can load the simulated producer only once.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mvmono3d.deploy.cameras.producer import producer
from mvmono3d.errors import MissingDependencyError

pytestmark = pytest.mark.timeout(300)
NAMES = ("front", "left", "right", "top")
SERIALS = ("A1", "A2", "A3", "A4")


@pytest.fixture(scope="module", autouse=True)
def _built():
    pytest.importorskip("harvesters", reason="the extra `rig` is not installed")
    try:
        producer()
    except MissingDependencyError as error:
        pytest.skip(str(error))


def doctor(
    folder: Path, *rig: str, cameras=SERIALS, rate_hz: float = 60.0, program=("-m", "mvmono3d.cli"), **tables
) -> tuple[int, dict[str, str]]:
    """Examine a simulated rig; returns exit code, and each line's mark, state and remedy by its subject."""
    folder.mkdir(exist_ok=True)
    content = {
        "schema": 1,
        "name": "simulated",
        "backend": {"kind": "harvesters", "producers": ["simulated"]},
        "cameras": [{"name": name, "serial": serial} for name, serial in zip(NAMES, cameras, strict=True)],
        "image": {"region": {"width_px": 320, "height_px": 200}},
        "trigger": {"rate_hz": rate_hz},
        "recorder": {"stop_below_gb": 0.0},
    }
    (folder / "site.yaml").write_text(json.dumps(content | tables))
    (folder / "rig.txt").write_text(
        "\n".join(["cameras = 4", f"serials = {', '.join(SERIALS)}", "pulses_hz = 60", "ptp = 0", *rig])
    )
    done = subprocess.run(
        [sys.executable, *program, "doctor", "--rig", str(folder), "--seconds", "2", "--folder", str(folder)],
        env=os.environ | {"MVMONO3D_RIG": str(folder / "rig.txt")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines: dict[str, str] = {}
    subject = ""
    for line in done.stdout.splitlines():
        if line.startswith(("ok ", "BAD")):
            subject = line[4:].split(":")[0]
            lines[subject] = line
        elif subject and line.strip().startswith("→"):
            lines[subject] += line
    assert lines, done.stdout + done.stderr
    return done.returncode, lines


def red(lines: dict[str, str]) -> dict[str, str]:
    # Whatever a busy machine gets wrong is not what these tests are about.
    own = {"calibration", "disk speed", "disk room"}
    return {subject: line for subject, line in lines.items() if line.startswith("BAD") and subject not in own}


def test_a_rig_that_is_well_has_a_line_for_everything(tmp_path):
    _, lines = doctor(tmp_path / "site")
    expected = {
        f"{kind} {name}" for name in NAMES for kind in ("camera", "settings", "link", "buffers", "exposure")
    }
    expected |= {f"{kind} {name}" for name in NAMES for kind in ("frames", "picture", "temperature")}
    expected |= {
        "site",
        "producers",
        "firmware",
        "trigger",
        "frame sets",
        "clocks",
        "time offsets",
        "shared memory",
    }
    assert expected <= set(lines)
    assert "60 Hz" in lines["site"]
    assert "latched" in lines["clocks"]
    assert "serial A2, firmware" in lines["camera left"]
    named = {subject for subject in red(lines) if not subject.startswith("frames ")}
    assert named == set()


def test_each_fault_has_its_own_red_line_and_a_remedy(tmp_path):
    code, lines = doctor(
        tmp_path / "site",
        *(f"fault = 0, missed_trigger, {pulse}, 1, 0" for pulse in range(0, 6000, 20)),
        *(f"fault = 1, incomplete, {pulse}, 1, 0" for pulse in range(7, 6000, 20)),
        "camera.1.temperature = 85",
        "fault = 2, dark, 0, 100000, 0",
        "light = 1",
        cameras=("A1", "A2", "A3", "B9"),
        rate_hz=50.0,
    )
    assert code == 1
    found = red(lines)
    assert all("→" in line for line in found.values())
    assert "B9" in found["camera top"]
    assert "power and cable" in found["camera top"]
    assert "camera top" in lines
    assert "settings front" in lines, "a camera that is missing does not hide the others"
    assert "missed trigger" in found["frames front"]
    assert "exposure_us" in found["frames front"]
    assert "incomplete" in found["frames left"]
    assert "rmem_max" in found["frames left"]
    assert "85.0 C" in found["temperature left"]
    assert "dark" in found["picture right"]
    assert "lens cap" in found["picture right"]
    assert "site.yaml says 50" in found["trigger"]


UNPLUG = """
import sys
from mvmono3d.deploy.cameras.simulator import Simulator
from mvmono3d.deploy.rig_doctor import examine
from mvmono3d.cli import main

whole = examine.examine_rig
def with_cable_pulled(loaded, **how):
    return whole(loaded, while_running=lambda s: Simulator().unplug(3) if s > 1.0 else None, **how)
examine.examine_rig = with_cable_pulled
sys.exit(main(sys.argv[1:]))
"""


def test_a_camera_that_is_unplugged_while_it_runs_is_named(tmp_path):
    code, lines = doctor(tmp_path / "site", program=("-c", UNPLUG))
    assert code == 1
    assert "camera lost" in red(lines)["frames top"]
    assert "power and cable" in red(lines)["frames top"]


def test_a_trigger_that_never_comes_is_said(tmp_path):
    code, lines = doctor(tmp_path / "site", "pulses_hz = 0")
    assert code == 1
    assert "no frame in" in red(lines)["trigger"]
    assert "generator" in red(lines)["trigger"]


def test_settings_that_are_not_taken_are_said(tmp_path):
    code, lines = doctor(
        tmp_path / "site",
        image={"region": {"width_px": 320, "height_px": 200}, "buffers": 4},
        light={"exposure_us": 5000, "exposure_most_us": 16600},
        trigger={"rate_hz": 60, "line": "Line7"},
    )
    assert code == 1
    assert "Line7" in red(lines)["settings front"]
    assert "image.buffers to 6" in red(lines)["buffers front"]


def test_producers_that_are_not_there_leave_the_machine_to_look_at(tmp_path):
    code, lines = doctor(tmp_path / "site", backend={"kind": "harvesters", "producers": ["vendor.cti"]})
    assert code == 1
    assert "vendor.cti not found" in red(lines)["cameras"]
    assert "disk speed" in lines
