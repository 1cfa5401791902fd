"""A few seconds of the live path, in this process: what the cameras deliver when they run."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from mvmono3d.deploy.cameras.protocol import CameraBackend
from mvmono3d.deploy.capture.health import CaptureHealth, CaptureState
from mvmono3d.deploy.capture.session import Capture
from mvmono3d.deploy.capture.settings import CaptureSettings
from mvmono3d.deploy.exposure.brightness import Brightness, measure_brightness
from mvmono3d.deploy.ring.memory import remove_ring
from mvmono3d.deploy.ring.reader import RingReader, RingSet
from mvmono3d.deploy.sync.ledger import Accounts
from mvmono3d.errors import MVMono3DError

_IDLE_S = 0.0005
_SETTLED_S = 0.5
"""Cameras are armed one after the other while the trigger may run already: what comes first is not judged."""


@dataclass(slots=True, kw_only=True)
class Trial:
    """What was seen; grows while it runs."""

    seconds: float = 0.0
    """Judged, without the beginning."""
    before: Accounts | None = None
    """The ledger when the judged part began."""
    health: CaptureHealth | None = None
    """At the end."""
    times_ns: list[int] = field(default_factory=list)
    """Of the judged frame sets."""
    spread_ns: int = 0
    """Largest distance of two frames of one set, on the rig's clock."""
    offsets_ns: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Of each view's clock before the rig's: in the first set and in the last."""
    brightness: dict[int, Brightness] = field(default_factory=dict)
    """Of each view's newest picture."""
    problem: str = ""
    """Why there is nothing to see."""

    @property
    def rate_hz(self) -> float:
        """Of the trigger, from the middle distance of two sets; 0 where there are not two."""
        steps = np.diff(np.array(self.times_ns, dtype=np.int64))
        return 1e9 / float(np.median(steps)) if len(steps) and np.median(steps) > 0 else 0.0


def run_trial(
    settings: CaptureSettings,
    backend: CameraBackend,
    *,
    seconds: float,
    while_running: Callable[[float], None] | None = None,
) -> Trial:
    """Run the cameras for so long; what goes wrong is in `problem`.

    `while_running` is called between two looks with the seconds since the start; tests unplug cameras there.
    """
    trial = Trial()
    capture = Capture(settings, backend, pid=os.getpid())
    try:
        capture.open()
        with RingReader(settings.ring) as reader:
            _run(capture, reader, trial, settings.cameras.bits, seconds, while_running)
        trial.health = capture.health(CaptureState.RUNNING)
    except MVMono3DError as error:
        trial.problem = str(error)
    finally:
        capture.close()
        remove_ring(settings.ring)
    return trial


def _run(
    capture: Capture,
    reader: RingReader,
    trial: Trial,
    bits: int,
    seconds: float,
    while_running: Callable[[float], None] | None,
) -> None:
    begin_s = time.monotonic()
    newest: RingSet | None = None
    while (elapsed_s := time.monotonic() - begin_s) < seconds + _SETTLED_S and not capture.ended:
        if while_running is not None:
            while_running(elapsed_s)
        busy = capture.step()
        if trial.before is None and elapsed_s >= min(_SETTLED_S, seconds / 2):
            trial.before = capture.health(CaptureState.RUNNING).accounts
            trial.seconds = -elapsed_s
        found = reader.next()
        if found is not None and trial.before is not None:
            newest = found
            _note(trial, found)
        elif not busy:
            time.sleep(_IDLE_S)
    trial.seconds += time.monotonic() - begin_s
    if newest is not None:
        for view in np.flatnonzero(newest.present).tolist():
            trial.brightness[view] = measure_brightness(newest.images[view], bits=bits)


def _note(trial: Trial, found: RingSet) -> None:
    trial.times_ns.append(found.time_ns)
    trial.spread_ns = max(trial.spread_ns, found.spread_ns)
    for view in np.flatnonzero(found.present).tolist():
        offset_ns = int(found.device_ns[view]) - found.time_ns
        first, _ = trial.offsets_ns.get(view, (offset_ns, offset_ns))
        trial.offsets_ns[view] = (first, offset_ns)
