"""Who is who, measured: identities kept, candidates given to somebody else, CPU time.

`python -m tests.benchmarks.association [SCENE ...]` measures those scenes (all by default) and writes
docs/benchmarks/association.csv and .md from what has been measured so far.
"""

import csv
import sys
from dataclasses import dataclass, field, replace

import numpy as np

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.synthetic.crowd import CrowdSettings, Meeting
from mvmono3d.synthetic.crowd_detector import CrowdDetector, make_crowd_clip
from mvmono3d.synthetic.settings import CalibrationSettings, DetectorSettings, RigSettings
from tests.association.crowds import Kept, keep_score
from tests.benchmarks.machine import ROOT, commit, processor

FILE = ROOT / "docs" / "benchmarks" / "association.csv"
FRAMES = 600
HEAD = (
    "scene", "clips", "frames", "switches", "per 10 000 frames", "wrong candidates", "of", "missed", "ghosts",
    "CPU ms p50", "p95",
)  # fmt: skip
_SHAKY = replace(DetectorSettings(), swap_share=0.05, swap_s=0.25)


@dataclass(frozen=True, kw_only=True)
class Scene:
    says: str
    skeleton: str = "body25b"
    crowd: CrowdSettings = field(default_factory=CrowdSettings)
    detector: CrowdDetector = field(default_factory=CrowdDetector)
    rig: RigSettings = field(default_factory=RigSettings)
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)
    clips: int = 3
    rate_hz: float = 60.0


_HANDS = CrowdSettings(meeting=Meeting.GRASPING)
SCENES = {
    "crossing": Scene(says="two people cross, 4 cameras", clips=17),
    "grasping": Scene(
        says="two hands grasp each other, 4 cameras", skeleton="hand21", crowd=_HANDS, clips=17
    ),
    "sides": Scene(
        says="the same hands, the detector is 80 % right about their side",
        skeleton="hand21", crowd=_HANDS, detector=CrowdDetector(side_known=0.6),
    ),
    "six": Scene(says="six people in one room", crowd=CrowdSettings(actors=6)),
    "visitors": Scene(
        says="four people of whom three vanish and come back", crowd=CrowdSettings(actors=4, absent_share=0.3)
    ),
    "two cameras": Scene(says="two people, 2 cameras", rig=RigSettings(views=(2, 2))),
    "eight cameras": Scene(says="two people, 8 cameras", rig=RigSettings(views=(8, 8))),
    "dropouts": Scene(
        says="two people; each camera is silent for 30 % of the time, half a second at once",
        detector=CrowdDetector(joints=replace(DetectorSettings(), dropout_share=0.3, dropout_s=0.5)),
    ),
    "swaps": Scene(
        says="two people; limbs are swapped for 5 % of the time", detector=CrowdDetector(joints=_SHAKY)
    ),
    "off": Scene(
        says="two people; each camera is off by 0.1 degree (standard deviation per axis)",
        calibration=CalibrationSettings(rotation_rad=(1.75e-3, 1.75e-3)),
    ),
    "inventions": Scene(
        says="two people; each view invents one for 20 % of the time and doubles one for 10 %",
        detector=CrowdDetector(made_up=0.2, doubled=0.1),
    ),
    "slow": Scene(says="two people at 15 frames a second", rate_hz=15.0),
}  # fmt: skip


def measure(name: str) -> list[str]:
    """Return a scene's row."""
    scene, total = SCENES[name], Kept()
    skeleton, times = load_skeleton(scene.skeleton), []
    for seed in range(scene.clips):
        clip = make_crowd_clip(
            skeleton, scene.crowd, frames=FRAMES, rate_hz=scene.rate_hz, seed=seed,
            detector=scene.detector, rig=scene.rig, calibration=scene.calibration,
        )  # fmt: skip
        kept = keep_score(clip)
        for count in ("frames", "switches", "wrong", "given", "missed", "shown", "ghosts"):
            setattr(total, count, getattr(total, count) + getattr(kept, count))
        times += kept.times_ms[5:]
    median, late = np.quantile(times, (0.5, 0.95))
    return [
        name, str(scene.clips), str(total.frames), str(total.switches),
        f"{1e4 * total.switches / total.frames:.1f}", str(total.wrong), str(total.given),
        f"{total.missed / total.shown:.2%}", str(total.ghosts), f"{median:.2f}", f"{late:.2f}",
    ]  # fmt: skip


def page(rows: dict[str, list[str]]) -> str:
    head = (
        "scene",
        "frames",
        "switches per 10 000 frames",
        "wrong candidates",
        "missed",
        "ghosts",
        "CPU ms (p95)",
    )
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name, row in rows.items():
        cells = dict(zip(HEAD, row, strict=True))
        lines.append(
            f"| {SCENES[name].says} | {cells['frames']} | {cells['per 10 000 frames']} | "
            f"{cells['wrong candidates']} of {cells['of']} | {cells['missed']} | {cells['ghosts']} | "
            f"{cells['CPU ms p50']} ({cells['p95']}) |"
        )
    return f"""# Who is who

Written by `python -m tests.benchmarks.association` on {processor()}, {commit("mvmono3d/association")}.
Clips of {FRAMES} frames at 60 Hz unless said otherwise, four cameras on random rigs, realistic detector and
calibration errors; actors hide each other, joints behind somebody are now and then taken from them,
skeletons are missed, doubled and made up, and their order changes from frame to frame and camera to camera.
CPU time is that of one call of `associate` in one thread, on a machine that was busy with other work.

{chr(10).join(lines)}

A switch: an actor gets another identity within 1.5 s, or an identity goes to another actor. Wrong candidates:
those given to somebody whose other candidates are another actor's. Missed: actors in a frame that two
cameras or more show, without a confirmed identity; every actor is missed for its first two frames. Ghosts:
reported actors, frame by frame, made of inventions alone.
"""


def main(names: list[str]) -> int:
    for name in names or list(SCENES):
        row = measure(name)
        sys.stdout.write(", ".join(f"{key} {value}" for key, value in zip(HEAD, row, strict=True)) + "\n")
        sys.stdout.flush()
        # Read again: scenes may be measured side by side.
        rows = measured() | {name: row}
        ordered = {each: rows[each] for each in SCENES if each in rows}
        with FILE.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows([HEAD, *ordered.values()])
        FILE.with_suffix(".md").write_text(page(ordered), encoding="utf-8")
    return 0


def measured() -> dict[str, list[str]]:
    if not FILE.exists():
        return {}
    with FILE.open(encoding="utf-8") as stream:
        return {row[0]: row for row in list(csv.reader(stream))[1:]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
