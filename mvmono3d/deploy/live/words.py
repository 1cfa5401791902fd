"""The line that is printed once a second."""

from mvmono3d.deploy.capture.health import CaptureHealth, CaptureState
from mvmono3d.deploy.loop.orders import LoopReport

_STAGES = ("wait", "detect", "reconstruct")


def status_line(
    report: LoopReport | None, capture: CaptureHealth, *, recording: str | None, troubles: tuple[str, ...]
) -> str:
    """Return how the rig is, in one line; `report` is the loop's last one, if it lives."""
    words = [_pace(report, capture)]
    if report is not None:
        stages = " ".join(f"{name} {report.stages_ms.get(name, 0.0):.1f}" for name in _STAGES)
        words += [f"{stages} ms", f"age {report.latency_ms:.1f} ms", f"{report.views}/{report.cameras} views"]
        words.append(f"{report.actors} actor{'' if report.actors == 1 else 's'}")
        words += [f"{report.skipped} overtaken"] if report.skipped else []
        words += [report.degraded] if report.degraded else []
    words.append(f"recording {recording}" if recording else "not recording")
    return "  ".join([*words, *(f"[{each}]" for each in troubles)])


def _pace(report: LoopReport | None, capture: CaptureHealth) -> str:
    if capture.state is not CaptureState.RUNNING:
        return f"cameras {capture.state}"
    if report is None:
        return f"{capture.sets_hz:.1f} sets/s, no poses"
    return f"{report.sets_hz:.1f} of {capture.sets_hz:.1f} sets/s"
