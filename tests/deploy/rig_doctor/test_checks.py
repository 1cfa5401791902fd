"""Each check judges what it is told, whatever cameras there are."""

from dataclasses import replace

import msgspec
import pytest

from mvmono3d.deploy.cameras.records import (
    AppliedSettings,
    CameraHealth,
    CameraInfo,
    CameraSettings,
    ClockKind,
    Difference,
    PtpState,
)
from mvmono3d.deploy.capture.health import CaptureHealth, CaptureState, ViewHealth
from mvmono3d.deploy.exposure.brightness import Brightness
from mvmono3d.deploy.exposure.control import Lighting
from mvmono3d.deploy.finding import Finding
from mvmono3d.deploy.rig_doctor.camera_checks import presence, settings_taken
from mvmono3d.deploy.rig_doctor.machine_checks import Disk, machine_findings, measure_disk
from mvmono3d.deploy.rig_doctor.opening import Opened
from mvmono3d.deploy.rig_doctor.run_checks import run_findings
from mvmono3d.deploy.rig_doctor.trial import Trial
from mvmono3d.deploy.site.site_file import read_site
from mvmono3d.deploy.sync.camera import State
from mvmono3d.deploy.sync.ledger import Accounts, CameraAccount
from mvmono3d.deploy.sync.records import Absence, Cause

NAMES = {"S0": "left", "S1": "right"}
ASKED = CameraSettings(width=640, height=400, rate_hz=100.0)
APPLIED = AppliedSettings(
    serial="S0",
    width=640,
    height=400,
    pixel_format="Mono8",
    lighting=Lighting(exposure_ns=1_000_000),
    clock=ClockKind.LATCHED,
    buffers=64,
    payload_bytes=256_000,
)
CAMERA = CameraInfo(serial="S0", vendor="Maker", model="M1", firmware="1.0", link="GEV")
PERIOD_NS = 10_000_000


def opened(*, applied: AppliedSettings = APPLIED, camera: CameraInfo = CAMERA, **how) -> Opened:
    second = msgspec.structs.replace(CAMERA, serial="S1")
    return replace(
        Opened(
            source="maker.cti",
            cameras=(camera, second),
            applied=(applied, msgspec.structs.replace(APPLIED, serial="S1")),
            health=(CameraHealth(connected=True),) * 2,
            missing=(),
        ),
        **how,
    )


def red(findings: list[Finding]) -> dict[str, Finding]:
    found = {finding.subject: finding for finding in findings if not finding.healthy}
    assert all(finding.remedy for finding in found.values())
    return found


def test_cameras_that_are_well_have_no_red_line():
    findings = [*presence(opened(), NAMES), *settings_taken(opened(), NAMES, ASKED)]
    assert red(findings) == {}
    assert "maker.cti" in findings[0].state


def test_a_missing_camera_is_named_with_its_serial_number():
    lost = opened(missing=(("S1", "no camera 'S1' in the producers' lists"),))
    found = red(presence(replace(lost, cameras=lost.cameras[:1]), NAMES))
    assert list(found) == ["camera right"]
    assert "'S1'" in found["camera right"].remedy


def test_other_firmware_in_one_model_is_red():
    other = msgspec.structs.replace(CAMERA, firmware="1.1")
    assert "1.0, 1.1" in red(presence(opened(camera=other), NAMES))["firmware"].state
    another = msgspec.structs.replace(other, model="M2")
    assert red(presence(opened(camera=another), NAMES)) == {}


@pytest.mark.parametrize(
    ("changes", "subject", "words"),
    [
        ({"differences": (Difference(setting="width", asked="640", got="632"),)}, "settings left", "got 632"),
        ({"link_bytes_s": 20_000_000}, "link left", "limited to 20.0"),
        ({"packet_bytes": 1500}, "link left", "packets of 1500"),
        ({"buffers": 5}, "buffers left", "50 ms"),
        ({"fastest_hz": 80.0}, "exposure left", "80.0 Hz"),
        ({"lighting": Lighting(exposure_ns=9_900_000)}, "exposure left", "9.90 ms"),
    ],
)
def test_what_a_camera_did_not_take_is_red(changes, subject, words):
    applied = msgspec.structs.replace(APPLIED, **changes)
    found = red(settings_taken(opened(applied=applied), NAMES, ASKED))
    assert list(found) == [subject]
    assert words in found[subject].state


def account(used: int, *, lost=(), absent=()) -> CameraAccount:
    return CameraAccount(
        delivered=used + sum(count for _, count in lost), used=used, in_hand=0, lost=lost, absent=absent
    )


def trial(*, now: CameraAccount | None = None, views=None, sets: int = 200, **how) -> Trial:
    """Two cameras, a hundred judged sets; the first camera's account may say otherwise."""
    view = ViewHealth(serial="S0", sync=State.LOCKED, camera=CameraHealth(connected=True, temperature_c=40.0))
    second = account(sets)
    health = CaptureHealth(
        pid=1,
        state=CaptureState.RUNNING,
        applied=(APPLIED, APPLIED),
        accounts=Accounts(cameras=(now or account(sets), second), sets=sets, complete=sets, blank=0),
        views=views or (view, view),
    )
    values = {
        "seconds": 1.0,
        "before": Accounts(cameras=(account(100), account(100)), sets=100, complete=100, blank=0),
        "health": health,
        "times_ns": [number * PERIOD_NS for number in range(100)],
        "offsets_ns": {0: (0, 0), 1: (5_000_000, 5_099_000)},
        "brightness": {0: Brightness(level=0.3, saturated=0.0, content=1)},
    }
    return Trial(**(values | how))


def judged(one: Trial, **how) -> list[Finding]:
    return run_findings(one, ("left", "right"), **({"asked_hz": 100.0} | how))


def test_a_trial_that_went_well_has_no_red_line_and_says_offset_and_drift():
    findings = judged(trial())
    assert red(findings) == {}
    (offsets,) = [finding.state for finding in findings if finding.subject == "time offsets"]
    assert "right +5.099 ms (+100.0 ppm)" in offsets
    (frames,) = [finding.state for finding in findings if finding.subject == "frames left"]
    assert frames == "100 of 100 pulses"


@pytest.mark.parametrize("cause", list(Cause))
def test_every_loss_is_counted_by_its_cause(cause):
    if cause is Cause.STOPPED:
        pytest.skip("only at the end, which no trial judges")
    found = red(judged(trial(now=account(190, lost=((cause, 10),), absent=((Absence.GAP, 10),)))))
    state = found["frames left"].state
    assert f"10 {cause.value.replace('_', ' ')}" in state
    assert state.startswith("90 of 100 pulses")


@pytest.mark.parametrize("absence", list(Absence))
def test_every_absence_has_a_remedy(absence):
    found = red(judged(trial(now=account(199, absent=((absence, 1),)))))
    assert f"1 {absence.value.replace('_', ' ')}" in found["frames left"].state


def test_another_rate_than_the_site_says_is_red():
    assert "100.00 Hz" in red(judged(trial(), asked_hz=120.0))["trigger"].state


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Brightness(level=0.001, saturated=0.0, content=1), "dark"),
        (Brightness(level=0.5, saturated=0.2, content=1), "saturated"),
    ],
)
def test_pictures_that_can_not_be_right_are_red(seen, words):
    assert words in red(judged(trial(brightness={1: seen})))["picture right"].state


@pytest.mark.parametrize(("celsius", "calibrated"), [(80.0, None), (40.0, 20.0)])
def test_hot_cameras_and_those_far_from_their_calibration_are_red(celsius, calibrated):
    view = ViewHealth(
        serial="S0", sync=State.LOCKED, camera=CameraHealth(connected=True, temperature_c=celsius)
    )
    assert set(red(judged(trial(views=(view, view)), calibrated_c=calibrated))) == {
        "temperature left",
        "temperature right",
    }


def test_clocks_that_do_not_lock_or_do_not_tell_are_red():
    waiting = ViewHealth(
        serial="S0", sync=State.LOCKED, camera=CameraHealth(connected=True, ptp=PtpState.WAITING)
    )
    assert "does not lock" in red(judged(trial(views=(waiting, waiting))))["clocks"].state
    mute = trial()
    assert mute.health is not None
    mute.health = msgspec.structs.replace(
        mute.health, applied=(msgspec.structs.replace(APPLIED, clock=ClockKind.NONE),) * 2
    )
    assert "no time of the camera" in red(judged(mute))["clocks"].state


def test_without_any_frame_the_trigger_is_to_blame():
    assert "no frame" in red(judged(trial(times_ns=[])))["trigger"].state
    assert red(judged(Trial(problem="camera 'S0' is gone")))["capture"].state == "camera 'S0' is gone"


@pytest.mark.parametrize(
    ("disk", "subjects"),
    [
        (Disk(bytes_s=1e9, free_bytes=10**12), set()),
        (Disk(bytes_s=1e7, free_bytes=10**12), {"disk speed"}),
        (Disk(bytes_s=1e9, free_bytes=3 * 10**9), {"disk room"}),
    ],
)
def test_a_disk_that_is_slow_or_full_is_red(tmp_path, disk, subjects):
    site = read_site("virtual").site
    found = red(machine_findings(site, tmp_path, links=frozenset(), measure=lambda folder: disk))
    assert set(found) == subjects


def test_a_folder_that_can_not_be_written_is_red(tmp_path):
    found = red(machine_findings(read_site("virtual").site, tmp_path / "none", links=frozenset()))
    assert "No such file" in found["disk"].state


def test_the_disk_is_measured_and_left_as_it_was(tmp_path):
    disk = measure_disk(tmp_path, probe_bytes=8 << 20)
    assert disk.bytes_s > 0
    assert disk.free_bytes > 0
    assert list(tmp_path.iterdir()) == []


def test_a_ring_that_does_not_fit_is_red(tmp_path):
    site = read_site("virtual").site
    large = msgspec.structs.replace(site, ring=msgspec.structs.replace(site.ring, buffers=10**8))
    found = red(
        machine_findings(
            large, tmp_path, links=frozenset(), measure=lambda folder: Disk(bytes_s=1e9, free_bytes=10**12)
        )
    )
    assert set(found) == {"shared memory"}
