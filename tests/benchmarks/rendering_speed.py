"""How many frame sets of four cameras are rendered a second, and how many are exposed from a rendered take.

    python -m tests.benchmarks.rendering_speed --seconds 5

The virtual rig's hand at 640x400 before the rig that ships with it, on two threads. "live" renders every
frame as the virtual rig does with `live`; "take" exposes frames that were rendered before; "quality" is what
a take is rendered with. Rates are by the clock and per second of CPU time of all threads; a busy machine
lowers the first.
"""

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from mvmono3d.deploy.cameras.sources import VirtualSource
from mvmono3d.deploy.cameras.virtual_scene import pictures_of
from mvmono3d.synthetic.render.detector_samples import SampleSettings, detector_samples
from mvmono3d.synthetic.render.sensor import Exposure, SensorSettings, noise_key, take_picture
from mvmono3d.synthetic.render.take import Canvas, write_take
from mvmono3d.synthetic.splits import Split
from tests.benchmarks.machine import processor

RATE_HZ, EXPOSURE_NS = 30.0, 1_000_000
SENSOR, EXPOSURE = SensorSettings(), Exposure()


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the renderer.")
    parser.add_argument("--seconds", type=float, default=5.0)
    chosen = parser.parse_args()
    source = VirtualSource(live=True, seconds=2.0)
    with ThreadPoolExecutor(2) as pool:
        result = {
            "processor": processor(),
            "load": os.getloadavg()[0],
            "live": live(source, pool, chosen.seconds),
            **take(msgspec.structs.replace(source, live=False), pool, chosen.seconds),
            "detector crops": crops(chosen.seconds),
        }
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


def rate(step: Callable[[int], object], seconds: float) -> dict[str, float]:
    """Repeat a step, after a first one that compiles; return how often it was done per second."""
    step(0)
    began, used, done = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - began < seconds:
        done += 1
        step(done)
    clock, cpu = time.perf_counter() - began, time.process_time() - used
    return {"per second": round(done / clock, 1), "per CPU second": round(done / cpu, 1)}


def expose(lights, number: int, pool: ThreadPoolExecutor) -> None:
    def one(view: int) -> None:
        take_picture(lights[view], EXPOSURE, SENSOR, key=noise_key(0, frame=number, view=view))

    list(pool.map(one, range(len(lights))))


def live(source: VirtualSource, pool: ThreadPoolExecutor, seconds: float) -> dict[str, float]:
    made = pictures_of(source, rate_hz=RATE_HZ, exposure_ns=EXPOSURE_NS)
    return rate(lambda number: expose(made.frame(number % made.frames).light, number, pool), seconds)


def take(source: VirtualSource, pool: ThreadPoolExecutor, seconds: float) -> dict[str, dict[str, float]]:
    made = pictures_of(source, rate_hz=RATE_HZ, exposure_ns=EXPOSURE_NS)
    quality = rate(
        lambda number: (made.frame(number % made.frames), made.truth(number % made.frames)), seconds
    )
    with tempfile.TemporaryDirectory() as folder:
        kept = write_take(Path(folder) / "take", made)
        canvases = [Canvas(empty) for empty in kept.empty]

        def step(number: int) -> None:
            frame = number % kept.frames
            lights = [canvas.show(kept.patch(frame, view)) for view, canvas in enumerate(canvases)]
            expose(lights, number, pool)

        return {"quality, with truth": quality, "take": rate(step, seconds)}


def crops(seconds: float) -> dict[str, float]:
    samples = detector_samples(Split.TRAIN, 10**6, settings=SampleSettings())
    return rate(lambda number: next(itertools.islice(samples, 1)), seconds)


if __name__ == "__main__":
    main()
