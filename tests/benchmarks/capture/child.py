"""The capture process itself, with a note of when each frame set was in the ring and what it holds."""

import dataclasses
import json
import sys
import time
from pathlib import Path

import numpy as np

from mvmono3d.deploy.cameras.simulator import Simulator
from mvmono3d.deploy.cameras.stamp import read_stamp
from mvmono3d.deploy.capture import process
from mvmono3d.deploy.ring.writer import RingWriter

COLUMNS = ("published_ns", "first_delivered_ns", "last_delivered_ns", "pulse", "present", "mixed", "views")


def main():
    """Capture as `mvmono3d.deploy.capture.process` does; arguments: file for the notes, bits per pixel."""
    path, bits = Path(sys.argv[1]), int(sys.argv[2])
    publish, rows = RingWriter.publish, []

    def publish_and_note(self, frames, *, time_ns, spread_ns=0):
        number = publish(self, frames, time_ns=time_ns, spread_ns=spread_ns)
        published_ns = time.monotonic_ns()
        stamps = [read_stamp(self.image(frame.view, frame.slot), bits=bits) for frame in frames]
        delivered = [stamp.delivered_ns for stamp in stamps] or [published_ns]
        pulses = {stamp.pulse for stamp in stamps} or {-1}
        views = sum(1 << frame.view for frame in frames)
        rows.append(
            (published_ns, min(delivered), max(delivered), min(pulses), len(frames), len(pulses) > 1, views)
        )
        return number

    RingWriter.publish = publish_and_note
    # Loaded before harvesters loads the same file, so that its counters outlive the run.
    simulator = Simulator()
    code = process.main()
    counters = [dataclasses.asdict(simulator.counters(camera)) for camera in range(4)]
    np.savez(path, rows=np.array(rows, np.int64).reshape(-1, len(COLUMNS)), counters=json.dumps(counters))
    return code


if __name__ == "__main__":
    sys.exit(main())
